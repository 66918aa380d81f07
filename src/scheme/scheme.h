/* scheme.h: the checked file that declares fields, templates, metric families, kinds and units
 * (docs/scheme.md).
 *
 * A scheme in memory never changes and has a generation; a thread that wants a new one takes it with
 * scheme_ref at a moment of its own choosing. Threads: any number of readers; references are counted
 * atomically.
 */
#ifndef SCHEME_SCHEME_H
#define SCHEME_SCHEME_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sys.h"
#include "scheme/kind.h"
#include "scheme/names.h"

struct scheme;

#define FIELD_TYPE_LIST(X) X(ID, "id") X(WORD, "word") X(DYNO, "dyno") X(UUID, "uuid") X(ENUM, "enum")

enum field_type {
#define X(name, text) FIELD_##name,
    FIELD_TYPE_LIST(X)
#undef X
};

enum keep { KEEP_VALUE, KEEP_HASH, KEEP_NONE };
enum across { ACROSS_SUM, ACROSS_AVG, ACROSS_MAX };

struct field_def {
    struct str name;
    uint32_t id; /* in names.h */
    enum field_type type;
    enum keep keep;
    struct str key;   /* of the keyed spelling; at == NULL when none */
    struct str under; /* the field it lies below on the zoom path; at == NULL when none */
    struct str link;
    uint64_t expect;         /* 0: not said */
    const struct str *words; /* of an enum */
    uint32_t word_count;
};

struct template_def {
    struct str name;
    const uint32_t *fields; /* indexes into the scheme's fields, in order */
    uint32_t field_count;
};

struct metric_def {
    struct str pattern; /* "a.b" or "{process}.{job}.jobs" */
    bool is_family;     /* has placeholders */
    enum kind kind;
    enum unit unit;
    enum across across;
    int64_t every_ms;     /* 0: not said */
    int64_t lasts_ms;     /* of a level: never 0 after loading */
    struct str unit_text; /* as declared, may be a word such as "callers" */
    struct str doc;
    const uint32_t *templates; /* indexes into the scheme's templates */
    uint32_t template_count;
};

enum { SCHEME_PLACEHOLDERS_MAX = 16 };

/* What a placeholder of a family is bound to in one name. */
struct placeholder {
    struct str field; /* valid as long as the scheme */
    struct str value; /* a view into the name */
};

struct metric_match {
    const struct metric_def *def; /* NULL: undeclared */
    uint32_t count;
    struct placeholder placeholders[SCHEME_PLACEHOLDERS_MAX];
};

/* What is wrong with a file: errors and warnings in file order, each `FILE:LINE:COLUMN: text`. */
struct scheme_report {
    struct buf text; /* a line each */
    uint32_t errors;
    uint32_t warnings;
};

void scheme_report_done(struct scheme_report *report);

/* Loads text as a scheme; names gets its fields and their renames. On failure *why holds the first error and
 * *report all of them. */
enum err scheme_parse(struct str text, struct str file, struct names *names, struct scheme **out,
                      struct scheme_report *report, struct why *why) MUST_USE;
/* The file scheme.yaml of a pack folder, or the built-in dialer pack when dir.at == NULL. */
enum err scheme_load(struct sys *sys, struct str dir, struct names *names, struct scheme **out,
                     struct scheme_report *report, struct why *why) MUST_USE;
enum err scheme_load_file(struct sys *sys, struct str path, struct names *names, struct scheme **out,
                          struct scheme_report *report, struct why *why) MUST_USE;
/* Which pack folder goes with a data folder: the one that was named, else DATA/pack if it has a scheme, else
 * the built-in one (at == NULL). text has room for SYS_PATH_MAX + 1 bytes and holds the view. */
struct str scheme_pack_of(struct sys *sys, struct str data, struct str named, char *text);
struct str scheme_builtin(void); /* text of the dialer pack's scheme.yaml */

/* Would the scheme change the meaning of what is stored? A metric whose numbers were stored in one unit
 * cannot be declared in another, nor a unique one as anything else. names are those the store has read.
 * ERR_REFUSED: *problems says which metrics, a line each. */
enum err scheme_check_stored(const struct scheme *scheme, const struct names *names, struct buf *problems,
                             struct why *why) MUST_USE;
/* Makes the scheme's renames those of names; scheme_parse does it for the scheme it makes. */
void scheme_rename_fields(const struct scheme *scheme, struct names *names);

struct scheme *scheme_ref(struct scheme *scheme);
void scheme_unref(struct scheme *scheme); /* NULL is fine */

struct str scheme_name(const struct scheme *scheme);
uint64_t scheme_generation(const struct scheme *scheme); /* distinct for every scheme loaded by the process */

uint32_t scheme_field_count(const struct scheme *scheme);
const struct field_def *scheme_field(const struct scheme *scheme, uint32_t index);
const struct field_def *scheme_find_field(const struct scheme *scheme, struct str name); /* or NULL */
uint32_t scheme_metric_count(const struct scheme *scheme);
const struct metric_def *scheme_metric(const struct scheme *scheme, uint32_t index);
uint32_t scheme_template_count(const struct scheme *scheme);
const struct template_def *scheme_template(const struct scheme *scheme, uint32_t index);

/* What a field of this name is called now, by the scheme's `changes`; at == NULL when it was not renamed. */
struct str scheme_renamed_field(const struct scheme *scheme, struct str former);

/* To which declared metric a name belongs: the exact name, else the family with most literal segments, then
 * the leftmost literal. match->def == NULL when it is undeclared. */
void scheme_match(const struct scheme *scheme, struct str metric, struct metric_match *match);

/* The declared name or pattern nearest to a misspelt one; at == NULL when none is near. */
struct str scheme_nearest_metric(const struct scheme *scheme, struct str metric);

#endif
