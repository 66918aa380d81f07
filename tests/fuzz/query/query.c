/* The query parser: never reads outside, says a column inside the text, and understands the same text twice
 * the same way. */
#include "../fuzz.h"

#include "query/parse.h"
#include "query/query_error.h"

static bool dump_of(struct str text, struct buf *out, struct query_error *error)
{
    struct arena arena = {0};
    struct node *node = NULL;
    bool good = query_parse(text, &arena, &node, error) == ERR_OK;
    if (good)
        ast_dump(node, out);
    arena_done(&arena);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_input(data, size);
    struct query_error error = {0};
    struct buf first = {0}, second = {0};
    if (dump_of(input, &first, &error)) {
        struct query_error again = {0};
        CHECK(dump_of(input, &second, &again) && str_eq(buf_view(&first), buf_view(&second)));
    } else {
        CHECK(error.err != ERR_OK && error.text[0] && error.column <= size + 1);
        query_error_text(&error, input, &first);
        query_error_json(&error, &second);
    }
    struct arena arena = {0};
    struct match *matches;
    uint32_t count;
    error = (struct query_error){0};
    if (query_parse_scope(input, &arena, &matches, &count, &error) == ERR_OK)
        CHECK(count > 0);
    else
        CHECK(error.column <= size + 1);
    arena_done(&arena);
    buf_done(&first);
    buf_done(&second);
    int64_t ms;
    if (query_time(input, 1795435200000, &ms))
        CHECK(ms <= QUERY_TIME_MS_MAX);
    return 0;
}
