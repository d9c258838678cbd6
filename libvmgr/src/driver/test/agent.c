/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents of the test driver's guests: what they tell is made up, two file systems and a clock.
 */
#include "../agent.h"

#include <string.h>

#include "test.h"

static const char *const mountpoints_known[] = { "/", "/boot" };

/* Locks the driver and finds the domain, which must run. */
static struct vmgr__domobj *enter_active(struct vmgr_domain *dom, struct test **ret_test,
                                         struct vmgr_error **err)
{
    struct vmgr__domobj *obj = vmgr__test_enter(dom, ret_test, err);

    if (!obj || vmgr__domobj_need_active(obj, err) == 0)
        return obj;
    vmgr__test_leave(*ret_test, -1);
    return NULL;
}

/* Its bit; 0 and *err: nothing is mounted there. */
static unsigned find_mounted(const char *mountpoint, struct vmgr_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mountpoints_known); i++) {
        if (strcmp(mountpoint, mountpoints_known[i]) == 0)
            return 1u << i;
    }
    vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST, "mount point not found: %s",
                    mountpoint);
    return 0;
}

/* Sets or clears the bits of file systems; how many there were to. */
static int switch_frozen(struct vmgr_domain *dom, const char *const *names, uint32_t count,
                         bool freeze, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter_active(dom, &t, err);
    unsigned which = count ? 0 : (1u << G_N_ELEMENTS(mountpoints_known)) - 1;
    int n = 0;

    if (!obj)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned bit = find_mounted(names[i], err);

        if (!bit)
            return vmgr__test_leave(t, -1);
        which |= bit;
    }
    for (size_t k = 0; k < G_N_ELEMENTS(mountpoints_known); k++) {
        if (which & 1u << k && !(obj->frozen & 1u << k) == freeze) {
            obj->frozen ^= 1u << k;
            n++;
        }
    }
    return vmgr__test_leave(t, n);
}

static int freeze(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                  struct vmgr_error **err)
{
    return switch_frozen(dom, mountpoints, count, true, err);
}

static int thaw(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                struct vmgr_error **err)
{
    return switch_frozen(dom, mountpoints, count, false, err);
}

static int trim(struct vmgr_domain *dom, const char *mountpoint, uint64_t minimum G_GNUC_UNUSED,
                struct vmgr_error **err)
{
    struct test *t;

    if (!enter_active(dom, &t, err))
        return -1;
    return vmgr__test_leave(t, mountpoint && !find_mounted(mountpoint, err) ? -1 : 0);
}

static int get_fs_info(struct vmgr_domain *dom, GPtrArray *ret, struct vmgr_error **err)
{
    static const char *const devices[] = { "vda", NULL };
    struct test *t;

    if (!enter_active(dom, &t, err))
        return -1;
    g_ptr_array_add(ret, vmgr__fs_info_new("/", "vda1", "ext4", devices));
    g_ptr_array_add(ret, vmgr__fs_info_new("/boot", "vda2", "ext4", devices));
    return vmgr__test_leave(t, 0);
}

static int get_time(struct vmgr_domain *dom, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                    struct vmgr_error **err)
{
    struct test *t;

    if (!enter_active(dom, &t, err))
        return -1;
    *ret_seconds = 627319920;
    *ret_nanoseconds = 0;
    return vmgr__test_leave(t, 0);
}

static int set_time(struct vmgr_domain *dom, int64_t seconds G_GNUC_UNUSED,
                    uint32_t nanoseconds G_GNUC_UNUSED, uint32_t flags G_GNUC_UNUSED,
                    struct vmgr_error **err)
{
    struct test *t;

    return enter_active(dom, &t, err) ? vmgr__test_leave(t, 0) : -1;
}

static int get_hostname(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;

    if (vmgr__check_flags(flags, 0, "testDomainGetHostname", err) < 0)
        return -1;
    obj = enter_active(dom, &t, err);
    if (!obj)
        return -1;
    *ret = g_strdup_printf("%shost", vmgr__domobj_name(obj));
    return vmgr__test_leave(t, 0);
}

static int set_password(struct vmgr_domain *dom, const char *user G_GNUC_UNUSED,
                        const char *password G_GNUC_UNUSED, uint32_t flags G_GNUC_UNUSED,
                        struct vmgr_error **err)
{
    struct test *t;

    return enter_active(dom, &t, err) ? vmgr__test_leave(t, 0) : -1;
}

const struct vmgr__agent_ops vmgr__test_agent = {
    .freeze = freeze,
    .thaw = thaw,
    .trim = trim,
    .get_fs_info = get_fs_info,
    .get_time = get_time,
    .set_time = set_time,
    .get_hostname = get_hostname,
    .set_password = set_password,
};
