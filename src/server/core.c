/* What the parts of a running server ask of it. */
#include "server/core.h"

#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>

enum { SCHEME_BYTES_MAX = 1 << 20 };

void server_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("dialtone: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

struct scheme *server_scheme(struct server *server)
{
    pthread_mutex_lock(&server->scheme_lock);
    struct scheme *scheme = scheme_ref(server->scheme);
    pthread_mutex_unlock(&server->scheme_lock);
    return scheme;
}

void ingest_thread_begin(struct ingest_thread *thread)
{
    struct server *server = thread->server;
    struct scheme *scheme = server_scheme(server);
    ingest_begin(thread->ingest, scheme, sys_wall_ms(server->sys), store_oldest_ms(server->store));
    scheme_unref(scheme);
}

enum reason server_reason_of(enum err err)
{
    return err == ERR_BUSY     ? REASON_store_busy
           : err == ERR_FULL   ? REASON_store_full
           : err == ERR_EXISTS ? REASON_duplicate_key
                               : REASON_store_failed;
}

uint64_t server_pack_hash(struct server *server)
{
    char text[SYS_PATH_MAX + 1], path[SYS_PATH_MAX + 1];
    struct str pack = scheme_pack_of(server->sys, server->config.data, server->config.pack, text);
    struct buf content = {0};
    uint64_t hash = 0;
    int size = pack.at ? snprintf(path, sizeof path, "%.*s/scheme.yaml", STR_ARG(pack)) : 0;
    if (size > 0 && size <= SYS_PATH_MAX &&
        !sys_read_file(server->sys, str_make(path, (size_t)size), SCHEME_BYTES_MAX, &content, NULL))
        hash = hash_bytes(buf_view(&content));
    buf_done(&content);
    return hash;
}

enum err server_load_scheme(struct server *server, struct scheme **out, struct buf *problems, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    struct scheme_report report = {0};
    enum err err =
        scheme_load(server->sys, scheme_pack_of(server->sys, server->config.data, server->config.pack, text),
                    server->names, out, &report, why);
    buf_str(problems, buf_view(&report.text));
    scheme_report_done(&report);
    return err;
}

static enum err reload(struct server *server, struct buf *problems, struct why *why)
{
    struct scheme *scheme;
    uint64_t hash = server_pack_hash(server);
    enum err err = server_load_scheme(server, &scheme, problems, why);
    bool is_good = !err;
    if (is_good)
        err = scheme_check_stored(scheme, server->names, problems, why);
    pthread_mutex_lock(&server->scheme_lock);
    server->scheme_hash = hash;
    if (is_good && err) { /* the old one's renames, too, stay */
        scheme_unref(scheme);
        scheme_rename_fields(server->scheme, server->names);
    }
    pthread_mutex_unlock(&server->scheme_lock);
    if (err) {
        server_say("the scheme was not reloaded, the old one stays: %s", why->text);
        return err;
    }
    pthread_mutex_lock(&server->scheme_lock);
    struct scheme *old = server->scheme;
    server->scheme = scheme;
    pthread_mutex_unlock(&server->scheme_lock);
    scheme_unref(old);
    server_say("scheme %.*s reloaded", STR_ARG(scheme_name(scheme)));
    return ERR_OK;
}

enum err server_reload(struct server *server, struct buf *problems, struct why *why)
{
    pthread_mutex_lock(&server->reload_lock);
    enum err err = reload(server, problems, why);
    pthread_mutex_unlock(&server->reload_lock);
    return err;
}
