/* The rules of RFC 9112 that two readers could see differently are not left to taste: whatever is not plainly
 * one thing is refused. Order of checks: first what makes the length of the request doubtful. */
#include "wire/http_head.h"

#define FINE              ((struct http_fault){0, NULL})
#define BAD(status, text) ((struct http_fault){(status), (text)})

static const uint8_t token_bytes[256] = {
    ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 1, ['!'] = 1, ['#'] = 1, ['$'] = 1,
    ['%'] = 1,         ['&'] = 1,         ['\''] = 1,        ['*'] = 1, ['+'] = 1, ['-'] = 1,
    ['.'] = 1,         ['^'] = 1,         ['_'] = 1,         ['`'] = 1, ['|'] = 1, ['~'] = 1,
};

bool http_is_token(unsigned char c)
{
    return token_bytes[c];
}

static bool is_all_token(struct str s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!token_bytes[(unsigned char)s.at[i]])
            return false;
    return s.size > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
}

static bool is_v6_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

bool http_is_authority(struct str s)
{
    size_t i = 0;
    bool bracket = s.size && s.at[0] == '[';
    for (i = bracket; i < s.size && (bracket ? is_v6_byte(s.at[i]) : is_host_byte(s.at[i])); i++)
        ;
    if (i == bracket)
        return false;
    if (bracket && (i == s.size || s.at[i++] != ']'))
        return false;
    if (i == s.size)
        return true;
    if (s.at[i++] != ':' || s.size - i > 5)
        return false;
    for (; i < s.size; i++)
        if (!is_digit(s.at[i]))
            return false;
    return true;
}

static struct http_fault read_path(struct str target, struct http_head *head)
{
    head->query = str_cut(target, '?', &head->path);
    if (!head->query.at)
        head->query = str_make(target.at + target.size, 0);
    return FINE;
}

/* "http://host/path?query": asked of proxies, to be understood by all (RFC 9112, 3.2.2). */
static struct http_fault read_url(struct str target, size_t scheme_size, struct http_head *head)
{
    struct str rest = str_from(target, scheme_size);
    size_t size = 0;
    while (size < rest.size && rest.at[size] != '/' && rest.at[size] != '?')
        size++;
    head->host = str_first(rest, size);
    if (!http_is_authority(head->host))
        return BAD(400, "the host in the target is not understood");
    read_path(str_from(rest, size), head);
    if (!head->path.size)
        head->path = STR("/");
    return FINE;
}

static struct http_fault read_target(struct http_head *head)
{
    struct str target = head->target;
    for (size_t i = 0; i < target.size; i++) {
        unsigned char c = (unsigned char)target.at[i];
        if (c <= ' ' || c == 0x7f || c == '#')
            return BAD(400, "the target holds a control byte, a blank or '#'");
    }
    if (target.at[0] == '/')
        return read_path(target, head);
    if (str_eq(target, STR("*")) && str_eq(head->method, STR("OPTIONS"))) {
        head->path = target;
        return FINE;
    }
    if (str_eq_fold(str_first(target, 7), STR("http://")))
        return read_url(target, 7, head);
    if (str_eq_fold(str_first(target, 8), STR("https://")))
        return read_url(target, 8, head);
    return BAD(400, "the target must start with '/'");
}

struct http_fault http_read_request_line(struct str line, struct http_head *head)
{
    struct str rest = str_cut(line, ' ', &head->method);
    if (!is_all_token(head->method) || head->method.size > 32)
        return BAD(400, "the request does not start with a method");
    struct str version = rest.at ? str_cut(rest, ' ', &head->target) : STR_NONE;
    if (!version.at || !head->target.size)
        return BAD(400, "a request line is METHOD TARGET HTTP/1.1");
    if (version.size != 8 || memcmp(version.at, "HTTP/", 5) != 0 || !is_digit(version.at[5]) ||
        version.at[6] != '.' || !is_digit(version.at[7]))
        return BAD(400, "the version is not HTTP/1.1 or HTTP/1.0");
    if (version.at[5] != '1')
        return BAD(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = version.at[7] == '0' ? 0 : 1;
    return read_target(head);
}

struct http_fault http_read_header(struct str line, struct http_header *header)
{
    if (line.size && (line.at[0] == ' ' || line.at[0] == '\t'))
        return BAD(400, "a header is folded over two lines");
    struct str value = str_cut(line, ':', &header->name);
    if (!value.at)
        return BAD(400, "a header has no colon");
    if (!is_all_token(header->name))
        return BAD(400, "a header's name holds a blank or another byte that cannot be");
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return BAD(400, "a header's value holds a control byte");
    }
    header->value = str_trim(value);
    return FINE;
}

