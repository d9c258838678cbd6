/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of a domain, and its properties that can be set. */
#include "../stats.h"
#include "../../conf/iothread.h"
#include "test.h"

int vmgr__test_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid, const char *name,
                      struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    return vmgr__test_leave(t, vmgr__domlist_lookup(&t->list, conn, id, uuid, name, ret, err));
}

int vmgr__test_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                    struct vmgr_error **err G_GNUC_UNUSED)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    vmgr__domlist_select(&t->list, conn, flags, ret);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                         struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    *ret_state = obj->state;
    *ret_reason = obj->reason;
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                        struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    vmgr__domobj_get_info(obj, ret);
    /* Its CPUs have been busy since 1970: a figure that grows, as clients expect. */
    ret->cpu_time_ns = (uint64_t)g_get_real_time() * 1000;
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_id(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, obj->live ? obj->live->id : 0) : -1;
}

int vmgr__test_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, obj->config != NULL) : -1;
}

int vmgr__test_is_updated(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, obj->updated) : -1;
}

int vmgr__test_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;

    return vmgr__test_enter(dom, &t, err) ? vmgr__test_leave(t, 0) : -1;
}

/* Polling begins with what QEMU has. */
static void add_iothreads(const struct vmgr__domain_def *def, GArray *ret)
{
    static const char *const names[VMGR__IOTHREAD_POLLS] = { "poll-max-ns", "poll-grow",
                                                             "poll-shrink" };
    static const uint64_t usual[VMGR__IOTHREAD_POLLS] = { 32768, 0, 0 };

    if (def->iothreads->len)
        vmgr__stat_add(ret, VMGR_STAT_UINT, def->iothreads->len, "iothread.count");
    for (guint i = 0; i < def->iothreads->len; i++) {
        const struct vmgr__iothread *t = &g_array_index(def->iothreads, struct vmgr__iothread, i);

        for (int k = 0; k < VMGR__IOTHREAD_POLLS; k++)
            vmgr__stat_add(ret, k == VMGR__IOTHREAD_MAX_NS ? VMGR_STAT_ULLONG : VMGR_STAT_UINT,
                           t->poll[k] >= 0 ? (uint64_t)t->poll[k] : usual[k], "iothread.%u.%s",
                           t->id, names[k]);
    }
}

int vmgr__test_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags G_GNUC_UNUSED,
                         GArray *ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    if (groups & VMGR_STATS_STATE) {
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)obj->state, "state.state");
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)obj->reason, "state.reason");
    }
    if (groups & VMGR_STATS_IOTHREAD && obj->live)
        add_iothreads(obj->live, ret);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    struct test *t;

    if (!vmgr__test_enter(dom, &t, err))
        return -1;
    *ret = g_strdup("linux");
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj;

    if (vmgr__check_flags(
            flags, VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_VCPU_MAXIMUM,
            "testDomainGetVcpusFlags", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    return obj ? vmgr__test_leave(t, vmgr__domobj_get_vcpus(obj, flags, err)) : -1;
}

int vmgr__test_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, obj->autostart) : -1;
}

int vmgr__test_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (!obj->config)
        r = vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                            "cannot set autostart for transient domain");
    else
        obj->autostart = on;
    return vmgr__test_leave(t, r);
}

int vmgr__test_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                  struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    ret->enforcing = obj->live != NULL;
    g_strlcpy(ret->label, obj->live ? "libvirt-test" : "", sizeof(ret->label));
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj;

    if (vmgr__check_flags(
            flags, VMGR_DOMAIN_XML_SECURE | VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_MIGRATABLE,
            "testDomainGetXMLDesc", err) < 0)
        return -1;
    obj = vmgr__test_enter(dom, &t, err);
    if (!obj)
        return -1;
    *ret = vmgr__domobj_get_xml(obj, flags);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                            struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    if (!obj)
        return -1;
    vmgr__domobj_get_messages(obj, flags, ret);
    return vmgr__test_leave(t, 0);
}

int vmgr__test_get_metadata(struct vmgr_domain *dom, int type, const char *uri, uint32_t flags,
                            char **ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);

    return obj ? vmgr__test_leave(t, vmgr__domobj_get_metadata(obj, type, uri, flags, ret, err))
               : -1;
}

int vmgr__test_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                            const char *uri, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = vmgr__test_enter(dom, &t, err);
    bool live, config;
    int r = -1;

    if (!obj)
        return -1;
    if (vmgr__domobj_def(obj, flags, err)) {
        live = obj->live && (!flags || (flags & VMGR_DOMAIN_AFFECT_LIVE));
        config = obj->config && ((!flags && !obj->live) || (flags & VMGR_DOMAIN_AFFECT_CONFIG));
        r = 0;
        if (live)
            r = vmgr__def_set_metadata(obj->live, type, text, key, uri, err);
        if (r == 0 && config)
            r = vmgr__def_set_metadata(obj->config, type, text, key, uri, err);
        if (r == 0 && live)
            obj->updated = true;
    }
    return vmgr__test_leave(t, r);
}
