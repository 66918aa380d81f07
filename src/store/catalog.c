/* Tables:
 *   segments (name, directory, sum)   sum: xxh3 of name and directory
 *   lanes    (id, fresh, late, keys, sum)
 *   keys     (key, time_ms)
 *   gone     (name)                    FOLDER/NAME
 *   tombstones (id, body, gone_ms)     body: tombstone.c, which ends with its own sum
 *   facts    (name, value)            format, ready, segments_sum, budget, edge_ms
 * SQLite notices a damaged page only when its structure breaks, so rows carry sums, and the fact segments_sum
 * is the exclusive or of all segments' sums: a lost or altered row makes the catalog damaged, and it is built
 * anew. */
#include "store/catalog.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/sqlite_vfs.h"
#include "store/store_path.h"

#include <sqlite3.h>

enum { CATALOG_FORMAT = 1 };

#define STATEMENT_LIST(X)                                                                                \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                          \
    X(COMMIT, "COMMIT")                                                                                  \
    X(ROLLBACK, "ROLLBACK")                                                                              \
    X(SEGMENTS, "SELECT name, directory, sum FROM segments")                                             \
    X(LANES, "SELECT id, fresh, late, keys, sum FROM lanes")                                             \
    X(KEYS, "SELECT key, time_ms FROM keys ORDER BY rowid")                                              \
    X(GONE, "SELECT name FROM gone")                                                                     \
    X(SEGMENT_SUM, "SELECT sum FROM segments WHERE name = ?1")                                           \
    X(ADD, "INSERT OR REPLACE INTO segments (name, directory, sum) VALUES (?1, ?2, ?3)")                 \
    X(REMOVE, "DELETE FROM segments WHERE name = ?1")                                                    \
    X(ADD_GONE, "INSERT OR REPLACE INTO gone (name) VALUES (?1)")                                        \
    X(FORGET_GONE, "DELETE FROM gone WHERE name = ?1")                                                   \
    X(SET_LANE, "INSERT OR REPLACE INTO lanes (id, fresh, late, keys, sum) VALUES (?1, ?2, ?3, ?4, ?5)") \
    X(ADD_KEY, "INSERT OR REPLACE INTO keys (key, time_ms) VALUES (?1, ?2)")                             \
    X(DROP_KEYS, "DELETE FROM keys WHERE time_ms < ?1")                                                  \
    X(CAP_KEYS, "DELETE FROM keys WHERE rowid <= (SELECT max(rowid) FROM keys) - ?1")                    \
    X(TOMBSTONES, "SELECT id, body, gone_ms FROM tombstones ORDER BY id")                                \
    X(ADD_TOMBSTONE, "INSERT OR REPLACE INTO tombstones (id, body, gone_ms) VALUES (?1, ?2, ?3)")        \
    X(DROP_TOMBSTONES,                                                                                   \
      "DELETE FROM tombstones WHERE gone_ms <> 0 AND id <= (SELECT max(id) FROM tombstones) - ?1")       \
    X(FACT, "SELECT value FROM facts WHERE name = ?1")                                                   \
    X(SET_FACT, "INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)")                            \
    X(PAGES, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")

enum statement {
#define X(name, text) SQL_##name,
    STATEMENT_LIST(X)
#undef X
        SQL_COUNT
};

struct catalog {
    struct sqlite_vfs *vfs;
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
    uint64_t segments_sum; /* of the change under way */
    int failed;            /* first code of the change under way */
    struct why why;        /* of that */
};

static enum err failed(struct catalog *catalog, int code, const char *doing, struct why *why)
{
    const struct why *below = sqlite_vfs_why(catalog->vfs);
    int plain = code & 0xff;
    enum err err = below->err == ERR_FULL || plain == SQLITE_FULL           ? ERR_FULL
                   : plain == SQLITE_CORRUPT || plain == SQLITE_NOTADB      ? ERR_CORRUPT
                   : plain == SQLITE_SCHEMA || plain == SQLITE_ERROR        ? ERR_CORRUPT
                   : plain == SQLITE_MISMATCH || plain == SQLITE_CONSTRAINT ? ERR_CORRUPT
                                                                            : ERR_IO;
    return why_set(why, err, "cannot %s the catalog: %s%s%s", doing,
                   catalog->db ? sqlite3_errmsg(catalog->db) : sqlite3_errstr(code), below->err ? "; " : "",
                   below->err ? below->text : "");
}

/* ---- open and close ---- */

static int configure(struct catalog *catalog)
{
    static const char *const texts[] = {
        "PRAGMA locking_mode = EXCLUSIVE",     "PRAGMA temp_store = MEMORY",
        "PRAGMA journal_mode = WAL",           "PRAGMA synchronous = FULL",
        "PRAGMA cache_size = -2048",           "PRAGMA wal_autocheckpoint = 256",
        "PRAGMA journal_size_limit = 4194304",
    };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        int code = sqlite3_exec(catalog->db, texts[i], NULL, NULL, NULL);
        if (code)
            return code;
    }
    return SQLITE_OK;
}

