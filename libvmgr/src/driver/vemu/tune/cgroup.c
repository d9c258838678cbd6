/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups of guests, cgroups(7): limits of CPU time, memory and block I/O.
 *
 * Theory of operation. A guest without limits has no group and needs none. With the first limit, at
 * its start or while it runs, it gets PARTITION/vmgr-NAME-ID (PARTITION: <partition>, "/machine"
 * unless given), in the one tree of version 2 or in each controller's of version 1, and the whole
 * process moves there. Limits of single vCPUs, and of all threads that are none, are groups in it:
 * "vcpu0" ..., "emulator"; in version 2 threaded ones. The group's name is in the run's status, and
 * whoever ends the run removes it.
 *
 * A limit that the host cannot set is an error that says what is missing.
 */
#include "../state/status.h"
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define TREE "/sys/fs/cgroup"

/* Numbers with a file of their own. */
static const struct knob {
    enum vmgr__tune tune;
    const char *controller1, *file1; /* version 1 */
    const char *controller2, *file2;
    uint64_t scale;
    const char *none1, *none2; /* what takes the limit away */
} knobs[] = {
    { VMGR__TUNE_SHARES, "cpu", "cpu.shares", "cpu", "cpu.weight", 1, "1024", "100" },
    { VMGR__TUNE_HARD_LIMIT, "memory", "memory.limit_in_bytes", "memory", "memory.max", 1024, "-1",
      "max" },
    { VMGR__TUNE_SOFT_LIMIT, "memory", "memory.soft_limit_in_bytes", "memory", "memory.high", 1024,
      "-1", "max" },
    { VMGR__TUNE_WEIGHT, "blkio", "blkio.weight", "io", "io.weight", 1, "500", "default 100" },
};

static const struct {
    const char *file1, *key2;
} blkio[VMGR__BLKIO_COUNT] = {
    [VMGR__BLKIO_WEIGHT] = { "blkio.weight_device", NULL },
    [VMGR__BLKIO_READ_IOPS] = { "blkio.throttle.read_iops_device", "riops" },
    [VMGR__BLKIO_WRITE_IOPS] = { "blkio.throttle.write_iops_device", "wiops" },
    [VMGR__BLKIO_READ_BYTES] = { "blkio.throttle.read_bps_device", "rbps" },
    [VMGR__BLKIO_WRITE_BYTES] = { "blkio.throttle.write_bps_device", "wbps" },
};

static const char *const controllers1[] = { "cpu", "memory", "blkio" };

struct group {
    int version;
    const char *path; /* below the tree's root */
    int pid;
    struct vmgr_error **err;
};

/* ---- the tree ---- */

static bool is_tree(const char *path, long magic)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == magic;
}

/* 2, 1, or 0: there are none. */
static int version_of_host(void)
{
    if (is_tree(TREE, CGROUP2_SUPER_MAGIC))
        return 2;
    return is_tree(TREE "/cpu", CGROUP_SUPER_MAGIC) || is_tree(TREE "/memory", CGROUP_SUPER_MAGIC)
               ? 1
               : 0;
}

static char *group_dir(int version, const char *controller, const char *path)
{
    return version == 2 ? g_strconcat(TREE, path, NULL)
                        : g_strconcat(TREE "/", controller, path, NULL);
}

static int unusable(const struct group *g, const char *controller, const char *what, int errnum)
{
    return vemu_error(g->err, VMGR_ERR_OPERATION_INVALID,
                      "cgroup %s controller cannot be used: %s: %s", controller, what,
                      g_strerror(errnum));
}

static int put(const char *dir, const char *file, const char *text)
{
    g_autofree char *path = g_build_filename(dir, file, NULL);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, strlen(text)) < 0)
        r = -errno;
    close(fd);
    return r;
}

/* Makes each directory on the way; version 2 passes its controllers down. */
static int make_way(const struct group *g, const char *controller)
{
    g_autofree char *root = group_dir(g->version, controller, "");
    g_autofree char *full = group_dir(g->version, controller, g->path);
    size_t at = strlen(root);

    while (full[at]) {
        g_autofree char *dir = NULL;
        g_autofree char *parent = g_strndup(full, at);

        at += 1 + strcspn(full + at + 1, "/");
        dir = g_strndup(full, at);
        if (g->version == 2) {
            /* One by one: what is not there is missed when it is wanted. */
            put(parent, "cgroup.subtree_control", "+cpu");
            put(parent, "cgroup.subtree_control", "+memory");
            put(parent, "cgroup.subtree_control", "+io");
        }
        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
            return unusable(g, controller, dir, errno);
    }
    return 0;
}

