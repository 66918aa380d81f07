#include "cli/data_folder.h"

#include <stdio.h>

struct str data_folder_pack(struct sys *sys, const char *dir, const char *pack, char *text)
{
    if (pack)
        return str_of(pack);
    int size = snprintf(text, SYS_PATH_MAX + 1, "%s/pack/scheme.yaml", dir);
    struct sys_file *file;
    if (size < 0 || size > SYS_PATH_MAX || sys_open(sys, str_of(text), SYS_READ, &file, NULL))
        return STR_NONE;
    sys_close(sys, file);
    return str_make(text, (size_t)size - strlen("/scheme.yaml"));
}

enum err data_folder_open(struct data_folder *folder, const char *dir, const char *pack, uint32_t lanes)
{
    struct sys *sys = sys_real();
    char text[SYS_PATH_MAX + 1];
    struct scheme_report problems = {0};
    struct store_report report = {0};
    struct why why = {0};
    *folder = (struct data_folder){.names = names_new()};
    enum err err = scheme_load(sys, data_folder_pack(sys, dir, pack, text), folder->names, &folder->scheme,
                               &problems, &why);
    if (err && problems.text.size)
        fprintf(stderr, "%.*s", (int)problems.text.size, problems.text.at);
    scheme_report_done(&problems);
    if (!err) {
        struct store_options options;
        store_options_default(&options);
        options.sys = sys;
        options.dir = str_of(dir);
        options.names = folder->names;
        options.lanes = lanes;
        err = store_open(&options, &folder->store, &report, &why);
        if (report.text.size)
            fprintf(stderr, "%.*s", (int)report.text.size, report.text.at);
        buf_done(&report.text);
    }
    if (err) {
        fprintf(stderr, "dialtone: %s\n", why.text);
        data_folder_close(folder);
    }
    return err;
}

void data_folder_close(struct data_folder *folder)
{
    if (folder->store)
        store_close(folder->store);
    scheme_unref(folder->scheme);
    names_free(folder->names);
    *folder = (struct data_folder){0};
}
