/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that guests' memory is in.
 *
 * Theory of operation. Each run has a directory of its own below memory_backing_dir (vemu.conf),
 * which belongs to the run's user and is closed to all others; the emulator makes a file for each
 * part of the memory in it. The link "ram" in the run's directory, which no guest can change, leads
 * there and is there first: whoever finds that the run is over removes what it leads to, and then
 * the link.
 *
 * A host that crashes may leave directories whose link is gone, and these files are large. Their
 * names are the domains' and a sum of where the runs are, so that any start of a guest can tell
 * those that nobody uses.
 */
#include "backing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../conf/tuning.h"
#include "../state/lock.h"
#include "../state/paths.h"
#include "rights.h"

#define LINK      "ram"
#define DEPTH_MAX 100 /* a descriptor each */

/* ---- removing ---- */

/* What a guest's user made there. Nothing is followed. */
static void empty(int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        int inner;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            unlinkat(fd, e->d_name, 0) == 0)
            continue;
        inner = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0 && depth < DEPTH_MAX)
            empty(inner, depth + 1);
        else if (inner >= 0)
            close(inner);
        unlinkat(fd, e->d_name, AT_REMOVEDIR);
    }
    if (dir)
        closedir(dir);
    else
        close(fd);
}

static void remove_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0)
        empty(fd, 0);
    rmdir(path);
}

void vmgr__vemu_backing_end(const struct vemu *d, const char *name)
{
    g_autofree char *link = vmgr__vemu_run_path(d, name, LINK);
    g_autofree char *path = g_file_read_link(link, NULL);

    if (!path)
        return;
    remove_directory(path);
    unlink(link);
}

void vmgr__vemu_backing_drop(const struct vemu *d, const char *name, const struct vmgr__device *dev)
{
    g_autofree char *alias = strcmp(dev->name, "memory") == 0 ? vmgr__device_alias(dev) : NULL;
    g_autofree char *file =
        alias && !strchr(alias, '/') ? g_strconcat(LINK "/", alias, NULL) : NULL;
    g_autofree char *path = file ? vmgr__vemu_run_path(d, name, file) : NULL;

    if (path)
        unlink(path);
}

/* ---- making ---- */

/* What all names of this instance end with. */
static char *suffix_of(const struct vemu *d)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, d->run_dir, -1);

    return g_strdup_printf(".%.12s", sum);
}

/* Removes what runs have left that nobody knows of any more. One that is about to start is locked
 * by its caller. */
static void sweep(struct vemu *d, const char *base, const char *suffix)
{
    g_autoptr(GDir) dir = g_dir_open(base, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;
        g_autofree char *path = NULL;
        struct vemu_status s;
        int lock;

        if (!g_str_has_suffix(file, suffix))
            continue;
        name = g_strndup(file, strlen(file) - strlen(suffix));
        path = g_build_filename(base, file, NULL);
        lock = vmgr__vemu_try_lock(d, name);
        if (lock >= 0 && vmgr__vemu_status_load(d, name, &s, NULL) >= 0) {
            if (s.phase == VEMU_OFF)
                remove_directory(path);
            vmgr__vemu_status_clear(&s);
        }
        vmgr__vemu_unlock(lock);
    }
}

/* The directory of all runs: nobody else may put anything there, or take it away. */
static int make_base(const char *base, struct vmgr_error **err)
{
    g_autofree char *parent = g_path_get_dirname(base);
    struct stat st;

    if (g_mkdir_with_parents(parent, 0700) < 0 || (mkdir(base, 0711) < 0 && errno != EEXIST) ||
        lstat(base, &st) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     base);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 0022)
        return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                          "directory '%s' cannot have guests' memory: others may write there",
                          base);
    return 0;
}

static int make(const struct vemu *d, const char *name, const struct vemu_status *s,
                const char *path, struct vmgr_error **err)
{
    g_autofree char *link = vmgr__vemu_run_path(d, name, LINK);

    remove_directory(path); /* of this domain, before a crash of the host */
    if (symlink(path, link) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot make the link '%s'", link);
    if (mkdir(path, 0700) < 0 || ((s->uid || s->gid) && chown(path, s->uid, s->gid) < 0))
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     path);
    return 0;
}

static int begin(struct vemu *d, const char *name, const struct vemu_status *s, const char *base,
                 struct vmgr_error **err)
{
    g_autofree char *suffix = suffix_of(d);
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    g_autofree char *path = g_build_filename(base, file, NULL);

    vmgr__vemu_backing_end(d, name);
    sweep(d, base, suffix);
    if (s->def->tuning.source != VMGR__MEMORY_SOURCE_FILE)
        return 0;
    if (make_base(base, err) < 0 || make(d, name, s, path, err) < 0)
        return -1;
    return vmgr__vemu_rights_way(d, name, s, path, err);
}

int vmgr__vemu_backing_begin(struct vemu *d, const char *name, const struct vemu_status *s,
                             struct vmgr_error **err)
{
    struct vemu_settings settings;
    int r;

    if (vmgr__vemu_settings_load(d, &settings, err) < 0)
        return -1;
    r = begin(d, name, s, settings.memory_backing_dir, err);
    vmgr__vemu_settings_clear(&settings);
    return r;
}
