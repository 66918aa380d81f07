/* The body streams through the parser as it comes; only rows are kept. At its end the batch goes to the
 * thread's lane, and the answer waits for the lane's committing thread, which posts back to the loop. */
#include "server/post_lines.h"

#include "base/json_out.h"
#include "base/mem.h"
#include "server/core.h"
#include "server/message_feed.h"

struct post {
    struct exchange *exchange; /* NULL once the client has left */
    struct ingest_thread *thread;
    struct batch *batch;
    struct intake intake;
    struct message_feed feed;
    struct buf key;
    bool is_logs;
    bool submitted;
    enum err err;
};

static void post_free(struct post *post)
{
    intake_done(&post->intake);
    message_feed_done(&post->feed);
    buf_done(&post->key);
    batch_free(post->batch);
    mem_free(post);
}

static void put_account(const struct post *post, struct buf *out)
{
    const struct intake *in = &post->intake;
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key_u64(&json, "lines", in->lines);
    json_key_u64(&json, "without", in->without);
    json_key_u64(&json, "accepted", in->accepted);
    json_key_u64(&json, "refused", in->refused + in->refused_lines);
    if (in->parked)
        json_key_u64(&json, "parked", in->parked);
    if (post->err == ERR_EXISTS)
        json_key_bool(&json, "duplicate", true);
    json_key(&json, STR("reasons"));
    json_begin_object(&json);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        if (in->reasons[r]) {
            json_key(&json, reason_name((enum reason)r));
            json_u64(&json, in->reasons[r]);
        }
    json_end_object(&json);
    json_key(&json, STR("first"));
    json_begin_array(&json);
    buf_str(out, buf_view(&in->first));
    json_end_array(&json);
    if (post->err && post->err != ERR_EXISTS) {
        json_key(&json, STR("error"));
        json_begin_object(&json);
        json_key_str(&json, "text", reason_text(server_reason_of(post->err)));
        json_end_object(&json);
    }
    json_end_object(&json);
}

static unsigned status_of(const struct post *post)
{
    if (post->err == ERR_BUSY)
        return 429;
    if (post->err && post->err != ERR_EXISTS)
        return 503;
    bool only_refusals = post->intake.refused + post->intake.refused_lines && !post->intake.accepted &&
                         !post->intake.parked && post->err != ERR_EXISTS;
    return only_refusals && !post->is_logs ? 400 : 200;
}

static void answer(struct post *post)
{
    static const struct http_header later = {{"Retry-After", 11}, {"1", 1}};
    struct buf body = {0};
    put_account(post, &body);
    struct reply reply = {
        .status = status_of(post), .type = STR("application/json"), .body = buf_view(&body)};
    if (reply.status == 429 || reply.status == 503) {
        reply.headers = &later;
        reply.header_count = 1;
    }
    exchange_reply(post->exchange, &reply);
    buf_done(&body);
}

/* The answer's account must add up as the server's does. */
static void refuse_accepted(struct post *post)
{
    struct intake *in = &post->intake;
    enum reason reason = server_reason_of(post->err);
    ingest_not_stored(post->thread->ingest, in->accepted + in->parked, reason);
    in->refused += in->accepted + in->parked;
    in->reasons[reason] += in->accepted + in->parked;
    in->accepted = in->parked = 0;
}

/* On the loop: the batch is durable, or was not stored. */
static void finish(void *ctx)
{
    struct post *post = ctx;
    if (post->err)
        refuse_accepted(post);
    else
        ingest_stored(post->thread->ingest, post->intake.accepted, post->intake.parked);
    if (post->exchange)
        answer(post);
    post_free(post);
}

/* On the committing thread. */
static void stored(void *ctx, struct batch *batch, enum err err)
{
    struct post *post = ctx;
    post->err = err;
    loop_post(post->thread->loop, finish, post);
}

static struct str key_of(const struct exchange *exchange, bool is_logs)
{
    return exchange_header(exchange, is_logs ? STR("Logplex-Frame-Id") : STR("Idempotency-Key"));
}

/* A key that was stored before: nothing of the body is read into rows. */
static void answer_duplicate(struct post *post)
{
    tally_add(&ingest_tally(post->thread->ingest)->counts.duplicates, 1);
    post->err = ERR_EXISTS;
    answer(post);
    post_free(post);
}

static void begin(struct exchange *exchange, bool is_logs)
{
    struct server *server = exchange_server_ctx(exchange);
    struct str key = key_of(exchange, is_logs);
    if (key.size > 255) {
        exchange_reply_error(exchange, 400, "an idempotency key has at most 255 bytes, this one has %zu",
                             key.size);
        return;
    }
    struct post *post = MEM_NEW(struct post);
    post->exchange = exchange;
    post->thread = &server->threads[exchange_loop_index(exchange)];
    post->is_logs = is_logs;
    post->batch = batch_new();
    intake_init(&post->intake, post->batch);
    struct str type = exchange_header(exchange, STR("Content-Type"));
    post->intake.from_logplex = str_starts(type, STR("application/logplex-1"));
    if (key.size) {
        buf_str(&post->key, is_logs ? STR("logplex:") : STR(""));
        buf_str(&post->key, key);
        if (store_seen(server->store, buf_view(&post->key))) {
            answer_duplicate(post);
            return;
        }
    }
    exchange_set_ctx(exchange, post);
}

static void begin_lines(struct exchange *exchange)
{
    begin(exchange, false);
}

static void begin_logs(struct exchange *exchange)
{
    begin(exchange, true);
}

static void take_body(struct exchange *exchange, struct str bytes)
{
    struct post *post = exchange_ctx(exchange);
    ingest_thread_begin(post->thread);
    message_feed_take(&post->feed, post->thread->ingest, &post->intake, bytes, false);
}

static void end(struct exchange *exchange)
{
    struct post *post = exchange_ctx(exchange);
    struct server *server = post->thread->server;
    ingest_thread_begin(post->thread);
    message_feed_take(&post->feed, post->thread->ingest, &post->intake, STR_NONE, true);
    if (!post->batch->row_count) {
        answer(post);
        post_free(post);
        return;
    }
    post->batch->key = buf_view(&post->key);
    post->batch->time_ms = sys_wall_ms(server->sys);
    post->batch->done = stored;
    post->batch->ctx = post;
    post->submitted = true;
    /* Once it is submitted, post->err is the committing thread's: it may have written it before this returns.
     */
    enum err err = lane_submit(post->thread->lane, post->batch, NULL);
    if (!err) {
        committer_wake(server->committer, post->thread->index);
        return;
    }
    post->err = err;
    finish(post);
}

static void gone(struct exchange *exchange)
{
    struct post *post = exchange_ctx(exchange);
    post->exchange = NULL;
    if (post->submitted)
        return; /* finish() frees it */
    ingest_not_stored(post->thread->ingest, post->intake.accepted + post->intake.parked,
                      REASON_connection_lost);
    post_free(post);
}

const struct route_handler post_lines_handler = {begin_lines, take_body, end, gone, NULL};
const struct route_handler post_logs_handler = {begin_logs, take_body, end, gone, NULL};
