/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a guest's process runs as, and what that one may use.
 *
 * Theory of operation. A run is a user of its own, whom nothing belongs to: its number is drawn
 * from a range so large that it does not come twice, and is in the run's status. What the
 * definition names is opened to this user alone, by entries in access control lists (acl.c):
 * owners and modes stay as they are, guests that share a base image do not get into each other's
 * way, and a file of another guest has no entry for this one. Directories on the way that deny
 * searching are opened for that. What everybody may use anyway needs nothing.
 *
 * Each file is written to RUN/domains/NAME.d/rights before it is opened, and at the end of the run,
 * whoever finds it, the entries go. A host that crashes may leave some: of users that are not
 * again. Images for writing lose what was left when they are opened to the next.
 *
 * The run's directory belongs to root and this user's group, sticky: the guest makes its sockets in
 * it and cannot touch what the caller has there.
 *
 * With one user for all (guests_as = NAME), or for some (<seclabel>), entries stay while another
 * run has noted the same file. What such a user may use anyway is not noted, and stays.
 */
#include "rights.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../state/lock.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "acl.h"
#include "rights-give.h"
#include "rights-record.h"
#include "seclabel.h"
#include "tree.h"

static int record_open(struct vemu_giving *w, bool fresh)
{
    g_autofree char *path = vmgr__vemu_run_path(w->d, w->name, "rights");
    struct stat st;

    w->record = open(
        path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_CREAT | O_EXCL : 0), 0600);
    if (w->record >= 0 && fstat(w->record, &st) == 0 && st.st_uid == geteuid())
        return 0;
    return vmgr__error_set_errno(w->err, w->record < 0 ? errno : EPERM, VMGR_FROM_VEMU,
                                 "cannot open file '%s'", path);
}

static int choose_user(struct vemu *d, struct vemu_status *s, const struct vemu_settings *set,
                       struct vmgr_error **err)
{
    uint32_t number = 0;

    if (set->way != VEMU_GUESTS_AS_OWN) {
        s->uid = set->uid;
        s->gid = set->gid;
        return 0;
    }
    for (unsigned tries = 0; tries < 1000; tries++) {
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
            break;
        s->uid = s->gid = set->uid_first + number % set->uid_count;
        if (set->uid_count == VEMU_UID_COUNT || !vmgr__rights_user_is_used(d, s->uid))
            return 0;
    }
    s->uid = 0;
    return vemu_error(err, VMGR_ERR_OPERATION_FAILED,
                      "all of the %u users from %u on that '%s' has for guests are in use",
                      set->uid_count, set->uid_first, d->settings_path);
}

/* The guest makes files here, and cannot touch others'. */
static int open_directory(const struct vemu_giving *w)
{
    g_autofree char *dir = vmgr__vemu_run_path(w->d, w->name, NULL);

    if (chown(dir, (uid_t)-1, w->s->gid) < 0 || chmod(dir, 01770) < 0)
        return vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU,
                                     "cannot open directory '%s' to the guest", dir);
    return 0;
}

/* Entries that are there may be another run's. */
static void find_others(struct vemu_giving *w)
{
    if (w->settings->way == VEMU_GUESTS_AS_ONE)
        w->others = vmgr__rights_of_others(w->d, w->name, w->s->uid);
}

static int begin_locked(struct vemu_giving *w, struct vemu_status *s)
{
    g_autofree char *user = NULL;
    int r = choose_user(w->d, s, w->settings, w->err);

    w->s = s;
    if (r < 0)
        return -1;
    vmgr__vemu_seclabel_show(s);
    if (w->settings->way == VEMU_GUESTS_AS_ROOT) /* who may use everything */
        return vmgr__vemu_status_save(w->d, w->name, s, w->err);
    if (record_open(w, true) < 0)
        return -1;
    user = g_strdup_printf("%u", s->uid);
    r = vmgr__rights_note(w, user);
    if (r == 0)
        r = open_directory(w);
    if (r == 0)
        r = vmgr__vemu_status_save(w->d, w->name, s, w->err);
    find_others(w);
    if (r == 0 && !w->settings->leave_files)
        r = vmgr__rights_give_definition(w);
    g_clear_pointer(&w->others, g_hash_table_unref);
    close(w->record);
    return r;
}

int vmgr__vemu_rights_begin(struct vemu *d, const char *name, struct vemu_status *s,
                            struct vmgr_error **err)
{
    struct vemu_settings settings;
    struct vemu_giving w = { .d = d, .name = name, .settings = &settings, .err = err };
    int lock, r;

