#include "cli/send_rotated.h"

#include "base/buf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT_DIGITS = 3 };

/* What stands behind the followed name in a rotated one. */
struct suffix {
    char separator;
    size_t digits;
    uint64_t number;
};

static bool take_suffix(struct str base, struct str name, struct suffix *out)
{
    struct str rest = str_from(name, base.size);
    if (!str_starts(name, base) || rest.size < 2 || rest.size > 19 ||
        (rest.at[0] != '.' && rest.at[0] != '-'))
        return false;
    *out = (struct suffix){.separator = rest.at[0], .digits = rest.size - 1};
    for (size_t i = 1; i < rest.size; i++) {
        if (rest.at[i] < '0' || rest.at[i] > '9')
            return false;
        out->number = out->number * 10 + (uint64_t)(rest.at[i] - '0');
    }
    return true;
}

static bool is_count(const struct suffix *suffix)
{
    return suffix->digits <= COUNT_DIGITS;
}

/* Did a come after b? */
static bool is_newer(const struct suffix *a, const struct suffix *b)
{
    return is_count(a) ? a->number < b->number : a->number > b->number;
}

static bool is_alike(const struct suffix *a, const struct suffix *b)
{
    return a->separator == b->separator && is_count(a) == is_count(b);
}

static DIR *open_folder(const char *file, struct str *base)
{
    const char *slash = strrchr(file, '/');
    struct buf folder = {0};
    *base = str_of(slash ? slash + 1 : file);
    buf_put(&folder, slash ? file : "./", slash ? (size_t)(slash - file) + 1 : 2);
    buf_char(&folder, 0);
    DIR *dir = opendir(folder.at);
    buf_done(&folder);
    return dir;
}

/* The name of the regular file with this inode; NULL: there is none. */
static const char *find_inode(DIR *dir, uint64_t inode)
{
    struct stat st;
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
            st.st_ino == inode)
            return entry->d_name;
    return NULL;
}

int rotated_open(const char *file, uint64_t inode)
{
    struct str base;
    DIR *dir = open_folder(file, &base);
    if (!dir)
        return -1;
    const char *name = find_inode(dir, inode);
    int fd = name ? openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    closedir(dir);
    return fd;
}

int rotated_open_next(const char *file, uint64_t inode)
{
    struct str base;
    struct suffix from, each, best = {0};
    char found[NAME_MAX + 1] = "";
    DIR *dir = open_folder(file, &base);
    if (!dir)
        return -1;
    const char *name = find_inode(dir, inode);
    if (name && take_suffix(base, str_of(name), &from)) {
        rewinddir(dir);
        for (struct dirent *entry; (entry = readdir(dir));)
            if (take_suffix(base, str_of(entry->d_name), &each) && is_alike(&each, &from) &&
                is_newer(&each, &from) && (!*found || is_newer(&best, &each))) {
                best = each;
                snprintf(found, sizeof found, "%s", entry->d_name);
            }
    }
    int fd = *found ? openat(dirfd(dir), found, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    closedir(dir);
    return fd;
}
