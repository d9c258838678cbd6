/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rights of a run's user on a directory that is shared with its guest.
 *
 * Theory of operation. A tree is gone through from its top, by descriptors: a name is opened below
 * its directory and never followed, since guests that have the same tree may move things meanwhile.
 * Directories get an entry for the user, and one that what is made in them begins with, so that the
 * user has files that others make later; plain files get one. Nothing else needs any: links are for
 * the guest to follow, special files are not opened by the emulator.
 *
 * Nothing outside of the tree is touched: what is mounted in it belongs to somebody else. A file
 * with several names may have been brought here from elsewhere; it counts only where the kernel
 * lets nobody link files that are not his (fs.protected_hardlinks).
 *
 * What the guest made belongs to the run's user, who does not come again. In the end it becomes the
 * property of whoever owns the tree; the kernel takes set-user-ID bits from it, chown(2).
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"

#define DEPTH_MAX 200 /* a descriptor each; what is deeper stays as it is */

struct walk {
    uid_t user;
    unsigned rights; /* of directories; 0: they are taken away */
    bool heir;
    bool links; /* files with several names count */
    struct stat top;
};

/* What everybody may do needs no entry. */
static int set_entry(const struct walk *w, int fd, unsigned rights)
{
    return rights && vmgr__acl_allows(fd, w->user, rights)
               ? 0
               : vmgr__acl_set(fd, w->user, rights, 0, 0);
}

static int visit_directory(const struct walk *w, int fd)
{
    int r = set_entry(w, fd, w->rights), later;

    if (r < 0)
        return r;
    later = vmgr__acl_set_default(fd, w->user, w->rights);
    /* Without lists at all everybody has what is here, and what will be depends on its maker. */
    return later == -EOPNOTSUPP || later == -EROFS ? 0 : later;
}

/* Programs of the host stay programs. */
static int visit_file(const struct walk *w, int fd, const struct stat *st)
{
    unsigned rights = w->rights & (VEMU_ACL_READ | VEMU_ACL_WRITE);

    if (rights && st->st_nlink != 1 && !w->links)
        return 0;
    if (rights && st->st_mode & 0111)
        rights |= VEMU_ACL_SEARCH;
    return set_entry(w, fd, rights);
}

static void hand_over(const struct walk *w, int fd, const struct stat *st)
{
    const bool owner = st->st_uid == w->user, group = st->st_gid == (gid_t)w->user;

    if (w->heir && (owner || group))
        (void)!fchownat(fd, "", owner ? w->top.st_uid : (uid_t)-1,
                        group ? w->top.st_gid : (gid_t)-1, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

static int visit_names(const struct walk *w, int fd, unsigned depth);

static int visit(const struct walk *w, int fd, unsigned depth)
{
    struct stat st;
    int r = 0;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_dev != w->top.st_dev)
        return 0;
    hand_over(w, fd, &st);
    if (S_ISREG(st.st_mode))
        return visit_file(w, fd, &st);
    if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        r = visit_directory(w, fd);
    if (r == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        r = visit_names(w, fd, depth);
    return r;
}

/* The first error counts; what is taken away is taken as far as it goes. */
static int visit_names(const struct walk *w, int fd, unsigned depth)
{
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *dir = list >= 0 ? fdopendir(list) : NULL;
    const struct dirent *e;

    if (!dir) {
        r = -errno;
        if (list >= 0)
            close(list);
        return r;
    }
    while ((r == 0 || !w->rights) && (e = readdir(dir))) {
        int entry, one;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        entry = openat(fd, e->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        one = entry >= 0 ? visit(w, entry, depth + 1) : errno == ENOENT ? 0 : -errno;
        if (r == 0)
            r = one;
        if (entry >= 0)
            close(entry);
    }
    closedir(dir);
    return r;
}

static bool links_are_protected(void)
{
    int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
    char value = '0';
    bool is = fd >= 0 && read(fd, &value, 1) == 1 && value == '1';

    if (fd >= 0)
        close(fd);
    return is;
}

static int walk(struct walk *w, int fd)
{
    return fstat(fd, &w->top) < 0 ? -errno : visit(w, fd, 0);
}

int vmgr__tree_give(int fd, uid_t user, bool writable)
{
    struct walk w = { .user = user,
                      .links = links_are_protected(),
                      .rights = VEMU_ACL_READ | VEMU_ACL_SEARCH | (writable ? VEMU_ACL_WRITE : 0) };

    return walk(&w, fd);
}

void vmgr__tree_take(int fd, uid_t user, bool heir)
{
    struct walk w = { .user = user, .heir = heir };

    walk(&w, fd);
}
