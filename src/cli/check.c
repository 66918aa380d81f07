/* check: a scheme file, or lines that a program emits against it. */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "scheme/lint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char command_check_help[] =
    "usage: dialtone check [FILE | --pack DIR]\n"
    "       dialtone check --lines FILE|- [--pack DIR]\n"
    "\n"
    "Checks a scheme: every error with FILE:LINE:COLUMN and the nearest known word. FILE is a scheme.yaml; "
    "--pack DIR\n"
    "takes the one in a folder; without either it is the built-in dialer pack.\n"
    "\n"
    "With --lines, checks lines that a program emits (- is standard input) against the scheme: unknown "
    "metrics with\n"
    "the nearest name, verbs and units that differ, sources that fit no template.\n"
    "\n"
    "  --lines FILE    lines to check, as the server would take them\n"
    "  --pack DIR      folder with scheme.yaml\n"
    "\n"
    "  dialtone check pack/scheme.yaml\n"
    "  ./worker --once | dialtone check --lines - --pack pack\n"
    "\n"
    "Exit codes: 0 nothing is wrong, 4 something is, 1 a file cannot be read, 2 usage.\n";

static const struct option table[] = {{"lines", true}, {"pack", true}, {NULL, false}};

static enum err load(const struct options *options, struct names *names, struct scheme **scheme,
                     struct scheme_report *report, struct why *why)
{
    const char *pack = options_get(options, table, "pack");
    if (!options->rest_count || options_has(options, table, "lines"))
        return scheme_load(sys_real(), pack ? str_of(pack) : STR_NONE, names, scheme, report, why);
    return scheme_load_file(sys_real(), str_of(options->rest[0]), names, scheme, report, why);
}

static void print(const struct buf *text)
{
    fwrite(text->at, 1, text->size, stdout);
}

static int check_lines(struct scheme *scheme, struct names *names, const char *name)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (!file) {
        fprintf(stderr, "dialtone check: cannot open %s\n", name);
        return EXIT_FAILED;
    }
    struct lint *lint = lint_new(scheme, names, str_of(name));
    struct buf out = {0};
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t size; (size = getline(&line, &cap, file)) >= 0;) {
        struct str text = str_make(line, (size_t)size);
        while (text.size && (text.at[text.size - 1] == '\n' || text.at[text.size - 1] == '\r'))
            text.size--;
        lint_line(lint, text, &out);
        print(&out);
        out.size = 0;
    }
    struct lint_totals totals;
    lint_totals(lint, &totals);
    printf("%" PRIu64 " lines, %" PRIu64 " with measurements, %" PRIu64 " measurements, %" PRIu64
           " problems\n",
           totals.lines, totals.with_measurements, totals.measurements, totals.problems);
    free(line);
    buf_done(&out);
    lint_free(lint);
    if (file != stdin)
        fclose(file);
    return totals.problems ? EXIT_DATA_REFUSED : EXIT_OK;
}

static int say_scheme(const struct scheme *scheme, const struct scheme_report *report)
{
    printf("scheme %.*s: %u fields, %u templates, %u metrics and families, %u warnings\n",
           STR_ARG(scheme_name(scheme)), scheme_field_count(scheme), scheme_template_count(scheme),
           scheme_metric_count(scheme), report->warnings);
    return EXIT_OK;
}

int command_check(int argc, char **argv)
{
    struct options options;
    struct scheme *scheme = NULL;
    struct scheme_report report = {0};
    struct why why = {0};
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count > 1 || (options.rest_count && options_has(&options, table, "lines")))
        return command_usage("check", "%s is one word too many", options.rest[options.rest_count - 1]);
    struct names *names = names_new();
    enum err err = load(&options, names, &scheme, &report, &why);
    print(&report.text);
    if (err && !report.errors)
        fprintf(stderr, "dialtone check: %s\n", why.text);
    const char *lines = options_get(&options, table, "lines");
    code = err     ? report.errors ? EXIT_DATA_REFUSED : EXIT_FAILED
           : lines ? check_lines(scheme, names, lines)
                   : say_scheme(scheme, &report);
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
    return code;
}
