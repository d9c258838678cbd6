/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The test driver: a hypervisor in memory.
 *
 * Each connection to test:///default is a host of its own, with one running domain to begin with.
 * It behaves like a real one: the same states, reasons, events and refusals, but nothing runs.
 * Figures of its host are made up and fixed. One lock protects all; every operation is short.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../domobj.h"

struct test {
    GMutex lock;
    struct vmgr__domlist list;
    int next_id;
};

static const struct vmgr__conf_defaults defaults = { .arch = "i686" };

static const char default_domain[] =
    "<domain type='test'>"
    "  <name>test</name>"
    "  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
    "  <memory>8388608</memory>"
    "  <currentMemory>2097152</currentMemory>"
    "  <vcpu>2</vcpu>"
    "  <os><type>hvm</type></os>"
    "  <devices>"
    "    <disk type='file' device='disk'>"
    "      <source file='/guest/diskimage1'/>"
    "      <target dev='vda' bus='virtio'/>"
    "      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
    "    </disk>"
    "    <interface type='network'>"
    "      <mac address='aa:bb:cc:dd:ee:ff'/>"
    "      <source network='default'/>"
    "      <target dev='testnet0'/>"
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>"
    "    </interface>"
    "    <memballoon model='virtio'>"
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>"
    "    </memballoon>"
    "  </devices>"
    "</domain>";

static void emit(struct vmgr_conn *conn, const struct vmgr__domobj *obj, int type, int detail)
{
    vmgr__conn_emit(conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                    VMGR_DOMAIN_EVENT_LIFECYCLE, type, detail);
}

/* Locks the driver and finds the domain; on failure it is unlocked again. */
static struct vmgr__domobj *enter(struct vmgr_domain *dom, struct test **ret_test,
                                  struct vmgr_error **err)
{
    struct test *t = vmgr_domain_get_conn(dom)->driver_data;
    struct vmgr__domobj *obj;

    g_mutex_lock(&t->lock);
    obj = vmgr__domlist_of(&t->list, dom, err);
    if (!obj)
        g_mutex_unlock(&t->lock);
    *ret_test = t;
    return obj;
}

static int leave(struct test *t, int r)
{
    g_mutex_unlock(&t->lock);
    return r;
}

/* ---- life cycle ---- */

static int begin(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj, uint32_t flags,
                 struct vmgr_error **err)
{
    if (!obj->live) {
        obj->live = vmgr__domain_def_copy(obj->config, &defaults, err);
        if (!obj->live)
            return -1;
    }
    obj->live->id = t->next_id++;
    obj->autodestroy = flags & VMGR_DOMAIN_START_AUTODESTROY;
    obj->updated = false;
    obj->state = VMGR_DOMAIN_RUNNING;
    obj->reason = VMGR_DOMAIN_RUNNING_BOOTED;
    emit(conn, obj, VMGR_DOMAIN_EVENT_STARTED, VMGR_DOMAIN_EVENT_STARTED_BOOTED);
    if (flags & VMGR_DOMAIN_START_PAUSED) {
        obj->state = VMGR_DOMAIN_PAUSED;
        obj->reason = VMGR_DOMAIN_PAUSED_USER;
        emit(conn, obj, VMGR_DOMAIN_EVENT_SUSPENDED, VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
    return 0;
}

/* The guest is off. A transient domain is gone after this. */
static void finish(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj, int reason,
                   int detail)
{
    obj->state = VMGR_DOMAIN_SHUTOFF;
    obj->reason = reason;
    emit(conn, obj, VMGR_DOMAIN_EVENT_STOPPED, detail);
    if (!obj->config) {
        vmgr__domlist_remove(&t->list, obj);
        return;
    }
    vmgr__domain_def_free(obj->live);
    obj->live = NULL;
    obj->updated = false;
}

/* The guest powered off or rebooted: does what its definition says for that. */
static void guest_ended(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj,
                        int action)
{
    switch (action) {
    case VMGR__ACTION_RESTART:
    case VMGR__ACTION_RENAME_RESTART:
        obj->state = VMGR_DOMAIN_RUNNING;
        obj->reason = VMGR_DOMAIN_RUNNING_BOOTED;
        vmgr__conn_emit(conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                        VMGR_DOMAIN_EVENT_REBOOT, 0, 0);
        break;
    default:
        finish(t, conn, obj, VMGR_DOMAIN_SHUTOFF_SHUTDOWN, VMGR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        break;
    }
}

static int test_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;
    int r = -1;

    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY |
                              VMGR_DOMAIN_START_FORCE_BOOT,
                          "testDomainCreateWithFlags", err) < 0)
        return -1;
    obj = enter(dom, &t, err);
    if (!obj)
        return -1;
    if (obj->live)
        vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                        "domain '%s' is already running", vmgr__domobj_name(obj));
    else
        r = begin(t, vmgr_domain_get_conn(dom), obj, flags, err);
    return leave(t, r);
}