    if (vmgr__vemu_settings_load(d, &settings, err) < 0)
        return -1;
    vmgr__vemu_settings_clear(&settings); /* where dumps go matters to no start */
    if (vmgr__vemu_seclabel_apply(s->def, &settings, err) < 0)
        return -1;
    s->sandbox = settings.sandbox;
    if (settings.way == VEMU_GUESTS_AS_CALLER)
        return 0;
    vmgr__vemu_rights_end(d, name); /* what a crash of the host left */
    lock = vmgr__rights_lock(d, err);
    if (lock < 0)
        return -1;
    r = begin_locked(&w, s);
    vmgr__vemu_unlock(lock);
    return r;
}

/* What a run that is under way is given: what parts need, an image, or the way to something. */
struct more {
    const struct vemu_parts *parts;
    const char *image, *way;
    bool writable; /* the image */
};

static int give_one(const struct vemu_giving *w, const struct more *more)
{
    if (more->way)
        return vmgr__rights_give_way(w, more->way);
    return more->parts ? vmgr__rights_give_parts(w, more->parts)
                       : vmgr__rights_give_image(w, more->image, NULL, more->writable);
}

static int give_more(struct vemu *d, const char *name, const struct vemu_status *s,
                     const struct more *more, struct vmgr_error **err)
{
    struct vemu_settings settings;
    struct vemu_giving w = { .d = d, .name = name, .s = s, .settings = &settings, .err = err };
    int lock, r;

    if (!s->uid)
        return 0;
    if (vmgr__vemu_settings_load(d, &settings, err) < 0)
        return -1;
    vmgr__vemu_settings_clear(&settings);
    vmgr__vemu_seclabel_of_run(s->def, &settings);
    if (settings.leave_files && !more->way)
        return 0;
    lock = vmgr__rights_lock(d, err);
    if (lock < 0)
        return -1;
    r = record_open(&w, false);
    if (r == 0) {
        find_others(&w);
        r = give_one(&w, more);
        g_clear_pointer(&w.others, g_hash_table_unref);
        close(w.record);
    }
    vmgr__vemu_unlock(lock);
    return r;
}

int vmgr__vemu_rights_parts(struct vemu *d, const char *name, const struct vemu_status *s,
                            const struct vemu_parts *parts, struct vmgr_error **err)
{
    return give_more(d, name, s, &(struct more){ .parts = parts }, err);
}

int vmgr__vemu_rights_file(struct vemu *d, const char *name, const struct vemu_status *s,
                           const char *path, bool writable, struct vmgr_error **err)
{
    return give_more(d, name, s, &(struct more){ .image = path, .writable = writable }, err);
}

int vmgr__vemu_rights_way(struct vemu *d, const char *name, const struct vemu_status *s,
                          const char *path, struct vmgr_error **err)
{
    return give_more(d, name, s, &(struct more){ .way = path }, err);
}

/* What a line of a record tells of. */
static void take(const char *line, uid_t uid)
{
    const bool own = g_str_has_prefix(line, RIGHTS_OWN_TREE);
    const bool tree = own || g_str_has_prefix(line, RIGHTS_TREE);
    g_autofree char *path = g_strcompress(tree ? strchr(line, '/') : line);
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return; /* it is gone, and so are the rights */
    if (tree)
        vmgr__tree_take(fd, uid, own);
    else
        vmgr__acl_set(fd, uid, 0, 0, 0);
    close(fd);
}

void vmgr__vemu_rights_end(struct vemu *d, const char *name)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autofree char *path = vmgr__vemu_run_path(d, name, "rights");
    g_autoptr(GHashTable) others = NULL;
    g_auto(GStrv) lines = NULL;
    uint32_t user;
    int lock;

    if (access(path, F_OK) < 0)
        return;
    lock = vmgr__rights_lock(d, NULL);
    if (lock < 0)
        return; /* the record stays, for the next start */
    lines = vmgr__rights_read(d, name);
    if (vmgr__rights_user(lines, &user) && user) {
        others = vmgr__rights_of_others(d, name, user);
        for (char **line = lines + 1; *line; line++) {
            if (strchr(*line, '/') && !g_hash_table_contains(others, *line))
                take(*line, user);
        }
    }
    unlink(path);
    chmod(dir, 0700);
    vmgr__vemu_unlock(lock);
}
