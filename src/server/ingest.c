/* A line costs: one parse, one look-up per metric name, one per distinct (source, template) of the line, and
 * a push of 24 bytes per measurement. What a source resolved to is remembered with its number in the current
 * batch (mark, slot), so that a batch of one process interns its sources once. */
#include "server/ingest.h"

#include "base/hash.h"
#include "base/json_out.h"
#include "base/mem.h"

#include <inttypes.h>

enum { AHEAD_MS = 10 * 60 * 1000, REPORTERS_MAX = 65536, AT_ONCE = 16 };

/* A line that was read and is not yet resolved. */
struct read_line {
    struct frame frame;
    struct line line;
    enum reason refused; /* the line as a whole; or REASON_NONE */
    struct reporter reporter;
    uint64_t foreseen; /* see resolve_foresee */
};

struct ingest {
    struct names *names;
    enum undeclared undeclared;
    struct scheme *scheme;
    struct resolver *resolver;
    struct read_line read[AT_ONCE];
    struct remarks remarks; /* of the line at hand */
    struct tally tally;
    struct intern reporters; /* "process\0host" -> number */
    struct buf scratch;
    int64_t now_ms, oldest_ms;
};

struct ingest *ingest_new(const struct ingest_options *options)
{
    struct ingest *ingest = MEM_NEW(struct ingest);
    ingest->names = options->names;
    ingest->undeclared = options->undeclared;
    for (int i = 0; i < AT_ONCE; i++)
        line_init(&ingest->read[i].line);
    tally_init(&ingest->tally);
    return ingest;
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    resolver_free(ingest->resolver);
    scheme_unref(ingest->scheme);
    for (int i = 0; i < AT_ONCE; i++)
        line_done(&ingest->read[i].line);
    tally_done(&ingest->tally);
    intern_done(&ingest->reporters);
    buf_done(&ingest->scratch);
    mem_free(ingest);
}

struct tally *ingest_tally(struct ingest *ingest)
{
    return &ingest->tally;
}

void ingest_begin(struct ingest *ingest, struct scheme *scheme, int64_t now_ms, int64_t oldest_ms)
{
    ingest->now_ms = now_ms;
    ingest->oldest_ms = oldest_ms;
    if (ingest->resolver && resolver_generation(ingest->resolver) == scheme_generation(scheme))
        return;
    resolver_free(ingest->resolver);
    scheme_unref(ingest->scheme);
    ingest->scheme = scheme_ref(scheme);
    ingest->resolver = resolver_new(scheme, ingest->names, ingest->undeclared);
}

void intake_init(struct intake *intake, struct batch *batch)
{
    *intake = (struct intake){.batch = batch};
}

void intake_done(struct intake *intake)
{
    buf_done(&intake->first);
}

static void note_first(struct intake *intake, uint32_t column, enum reason reason, struct str text)
{
    if (intake->quiet || intake->first_count >= INTAKE_FIRST_MAX)
        return;
    if (intake->first_count++)
        buf_char(&intake->first, ',');
    struct json_out json;
    json_init(&json, &intake->first);
    json_begin_object(&json);
    json_key_u64(&json, "line", intake->lines);
    json_key_u64(&json, "column", column);
    json_key_str(&json, "reason", reason_name(reason));
    json_key(&json, STR("text"));
    struct str shown = str_first(text, 160);
    buf_reserve(json.buf, 2 * shown.size);
    json_str(&json, shown);
    json_key_str(&json, "expected", reason_text(reason));
    json_end_object(&json);
}

static void refuse_measurement(struct ingest *ingest, struct intake *intake, const struct measurement *m,
                               enum reason reason, struct str line)
{
    intake->refused++;
    intake->reasons[reason]++;
    tally_add(&ingest->tally.counts.found, 1);
    tally_add(&ingest->tally.counts.refused, 1);
    tally_reason(&ingest->tally, reason, 1, line, ingest->now_ms);
    note_first(intake, m->column, reason, str_from(line, m->column ? m->column - 1 : 0));
}

void ingest_refuse(struct ingest *ingest, struct intake *intake, enum reason reason, struct str start)
{
    intake->lines++;
    intake->refused_lines++;
    intake->reasons[reason]++;
    tally_add(&ingest->tally.counts.lines, 1);
    tally_add(&ingest->tally.counts.lines_refused, 1);
    tally_reason(&ingest->tally, reason, 1, start, ingest->now_ms);
    note_first(intake, 1, reason, start);
}

void ingest_stored(struct ingest *ingest, uint64_t accepted, uint64_t parked)
{
    tally_add(&ingest->tally.counts.found, accepted + parked);
    tally_add(&ingest->tally.counts.accepted, accepted);
    tally_add(&ingest->tally.counts.parked, parked);
}

