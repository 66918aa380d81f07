#include "cli/server_call.h"

#include "cli/command.h"
#include "net/client.h"

#include <stdio.h>
#include <stdlib.h>

void server_call_escape(struct buf *path, struct str value)
{
    static const char plain[] = "-._~!'()*,:@/";
    for (size_t i = 0; i < value.size; i++) {
        char c = value.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || (c && strchr(plain, c)))
            buf_char(path, c);
        else if (c == ' ')
            buf_char(path, '+');
        else
            buf_printf(path, "%%%02X", (unsigned char)c);
    }
}

static const char *server_url(const char *url)
{
    const char *set = getenv("DIALTONE_URL");
    return url ? url : set && *set ? set : "http://127.0.0.1:7411";
}

int server_call(const char *command, const char *url, struct str path, struct str body, struct buf *out)
{
    return server_call_slow(command, url, path, body, 0, out);
}

int server_call_slow(const char *command, const char *url, struct str path, struct str body, int64_t wait_ms,
                     struct buf *out)
{
    const char *base = server_url(url), *token = getenv("DIALTONE_TOKEN");
    struct client_options options = {.token = str_of(token), .total_ms = wait_ms};
    struct client *client = client_new(&options);
    struct buf whole = {0};
    struct why why = {0};
    unsigned status = 0;
    buf_str(&whole, str_of(base));
    while (whole.size && whole.at[whole.size - 1] == '/')
        whole.size--;
    buf_str(&whole, path);
    struct client_request request = {.url = buf_view(&whole), .body = body};
    if (body.at)
        request.method = STR("POST");
    enum err err = client_ask(client, &request, &status, out, NULL, &why);
    client_free(client);
    buf_done(&whole);
    if (err) {
        fprintf(stderr, "dialtone %s: %s\n", command, why.text);
        if (err == ERR_REFUSED)
            fprintf(stderr, "Is a server running there? `dialtone serve` starts one; --url or DIALTONE_URL "
                            "says where.\n");
        return err == ERR_REFUSED || err == ERR_TIMEOUT ? EXIT_NO_SERVER
               : err == ERR_SYNTAX                      ? EXIT_USAGE
                                                        : EXIT_FAILED;
    }
    return status / 100 == 2 ? EXIT_OK : EXIT_FAILED;
}