/* An open that finds its tables writes nothing: it works on a full disk. */
static int has_tables(struct catalog *catalog, bool *has)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(catalog->db, "SELECT count(*) FROM sqlite_master WHERE name = 'tombstones'",
                                  -1, &statement, NULL);
    if (code)
        return code;
    code = sqlite3_step(statement);
    *has = code == SQLITE_ROW && sqlite3_column_int(statement, 0) > 0;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int make_tables(struct catalog *catalog)
{
    bool has;
    int code = has_tables(catalog, &has);
    if (code || has)
        return code;
    return sqlite3_exec(
        catalog->db,
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY, directory BLOB NOT NULL, sum INTEGER "
        "NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS lanes (id INTEGER PRIMARY KEY, fresh INTEGER NOT NULL, late INTEGER NOT "
        "NULL,"
        " keys INTEGER NOT NULL, sum INTEGER NOT NULL);"
        "CREATE TABLE IF NOT EXISTS keys (key TEXT UNIQUE NOT NULL, time_ms INTEGER NOT NULL);"
        "CREATE TABLE IF NOT EXISTS gone (name TEXT PRIMARY KEY) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS tombstones (id INTEGER PRIMARY KEY, body BLOB NOT NULL, gone_ms INTEGER "
        "NOT NULL);"
        "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT OR IGNORE INTO facts (name, value) VALUES ('format', 1), ('segments_sum', 0);"
        "COMMIT",
        NULL, NULL, NULL);
}

static int prepare(struct catalog *catalog)
{
    static const char *const texts[] = {
#define X(name, text) text,
        STATEMENT_LIST(X)
#undef X
    };
    for (int i = 0; i < SQL_COUNT; i++) {
        int code = sqlite3_prepare_v3(catalog->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &catalog->statements[i], NULL);
        if (code)
            return code;
    }
    return SQLITE_OK;
}

enum err catalog_open(struct sys *sys, struct str dir, struct catalog **out, bool *fresh, struct why *why)
{
    struct catalog *catalog = MEM_NEW(struct catalog);
    catalog->vfs = sqlite_vfs_new(sys);
    struct store_path path = store_path(dir, "catalog.db");
    path.at[path.size < SYS_PATH_MAX ? path.size : SYS_PATH_MAX] = 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path.at, &catalog->db, flags, sqlite_vfs_name(catalog->vfs));
    if (!code)
        code = configure(catalog);
    if (!code)
        code = make_tables(catalog);
    if (!code)
        code = prepare(catalog);
    enum err err = code ? failed(catalog, code, "open", why) : ERR_OK;
    int64_t format = 0, ready = 0;
    if (!err)
        err = catalog_fact(catalog, "format", 0, &format, why);
    if (!err)
        err = catalog_fact(catalog, "ready", 0, &ready, why);
    if (!err && format != CATALOG_FORMAT)
        err = why_set(why, ERR_CORRUPT, "the catalog has an unknown format");
    if (err) {
        catalog_close(catalog);
        return err;
    }
    *fresh = ready == 0;
    *out = catalog;
    return ERR_OK;
}

