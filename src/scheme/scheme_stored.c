/* What a new scheme means for what is stored already. */
#include "base/mem.h"
#include "scheme/scheme_room.h"

void scheme_rename_fields(const struct scheme *scheme, struct names *names)
{
    uint32_t *former = mem_alloc(scheme->change_count * sizeof *former + 1);
    uint32_t *renamed = mem_alloc(scheme->change_count * sizeof *renamed + 1);
    for (uint32_t i = 0; i < scheme->change_count; i++) {
        former[i] = names_declare_field(names, scheme->changes[i].field);
        renamed[i] = names_declare_field(names, scheme->changes[i].renamed);
    }
    names_rename_fields(names, former, renamed, scheme->change_count);
    mem_free(former);
    mem_free(renamed);
}

/* Numbers without a unit may get one: whoever declares a metric says what its numbers were all along. */
static bool unit_changes(enum unit stored, enum unit declared)
{
    return stored != UNIT_NONE && stored < UNIT_UNKNOWN && stored != declared;
}

enum err scheme_check_stored(const struct scheme *scheme, const struct names *names, struct buf *problems,
                             struct why *why)
{
    enum err err = ERR_OK;
    size_t start = problems->size;
    for (uint32_t i = 0; i < names_metric_count(names); i++) {
        struct metric_match match;
        struct str name = names_metric(names, i);
        enum kind kind = names_kind(names, i);
        enum unit unit = names_unit(names, i);
        scheme_match(scheme, name, &match);
        if (!match.def)
            continue;
        if (unit_changes(unit, match.def->unit))
            buf_printf(problems,
                       "%.*s is stored in %.*s and cannot be declared in %.*s: give it a new name\n",
                       STR_ARG(name), STR_ARG(unit_text(unit)),
                       STR_ARG(match.def->unit_text.size ? match.def->unit_text : STR("no unit")));
        else if (kind != KIND_NONE && (kind == KIND_UNIQUE) != (match.def->kind == KIND_UNIQUE))
            buf_printf(problems,
                       "%.*s is stored as a %.*s and cannot be declared as a %.*s: give it a new name\n",
                       STR_ARG(name), STR_ARG(kind_text(kind)), STR_ARG(kind_text(match.def->kind)));
        else
            continue;
        if (!err) /* the first */
            err = why_set(why, ERR_REFUSED, "%.*s", (int)(problems->size - start - 1), problems->at + start);
    }
    return err;
}
