/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host guests may use: the operations, in the definition of the next start and in a
 * guest that runs.
 */
#include "../../resource.h"

#include <string.h>
#include <unistd.h>

#include "../../stats.h"
#include "cgroup.h"
#include "../change.h"
#include "iothread.h"
#include "../device/parts.h"
#include "resource.h"
#include "../run/process.h"
#include "../run/qmp.h"
#include "../state/cache.h"
#include "../state/status.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, __VA_ARGS__)

#define ALLOCATION_THREADS_MAX 1024u /* of the emulator */

/* ---- limits of disks ---- */

/* Tells the guest's emulator what a disk's document says. */
static int send_iotune(struct vemu_qmp *q, const struct vmgr__device *disk, bool always,
                       struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(disk);
    struct json_object *args;
    struct vmgr__iotune t;
    bool any = false;

    if (vmgr__iotune_read(disk, &t) < 0) {
        g_free(t.group);
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "<iotune> of disk '%s' has something that is not supported",
                          disk->target);
    }
    for (int i = 0; i < VMGR__IOTUNE_COUNT; i++)
        any = any || t.value[i];
    if (!any && !always) {
        g_free(t.group);
        return 0;
    }
    args = json_object_new_object();
    vmgr__vemu_set(args, "id", alias);
    for (int i = 0; vmgr__iotune_names[i].name; i++) {
        if (i == VMGR__IOTUNE_GROUP)
            vmgr__vemu_set(args, "group", t.group && *t.group ? t.group : NULL);
        else if (i < VMGR__IOTUNE_LENGTHS || t.value[i])
            vmgr__vemu_set_int(args, vmgr__iotune_names[i].command, (int64_t)t.value[i]);
    }
    g_free(t.group);
    return vmgr__qmp_execute(q, "block_set_io_throttle", args, NULL, err);
}

int vmgr__vemu_tune_disk(struct vemu_qmp *q, const struct vmgr__device *dev,
                         struct vmgr_error **err)
{
    return strcmp(dev->name, "disk") == 0 && dev->source ? send_iotune(q, dev, false, err) : 0;
}

/* ---- a start ---- */

int vmgr__vemu_tune_start(const struct vemu *d, const char *name, struct vemu_status *s,
                          struct vemu_qmp *q, struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &s->def->tuning;
    bool wanted = (t->pins && t->pins->len) || (t->blkio && t->blkio->len) || t->schedulers;
    int r = 0;

    for (guint i = 0; r == 0 && i < s->def->devices->len; i++)
        r = vmgr__vemu_tune_disk(q, s->def->devices->pdata[i], err);
    for (int i = 0; i < VMGR__TUNE_COUNT; i++)
        wanted = wanted || t->value[i];
    if (r < 0 || !wanted)
        return r;
    return vmgr__threads_place(d, name, s, q, NULL, err);
}

static int check_backing(const struct vmgr__tuning *t, struct vmgr_error **err)
{
    if (t->allocation_threads > ALLOCATION_THREADS_MAX)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "more than %u threads of <allocation> are not supported",
                          ALLOCATION_THREADS_MAX);
    if (t->hugepages && t->allocation == 2)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "hugepages are not allowed with memory allocation ondemand");
    if (t->hugepages && t->source == VMGR__MEMORY_SOURCE_ANONYMOUS)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "hugepages are not allowed with anonymous memory source");
    return 0;
}

/* What the kernel's control groups take; a partition cannot lead out of where they are. */
static int check_group(const struct vmgr__tuning *t, struct vmgr_error **err)
{
    const int64_t weight = t->value[VMGR__TUNE_WEIGHT];

    if (weight < 0 || weight > 10000)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "Value of blkiotune 'weight' must be in range [1, 10000]");
    if (t->partition &&
        (*t->partition != '/' || strstr(t->partition, "/.") || strlen(t->partition) > 512))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "Resource partition '%s' must start with '/' and go down", t->partition);
    return 0;
}

int vmgr__vemu_tune_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &def->tuning;
    const char *kept = t->value[VMGR__TUNE_MIN_GUARANTEE] ? "min_guarantee" : vmgr__tuning_kept(t);

    if (kept)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "<%s> is not supported by the vemu driver yet", kept);
    if (t->numa_auto)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "automatic placement on NUMA nodes is not supported by the vemu driver");
    if (t->numa_mode == 3)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "NUMA mode 'restrictive' is not supported by the vemu driver");
    if (vmgr__threads_check_schedulers(t, err) < 0 || check_group(t, err) < 0)
        return -1;
    return check_backing(t, err);
}

/* ---- changes ---- */

