/* The list of reasons in docs/line-format.md, whose path is the argument, is the list of reason.h. */
#include "wire/reason.h"

#include "../cmocka_all.h"

#include <stdio.h>

static char page[256 * 1024];

static void must_be_listed(enum reason reason, const char *what)
{
    char row[512];
    snprintf(row, sizeof row, "| `%.*s` | %s | %.*s |\n", STR_ARG(reason_name(reason)), what,
             STR_ARG(reason_text(reason)));
    if (!strstr(page, row))
        fail_msg("docs/line-format.md lacks this row: %s", row);
}

static void every_reason_is_documented(void **state)
{
    static const char *const whats[] = {"the line", "the measurement", "nothing: a remark"};
    unsigned rows = 0;
    for (unsigned r = 0; r < REASON_COUNT; r++)
        must_be_listed((enum reason)r, whats[reason_class((enum reason)r)]);
    for (const char *at = strstr(page, "| reason |"); (at = strstr(at, "\n| `")); at++)
        rows++;
    assert_int_equal(rows, REASON_COUNT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_documented),
    };
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file || fread(page, 1, sizeof page - 1, file) == 0) {
        fprintf(stderr, "usage: reason_test docs/line-format.md\n");
        return 2;
    }
    fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