static int need_running(const struct vmgr__domobj *obj, struct vmgr_error **err)
{
    if (obj->state == VMGR_DOMAIN_RUNNING)
        return 0;
    return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST, "domain '%s' not running",
                           vmgr__domobj_name(obj));
}

static int test_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;
    int r = -1;

    if (vmgr__check_flags(flags, 0, "testDomainShutdownFlags", err) < 0)
        return -1;
    obj = enter(dom, &t, err);
    if (!obj)
        return -1;
    if (!obj->live) {
        need_running(obj, err);
    } else {
        guest_ended(t, vmgr_domain_get_conn(dom), obj, obj->live->on_poweroff);
        r = 0;
    }
    return leave(t, r);
}

static int test_reboot(struct vmgr_domain *dom, uint32_t flags G_GNUC_UNUSED,
                       struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        guest_ended(t, vmgr_domain_get_conn(dom), obj, obj->live->on_reboot);
    return leave(t, r);
}

static int test_reset(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        vmgr__conn_emit(vmgr_domain_get_conn(dom), vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                        VMGR_DOMAIN_EVENT_REBOOT, 0, 0);
    return leave(t, r);
}

static int test_destroy(struct vmgr_domain *dom, uint32_t flags G_GNUC_UNUSED,
                        struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    if (r == 0)
        finish(t, vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_SHUTOFF_DESTROYED,
               VMGR_DOMAIN_EVENT_STOPPED_DESTROYED);
    return leave(t, r);
}

static int test_suspend(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r;

    if (!obj)
        return -1;
    r = need_running(obj, err);
    if (r == 0) {
        obj->state = VMGR_DOMAIN_PAUSED;
        obj->reason = VMGR_DOMAIN_PAUSED_USER;
        emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_SUSPENDED,
             VMGR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    }
    return leave(t, r);
}

static int test_resume(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (obj->state != VMGR_DOMAIN_PAUSED) {
        r = vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST, "domain '%s' not paused",
                            vmgr__domobj_name(obj));
    } else {
        obj->state = VMGR_DOMAIN_RUNNING;
        obj->reason = VMGR_DOMAIN_RUNNING_UNPAUSED;
        emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_RESUMED,
             VMGR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    }
    return leave(t, r);
}

/* ---- definitions ---- */

static int refuse_validate(uint32_t flags, uint32_t validate, struct vmgr_error **err)
{
    if (!(flags & validate))
        return 0;
    return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_TEST,
                           "validation against a schema is not available");
}

static int test_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__domain_def *def;
    struct vmgr__domobj *obj;
    int detail = VMGR_DOMAIN_EVENT_DEFINED_UPDATED;

    if (refuse_validate(flags, VMGR_DOMAIN_DEFINE_VALIDATE, err) < 0)
        return -1;
    def = vmgr__domain_def_parse(xml, &defaults, VMGR__CONF_INACTIVE, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (vmgr__domlist_check(&t->list, def, false, &obj, err) < 0) {
        vmgr__domain_def_free(def);
        return leave(t, -1);
    }
    if (!obj) {
        obj = vmgr__domobj_new();
        obj->config = def;
        vmgr__domlist_add(&t->list, obj);
        detail = VMGR_DOMAIN_EVENT_DEFINED_ADDED;
    } else {
        if (!obj->config)
            detail = VMGR_DOMAIN_EVENT_DEFINED_ADDED;
        vmgr__domain_def_free(obj->config);
        obj->config = def;
    }
    emit(conn, obj, VMGR_DOMAIN_EVENT_DEFINED, detail);
    if (ret)
        *ret = vmgr__domain_new(conn, def->name, def->uuid);
    return leave(t, 0);
}