static int get(struct vmgr_domain *dom, int resource, const char *target, uint32_t flags,
               GArray *ret, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__domain_def *def = NULL;
    const struct vmgr__domobj *obj;
    int r;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj)
        def = vmgr__domobj_def(obj, flags, err);
    r = def ? vmgr__tuning_get(def, resource, target, ret, err) : -1;
    g_mutex_unlock(&d->lock);
    return r;
}

static int live_disk(struct vemu_change *c, const char *target, struct vmgr_error **err)
{
    const struct vmgr__device *disk = vmgr__disk_find(c->status.def, target);
    struct vemu_qmp *q = disk ? vmgr__vemu_change_monitor(c, err) : NULL;
    int r = q ? send_iotune(q, disk, true, err) : -1;

    vmgr__qmp_close(q);
    return r;
}

/* Asks the monitor of a guest that runs. For vmgr__threads_fini(), also on failure. */
static int query_threads(const struct vemu_change *c, struct vemu_threads *ret,
                         struct vmgr_error **err)
{
    struct vemu_qmp *q = vmgr__vemu_change_monitor(c, err);
    int r = q ? vmgr__threads_query(q, ret, err) : -1;

    vmgr__qmp_close(q);
    return r;
}

static int live_group(struct vemu_change *c, const struct vmgr__tuning *old,
                      struct vmgr_error **err)
{
    struct vemu_threads threads = { NULL };
    int r = query_threads(c, &threads, err);

    if (r == 0)
        r = vmgr__cgroup_apply(c->d, c->name, &c->status, old, &threads, err);
    vmgr__threads_fini(&threads);
    return r;
}

static int set_live(struct vemu_change *c, int resource, const char *target,
                    const struct vmgr_stat *params, struct vmgr_error **err)
{
    struct vmgr__tuning old;
    int r;

    if (resource == VMGR_RESOURCE_NUMA)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "the NUMA nodes of a guest that runs cannot be changed");
    vmgr__tuning_copy(&old, &c->status.def->tuning);
    r = vmgr__tuning_set(c->status.def, resource, target, params, err);
    if (r == 0)
        r = vmgr__vemu_tune_check(c->status.def, err);
    if (r == 0)
        r = resource == VMGR_RESOURCE_DISK ? live_disk(c, target, err) : live_group(c, &old, err);
    vmgr__tuning_fini(&old);
    return r;
}

static int set(struct vmgr_domain *dom, int resource, const char *target,
               const struct vmgr_stat *params, uint32_t flags, struct vmgr_error **err)
{
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (resource == VMGR_RESOURCE_IOTHREAD)
        return vmgr__vemu_tune_iothread(dom, target, params, flags, err);
    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    /* The definition first, which is only saved when the guest took it. */
    if (config)
        r = vmgr__tuning_set(c.config, resource, target, params, err);
    if (r == 0 && live)
        r = set_live(&c, resource, target, params, err);
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

/* ---- pins ---- */

static void add_pin(const struct vmgr__tuning *t, int kind, uint32_t id, const char *otherwise,
                    GArray *ret)
{
    const char *cpuset = vmgr__tuning_pin(t, kind, id);
    const size_t count = (size_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1);
    g_autofree uint8_t *set = g_malloc0(16384);
    g_autofree uint8_t *map = g_malloc0((count + 7) / 8);

    if (!cpuset)
        cpuset = otherwise;
    if (!cpuset || !vmgr__cpuset_parse(cpuset, set, 16384))
        memset(set, 1, 16384);
    for (size_t i = 0; i < count; i++)
        map[i / 8] |= (uint8_t)((set[i] != 0) << i % 8);
    vmgr__pin_add(ret, id, map, (count + 7) / 8);
}

static int get_pins(struct vmgr_domain *dom, int kind, uint32_t flags, GArray *ret,
                    struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__domain_def *def = NULL;
    const struct vmgr__domobj *obj;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj)
        def = vmgr__domobj_def(obj, flags, err);
    if (def && kind == VMGR_PIN_EMULATOR)
        add_pin(&def->tuning, kind, 0, def->cpuset, ret);
    for (uint32_t i = 0; def && kind == VMGR_PIN_VCPU && i < def->max_vcpus; i++)
        add_pin(&def->tuning, kind, i, def->cpuset, ret);
    for (guint i = 0; def && kind == VMGR_PIN_IOTHREAD && i < def->iothreads->len; i++)
        add_pin(&def->tuning, kind, g_array_index(def->iothreads, struct vmgr__iothread, i).id,
                def->cpuset, ret);
    g_mutex_unlock(&d->lock);
    return def ? 0 : -1;
}

