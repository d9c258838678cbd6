/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads of guests: which they are, on which host CPUs they may run, how they are scheduled.
 *
 * A pin is the thread's affinity, sched_setaffinity(2), which needs no control group and holds for
 * an unprivileged caller's guests as well.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../run/qmp.h"
#include "../state/status.h"
#include "cgroup.h"
#include "iothread.h"

#define VCPUS_MAX 4096

static bool number_of(struct json_object *o, const char *key, int64_t *ret)
{
    struct json_object *value;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &value) ||
        !json_object_is_type(value, json_type_int))
        return false;
    *ret = json_object_get_int64(value);
    return true;
}

void vmgr__threads_fini(struct vemu_threads *t)
{
    g_clear_pointer(&t->vcpus, g_array_unref);
    g_clear_pointer(&t->iothreads, g_array_unref);
}

static int query_iothreads(struct vemu_qmp *q, struct vemu_threads *ret, struct vmgr_error **err)
{
    struct json_object *list = NULL, *name;

    ret->iothreads = g_array_new(FALSE, TRUE, sizeof(struct vemu_iothread_tid));
    if (vmgr__qmp_execute(q, "query-iothreads", NULL, &list, err) < 0)
        return -1;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct vemu_iothread_tid t;
        int64_t tid;

        if (!number_of(o, "thread-id", &tid) || tid <= 0 || tid > INT32_MAX ||
            !json_object_object_get_ex(o, "id", &name) ||
            !g_str_has_prefix(json_object_get_string(name), VEMU_IOTHREAD_PREFIX) ||
            !vmgr__parse_u32(json_object_get_string(name) + strlen(VEMU_IOTHREAD_PREFIX), &t.id))
            continue;
        t.tid = (int)tid;
        g_array_append_val(ret->iothreads, t);
    }
    json_object_put(list);
    return 0;
}

int vmgr__threads_query(struct vemu_qmp *q, struct vemu_threads *ret, struct vmgr_error **err)
{
    struct json_object *list = NULL;

    ret->vcpus = g_array_new(FALSE, TRUE, sizeof(int));
    if (vmgr__qmp_execute(q, "query-cpus-fast", NULL, &list, err) < 0)
        return -1;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        int64_t number, tid;

        if (!number_of(o, "cpu-index", &number) || !number_of(o, "thread-id", &tid) || number < 0 ||
            number >= VCPUS_MAX || tid <= 0 || tid > INT32_MAX)
            continue;
        if ((guint)number >= ret->vcpus->len)
            g_array_set_size(ret->vcpus, (guint)number + 1);
        g_array_index(ret->vcpus, int, number) = (int)tid;
    }
    json_object_put(list);
    return query_iothreads(q, ret, err);
}

bool vmgr__thread_stat(int pid, int tid, uint64_t *ret_time_ns, int *ret_cpu)
{
    const uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/stat", pid, tid);
    g_autofree char *text = NULL;
    uint64_t user, system;
    const char *p;

    /* proc(5): fields 14, 15 and 39. The name in parentheses may hold anything. */
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    p = strrchr(text, ')');
    if (!p || sscanf(p + 1,
                     " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" G_GINT64_MODIFIER
                     "u %" G_GINT64_MODIFIER "u %*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u "
                     "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
                     &user, &system, ret_cpu) != 3)
        return false;
    *ret_time_ns = (user + system) * tick_ns;
    return true;
}

static int pin(int tid, const char *cpuset, struct vmgr_error **err)
{
    uint8_t set[CPU_SETSIZE];
    cpu_set_t cpus;

    if (!vmgr__cpuset_parse(cpuset, set, sizeof(set)))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "the host has no CPUs '%s'", cpuset);
    CPU_ZERO(&cpus);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (set[i])
            CPU_SET(i, &cpus);
    }
    if (sched_setaffinity(tid, sizeof(cpus), &cpus) < 0 && errno != ESRCH)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot set CPU affinity to '%s'",
                                     cpuset);
    return 0;
}