static int join(const struct group *g, const char *controller)
{
    g_autofree char *dir = group_dir(g->version, controller, g->path);
    g_autofree char *pid = g_strdup_printf("%d", g->pid);
    int r;

    if (make_way(g, controller) < 0)
        return -1;
    r = put(dir, "cgroup.procs", pid);
    return r < 0 ? unusable(g, controller, dir, -r) : 0;
}

/* In version 1 only controllers that something is said about. */
static int enter(const struct group *g, const char *controller)
{
    g_autofree char *dir = group_dir(g->version, controller, g->path);
    g_autofree char *root = group_dir(g->version, controller, "");

    if (g->version == 1 && !is_tree(root, CGROUP_SUPER_MAGIC))
        return unusable(g, controller, root, ENOENT);
    return access(dir, F_OK) == 0 ? 0 : join(g, controller);
}

static int set(const struct group *g, const char *controller, const char *sub, const char *file,
               const char *text)
{
    g_autofree char *dir = group_dir(g->version, controller, g->path);
    g_autofree char *full = sub ? g_build_filename(dir, sub, NULL) : g_strdup(dir);
    int r;

    if (enter(g, controller) < 0)
        return -1;
    r = put(full, file, text);
    if (r < 0)
        return vemu_error(g->err, VMGR_ERR_OPERATION_INVALID, "Unable to write '%s' to '%s/%s': %s",
                          text, full, file, g_strerror(-r));
    return 0;
}

/* ---- limits ---- */

static int set_knob(const struct group *g, const struct knob *k, int64_t value)
{
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, (uint64_t)value * k->scale);
    const char *file = g->version == 2 ? k->file2 : k->file1;
    const char *controller = g->version == 2 ? k->controller2 : k->controller1;
    const char *text = value > 0 ? number : g->version == 2 ? k->none2 : k->none1;
    g_autofree char *dir = group_dir(g->version, controller, g->path);
    g_autofree char *bfq =
        g_strconcat(dir, g->version == 2 ? "/io.bfq.weight" : "/blkio.bfq.weight", NULL);
    g_autofree char *plain = g_build_filename(dir, file, NULL);

    if (enter(g, controller) < 0)
        return -1;
    /* The scheduler of disks that knows weights has a file of its own. */
    if (k->tune == VMGR__TUNE_WEIGHT && access(plain, F_OK) < 0 && access(bfq, F_OK) == 0)
        file = strrchr(bfq, '/') + 1;
    return set(g, controller, NULL, file, text);
}

static int set_swap(const struct group *g, const struct vmgr__tuning *t)
{
    int64_t hard = t->value[VMGR__TUNE_HARD_LIMIT], swap = t->value[VMGR__TUNE_SWAP_HARD_LIMIT];
    g_autofree char *text =
        !swap ? g_strdup(g->version == 2 ? "max" : "-1")
              : g_strdup_printf("%" G_GINT64_FORMAT,
                                (g->version == 2 ? swap - MIN(hard, swap) : swap) * 1024);

    return set(g, "memory", NULL,
               g->version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", text);
}

/* So much of each period, of a group or of one inside. */
static int set_quota(const struct group *g, const char *sub, int64_t period, int64_t quota)
{
    g_autofree char *both = NULL, *one = NULL;

    if (!period)
        period = 100000;
    if (g->version == 2) {
        both = quota > 0 ? g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, quota, period)
                         : g_strdup_printf("max %" G_GINT64_FORMAT, period);
        return set(g, "cpu", sub, "cpu.max", both);
    }
    one = g_strdup_printf("%" G_GINT64_FORMAT, period);
    both = g_strdup_printf("%" G_GINT64_FORMAT, quota > 0 ? quota : -1);
    return set(g, "cpu", sub, "cpu.cfs_period_us", one) < 0
               ? -1
               : set(g, "cpu", sub, "cpu.cfs_quota_us", both);
}

/* A group of threads inside the guest's. */
static int make_inner(const struct group *g, const char *sub)
{
    g_autofree char *dir = group_dir(g->version, "cpu", g->path);
    g_autofree char *inner = g_build_filename(dir, sub, NULL);
    int r;

    if (enter(g, "cpu") < 0)
        return -1;
    if (mkdir(inner, 0755) < 0)
        return errno == EEXIST ? 0 : unusable(g, "cpu", inner, errno);
    if (g->version == 1)
        return 0;
    r = put(inner, "cgroup.type", "threaded");
    if (r == 0)
        r = put(dir, "cgroup.subtree_control", "+cpu");
    return r < 0 ? unusable(g, "cpu", inner, -r) : 0;
}

static int move_thread(const struct group *g, const char *sub, int tid)
{
    g_autofree char *text = g_strdup_printf("%d", tid);
    g_autofree char *task = g_strdup_printf("/proc/%d/task/%d", g->pid, tid);

    if (access(task, F_OK) < 0)
        return 0; /* it has ended, or was never the guest's */
    return set(g, "cpu", sub, g->version == 2 ? "cgroup.threads" : "tasks", text);
}