/* The map as text; NULL and *err: CPUs that the host has not. */
static char *cpus_text(const uint8_t *cpus, size_t size, struct vmgr_error **err)
{
    const size_t count = (size_t)MAX(sysconf(_SC_NPROCESSORS_CONF), 1);
    g_autofree uint8_t *set = g_malloc0(count);
    bool any = false;

    for (size_t i = 0; i < count && i < size * 8; i++) {
        set[i] = cpus[i / 8] >> i % 8 & 1;
        any = any || set[i];
    }
    if (any)
        return vmgr__cpuset_format(set, count);
    vemu_error(err, VMGR_ERR_INVALID_ARG, "Empty cpu list for pinning");
    return NULL;
}

static int check_pin(const struct vmgr__domain_def *def, int kind, uint32_t id, bool live,
                     struct vmgr_error **err)
{
    if (kind == VMGR_PIN_IOTHREAD && !vmgr__iothread_find(def, id))
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          live ? "iothread %u not found" : "iothreadid %u not found", id);
    if (kind == VMGR_PIN_VCPU && id >= def->max_vcpus)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "vcpu %u is out of range of persistent cpu "
                          "count %u",
                          id, def->max_vcpus);
    return 0;
}

static int pin_live(struct vemu_change *c, struct vmgr_error **err)
{
    struct vemu_threads threads = { NULL };
    int r = query_threads(c, &threads, err);

    if (r == 0)
        r = vmgr__threads_pin(&c->status, &threads, err);
    vmgr__threads_fini(&threads);
    return r;
}

static int set_pin(struct vmgr_domain *dom, int kind, uint32_t id, const uint8_t *cpus, size_t size,
                   uint32_t flags, struct vmgr_error **err)
{
    g_autofree char *text = cpus_text(cpus, size, err);
    struct vemu_change c;
    bool live, config;
    int r = 0;

    if (!text)
        return -1;
    if (vmgr__vemu_change_begin_defs(&c, dom, flags, &live, &config, err) < 0)
        return -1;
    if (live)
        r = check_pin(c.status.def, kind, id, true, err);
    if (r == 0 && config)
        r = check_pin(c.config, kind, id, false, err);
    if (r == 0 && config)
        vmgr__tuning_set_pin(&c.config->tuning, kind, id, text);
    if (r == 0 && live) {
        vmgr__tuning_set_pin(&c.status.def->tuning, kind, id, text);
        r = pin_live(&c, err);
    }
    return vmgr__vemu_change_save_end(&c, live, config, r, err);
}

/* ---- figures ---- */

static int get_vcpu_info(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    struct vemu_threads threads = { NULL };
    struct vemu_change c;
    struct vemu_qmp *q;
    int r;

    q = vmgr__vemu_change_begin_monitor(&c, dom, err);
    if (!q)
        return -1;
    r = vmgr__threads_query(q, &threads, err);
    for (guint i = 0; r == 0 && i < threads.vcpus->len; i++) {
        const int tid = g_array_index(threads.vcpus, int, i);
        struct vmgr_vcpu_info info = { .number = i, .state = 1, .cpu = -1 };

        if (!tid)
            continue;
        vmgr__thread_stat(c.status.process.pid, tid, &info.cpu_time_ns, &info.cpu);
        g_array_append_val(ret, info);
    }
    vmgr__threads_fini(&threads);
    vmgr__qmp_close(q);
    return vmgr__vemu_change_end(&c, r);
}

static int get_cpu_stats(struct vmgr_domain *dom, int cpu, GArray *ret, struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    uint64_t user = 0, system = 0;
    struct vmgr__domobj *obj;
    struct vemu_process p;
    int r = -1;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj && vmgr__domobj_need_active(obj, err) == 0) {
        p = vmgr__vemu_obj_process(obj);
        r = vmgr__process_times_ns(&p, &user, &system) || cpu >= 0
                ? 0
                : vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is not running");
    }
    g_mutex_unlock(&d->lock);
    if (r == 0 && cpu >= 0)
        return unsupported(err, "figures of single host CPUs are not kept, only the total");
    if (r == 0) {
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, user + system, "cpu_time");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, user, "user_time");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, system, "system_time");
    }
    return r;
}

const struct vmgr__resource_ops vmgr__vemu_resource = {
    .get = get,
    .set = set,
    .get_pins = get_pins,
    .set_pin = set_pin,
    .get_vcpu_info = get_vcpu_info,
    .get_cpu_stats = get_cpu_stats,
    .set_iothread = vmgr__vemu_set_iothread,
};
