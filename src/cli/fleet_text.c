#include "cli/fleet_room.h"

/* Hosts 0-13 write ts=, hosts 14-17 as a platform's log would show it, the last two a keyed source. */
void fleet_line_time(struct fleet *fleet, uint32_t host, struct buf *out)
{
    if (host % FLEET_HOSTS_MAX >= 14 && host % FLEET_HOSTS_MAX < 18) {
        buf_time(out, fleet->now_ms);
        buf_printf(out, " app[web.%u]: ", host + 1);
        return;
    }
    buf_str(out, STR("ts="));
    buf_number(out, (double)fleet->now_ms);
    buf_char(out, ' ');
}

void fleet_line_tenths(struct buf *out, uint64_t tenths)
{
    buf_number(out, (double)(tenths / 10));
    if (tenths % 10) {
        buf_char(out, '.');
        buf_char(out, (char)('0' + tenths % 10));
    }
}