/* Where one of the guest's threads runs, and how it is scheduled. */
static int place(const struct vemu_status *s, int tid, int kind, uint32_t id,
                 struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &s->def->tuning;
    const char *cpus = vmgr__tuning_pin(t, kind, id);
    g_autofree char *task = g_strdup_printf("/proc/%d/task/%d", s->process.pid, tid);

    /* A guest's own word is not enough: another's thread is not touched. */
    if (!tid || access(task, F_OK) < 0)
        return 0;
    if (cpus && pin(tid, cpus, err) < 0)
        return -1;
    return vmgr__thread_schedule(t, kind, id, tid, err);
}

bool vmgr__threads_has(const struct vemu_threads *threads, int tid)
{
    for (guint i = 0; i < threads->vcpus->len; i++) {
        if (g_array_index(threads->vcpus, int, i) == tid)
            return true;
    }
    for (guint i = 0; i < threads->iothreads->len; i++) {
        if (g_array_index(threads->iothreads, struct vemu_iothread_tid, i).tid == tid)
            return true;
    }
    return false;
}

/* Those of the emulator itself. */
static int place_others(const struct vemu_status *s, const struct vemu_threads *threads,
                        struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &s->def->tuning;
    g_autofree char *path = g_strdup_printf("/proc/%d/task", s->process.pid);
    g_autoptr(GDir) dir = NULL;
    const char *file;

    if (!vmgr__tuning_pin(t, VMGR_PIN_EMULATOR, 0) &&
        !vmgr__tuning_scheduler(t, VMGR_PIN_EMULATOR, 0))
        return 0;
    dir = g_dir_open(path, 0, NULL);
    while (dir && (file = g_dir_read_name(dir))) {
        uint32_t tid;

        if (vmgr__parse_u32(file, &tid) && tid <= INT32_MAX &&
            !vmgr__threads_has(threads, (int)tid) &&
            place(s, (int)tid, VMGR_PIN_EMULATOR, 0, err) < 0)
            return -1;
    }
    return 0;
}

int vmgr__threads_pin(const struct vemu_status *s, const struct vemu_threads *threads,
                      struct vmgr_error **err)
{
    for (guint i = 0; i < threads->vcpus->len; i++) {
        if (place(s, g_array_index(threads->vcpus, int, i), VMGR_PIN_VCPU, i, err) < 0)
            return -1;
    }
    for (guint i = 0; i < threads->iothreads->len; i++) {
        const struct vemu_iothread_tid *io =
            &g_array_index(threads->iothreads, struct vemu_iothread_tid, i);

        if (place(s, io->tid, VMGR_PIN_IOTHREAD, io->id, err) < 0)
            return -1;
    }
    return place_others(s, threads, err);
}

int vmgr__threads_place(const struct vemu *d, const char *name, struct vemu_status *s,
                        struct vemu_qmp *q, const struct vmgr__tuning *old, struct vmgr_error **err)
{
    struct vemu_threads threads = { NULL };
    int r = vmgr__threads_query(q, &threads, err);

    if (r == 0)
        r = vmgr__threads_pin(s, &threads, err);
    if (r == 0)
        r = vmgr__cgroup_apply(d, name, s, old, &threads, err);
    vmgr__threads_fini(&threads);
    return r;
}

int vmgr__threads_place_new(struct vemu_change *c, struct vemu_qmp *q, int period, int quota,
                            struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &c->status.def->tuning;
    struct vmgr__tuning old;
    int r;

    if (!(t->pins && t->pins->len) && !t->schedulers && !t->value[period] && !t->value[quota])
        return 0;
    vmgr__tuning_copy(&old, t);
    old.value[period] = old.value[quota] = 0;
    r = vmgr__threads_place(c->d, c->name, &c->status, q, &old, err);
    vmgr__tuning_fini(&old);
    return r;
}
