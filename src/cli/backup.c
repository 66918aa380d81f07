/* backup and restore: through the server that owns the data folder, or on a folder that nobody owns. */
#include "base/check.h"
#include "base/json_out.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/server_call.h"
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_BYTES = SYS_PATH_MAX + 1 };

/* A copy to a slow disk may take hours. */
#define BACKUP_WAIT_MS ((int64_t)24 * 3600 * 1000)

const char command_backup_help[] =
    "usage: dialtone backup DIR [--url URL | --data DIR]\n"
    "\n"
    "Makes a backup in DIR, which must not exist yet (the folder that it is to lie in must). The server goes "
    "on\n"
    "meanwhile; everything that it acknowledged before is in the backup. The server itself writes DIR, so "
    "the\n"
    "path is one on its machine.\n"
    "\n"
    "  --url URL     the server (default DIALTONE_URL, or http://127.0.0.1:7411)\n"
    "  --data DIR    no server: straight from a data folder that no server has open\n"
    "\n"
    "On the same file system the files of rows are hard links: quick, and at first without a byte of space.\n"
    "That saves from mistakes and bad upgrades, not from a broken disk: for that, give a folder on another "
    "one,\n"
    "where they are copied. `dialtone inspect --verify --data DIR` checks a backup, `dialtone restore` puts "
    "it\n"
    "back. A backup that fails or is interrupted leaves DIR.partial at most.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 no server.\n"
    "\n"
    "example: dialtone backup /mnt/backup/dialtone-$(date +%F)\n";

const char command_restore_help[] =
    "usage: dialtone restore BACKUP [--data DIR]\n"
    "\n"
    "Copies a backup into a data folder that is empty or does not exist yet. Every byte of the backup is\n"
    "verified first: a damaged one is refused, and then nothing was written.\n"
    "\n"
    "  --data DIR    the data folder (default ./dialtone-data)\n"
    "\n"
    "Afterwards start the server on the folder as always. The backup stays as it is. A restore that was\n"
    "interrupted can simply be run again; no server opens what it left behind.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 4 the backup is damaged.\n"
    "\n"
    "example: dialtone restore /mnt/backup/dialtone-2026-03-01 --data /var/lib/dialtone\n";

static const struct option backup_table[] = {{"data", true}, {"url", true}, {NULL, false}};
static const struct option restore_table[] = {{"data", true}, {NULL, false}};

static void say_done(const char *where, uint64_t files, uint64_t bytes, bool links)
{
    printf("%s: %" PRIu64 " files, %" PRIu64 " bytes%s\n", where, files, bytes,
           links ? "; files of rows are links to the store's own" : "");
}

/* The server's working folder is another one. */
static bool absolute_path(const char *dir, char *out)
{
    char here[PATH_BYTES] = "";
    if (dir[0] != '/' && !getcwd(here, sizeof here))
        return false;
    int size = snprintf(out, PATH_BYTES, "%s%s%s", here, here[0] ? "/" : "", dir);
    return size > 0 && size < PATH_BYTES;
}

/* ---- through the server ---- */

static int read_answer(int code, const struct buf *answer)
{
    json_t *root = json_loadb(answer->size ? answer->at : "", answer->size, 0, NULL);
    const char *text = json_string_value(json_object_get(json_object_get(root, "error"), "text"));
    const char *where = json_string_value(json_object_get(root, "backup"));
    if (code == EXIT_OK && where)
        say_done(where, (uint64_t)json_integer_value(json_object_get(root, "files")),
                 (uint64_t)json_integer_value(json_object_get(root, "bytes")),
                 json_is_true(json_object_get(root, "links")));
    else if (text)
        fprintf(stderr, "dialtone backup: %s\n", text);
    else
        fprintf(stderr, "dialtone backup: the server gave no answer that is understood\n");
    code = code == EXIT_OK && !where ? EXIT_FAILED : code;
    json_decref(root);
    return code;
}