static int test_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;
    struct vmgr__domain_def *def;
    struct vmgr__domobj *obj;
    int r;

    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY |
                              VMGR_DOMAIN_START_VALIDATE | VMGR_DOMAIN_START_FORCE_BOOT,
                          "testDomainCreateXML", err) < 0 ||
        refuse_validate(flags, VMGR_DOMAIN_START_VALIDATE, err) < 0)
        return -1;
    def = vmgr__domain_def_parse(xml, &defaults, VMGR__CONF_INACTIVE, err);
    if (!def)
        return -1;
    g_mutex_lock(&t->lock);
    if (vmgr__domlist_check(&t->list, def, true, &obj, err) < 0) {
        vmgr__domain_def_free(def);
        return leave(t, -1);
    }
    if (!obj) {
        obj = vmgr__domobj_new();
        obj->live = def;
        vmgr__domlist_add(&t->list, obj);
    } else {
        obj->live = def;
    }
    r = begin(t, conn, obj, flags, err);
    if (r == 0 && ret)
        *ret = vmgr__domain_new(conn, def->name, def->uuid);
    return leave(t, r);
}

static int test_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj;

    /* There is never a managed save, snapshot or checkpoint to remove. */
    if (vmgr__check_flags(flags,
                          VMGR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                              VMGR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                              VMGR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
                          "testDomainUndefineFlags", err) < 0)
        return -1;
    obj = enter(dom, &t, err);
    if (!obj)
        return -1;
    if (!obj->config)
        return leave(t, vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                                        "cannot undefine transient domain"));
    obj->autostart = false;
    emit(vmgr_domain_get_conn(dom), obj, VMGR_DOMAIN_EVENT_UNDEFINED,
         VMGR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    if (!obj->live) {
        vmgr__domlist_remove(&t->list, obj);
    } else {
        vmgr__domain_def_free(obj->config);
        obj->config = NULL;
    }
    return leave(t, 0);
}

static int test_rename(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(dom);
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    struct vmgr__domobj *fresh;

    if (!obj)
        return -1;
    if (vmgr__domlist_check_rename(&t->list, obj, name, err) < 0)
        return leave(t, -1);
    emit(conn, obj, VMGR_DOMAIN_EVENT_UNDEFINED, VMGR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    fresh = vmgr__domobj_new();
    fresh->config = vmgr__domain_def_copy(obj->config, &defaults, err);
    if (!fresh->config) {
        vmgr__domobj_free(fresh);
        return leave(t, -1);
    }
    fresh->autostart = obj->autostart;
    fresh->reason = obj->reason;
    g_free(fresh->config->name);
    fresh->config->name = g_strdup(name);
    vmgr__domlist_remove(&t->list, obj);
    vmgr__domlist_add(&t->list, fresh);
    emit(conn, fresh, VMGR_DOMAIN_EVENT_DEFINED, VMGR_DOMAIN_EVENT_DEFINED_RENAMED);
    vmgr__domain_set_name(dom, name);
    return leave(t, 0);
}

/* ---- questions ---- */

static int test_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid, const char *name,
                       struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    return leave(t, vmgr__domlist_lookup(&t->list, conn, id, uuid, name, ret, err));
}

static int test_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                     struct vmgr_error **err G_GNUC_UNUSED)
{
    struct test *t = conn->driver_data;

    g_mutex_lock(&t->lock);
    vmgr__domlist_select(&t->list, conn, flags, ret);
    return leave(t, 0);
}

static int test_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                          struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    if (!obj)
        return -1;
    *ret_state = obj->state;
    *ret_reason = obj->reason;
    return leave(t, 0);
}