void catalog_close(struct catalog *catalog)
{
    if (!catalog)
        return;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(catalog->statements[i]);
    int code = sqlite3_close(catalog->db);
    CHECK(code == SQLITE_OK);
    sqlite_vfs_free(catalog->vfs);
    mem_free(catalog);
}

/* ---- reading ---- */

static struct str column(sqlite3_stmt *statement, int index)
{
    const void *at = sqlite3_column_blob(statement, index);
    return str_make(at ? at : "", (size_t)sqlite3_column_bytes(statement, index));
}

static uint64_t segment_sum(struct str name, struct str directory)
{
    return hash_seeded(directory, hash_bytes(name)) | 1; /* never 0: every row counts in the sum of all */
}

static uint64_t lane_sum(uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES], uint64_t keys_lsn)
{
    uint64_t sum = hash_mix(lane + 1);
    for (int c = 0; c < HEAD_CLASSES; c++)
        sum = hash_mix(sum ^ sealed_lsn[c]);
    return hash_mix(sum ^ keys_lsn);
}

static enum err read_segments(struct catalog *catalog, const struct catalog_reader *reader, struct why *why)
{
    sqlite3_stmt *statement = catalog->statements[SQL_SEGMENTS];
    uint64_t all = 0;
    int code;
    bool good = true;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct str name = column(statement, 0), directory = column(statement, 1);
        uint64_t sum = (uint64_t)sqlite3_column_int64(statement, 2);
        all ^= sum;
        good &= sum == segment_sum(name, directory);
        if (good && reader->segment)
            reader->segment(reader->ctx, name, directory);
    }
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return failed(catalog, code, "read", why);
    int64_t sum = 0;
    enum err err = catalog_fact(catalog, "segments_sum", -1, &sum, why);
    if (err)
        return err;
    if (!good || all != (uint64_t)sum)
        return why_set(why, ERR_CORRUPT, "the catalog's list of segments is damaged");
    return ERR_OK;
}

static enum err read_lanes(struct catalog *catalog, const struct catalog_reader *reader, struct why *why)
{
    sqlite3_stmt *statement = catalog->statements[SQL_LANES];
    int code;
    bool good = true;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        uint32_t lane = (uint32_t)sqlite3_column_int64(statement, 0);
        uint64_t sealed[HEAD_CLASSES] = {(uint64_t)sqlite3_column_int64(statement, 1),
                                         (uint64_t)sqlite3_column_int64(statement, 2)};
        uint64_t keys = (uint64_t)sqlite3_column_int64(statement, 3);
        good &= (uint64_t)sqlite3_column_int64(statement, 4) == lane_sum(lane, sealed, keys);
        if (good && reader->lane)
            reader->lane(reader->ctx, lane, sealed, keys);
    }
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return failed(catalog, code, "read", why);
    return good ? ERR_OK : why_set(why, ERR_CORRUPT, "the catalog's list of lanes is damaged");
}

static enum err read_rest(struct catalog *catalog, const struct catalog_reader *reader, struct why *why)
{
    int code = SQLITE_DONE;
    sqlite3_stmt *statement = catalog->statements[SQL_KEYS];
    while (reader->key && (code = sqlite3_step(statement)) == SQLITE_ROW)
        reader->key(reader->ctx, column(statement, 0), sqlite3_column_int64(statement, 1));
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return failed(catalog, code, "read", why);
    statement = catalog->statements[SQL_GONE];
    while (reader->gone && (code = sqlite3_step(statement)) == SQLITE_ROW)
        reader->gone(reader->ctx, column(statement, 0));
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? ERR_OK : failed(catalog, code, "read", why);
}