static int ask_server(const char *dir, const char *url)
{
    char path[PATH_BYTES];
    struct buf body = {0}, answer = {0};
    struct json_out json;
    if (!absolute_path(dir, path)) {
        fprintf(stderr, "dialtone backup: %s is too long a path\n", dir);
        return EXIT_FAILED;
    }
    json_init(&json, &body);
    json_begin_object(&json);
    json_key_str(&json, "to", str_of(path));
    json_end_object(&json);
    int code =
        server_call_slow("backup", url, STR("/api/admin/backup"), buf_view(&body), BACKUP_WAIT_MS, &answer);
    if (code == EXIT_NO_SERVER)
        fprintf(stderr, "Without a server: --data DIR backs up a data folder itself.\n");
    else if (code == EXIT_OK || answer.size)
        code = read_answer(code, &answer);
    buf_done(&body);
    buf_done(&answer);
    return code;
}

/* ---- without one ---- */

/* A misspelt name must not become a new, empty data folder. */
static bool is_data_folder(const char *dir)
{
    struct buf path = {0};
    struct sys_file *file;
    buf_printf(&path, "%s/lock", dir);
    enum err err = sys_open(sys_real(), buf_view(&path), SYS_READ, &file, NULL);
    if (!err)
        sys_close(sys_real(), file);
    buf_done(&path);
    return err == ERR_OK;
}

static int from_folder(const char *dir, const char *data)
{
    struct store_options options;
    struct store_report report = {0};
    struct store_backup backup = {.target = str_of(dir)};
    struct store *store = NULL;
    struct why why = {0};
    if (!is_data_folder(data)) {
        fprintf(stderr, "dialtone backup: %s is no data folder\n", data);
        return EXIT_FAILED;
    }
    store_options_default(&options);
    options.sys = sys_real();
    options.dir = str_of(data);
    options.names = names_new();
    enum err err = store_open(&options, &store, &report, &why);
    if (report.text.size)
        fprintf(stderr, "%.*s", STR_ARG(buf_view(&report.text)));
    buf_done(&report.text);
    bool owned = err == ERR_BUSY;
    if (!err)
        err = store_backup(store, &backup, &why);
    if (err)
        fprintf(stderr, "dialtone backup: %s%s\n", why.text,
                owned ? "; without --data the server makes the backup" : "");
    else
        say_done(dir, backup.files, backup.bytes, !backup.copied);
    store_close(store);
    names_free(options.names);
    return err ? EXIT_FAILED : EXIT_OK;
}

int command_backup(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, backup_table, argc, argv);
    if (code)
        return code;
    if (!options.rest_count)
        return command_usage("backup", "to which folder?");
    if (options.rest_count > 1)
        return command_usage("backup", "%s is one word too many", options.rest[1]);
    const char *data = options_get(&options, backup_table, "data");
    const char *url = options_get(&options, backup_table, "url");
    if (data && url)
        return command_usage("backup", "either --url or --data");
    return data ? from_folder(options.rest[0], data) : ask_server(options.rest[0], url);
}

/* ---- back ---- */

int command_restore(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, restore_table, argc, argv);
    if (code)
        return code;
    if (!options.rest_count)
        return command_usage("restore", "which backup?");
    if (options.rest_count > 1)
        return command_usage("restore", "%s is one word too many", options.rest[1]);
    const char *data = options_get(&options, restore_table, "data");
    struct store_backup backup = {.target = str_of(options.rest[0])};
    struct why why = {0};
    data = data ? data : "dialtone-data";
    enum err err = store_restore(sys_real(), &backup, str_of(data), &why);
    if (!err) {
        say_done(data, backup.files, backup.bytes, false);
        return EXIT_OK;
    }
    fprintf(stderr, "dialtone restore: %s\n", why.text);
    return err == ERR_CORRUPT ? EXIT_DATA_REFUSED : EXIT_FAILED;
}
