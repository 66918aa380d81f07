#include "cli/data_folder.h"

#include <stdio.h>

enum err data_folder_open(struct data_folder *folder, const char *dir, const char *pack, uint32_t lanes)
{
    struct sys *sys = sys_real();
    char text[SYS_PATH_MAX + 1];
    struct scheme_report problems = {0};
    struct store_report report = {0};
    struct why why = {0};
    *folder = (struct data_folder){.names = names_new()};
    enum err err = scheme_load(sys, scheme_pack_of(sys, str_of(dir), str_of(pack), text), folder->names,
                               &folder->scheme, &problems, &why);
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
