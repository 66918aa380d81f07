#include "scheme/infer.h"

#include "base/mem.h"

static uint32_t segment_count(struct str name)
{
    uint32_t count = 1;
    for (size_t i = 0; i < name.size; i++)
        count += name.at[i] == '.';
    return count;
}

/* The name with its index-th segment replaced by _; false when that segment is empty or _ already. */
static bool make_shape(struct str name, uint32_t index, char text[LINE_NAME_MAX], struct str *shape,
                       struct str *value)
{
    struct str segment = STR_NONE, rest = name;
    for (uint32_t i = 0; i <= index; i++)
        rest = str_cut(rest, '.', &segment);
    if (!segment.size || str_eq(segment, STR("_")))
        return false;
    size_t before = (size_t)(segment.at - name.at), after = name.size - before - segment.size;
    memcpy(text, name.at, before);
    text[before] = '_';
    memcpy(text + before + 1, segment.at + segment.size, after);
    *shape = str_make(text, before + 1 + after);
    *value = segment;
    return true;
}

static void learn_name(struct infer *infer, struct str name)
{
    char text[LINE_NAME_MAX];
    struct str shape, value;
    uint32_t segments = segment_count(name);
    for (uint32_t i = 0; i < segments && segments <= INFER_SEGMENTS_MAX; i++) {
        if (!make_shape(name, i, text, &shape, &value))
            continue;
        uint32_t index = intern_resolve(&infer->shapes, shape);
        if (index >= infer->count_cap) {
            uint32_t cap = infer->count_cap ? infer->count_cap * 2 : 1024;
            infer->counts = mem_resize(infer->counts, cap, sizeof *infer->counts);
            memset(infer->counts + infer->count_cap, 0, (cap - infer->count_cap) * sizeof *infer->counts);
            infer->count_cap = cap;
        }
        infer->counts[index]++;
    }
}

static void learn(struct infer *infer, const struct names *names)
{
    uint32_t count = names_metric_count(names), seen = 0;
    for (uint32_t i = 0; i < count && seen < INFER_NAMES_MAX; i++) {
        if (names_is_declared(names, i))
            continue;
        learn_name(infer, names_metric(names, i));
        seen++;
    }
    infer->learned = true;
}

bool infer_name(struct infer *infer, const struct names *names, struct str name, struct str *shape,
                struct str *value)
{
    char text[LINE_NAME_MAX];
    uint32_t segments = segment_count(name), most = INFER_LIKE_MIN - 1;
    if (segments > INFER_SEGMENTS_MAX || name.size > LINE_NAME_MAX)
        return false;
    if (!infer->learned)
        learn(infer, names);
    for (uint32_t i = 0; i < segments; i++) {
        struct str tried, segment;
        if (!make_shape(name, i, text, &tried, &segment))
            continue;
        uint32_t index = intern_find(&infer->shapes, tried);
        if (index == INTERN_NONE || infer->counts[index] <= most)
            continue;
        most = infer->counts[index];
        *shape = intern_get(&infer->shapes, index);
        *value = segment;
    }
    return most >= INFER_LIKE_MIN;
}

void infer_done(struct infer *infer)
{
    intern_done(&infer->shapes);
    mem_free(infer->counts);
    *infer = (struct infer){0};
}
