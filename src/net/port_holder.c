/* Who holds a port: /proc/net/tcp names the inode of its socket, and one of /proc/PID/fd points to it. Other
 * users' processes are not readable without rights: then it is just "another process". This is a kernel table
 * about sockets, not a file of ours, so it is read here and not through base/sys. */
#include "net/port.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TCP_LISTENING = 10 };

/* The inode of the socket bound to port in one of the tables, or 0. */
static uint64_t find_inode(const char *table, uint16_t port, enum port_kind kind)
{
    FILE *file = fopen(table, "re");
    if (!file)
        return 0;
    char line[512];
    uint64_t inode = 0;
    while (!inode && fgets(line, sizeof line, file)) {
        unsigned local, state;
        uint64_t found;
        /* sl local:port remote:port state queues timer retransmits uid timeout inode */
        if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %" SCNu64, &local, &state,
                   &found) == 3 &&
            local == port && (kind == PORT_UDP || state == TCP_LISTENING))
            inode = found;
    }
    fclose(file);
    return inode;
}

static bool holds(const char *pid, const char *wanted)
{
    char path[300], target[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = 0;
        found = strcmp(target, wanted) == 0;
    }
    closedir(folder);
    return found;
}

static bool name_of(const char *pid, char *text, size_t size)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fgets(name, sizeof name, file) != NULL;
    fclose(file);
    name[strcspn(name, "\n")] = 0;
    if (read)
        snprintf(text, size, "%s (process %.20s)", name, pid);
    return read;
}

void port_holder(uint16_t port, enum port_kind kind, char *text, size_t size)
{
    static const char *const tables[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                             {"/proc/net/udp", "/proc/net/udp6"}};
    snprintf(text, size, "another process");
    uint64_t inode = find_inode(tables[kind][0], port, kind);
    if (!inode)
        inode = find_inode(tables[kind][1], port, kind);
    DIR *folder = inode ? opendir("/proc") : NULL;
    if (!folder)
        return;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (isdigit((unsigned char)entry->d_name[0]) && holds(entry->d_name, wanted) &&
            name_of(entry->d_name, text, size))
            break;
    closedir(folder);
}
