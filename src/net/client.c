/* libcurl's easy interface; one handle, so that connections are kept. It never follows, never prompts, reads
 * no configuration, and is told which protocols there are. */
#include "net/client.h"

#include "base/check.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

enum { CONNECT_MS = 5000, TOTAL_MS = 60000 };
static const uint64_t answer_max_default = 64u << 20;

struct client {
    CURL *curl;
    struct client_options options;
    struct buf token;
    char error[CURL_ERROR_SIZE];
};

struct answer {
    struct buf *to;
    uint64_t left;
    bool too_large;
};

static void init_curl(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

struct client *client_new(const struct client_options *options)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* libcurl's own wish */
    pthread_once(&once, init_curl);
    struct client *client = MEM_NEW(struct client);
    client->options = *options;
    if (!client->options.answer_max)
        client->options.answer_max = answer_max_default;
    buf_str(&client->token, options->token);
    buf_char(&client->token, 0);
    client->curl = curl_easy_init();
    CHECK(client->curl);
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    buf_done(&client->token);
    mem_free(client);
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct answer *answer = ctx;
    size_t all = size * count;
    if (all > answer->left) {
        answer->too_large = true;
        return 0;
    }
    answer->left -= all;
    buf_put(answer->to, bytes, all);
    return all;
}

static struct curl_slist *add_line(struct curl_slist *list, const char *before, struct str text)
{
    struct buf line = {0};
    buf_str(&line, str_of(before));
    buf_str(&line, text);
    buf_char(&line, 0);
    struct curl_slist *longer = curl_slist_append(list, line.at);
    CHECK(longer);
    buf_done(&line);
    return longer;
}

static struct curl_slist *headers_of(const struct client_request *request)
{
    /* No waiting for "100 Continue", no guessed type. */
    struct curl_slist *list = add_line(NULL, "Expect:", STR(""));
    list = add_line(list, request->type.size ? "Content-Type: " : "Content-Type:", request->type);
    for (uint32_t i = 0; i < request->header_count; i++)
        list = add_line(list, "", request->headers[i]);
    return list;
}

static void set_options(struct client *client, struct curl_slist *headers, struct answer *answer)
{
    CURL *curl = client->curl;
    const struct client_options *options = &client->options;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "dialtone/" DIALTONE_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(options->connect_ms ? options->connect_ms : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(options->total_ms ? options->total_ms : TOTAL_MS));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (client->token.size > 1) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, client->token.at);
    }
}

static void set_method(CURL *curl, struct str body, const char *method)
{
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        return;
    }
    if (strcmp(method, "GET") == 0)
        return;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.size ? body.at : "");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static enum err explain(struct client *client, CURLcode code, const char *url, struct why *why)
{
    bool is_http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    const char *text = client->error[0] ? client->error : curl_easy_strerror(code);
    enum err err = ERR_IO;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        err = ERR_REFUSED;
    else if (code == CURLE_OPERATION_TIMEDOUT)
        err = ERR_TIMEOUT;
    else if (code == CURLE_URL_MALFORMAT || (code == CURLE_UNSUPPORTED_PROTOCOL && !is_http))
        err = ERR_SYNTAX;
    else if (code ==
             CURLE_UNSUPPORTED_PROTOCOL) /* for libcurl, an answer without a status line is HTTP/0.9 */
        text = "the answer is not HTTP";
    return why_set(why, err, "%.120s: %.180s", url, text);
}

enum err client_ask(struct client *client, const struct client_request *request, unsigned *status,
                    struct buf *answer, int64_t *retry_after_s, struct why *why)
{
    struct buf url = {0}, method = {0};
    buf_str(&url, request->url);
    buf_char(&url, 0);
    buf_str(&method, request->method.size ? request->method : STR("GET"));
    buf_char(&method, 0);
    struct curl_slist *headers = headers_of(request);
    struct answer part = {.to = answer, .left = client->options.answer_max};
    client->error[0] = 0;
    set_options(client, headers, &part);
    set_method(client->curl, request->body, method.at);
    curl_easy_setopt(client->curl, CURLOPT_URL, url.at);
    CURLcode code = curl_easy_perform(client->curl);
    enum err err = ERR_OK;
    if (part.too_large)
        err = why_set(why, ERR_LIMIT, "%.120s: the answer is larger than %llu bytes", url.at,
                      (unsigned long long)client->options.answer_max);
    else if (code != CURLE_OK)
        err = explain(client, code, url.at, why);
    if (!err) {
        long number = 0;
        curl_off_t after = 0;
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &number);
        curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &after);
        *status = (unsigned)number;
        if (retry_after_s)
            *retry_after_s = after;
    }
    curl_slist_free_all(headers);
    buf_done(&url);
    buf_done(&method);
    return err;
}