static int test_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                         struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    if (!obj)
        return -1;
    vmgr__domobj_get_info(obj, ret);
    /* Its CPUs have been busy since 1970: a figure that grows, as clients expect. */
    ret->cpu_time_ns = (uint64_t)g_get_real_time() * 1000;
    return leave(t, 0);
}

static int test_get_id(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    return obj ? leave(t, obj->live ? obj->live->id : 0) : -1;
}

static int test_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    return obj ? leave(t, obj->config != NULL) : -1;
}

static int test_is_updated(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    return obj ? leave(t, obj->updated) : -1;
}

static int test_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;

    return enter(dom, &t, err) ? leave(t, 0) : -1;
}

static int test_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    struct test *t;

    if (!enter(dom, &t, err))
        return -1;
    *ret = g_strdup("linux");
    return leave(t, 0);
}

static int test_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj;

    if (vmgr__check_flags(
            flags, VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG | VMGR_DOMAIN_VCPU_MAXIMUM,
            "testDomainGetVcpusFlags", err) < 0)
        return -1;
    obj = enter(dom, &t, err);
    return obj ? leave(t, vmgr__domobj_get_vcpus(obj, flags, err)) : -1;
}

static int test_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    return obj ? leave(t, obj->autostart) : -1;
}

static int test_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
    int r = 0;

    if (!obj)
        return -1;
    if (!obj->config)
        r = vmgr__error_set(err, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_TEST,
                            "cannot set autostart for transient domain");
    else
        obj->autostart = on;
    return leave(t, r);
}

static int test_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                   struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    if (!obj)
        return -1;
    ret->enforcing = obj->live != NULL;
    g_strlcpy(ret->label, obj->live ? "libvirt-test" : "", sizeof(ret->label));
    return leave(t, 0);
}

static int test_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj;

    if (vmgr__check_flags(
            flags, VMGR_DOMAIN_XML_SECURE | VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_MIGRATABLE,
            "testDomainGetXMLDesc", err) < 0)
        return -1;
    obj = enter(dom, &t, err);
    if (!obj)
        return -1;
    *ret = vmgr__domobj_get_xml(obj, flags);
    return leave(t, 0);
}

static int test_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                             struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    if (!obj)
        return -1;
    vmgr__domobj_get_messages(obj, flags, ret);
    return leave(t, 0);
}

static int test_get_metadata(struct vmgr_domain *dom, int type, const char *uri, uint32_t flags,
                             char **ret, struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);

    return obj ? leave(t, vmgr__domobj_get_metadata(obj, type, uri, flags, ret, err)) : -1;
}

static int test_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                             const char *uri, uint32_t flags, struct vmgr_error **err)
{
    struct test *t;
    struct vmgr__domobj *obj = enter(dom, &t, err);
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
    return leave(t, r);
}

/* A console that says back what it is told. */
static int test_open_console(struct vmgr_domain *dom, const char *device,
                             uint32_t flags G_GNUC_UNUSED, struct vmgr_stream **ret,
                             struct vmgr_error **err)
{
    struct test *t;
    const struct vmgr__domobj *obj = enter(dom, &t, err);
    int fds[2], r;
    guint n;

    if (!obj)
        return -1;
    r = vmgr__domobj_need_active(obj, err);
    n = r == 0 ? obj->live->serials->len + obj->live->consoles->len : 0;
    if (r == 0 && (device || n == 0))
        r = vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_TEST,
                            "cannot find character device %s", device ? device : "<null>");
    leave(t, 0);
    if (r < 0)
        return -1;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_TEST, "cannot make a console");
    *ret = vmgr__stream_new(vmgr_domain_get_conn(dom), fds[0], fds[1], -1, NULL, NULL, err);
    return *ret ? 0 : -1;
}

/* ---- the host ---- */

static int test_get_hostname(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                             struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = g_strdup(g_get_host_name());
    return 0;
}

static int test_get_version(struct vmgr_conn *conn G_GNUC_UNUSED, uint64_t *ret,
                            struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = 2;
    return 0;
}

static int test_get_max_vcpus(struct vmgr_conn *conn G_GNUC_UNUSED, const char *type G_GNUC_UNUSED,
                              struct vmgr_error **err G_GNUC_UNUSED)
{
    return 32;
}