static int tune_vcpus(const struct group *g, const struct vmgr__tuning *t,
                      const struct vemu_threads *threads)
{
    for (guint i = 0; i < threads->vcpus->len; i++) {
        g_autofree char *sub = g_strdup_printf("vcpu%u", i);
        const int tid = g_array_index(threads->vcpus, int, i);

        if (tid && (make_inner(g, sub) < 0 || move_thread(g, sub, tid) < 0 ||
                    set_quota(g, sub, t->value[VMGR__TUNE_PERIOD], t->value[VMGR__TUNE_QUOTA]) < 0))
            return -1;
    }
    return 0;
}

static int tune_iothreads(const struct group *g, const struct vmgr__tuning *t,
                          const struct vemu_threads *threads)
{
    for (guint i = 0; i < threads->iothreads->len; i++) {
        const struct vemu_iothread_tid *io =
            &g_array_index(threads->iothreads, struct vemu_iothread_tid, i);
        g_autofree char *sub = g_strdup_printf("iothread%u", io->id);

        if (make_inner(g, sub) < 0 || move_thread(g, sub, io->tid) < 0 ||
            set_quota(g, sub, t->value[VMGR__TUNE_IOTHREAD_PERIOD],
                      t->value[VMGR__TUNE_IOTHREAD_QUOTA]) < 0)
            return -1;
    }
    return 0;
}

static int tune_emulator(const struct group *g, const struct vmgr__tuning *t,
                         const struct vemu_threads *threads)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", g->pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *file;

    if (make_inner(g, "emulator") < 0)
        return -1;
    while (dir && (file = g_dir_read_name(dir))) {
        uint32_t tid;

        if (vmgr__parse_u32(file, &tid) && tid <= INT32_MAX &&
            !vmgr__threads_has(threads, (int)tid) &&
            move_thread(g, "emulator", (int)tid) < 0)
            return -1;
    }
    return set_quota(g, "emulator", t->value[VMGR__TUNE_EMULATOR_PERIOD],
                     t->value[VMGR__TUNE_EMULATOR_QUOTA]);
}

static int set_device(const struct group *g, const struct vmgr__blkio_device *d, int k)
{
    g_autofree char *text = NULL;
    struct stat st;

    if (stat(d->path, &st) < 0)
        return vmgr__error_set_errno(g->err, errno, VMGR_FROM_VEMU, "Path '%s' is not accessible",
                                     d->path);
    if (!S_ISBLK(st.st_mode))
        return vemu_error(g->err, VMGR_ERR_INVALID_ARG, "Path '%s' must be a block device",
                          d->path);
    if (g->version == 1) {
        text = g_strdup_printf("%u:%u %" G_GUINT64_FORMAT, major(st.st_rdev), minor(st.st_rdev),
                               d->value[k]);
        return set(g, "blkio", NULL, blkio[k].file1, text);
    }
    if (!blkio[k].key2)
        text = g_strdup_printf("%u:%u %" G_GUINT64_FORMAT, major(st.st_rdev), minor(st.st_rdev),
                               d->value[k] ? d->value[k] : 100);
    else if (d->value[k])
        text = g_strdup_printf("%u:%u %s=%" G_GUINT64_FORMAT, major(st.st_rdev), minor(st.st_rdev),
                               blkio[k].key2, d->value[k]);
    else
        text = g_strdup_printf("%u:%u %s=max", major(st.st_rdev), minor(st.st_rdev), blkio[k].key2);
    return set(g, "io", NULL, blkio[k].key2 ? "io.max" : "io.weight", text);
}

static uint64_t old_device(const struct vmgr__tuning *old, const char *path, int k)
{
    for (guint i = 0; old && old->blkio && i < old->blkio->len; i++) {
        const struct vmgr__blkio_device *d =
            &g_array_index(old->blkio, struct vmgr__blkio_device, i);

        if (strcmp(d->path, path) == 0)
            return d->value[k];
    }
    return 0;
}

