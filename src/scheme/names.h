/* names.h: numbers for the names of metrics and fields, one registry for the whole process.
 *
 * Numbers live as long as the process and never reach a disk or a wire: files carry names. Names are added
 * under a lock and never removed; names_field, names_metric, names_kind and names_unit take no lock. A
 * metric's kind and unit are fixed when it is added: declared ones by the scheme, others by the first line or
 * by what the store remembers. Threads: any.
 */
#ifndef SCHEME_NAMES_H
#define SCHEME_NAMES_H

#include "scheme/kind.h"

enum {
    NAMES_METRICS_MAX = 200000,
    NAMES_UNDECLARED_MAX = 10000,
    NAMES_FIELDS_MAX = 4096,
    NAME_NONE = 0xffffffff,
};

/* Fields: [a-z][a-z0-9_]{0,63}, but for metric, stat and time. Metrics: [A-Za-z0-9_.:/-]{1,255}. */
bool names_field_good(struct str name);
bool names_metric_good(struct str name);

struct names;

struct names *names_new(void);
void names_free(struct names *names);

/* NAME_NONE when the table is full. A field that was renamed has its new name's number. */
uint32_t names_resolve_field(struct names *names, struct str field);
uint32_t names_find_field(const struct names *names, struct str field); /* or NAME_NONE */
/* For a scheme: the number of the name itself, whatever was renamed. */
uint32_t names_declare_field(struct names *names, struct str field);
/* From now on the numbers former[i] stand for renamed[i], and all others for themselves. What was read before
 * keeps the old number until it is read again. */
void names_rename_fields(struct names *names, const uint32_t *former, const uint32_t *renamed,
                         uint32_t count);
struct str names_field(const struct names *names, uint32_t field); /* valid as long as the registry */
uint32_t names_field_count(const struct names *names);

/* NAME_NONE when the table is full. kind and unit are used only when the name is new. */
uint32_t names_resolve_metric(struct names *names, struct str metric, enum kind kind, enum unit unit);
uint32_t names_find_metric(const struct names *names, struct str metric); /* or NAME_NONE */
struct str names_metric(const struct names *names, uint32_t metric);
enum kind names_kind(const struct names *names, uint32_t metric);
enum unit names_unit(const struct names *names, uint32_t metric);
/* A scheme that declares a metric rules over what was first seen. */
void names_declare(struct names *names, uint32_t metric, enum kind kind, enum unit unit);
/* Gives an undeclared metric that has no unit yet its first one; false when it has one. */
bool names_first_unit(struct names *names, uint32_t metric, enum unit unit);
uint32_t names_metric_count(const struct names *names);
bool names_is_declared(const struct names *names, uint32_t metric);
uint32_t names_undeclared_count(const struct names *names); /* metrics that no scheme has declared */

#endif
