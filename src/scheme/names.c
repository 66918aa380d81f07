/* Two interning tables. Their entries never move, so a reader that has seen a count (acquire) may read every
 * entry below it while a writer adds more; only the tables of slots, which find needs, are guarded by a
 * read-write lock. Finding is rare: each thread remembers what it found.
 *
 * A metric's kind and unit are one atomic number, since a new scheme may change them while others read:
 *   bits 0-7 unit, 8-11 kind, 12 declared. */
#include "scheme/names.h"

#include "base/check.h"
#include "base/intern.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

enum { DECLARED_BIT = 1 << 12, FIELD_NAME_MAX = 64 };

bool names_field_good(struct str name)
{
    if (!name.size || name.size > FIELD_NAME_MAX || name.at[0] < 'a' || name.at[0] > 'z')
        return false;
    for (size_t i = 1; i < name.size; i++) {
        char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return !str_eq(name, STR("metric")) && !str_eq(name, STR("stat")) && !str_eq(name, STR("time"));
}

bool names_metric_good(struct str name)
{
    if (!name.size || name.size > LINE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '.' || c == ':' || c == '/' || c == '-';
        if (!good)
            return false;
    }
    return true;
}

struct name_table {
    struct intern intern;
    atomic_uint count; /* published entries */
    uint32_t max;
};

struct names {
    pthread_rwlock_t lock; /* the slots of both tables, and adding */
    struct name_table fields, metrics;
    _Atomic uint16_t renamed[NAMES_FIELDS_MAX]; /* number + 1 of the new name; 0: not renamed */
    _Atomic uint16_t *traits; /* NAMES_METRICS_MAX; pages that are not used yet are not there */
    atomic_uint declared_count;
};

static uint16_t traits_pack(enum kind kind, enum unit unit)
{
    return (uint16_t)((unsigned)unit | (unsigned)kind << 8);
}

struct names *names_new(void)
{
    struct names *names = MEM_NEW(struct names);
    CHECK(pthread_rwlock_init(&names->lock, NULL) == 0);
    names->fields.max = NAMES_FIELDS_MAX;
    names->metrics.max = NAMES_METRICS_MAX;
    names->traits = mem_zero(NAMES_METRICS_MAX, sizeof *names->traits);
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    intern_done(&names->fields.intern);
    intern_done(&names->metrics.intern);
    pthread_rwlock_destroy(&names->lock);
    mem_free(names->traits);
    mem_free(names);
}

static uint32_t find(const struct names *names, const struct name_table *table, struct str name)
{
    pthread_rwlock_t *lock = (pthread_rwlock_t *)&names->lock;
    pthread_rwlock_rdlock(lock);
    uint32_t index = intern_find(&table->intern, name);
    pthread_rwlock_unlock(lock);
    return index;
}

static struct str get(const struct name_table *table, uint32_t index)
{
    CHECK(index < atomic_load_explicit(&table->count, memory_order_acquire));
    return intern_get(&table->intern, index);
}

/* Under the lock. */
static uint32_t add(struct name_table *table, struct str name, bool *is_new)
{
    uint32_t index = intern_find(&table->intern, name);
    *is_new = index == INTERN_NONE;
    if (*is_new && table->intern.count < table->max)
        index = intern_resolve(&table->intern, name);
    return index;
}

static void publish(struct name_table *table)
{
    atomic_store_explicit(&table->count, table->intern.count, memory_order_release);
}

static uint32_t current(const struct names *names, uint32_t field)
{
    if (field == NAME_NONE)
        return field;
    uint16_t renamed = atomic_load_explicit(&names->renamed[field], memory_order_relaxed);
    return renamed ? renamed - 1u : field;
}

uint32_t names_resolve_field(struct names *names, struct str field)
{
    return current(names, names_declare_field(names, field));
}

uint32_t names_declare_field(struct names *names, struct str field)
{
    uint32_t index = find(names, &names->fields, field);
    if (index != NAME_NONE)
        return index;
    bool is_new;
    pthread_rwlock_wrlock(&names->lock);
    index = add(&names->fields, field, &is_new);
    publish(&names->fields);
    pthread_rwlock_unlock(&names->lock);
    return index;
}

uint32_t names_find_field(const struct names *names, struct str field)
{
    return current(names, find(names, &names->fields, field));
}

void names_rename_fields(struct names *names, const uint32_t *former, const uint32_t *renamed, uint32_t count)
{
    for (uint32_t field = 0; field < names_field_count(names); field++) {
        uint16_t to = 0;
        for (uint32_t i = 0; i < count; i++)
            if (former[i] == field)
                to = (uint16_t)(renamed[i] + 1);
        atomic_store_explicit(&names->renamed[field], to, memory_order_relaxed);
    }
}

struct str names_field(const struct names *names, uint32_t field)
{
    return get(&names->fields, field);
}

uint32_t names_field_count(const struct names *names)
{
    return atomic_load_explicit(&names->fields.count, memory_order_acquire);
}

uint32_t names_resolve_metric(struct names *names, struct str metric, enum kind kind, enum unit unit)
{
    uint32_t index = find(names, &names->metrics, metric);
    if (index != NAME_NONE)
        return index;
    bool is_new;
    pthread_rwlock_wrlock(&names->lock);
    index = add(&names->metrics, metric, &is_new);
    if (is_new && index != NAME_NONE)
        atomic_store_explicit(&names->traits[index], traits_pack(kind, unit), memory_order_relaxed);
    publish(&names->metrics);
    pthread_rwlock_unlock(&names->lock);
    return index;
}

uint32_t names_find_metric(const struct names *names, struct str metric)
{
    return find(names, &names->metrics, metric);
}

struct str names_metric(const struct names *names, uint32_t metric)
{
    return get(&names->metrics, metric);
}

static uint16_t traits_of(const struct names *names, uint32_t metric)
{
    CHECK(metric < atomic_load_explicit(&names->metrics.count, memory_order_acquire));
    return atomic_load_explicit(&names->traits[metric], memory_order_relaxed);
}

enum kind names_kind(const struct names *names, uint32_t metric)
{
    return (enum kind)(traits_of(names, metric) >> 8 & 15);
}

enum unit names_unit(const struct names *names, uint32_t metric)
{
    return (enum unit)(traits_of(names, metric) & 255);
}

bool names_is_declared(const struct names *names, uint32_t metric)
{
    return traits_of(names, metric) & DECLARED_BIT;
}

bool names_first_unit(struct names *names, uint32_t metric, enum unit unit)
{
    uint16_t old = traits_of(names, metric);
    while ((old & 255) == UNIT_NONE && !(old & DECLARED_BIT)) {
        uint16_t fresh = (uint16_t)(old | unit);
        if (atomic_compare_exchange_weak_explicit(&names->traits[metric], &old, fresh, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

void names_declare(struct names *names, uint32_t metric, enum kind kind, enum unit unit)
{
    CHECK(metric < atomic_load_explicit(&names->metrics.count, memory_order_acquire));
    uint16_t fresh = (uint16_t)(traits_pack(kind, unit) | DECLARED_BIT);
    uint16_t old = atomic_exchange_explicit(&names->traits[metric], fresh, memory_order_relaxed);
    if (!(old & DECLARED_BIT))
        atomic_fetch_add_explicit(&names->declared_count, 1, memory_order_relaxed);
}

uint32_t names_metric_count(const struct names *names)
{
    return atomic_load_explicit(&names->metrics.count, memory_order_acquire);
}

uint32_t names_undeclared_count(const struct names *names)
{
    uint32_t declared = atomic_load_explicit(&names->declared_count, memory_order_relaxed);
    uint32_t all = names_metric_count(names);
    return all > declared ? all - declared : 0;
}