/* Headers that say where the request ends or for whom it is, and how often each came. */
struct framing {
    struct str host, length, encoding, expect;
    unsigned hosts, lengths, encodings;
    bool close, keep_alive;
};

static void note_framing(const struct http_header *header, struct framing *framing)
{
    struct str value = header->value;
    switch (header->name.size) {
    case 4:
        if (str_eq_fold(header->name, STR("Host"))) {
            framing->host = value;
            framing->hosts++;
        }
        break;
    case 6:
        if (str_eq_fold(header->name, STR("Expect")))
            framing->expect = value;
        break;
    case 10:
        if (str_eq_fold(header->name, STR("Connection"))) {
            framing->close |= http_list_has(value, STR("close"));
            framing->keep_alive |= http_list_has(value, STR("keep-alive"));
        }
        break;
    case 14:
        if (str_eq_fold(header->name, STR("Content-Length"))) {
            framing->length = value;
            framing->lengths++;
        }
        break;
    case 17:
        if (str_eq_fold(header->name, STR("Transfer-Encoding"))) {
            framing->encoding = value;
            framing->encodings++;
        }
        break;
    }
}

/* At most 18 digits, so that sums of lengths stay far from overflow. */
static struct http_fault read_length(struct str text, struct http_head *head)
{
    if (text.size == 0 || text.size > 18)
        return BAD(400, "Content-Length is empty or beyond every limit");
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.at[i]))
            return BAD(400, "Content-Length is not a plain number");
        head->length = head->length * 10 + (uint64_t)(text.at[i] - '0');
    }
    return FINE;
}

static struct http_fault apply_body(const struct framing *framing, struct http_head *head)
{
    if (framing->lengths && framing->encodings)
        return BAD(400, "both Content-Length and Transfer-Encoding are given");
    if (framing->lengths > 1)
        return BAD(400, "Content-Length is given more than once");
    if (framing->encodings > 1)
        return BAD(400, "Transfer-Encoding is given more than once");
    if (framing->lengths)
        return read_length(framing->length, head);
    if (!framing->encodings)
        return FINE;
    if (head->minor == 0)
        return BAD(400, "HTTP/1.0 has no Transfer-Encoding");
    if (!str_eq_fold(framing->encoding, STR("chunked")))
        return BAD(501, "the only Transfer-Encoding served is chunked");
    head->chunked = true;
    return FINE;
}

static struct http_fault apply_host(const struct framing *framing, struct http_head *head)
{
    if (framing->hosts > 1)
        return BAD(400, "Host is given more than once");
    if (!framing->hosts && head->minor == 1)
        return BAD(400, "Host is missing");
    bool empty_is_fine = head->minor == 0;
    if (!(empty_is_fine && framing->host.size == 0) && !http_is_authority(framing->host))
        return BAD(400, "Host is not a name or address with an optional port");
    if (!head->host.size)
        head->host = framing->host;
    return FINE;
}

static struct http_fault apply_framing(const struct framing *framing, struct http_head *head)
{
    struct http_fault fault = apply_body(framing, head);
    if (!fault.status)
        fault = apply_host(framing, head);
    if (fault.status)
        return fault;
    head->keep_alive = !framing->close && (head->minor == 1 || framing->keep_alive);
    if (framing->expect.size && head->minor == 1) {
        if (!str_eq_fold(framing->expect, STR("100-continue")))
            return BAD(417, "the only Expect served is 100-continue");
        head->expect_continue = head->chunked || head->length;
    }
    return FINE;
}

struct http_fault http_read_head(struct str text, struct http_header *headers, struct http_head *head)
{
    *head = (struct http_head){.headers = headers};
    struct framing framing = {0};
    struct str line;
    struct str rest = str_cut(text, '\n', &line);
    struct http_fault fault = http_read_request_line(str_first(line, line.size - 1), head);
    while (!fault.status && rest.size) {
        rest = str_cut(rest, '\n', &line);
        struct http_header *header = &headers[head->header_count++];
        fault = http_read_header(str_first(line, line.size - 1), header);
        if (!fault.status)
            note_framing(header, &framing);
    }
    return fault.status ? fault : apply_framing(&framing, head);
}