void ingest_not_stored(struct ingest *ingest, uint64_t rows, enum reason reason)
{
    if (!rows)
        return;
    tally_add(&ingest->tally.counts.found, rows);
    tally_add(&ingest->tally.counts.refused, rows);
    tally_reason(&ingest->tally, reason, rows, STR_NONE, ingest->now_ms);
}

static struct reporter reporter_of(struct ingest *ingest, const struct intake *intake,
                                   const struct frame *frame, const struct line *line)
{
    struct reporter reporter = {.fields = intake->token_fields, .field_count = intake->token_field_count};
    reporter.process = line->process.size ? line->process : frame->process;
    struct str host = frame->host;
    bool is_drain = host.size > 2 && host.at[0] == 'd' && host.at[1] == '.';
    if (host.size && !str_eq(host, STR("host")) && !str_eq(host, STR("-")) && !is_drain)
        reporter.host = host;
    if (!reporter.process.size)
        reporter.process = STR_NONE;
    if (!reporter.process.at && !reporter.host.at && !reporter.field_count) {
        reporter.id = 1;
    } else if (!reporter.field_count) {
        ingest->scratch.size = 0;
        buf_sized_str(&ingest->scratch, reporter.process);
        buf_str(&ingest->scratch, reporter.host);
        if (ingest->reporters.count < REPORTERS_MAX)
            reporter.id = 2 + intern_resolve(&ingest->reporters, buf_view(&ingest->scratch));
        else
            reporter.id = intern_find(&ingest->reporters, buf_view(&ingest->scratch)) + 2;
        if (reporter.id == (uint32_t)INTERN_NONE + 2u)
            reporter.id = 0;
    }
    return reporter;
}

/* Leaves none behind for the next line. */
static void count_remarks(struct ingest *ingest, struct intake *intake, struct str line)
{
    struct remarks *remarks = &ingest->remarks;
    for (; remarks->seen; remarks->seen &= remarks->seen - 1) {
        enum reason reason = (enum reason)__builtin_ctzll(remarks->seen);
        intake->reasons[reason] += remarks->counts[reason];
        tally_reason(&ingest->tally, reason, remarks->counts[reason], line, ingest->now_ms);
        remarks->counts[reason] = 0;
    }
}

/* The time of a line, checked against what may be stored. */
static enum reason time_of(const struct ingest *ingest, const struct line *line, const struct frame *frame,
                           int64_t *time_ms)
{
    if (line->has_bad_time)
        return REASON_time_bad;
    *time_ms = line->has_time ? line->time_ms : frame->has_time ? frame->time_ms : ingest->now_ms;
    if (*time_ms < ingest->oldest_ms)
        return REASON_too_old;
    if (*time_ms > ingest->now_ms + AHEAD_MS)
        return REASON_too_new;
    return REASON_NONE;
}

struct line_context {
    const struct read_line *read;
    enum reason time_reason;
    int64_t time_ms;
    uint32_t last_template_set; /* the source resolved last for this line, by its template set */
    uint32_t last_source;
    bool has_last;
};

static uint32_t source_in_batch(struct ingest *ingest, struct intake *intake, struct line_context *context,
                                const struct resolved_metric *metric)
{
    if (context->has_last && context->last_template_set == metric->template_set)
        return context->last_source;
    struct resolved_source *source = resolve_source(ingest->resolver, metric, &context->read->line,
                                                    &context->read->reporter, &ingest->remarks);
    if (source->mark != intake->batch->serial) {
        source->slot = batch_source(intake->batch, source->bytes, source->hash);
        source->mark = intake->batch->serial;
    }
    context->has_last = true;
    context->last_template_set = metric->template_set;
    context->last_source = source->slot;
    return source->slot;
}

static void ingest_measurement(struct ingest *ingest, struct intake *intake, struct line_context *context,
                               const struct measurement *m)
{
    enum reason reason = m->refused;
    struct resolved_metric metric;
    if (reason == REASON_NONE)
        reason = context->time_reason;
    if (reason == REASON_NONE)
        reason = resolve_metric(ingest->resolver, m, &ingest->remarks, &metric);
    if (reason != REASON_NONE) {
        refuse_measurement(ingest, intake, m, reason, context->read->frame.text);
        return;
    }
    double value = resolve_value(m, &metric, &ingest->remarks);
    batch_add(intake->batch, metric.metric, source_in_batch(ingest, intake, context, &metric),
              context->time_ms, value);
    *(metric.parked ? &intake->parked : &intake->accepted) += 1;
}

/* logplex and log-shuttle say of themselves: "Error L10 (output buffer overflow): 12 messages dropped since
 * ...". */