static int test_get_node_info(struct vmgr_conn *conn G_GNUC_UNUSED, struct vmgr_node_info *ret,
                              struct vmgr_error **err G_GNUC_UNUSED)
{
    ret->cpus = 16;
    ret->mhz = 1400;
    ret->nodes = 2;
    ret->sockets = 2;
    ret->cores = 2;
    ret->threads = 2;
    ret->memory_kib = 3145728;
    g_strlcpy(ret->model, "i686", sizeof(ret->model));
    return 0;
}

static int test_get_security_model(struct vmgr_conn *conn G_GNUC_UNUSED,
                                   struct vmgr_security_model *ret,
                                   struct vmgr_error **err G_GNUC_UNUSED)
{
    g_strlcpy(ret->model, "testSecurity", sizeof(ret->model));
    ret->doi[0] = '\0';
    return 0;
}

static void write_cell(struct vmgr__xml_writer *w, int id, uint64_t memory_kib)
{
    vmgr__xw_begin(w, "cell");
    vmgr__xw_attrf(w, "id", "%d", id);
    vmgr__xw_begin(w, "memory");
    vmgr__xw_attr(w, "unit", "KiB");
    g_autofree char *memory = g_strdup_printf("%" G_GUINT64_FORMAT, memory_kib);
    vmgr__xw_end_text(w, "memory", memory);
    static const char *const sizes[] = { NULL, "2048", "1048576" };
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        vmgr__xw_begin(w, "pages");
        vmgr__xw_attr(w, "unit", "KiB");
        vmgr__xw_attr(w, "size", i ? sizes[i] : id ? "8" : "4");
        vmgr__xw_end_text(w, "pages", i ? "0" : "524288");
    }
    vmgr__xw_begin(w, "cpus");
    vmgr__xw_attr(w, "num", "8");
    for (int i = 0; i < 8; i++) {
        vmgr__xw_begin(w, "cpu");
        vmgr__xw_attrf(w, "id", "%d", id * 8 + i);
        vmgr__xw_attrf(w, "socket_id", "%d", id);
        vmgr__xw_attr(w, "die_id", "0");
        vmgr__xw_attrf(w, "core_id", "%d", i);
        vmgr__xw_attrf(w, "siblings", "%d", id * 8 + i);
        vmgr__xw_end(w, "cpu");
    }
    vmgr__xw_end(w, "cpus");
    vmgr__xw_end(w, "cell");
}

static void write_guest(struct vmgr__xml_writer *w, const char *os_type)
{
    vmgr__xw_begin(w, "guest");
    vmgr__xw_text(w, "os_type", os_type);
    vmgr__xw_begin(w, "arch");
    vmgr__xw_attr(w, "name", "i686");
    vmgr__xw_text(w, "wordsize", "32");
    vmgr__xw_text(w, "emulator", "/usr/bin/test-hv");
    vmgr__xw_begin(w, "domain");
    vmgr__xw_attr(w, "type", "test");
    vmgr__xw_end(w, "domain");
    vmgr__xw_end(w, "arch");
    vmgr__xw_raw(w, "    <features>\n      <pae/>\n      <nonpae/>\n    </features>\n");
    vmgr__xw_end(w, "guest");
    vmgr__xw_raw(w, "\n");
}