static enum err read_tombstones(struct catalog *catalog, const struct catalog_reader *reader, struct why *why)
{
    sqlite3_stmt *statement = catalog->statements[SQL_TOMBSTONES];
    bool good = true;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct str body = column(statement, 1);
        struct bytes sum = bytes_of(str_from(body, body.size > 8 ? body.size - 8 : 0));
        good &= body.size > 8 && bytes_u64(&sum) == hash_bytes(str_first(body, body.size - 8));
        if (good && reader->tombstone)
            reader->tombstone(reader->ctx, (uint64_t)sqlite3_column_int64(statement, 0), body,
                              sqlite3_column_int64(statement, 2));
    }
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return failed(catalog, code, "read", why);
    return good ? ERR_OK : why_set(why, ERR_CORRUPT, "the catalog's list of deletes is damaged");
}

enum err catalog_read(struct catalog *catalog, const struct catalog_reader *reader, struct why *why)
{
    enum err err = read_segments(catalog, reader, why);
    if (!err)
        err = read_lanes(catalog, reader, why);
    if (!err)
        err = read_rest(catalog, reader, why);
    if (!err)
        err = read_tombstones(catalog, reader, why);
    return err;
}

enum err catalog_fact(struct catalog *catalog, const char *name, int64_t otherwise, int64_t *out,
                      struct why *why)
{
    sqlite3_stmt *statement = catalog->statements[SQL_FACT];
    sqlite_vfs_clear_why(catalog->vfs);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : otherwise;
    sqlite3_reset(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? ERR_OK : failed(catalog, code, "read", why);
}

/* ---- changing ---- */

static void run(struct catalog *catalog, enum statement index)
{
    sqlite3_stmt *statement = catalog->statements[index];
    if (!catalog->failed) {
        int code = sqlite3_step(statement);
        if (code != SQLITE_DONE && code != SQLITE_ROW) {
            catalog->failed = code;
            failed(catalog, code, "change", &catalog->why);
        }
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

static void bind_str(struct catalog *catalog, enum statement index, int at, struct str s, bool text)
{
    if (text)
        sqlite3_bind_text(catalog->statements[index], at, s.at, (int)s.size, SQLITE_STATIC);
    else
        sqlite3_bind_blob(catalog->statements[index], at, s.at, (int)s.size, SQLITE_STATIC);
}

static void bind_int(struct catalog *catalog, enum statement index, int at, int64_t v)
{
    sqlite3_bind_int64(catalog->statements[index], at, v);
}

void catalog_begin(struct catalog *catalog)
{
    catalog->failed = SQLITE_OK;
    catalog->why = (struct why){0};
    sqlite_vfs_clear_why(catalog->vfs);
    run(catalog, SQL_BEGIN);
    int64_t sum = 0;
    struct why why;
    if (catalog_fact(catalog, "segments_sum", 0, &sum, &why) && !catalog->failed) {
        catalog->failed = SQLITE_IOERR;
        catalog->why = why;
    }
    catalog->segments_sum = (uint64_t)sum;
}

/* The sum of a segment that is listed, else 0. */
static uint64_t listed_sum(struct catalog *catalog, struct str name)
{
    sqlite3_stmt *statement = catalog->statements[SQL_SEGMENT_SUM];
    bind_str(catalog, SQL_SEGMENT_SUM, 1, name, true);
    int code = sqlite3_step(statement);
    uint64_t sum = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE && !catalog->failed) {
        catalog->failed = code;
        failed(catalog, code, "read", &catalog->why);
    }
    sqlite3_reset(statement);
    return sum;
}

void catalog_add(struct catalog *catalog, struct str name, struct str directory)
{
    uint64_t sum = segment_sum(name, directory);
    catalog->segments_sum ^= listed_sum(catalog, name) ^ sum;
    bind_str(catalog, SQL_ADD, 1, name, true);
    bind_str(catalog, SQL_ADD, 2, directory, false);
    bind_int(catalog, SQL_ADD, 3, (int64_t)sum);
    run(catalog, SQL_ADD);
}

void catalog_remove(struct catalog *catalog, struct str name)
{
    catalog->segments_sum ^= listed_sum(catalog, name);
    bind_str(catalog, SQL_REMOVE, 1, name, true);
    run(catalog, SQL_REMOVE);
}

void catalog_add_gone(struct catalog *catalog, struct str name)
{
    bind_str(catalog, SQL_ADD_GONE, 1, name, true);
    run(catalog, SQL_ADD_GONE);
}

void catalog_set_lane(struct catalog *catalog, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES],
                      uint64_t keys_lsn)
{
    bind_int(catalog, SQL_SET_LANE, 1, lane);
    bind_int(catalog, SQL_SET_LANE, 2, (int64_t)sealed_lsn[HEAD_FRESH]);
    bind_int(catalog, SQL_SET_LANE, 3, (int64_t)sealed_lsn[HEAD_LATE]);
    bind_int(catalog, SQL_SET_LANE, 4, (int64_t)keys_lsn);
    bind_int(catalog, SQL_SET_LANE, 5, (int64_t)lane_sum(lane, sealed_lsn, keys_lsn));
    run(catalog, SQL_SET_LANE);
}

void catalog_add_key(struct catalog *catalog, struct str key, int64_t time_ms)
{
    bind_str(catalog, SQL_ADD_KEY, 1, key, true);
    bind_int(catalog, SQL_ADD_KEY, 2, time_ms);
    run(catalog, SQL_ADD_KEY);
}

void catalog_drop_keys(struct catalog *catalog, int64_t before_ms, uint32_t count_max)
{
    bind_int(catalog, SQL_DROP_KEYS, 1, before_ms);
    run(catalog, SQL_DROP_KEYS);
    bind_int(catalog, SQL_CAP_KEYS, 1, count_max);
    run(catalog, SQL_CAP_KEYS);
}

void catalog_forget_gone(struct catalog *catalog, struct str name)
{
    bind_str(catalog, SQL_FORGET_GONE, 1, name, true);
    run(catalog, SQL_FORGET_GONE);
}

void catalog_add_tombstone(struct catalog *catalog, uint64_t id, struct str body, int64_t gone_ms)
{
    bind_int(catalog, SQL_ADD_TOMBSTONE, 1, (int64_t)id);
    bind_str(catalog, SQL_ADD_TOMBSTONE, 2, body, false);
    bind_int(catalog, SQL_ADD_TOMBSTONE, 3, gone_ms);
    run(catalog, SQL_ADD_TOMBSTONE);
}

void catalog_drop_tombstones(struct catalog *catalog, uint32_t count_max)
{
    bind_int(catalog, SQL_DROP_TOMBSTONES, 1, count_max);
    run(catalog, SQL_DROP_TOMBSTONES);
}

void catalog_set_fact(struct catalog *catalog, const char *name, int64_t value)
{
    bind_str(catalog, SQL_SET_FACT, 1, str_of(name), true);
    bind_int(catalog, SQL_SET_FACT, 2, value);
    run(catalog, SQL_SET_FACT);
}

enum err catalog_commit(struct catalog *catalog, struct why *why)
{
    catalog_set_fact(catalog, "segments_sum", (int64_t)catalog->segments_sum);
    run(catalog, SQL_COMMIT);
    if (!catalog->failed)
        return ERR_OK;
    struct why first = catalog->why;
    if (!sqlite3_get_autocommit(catalog->db)) {
        catalog->failed = SQLITE_OK;
        run(catalog, SQL_ROLLBACK);
    }
    if (why)
        *why = first;
    return first.err;
}

uint64_t catalog_bytes(struct catalog *catalog)
{
    sqlite3_stmt *statement = catalog->statements[SQL_PAGES];
    uint64_t bytes = sqlite3_step(statement) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return bytes;
}