static int tune_devices(const struct group *g, const struct vmgr__tuning *t,
                        const struct vmgr__tuning *old)
{
    for (guint i = 0; t->blkio && i < t->blkio->len; i++) {
        const struct vmgr__blkio_device *d = &g_array_index(t->blkio, struct vmgr__blkio_device, i);

        for (int k = 0; k < VMGR__BLKIO_COUNT; k++) {
            if (d->value[k] != old_device(old, d->path, k) && set_device(g, d, k) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- all of them ---- */

static bool differs(const struct vmgr__tuning *t, const struct vmgr__tuning *old,
                    enum vmgr__tune first, enum vmgr__tune last)
{
    for (int i = (int)first; i <= (int)last; i++) {
        if (t->value[i] != (old ? old->value[i] : 0))
            return true;
    }
    return false;
}

static bool has_news(const struct vmgr__tuning *t, const struct vmgr__tuning *old)
{
    return differs(t, old, 0, VMGR__TUNE_COUNT - 1) || (t->blkio && t->blkio->len);
}

static int apply(const struct group *g, const struct vmgr__tuning *t,
                 const struct vmgr__tuning *old, const struct vemu_threads *threads)
{
    const bool swap = differs(t, old, VMGR__TUNE_SWAP_HARD_LIMIT, VMGR__TUNE_SWAP_HARD_LIMIT);
    const bool grows =
        swap && old &&
        (!t->value[VMGR__TUNE_SWAP_HARD_LIMIT] ||
         t->value[VMGR__TUNE_SWAP_HARD_LIMIT] > old->value[VMGR__TUNE_SWAP_HARD_LIMIT]);

    /* The limit with swap is never below the one without. */
    if (grows && set_swap(g, t) < 0)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(knobs); i++) {
        if (differs(t, old, knobs[i].tune, knobs[i].tune) &&
            set_knob(g, &knobs[i], t->value[knobs[i].tune]) < 0)
            return -1;
    }
    if (swap && !grows && set_swap(g, t) < 0)
        return -1;
    if (differs(t, old, VMGR__TUNE_GLOBAL_PERIOD, VMGR__TUNE_GLOBAL_QUOTA) &&
        set_quota(g, NULL, t->value[VMGR__TUNE_GLOBAL_PERIOD], t->value[VMGR__TUNE_GLOBAL_QUOTA]) <
            0)
        return -1;
    if (differs(t, old, VMGR__TUNE_PERIOD, VMGR__TUNE_QUOTA) && tune_vcpus(g, t, threads) < 0)
        return -1;
    if (differs(t, old, VMGR__TUNE_EMULATOR_PERIOD, VMGR__TUNE_EMULATOR_QUOTA) &&
        tune_emulator(g, t, threads) < 0)
        return -1;
    if (differs(t, old, VMGR__TUNE_IOTHREAD_PERIOD, VMGR__TUNE_IOTHREAD_QUOTA) &&
        tune_iothreads(g, t, threads) < 0)
        return -1;
    return tune_devices(g, t, old);
}

static char *choose_path(const struct vemu *d, const char *name, const struct vmgr__domain_def *def)
{
    g_autofree char *where = g_compute_checksum_for_string(G_CHECKSUM_SHA256, d->run_dir, -1);
    const char *partition = def->tuning.partition ? def->tuning.partition : "/machine";

    /* Numbers of runs are those of one directory. */
    where[8] = '\0';
    return g_strdup_printf("%s/vmgr-%s-%d%s%s", strcmp(partition, "/") == 0 ? "" : partition, name,
                           def->id, d->is_system ? "" : "-", d->is_system ? "" : where);
}

int vmgr__cgroup_apply(const struct vemu *d, const char *name, struct vemu_status *s,
                       const struct vmgr__tuning *old, const struct vemu_threads *threads,
                       struct vmgr_error **err)
{
    struct group g = { .version = version_of_host(), .pid = s->process.pid, .err = err };

    if (!has_news(&s->def->tuning, old))
        return 0;
    if (!g.version)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "limits need control groups, and '" TREE "' has none");
    if (geteuid() != 0)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "limits need control groups, which only root may make");
    if (!s->cgroup) {
        s->cgroup = choose_path(d, name, s->def);
        /* Known before it is there: whoever ends the run removes it. */
        if (vmgr__vemu_status_save(d, name, s, err) < 0)
            return -1;
    }
    g.path = s->cgroup;
    return apply(&g, &s->def->tuning, old, threads);
}

/* The last threads of a process that was killed take a moment to leave. */
static void remove_group(const char *dir)
{
    const struct timespec pause = { 0, 10000000 };

    for (unsigned tries = 0; tries < 200 && rmdir(dir) < 0 && errno == EBUSY; tries++)
        nanosleep(&pause, NULL);
}

static void remove_tree(const char *dir)
{
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    const char *file;

    while (list && (file = g_dir_read_name(list))) {
        g_autofree char *inner = g_build_filename(dir, file, NULL);

        if (g_str_has_prefix(file, "vcpu") || g_str_has_prefix(file, "iothread") ||
            strcmp(file, "emulator") == 0)
            remove_group(inner);
    }
    remove_group(dir);
}

void vmgr__cgroup_remove(const char *path)
{
    int version = version_of_host();

    for (size_t i = 0; i < (version == 1 ? G_N_ELEMENTS(controllers1) : 1); i++) {
        g_autofree char *dir = group_dir(version, controllers1[i], path);

        remove_tree(dir);
    }
}