static int test_get_capabilities(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                                 struct vmgr_error **err G_GNUC_UNUSED)
{
    static const char cpu[] = "    <cpu>\n"
                              "      <arch>i686</arch>\n"
                              "      <features>\n"
                              "        <pae/>\n"
                              "        <nonpae/>\n"
                              "      </features>\n"
                              "      <pages unit='KiB' size='4'/>\n"
                              "      <pages unit='KiB' size='8'/>\n"
                              "      <pages unit='KiB' size='2048'/>\n"
                              "      <pages unit='KiB' size='1048576'/>\n"
                              "    </cpu>\n"
                              "    <power_management/>\n"
                              "    <iommu support='no'/>\n";
    static const char secmodel[] = "    <secmodel>\n"
                                   "      <model>testSecurity</model>\n"
                                   "      <doi></doi>\n"
                                   "    </secmodel>\n";
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "capabilities");
    vmgr__xw_raw(&w, "\n");
    vmgr__xw_begin(&w, "host");
    vmgr__xw_raw(&w, cpu);
    vmgr__xw_begin(&w, "topology");
    vmgr__xw_begin(&w, "cells");
    vmgr__xw_attr(&w, "num", "2");
    write_cell(&w, 0, 2097152);
    write_cell(&w, 1, 4194304);
    vmgr__xw_end(&w, "cells");
    vmgr__xw_end(&w, "topology");
    vmgr__xw_raw(&w, secmodel);
    vmgr__xw_end(&w, "host");
    vmgr__xw_raw(&w, "\n");
    write_guest(&w, "hvm");
    write_guest(&w, "xen");
    vmgr__xw_end(&w, "capabilities");
    *ret = vmgr__xw_finish(&w);
    return 0;
}

static int test_open(struct vmgr_conn *conn, const struct vmgr__open_args *args,
                     struct vmgr_error **err)
{
    struct vmgr__domobj *obj;
    struct test *t;

    if (!*args->path || strcmp(args->path, "/") == 0)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "testOpen: supply a path or use test:///default");
    if (strcmp(args->path, "/default") != 0)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_TEST,
                               "a host described by the file '%s'; use test:///default",
                               args->path);
    if (args->emulator)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "the test driver runs no emulator");
    if (args->root)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_TEST,
                               "the test driver has no root directory");
    t = g_new0(struct test, 1);
    g_mutex_init(&t->lock);
    vmgr__domlist_init(&t->list);
    t->next_id = 1;
    conn->driver_data = t;
    obj = vmgr__domobj_new();
    obj->config = vmgr__domain_def_parse(default_domain, &defaults, VMGR__CONF_INACTIVE, err);
    g_assert(obj->config);
    vmgr__domlist_add(&t->list, obj);
    if (begin(t, conn, obj, 0, err) < 0)
        return -1;
    obj->reason = VMGR_DOMAIN_RUNNING_UNKNOWN;
    return 0;
}

static void test_close(struct vmgr_conn *conn)
{
    struct test *t = conn->driver_data;

    vmgr__domlist_fini(&t->list);
    g_mutex_clear(&t->lock);
    g_free(t);
}

static const char *const schemes[] = { "test", NULL };

const struct vmgr__driver vmgr__driver_test = {
    .name = "TEST",
    .schemes = schemes,
    .error_domain = VMGR_FROM_TEST,
    .open = test_open,
    .close = test_close,
    .get_hostname = test_get_hostname,
    .get_version = test_get_version,
    .get_capabilities = test_get_capabilities,
    .get_max_vcpus = test_get_max_vcpus,
    .get_node_info = test_get_node_info,
    .get_security_model = test_get_security_model,
    .domain_lookup = test_lookup,
    .domain_list = test_list,
    .domain_define = test_define,
    .domain_create = test_create,
    .domain_undefine = test_undefine,
    .domain_rename = test_rename,
    .domain_start = test_start,
    .domain_shutdown = test_shutdown,
    .domain_reboot = test_reboot,
    .domain_reset = test_reset,
    .domain_destroy = test_destroy,
    .domain_suspend = test_suspend,
    .domain_resume = test_resume,
    .domain_get_state = test_get_state,
    .domain_get_info = test_get_info,
    .domain_get_id = test_get_id,
    .domain_is_persistent = test_is_persistent,
    .domain_is_updated = test_is_updated,
    .domain_has_managed_save = test_has_managed_save,
    .domain_get_os_type = test_get_os_type,
    .domain_get_vcpus = test_get_vcpus,
    .domain_get_autostart = test_get_autostart,
    .domain_set_autostart = test_set_autostart,
    .domain_get_security_label = test_get_security_label,
    .domain_get_xml = test_get_xml,
    .domain_get_messages = test_get_messages,
    .domain_get_metadata = test_get_metadata,
    .domain_set_metadata = test_set_metadata,
    .domain_open_console = test_open_console,
};