static void count_upstream_loss(struct ingest *ingest, const struct frame *frame)
{
    size_t colon = frame->framed && str_eq(frame->process, STR("logplex")) ? str_find(frame->text, ':') : 0;
    struct str rest = str_trim(str_from(frame->text, colon + 1)), number;
    if (!colon || colon == frame->text.size)
        return;
    rest = str_cut(rest, ' ', &number);
    uint64_t lost;
    if (str_starts(rest, STR("messages dropped")) && str_u64(number, &lost))
        tally_add(&ingest->tally.counts.upstream_lost, lost);
}

static void ingest_line(struct ingest *ingest, struct intake *intake, const struct read_line *read)
{
    struct tally_counts *counts = &ingest->tally.counts;
    const struct frame *frame = &read->frame;
    const struct line *line = &read->line;
    if (read->refused != REASON_NONE) {
        ingest_refuse(ingest, intake, read->refused, str_first(frame->text, TALLY_EXAMPLE_MAX));
        return;
    }
    intake->lines++;
    tally_add(&counts->lines, 1);
    if (line->quote_stray) {
        intake->reasons[REASON_quote_stray] += line->quote_stray;
        tally_reason(&ingest->tally, REASON_quote_stray, line->quote_stray, frame->text, ingest->now_ms);
    }
    if (line->pairs_bad) {
        intake->reasons[REASON_field_value_bad] += line->pairs_bad;
        tally_reason(&ingest->tally, REASON_field_value_bad, line->pairs_bad, frame->text, ingest->now_ms);
    }
    if (!line->measurement_count) {
        intake->without++;
        tally_add(&counts->lines_without, 1);
        count_upstream_loss(ingest, frame);
        return;
    }
    tally_add(&counts->lines_with, 1);
    struct line_context context = {.read = read};
    context.time_reason = time_of(ingest, line, frame, &context.time_ms);
    for (uint32_t i = 0; i < line->measurement_count; i++)
        ingest_measurement(ingest, intake, &context, &line->measurements[i]);
    count_remarks(ingest, intake, frame->text);
}

static void read_message(struct ingest *ingest, const struct intake *intake, struct str message,
                         struct read_line *read)
{
    struct frame *frame = &read->frame;
    *frame = (struct frame){.text = message};
    tally_add(&ingest->tally.counts.bytes, message.size);
    if (message.size && message.at[0] == '<') {
        bool good = intake->from_logplex ? syslog_parse_logplex(message, ingest->now_ms, frame)
                                         : syslog_parse(message, ingest->now_ms, frame);
        if (!good)
            tally_reason(&ingest->tally, REASON_frame_bad, 1, str_first(message, TALLY_EXAMPLE_MAX),
                         ingest->now_ms);
    } else if (message.size && message.at[message.size - 1] == '\r') {
        frame->text.size--;
    }
    struct line_options options = {.router = str_eq(frame->process, STR("router"))};
    read->refused = REASON_NONE;
    if (!line_parse(&read->line, frame->text, &options, &read->refused) || !read->line.measurement_count)
        return;
    read->reporter = reporter_of(ingest, intake, frame, &read->line);
    read->foreseen = resolve_foresee(ingest->resolver, &read->line, &read->reporter);
}

/* A source that is new to the batch is copied into it. */
static void foresee_in_batch(const struct ingest *ingest, const struct batch *batch, uint64_t foreseen)
{
    const struct resolved_source *source = resolve_foresee_bytes(ingest->resolver, foreseen, batch->serial);
    if (source)
        intern_foresee(&batch->sources, source->hash, INTERN_SLOT);
}

/* The sources of a busy server fit no cache, and a look-up waits some 100 ns for each of two places in
 * memory. Reading sixteen lines first gives the memory time: 15 % of all that an import costs. */
void ingest_messages(struct ingest *ingest, struct intake *intake, const struct str *messages, uint32_t count)
{
    while (count) {
        uint32_t some = count < AT_ONCE ? count : AT_ONCE;
        for (uint32_t i = 0; i < some; i++) {
            ingest->read[i].foreseen = 0;
            read_message(ingest, intake, messages[i], &ingest->read[i]);
        }
        for (uint32_t i = 0; i < some; i++)
            resolve_foresee_entry(ingest->resolver, ingest->read[i].foreseen);
        for (uint32_t i = 0; i < some; i++)
            foresee_in_batch(ingest, intake->batch, ingest->read[i].foreseen);
        for (uint32_t i = 0; i < some; i++)
            ingest_line(ingest, intake, &ingest->read[i]);
        messages += some;
        count -= some;
    }
}

void ingest_message(struct ingest *ingest, struct intake *intake, struct str message)
{
    ingest_messages(ingest, intake, &message, 1);
}
