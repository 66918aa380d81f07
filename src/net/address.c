#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static enum err bad(struct str text, struct why *why)
{
    return why_set(why, ERR_SYNTAX,
                   "\"%.*s\" is not ADDRESS:PORT, such as 127.0.0.1:7411, [::1]:7411 or :7411",
                   (int)(text.size < 80 ? text.size : 80), text.at);
}

static bool set_host(struct str host, bool bracket, struct address *out)
{
    char text[64];
    if (host.size >= sizeof text)
        return false;
    memcpy(text, host.at, host.size);
    text[host.size] = 0;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->to;
    if (bracket) {
        out->size = sizeof *v6;
        v6->sin6_family = AF_INET6;
        return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
    }
    out->size = sizeof *v4;
    v4->sin_family = AF_INET;
    if (host.size == 0 || str_eq(host, STR("*")))
        v4->sin_addr.s_addr = htonl(INADDR_ANY);
    else if (str_eq_fold(host, STR("localhost")))
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
    return true;
}

enum err address_parse(struct str text, struct address *out, struct why *why)
{
    size_t colon = text.size;
    while (colon && text.at[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (!colon || !str_u64(str_from(text, colon), &port) || port > 65535)
        return bad(text, why);
    struct str host = str_first(text, colon - 1);
    bool bracket = host.size >= 2 && host.at[0] == '[' && host.at[host.size - 1] == ']';
    if (bracket)
        host = str_make(host.at + 1, host.size - 2);
    struct address address = {0};
    if (!set_host(host, bracket, &address))
        return bad(text, why);
    address_set_port(&address, (uint16_t)port);
    *out = address;
    return ERR_OK;
}

void address_print(const struct address *address, struct buf *out)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->to.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&address->to)->sin_addr, text, sizeof text);
        buf_printf(out, "%s:%u", text, address_port(address));
    } else if (address->to.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&address->to)->sin6_addr, text, sizeof text);
        buf_printf(out, "[%s]:%u", text, address_port(address));
    } else {
        buf_str(out, STR("unknown"));
    }
}

uint16_t address_port(const struct address *address)
{
    if (address->to.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->to)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->to)->sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->to.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address->to)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address->to)->sin_port = htons(port);
}

bool address_is_loopback(const struct address *address)
{
    if (address->to.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&address->to)->sin_addr.s_addr) >> 24 == 127;
    if (address->to.ss_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&address->to)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

bool address_is_any(const struct address *address)
{
    if (address->to.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&address->to)->sin_addr.s_addr == htonl(INADDR_ANY);
    return address->to.ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->to)->sin6_addr);
}
