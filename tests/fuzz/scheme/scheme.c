/* Scheme files: whatever the bytes are, either a scheme that answers every question or complaints that name
 * their place. */
#include "../fuzz.h"

#include "scheme/scheme.h"
#include "scheme/source.h"

static void check_scheme(const struct scheme *scheme, const struct names *names, struct str text)
{
    for (uint32_t i = 0; i < scheme_field_count(scheme); i++) {
        const struct field_def *field = scheme_field(scheme, i);
        CHECK(scheme_find_field(scheme, field->name) == field && names_field_good(field->name));
        CHECK(str_eq(names_field(names, field->id), field->name));
        CHECK((field->type == FIELD_ENUM) == (field->word_count > 0));
        CHECK(!field->under.at || scheme_find_field(scheme, field->under));
    }
    for (uint32_t i = 0; i < scheme_template_count(scheme); i++) {
        const struct template_def *template = scheme_template(scheme, i);
        CHECK(template->field_count > 0 && template->field_count <= SOURCE_FIELDS_MAX);
        for (uint32_t f = 0; f < template->field_count; f++)
            CHECK(template->fields[f] < scheme_field_count(scheme));
    }
    for (uint32_t i = 0; i < scheme_metric_count(scheme); i++) {
        const struct metric_def *def = scheme_metric(scheme, i);
        struct metric_match match;
        CHECK(def->kind != KIND_NONE && def->kind < KIND_COUNT_OF && def->unit < UNIT_UNKNOWN);
        CHECK(def->lasts_ms > 0 && def->every_ms >= 0);
        scheme_match(scheme, def->pattern, &match); /* an exact name is its own; a family's text is no name */
        CHECK(def->is_family || (match.def == def && match.count == 0));
        for (uint32_t t = 0; t < def->template_count; t++)
            CHECK(def->templates[t] < scheme_template_count(scheme));
    }
    struct metric_match match;
    scheme_match(scheme, text, &match);
    CHECK(match.count <= SCHEME_PLACEHOLDERS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_input(data, size);
    struct names *names = names_new();
    struct scheme *scheme = NULL;
    struct scheme_report report = {0};
    struct why why = {0};
    enum err err = scheme_parse(text, STR("f"), names, &scheme, &report, &why);
    CHECK((err == ERR_OK) == (scheme != NULL) && (err == ERR_OK) == (report.errors == 0));
    if (err)
        CHECK(why.err == err && why.line > 0 && why.column > 0 &&
              str_starts(buf_view(&report.text), STR("f:")));
    else
        check_scheme(scheme, names, text);
    scheme_unref(scheme);
    scheme_report_done(&report);
    names_free(names);
    return 0;
}
