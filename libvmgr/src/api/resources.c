/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host domains may use: the public calls, which check and pass on to the driver.
 */
#include "../driver/resource.h"

#include "operation.h"

#define AFFECT   (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)
#define CPUS_MAX 2048u /* bytes of a map */

static const char *const get_names[] = {
    "virDomainGetSchedulerParameters", "virDomainGetMemoryParameters",
    "virDomainGetBlkioParameters",     "virDomainGetNumaParameters",
    "virDomainGetBlockIoTune",         "virDomainGetIOThreadInfo",
};
static const char *const set_names[] = {
    "virDomainSetSchedulerParameters", "virDomainSetMemoryParameters",
    "virDomainSetBlkioParameters",     "virDomainSetNumaParameters",
    "virDomainSetBlockIoTune",         "virDomainSetIOThreadParams",
};
static const char *const get_pin_names[] = { "virDomainGetVcpuPinInfo",
                                             "virDomainGetEmulatorPinInfo",
                                             "virDomainGetIOThreadInfo" };
static const char *const set_pin_names[] = { "virDomainPinVcpu", "virDomainPinEmulator",
                                             "virDomainPinIOThread" };

/* The driver has such operations, and the number is that of a name; flags are known. */
static int check(struct vmgr_conn *conn, const char *const *names, int index, int count,
                 uint32_t flags, struct vmgr_error **err)
{
    if (index < 0 || index >= count)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "there is no such kind of resource");
    NEED(conn, resource, names[index]);
    return vmgr__check_flags(flags, AFFECT, names[index], err);
}

static int finish(GArray *list, int r, void *ret)
{
    if (r == 0)
        r = (int)list->len;
    *(void **)ret = g_array_free(list, FALSE);
    return r;
}

static int finish_stats(GArray *list, int r, struct vmgr_stat **ret)
{
    r = finish(list, r, ret);
    if (r < 0)
        *ret = vmgr_stats_free(*ret);
    return r;
}

int vmgr_domain_get_resources(struct vmgr_domain *domain, int resource, const char *target,
                              uint32_t flags, struct vmgr_stat **ret_params,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    GArray *list;

    if (check(conn, get_names, resource, VMGR_RESOURCE_IOTHREAD, flags, err) < 0)
        return -1;
    if (flags == AFFECT)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "flags 'affect live' and 'affect config' in %s are mutually "
                               "exclusive",
                               get_names[resource]);
    if (resource == VMGR_RESOURCE_DISK && !target)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "disk in virDomainGetBlockIoTune must not be NULL");
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    return finish_stats(
        list, conn->driver->resource->get(domain, resource, target, flags, list, err), ret_params);
}

int vmgr_domain_set_resources(struct vmgr_domain *domain, int resource, const char *target,
                              const struct vmgr_stat *params, uint32_t flags,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    if (check(conn, set_names, resource, VMGR_RESOURCE_IOTHREAD + 1, flags, err) < 0 ||
        vmgr__need_write(conn, set_names[resource], err) < 0)
        return -1;
    if (!params || !params->name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "nparams in %s must be greater than zero", set_names[resource]);
    if ((resource == VMGR_RESOURCE_DISK || resource == VMGR_RESOURCE_IOTHREAD) && !target)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "target in %s must not be NULL", set_names[resource]);
    return conn->driver->resource->set(domain, resource, target, params, flags, err);
}

void vmgr__pin_add(GArray *ret, uint32_t id, const uint8_t *cpus, size_t size)
{
    const struct vmgr_pin pin = { id, (uint32_t)size, g_memdup2(cpus, size) };

    g_array_append_val(ret, pin);
}

struct vmgr_pin *vmgr_pins_free(struct vmgr_pin *pins, size_t count)
{
    for (size_t i = 0; pins && i < count; i++)
        g_free((uint8_t *)pins[i].cpus);
    g_free(pins);
    return NULL;
}

int vmgr_domain_get_pins(struct vmgr_domain *domain, int kind, uint32_t flags,
                         struct vmgr_pin **ret_pins, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    GArray *list;
    guint n;
    int r;

    if (check(conn, get_pin_names, kind, G_N_ELEMENTS(get_pin_names), flags, err) < 0)
        return -1;
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_pin));
    r = conn->driver->resource->get_pins(domain, kind, flags, list, err);
    n = list->len;
    r = finish(list, r, ret_pins);
    if (r < 0)
        *ret_pins = vmgr_pins_free(*ret_pins, n);
    return r;
}

int vmgr_domain_set_pin(struct vmgr_domain *domain, int kind, uint32_t id, const uint8_t *cpus,
                        size_t size, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    bool any = false;

    if (check(conn, set_pin_names, kind, G_N_ELEMENTS(set_pin_names), flags, err) < 0 ||
        vmgr__need_write(conn, set_pin_names[kind], err) < 0)
        return -1;
    for (size_t i = 0; cpus && i < size; i++)
        any = any || cpus[i];
    if (!any || size > CPUS_MAX)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "%s",
                               any ? "the map of CPUs is too long" : "Empty cpu list for pinning");
    return conn->driver->resource->set_pin(domain, kind, id, cpus, size, flags, err);
}

int vmgr_domain_get_vcpu_info(struct vmgr_domain *domain, struct vmgr_vcpu_info **ret_info,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    GArray *list;
    int r;

    NEED(conn, resource, "virDomainGetVcpus");
    NEED(conn, resource->get_vcpu_info, "virDomainGetVcpus");
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_vcpu_info));
    r = finish(list, conn->driver->resource->get_vcpu_info(domain, list, err), ret_info);
    if (r < 0)
        g_clear_pointer(ret_info, g_free);
    return r;
}

int vmgr_domain_get_cpu_stats(struct vmgr_domain *domain, int cpu, struct vmgr_stat **ret_stats,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    GArray *list;

    NEED(conn, resource, "virDomainGetCPUStats");
    NEED(conn, resource->get_cpu_stats, "virDomainGetCPUStats");
    if (cpu < -1)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "start_cpu in virDomainGetCPUStats must be -1 or greater");
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    return finish_stats(list, conn->driver->resource->get_cpu_stats(domain, cpu, list, err),
                        ret_stats);
}

int vmgr_domain_set_iothread(struct vmgr_domain *domain, uint32_t id, int there, uint32_t flags,
                             struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    const char *name = there ? "virDomainAddIOThread" : "virDomainDelIOThread";

    NEED(conn, resource, name);
    NEED(conn, resource->set_iothread, name);
    if (vmgr__need_write(conn, name, err) < 0 || vmgr__check_flags(flags, AFFECT, name, err) < 0)
        return -1;
    return conn->driver->resource->set_iothread(domain, id, there, flags, err);
}
