/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test driver itself: a connection, what it begins with, the table of operations. */
#include <string.h>

#include "../../secret/secret.h"
#include "../checkpoint.h"
#include "../cpu.h"
#include "../display.h"
#include "../files.h"
#include "../interface.h"
#include "../job.h"
#include "../network.h"
#include "../node.h"
#include "../nodedev.h"
#include "../resource.h"
#include "../stats.h"
#include "../storage.h"
#include "test.h"

const struct vmgr__conf_defaults vmgr__test_defaults = { .arch = "i686" };

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

void vmgr__test_emit(struct vmgr_conn *conn, const struct vmgr__domobj *obj, int type, int detail)
{
    vmgr__conn_emit(conn, vmgr__domobj_name(obj), vmgr__domobj_uuid(obj),
                    VMGR_DOMAIN_EVENT_LIFECYCLE, type, detail);
}

struct vmgr__domobj *vmgr__test_enter(struct vmgr_domain *dom, struct test **ret_test,
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

int vmgr__test_leave(struct test *t, int r)
{
    g_mutex_unlock(&t->lock);
    return r;
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
    t->networks = vmgr__test_networks_new();
    t->nodedevs = vmgr__test_nodedevs_new();
    t->interfaces = vmgr__test_interfaces_new();
    vmgr__test_storage_init(t);
    conn->secrets = vmgr__secret_store_new(NULL);
    conn->driver_data = t;
    obj = vmgr__domobj_new();
    obj->config =
        vmgr__domain_def_parse(default_domain, &vmgr__test_defaults, VMGR__CONF_INACTIVE, err);
    g_assert(obj->config);
    vmgr__domlist_add(&t->list, obj);
    if (vmgr__test_begin(t, conn, obj, 0, err) < 0)
        return -1;
    obj->reason = VMGR_DOMAIN_RUNNING_UNKNOWN;
    return 0;
}

static void test_close(struct vmgr_conn *conn)
{
    struct test *t = conn->driver_data;

    vmgr__test_storage_fini(t);
    vmgr__secret_store_free(conn->secrets);
    vmgr__domlist_fini(&t->list);
    g_ptr_array_unref(t->networks);
    g_ptr_array_unref(t->nodedevs);
    g_ptr_array_unref(t->interfaces);
    g_clear_pointer(&t->interfaces_begun, g_ptr_array_unref);
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
    .get_hostname = vmgr__test_get_hostname,
    .get_version = vmgr__test_get_version,
    .get_capabilities = vmgr__test_get_capabilities,
    .get_max_vcpus = vmgr__test_get_max_vcpus,
    .get_node_info = vmgr__test_get_node_info,
    .get_security_model = vmgr__test_get_security_model,
    .domain_lookup = vmgr__test_lookup,
    .domain_list = vmgr__test_list,
    .domain_define = vmgr__test_define,
    .domain_create = vmgr__test_create,
    .domain_undefine = vmgr__test_undefine,
    .domain_rename = vmgr__test_rename,
    .domain_start = vmgr__test_start,
    .domain_shutdown = vmgr__test_shutdown,
    .domain_reboot = vmgr__test_reboot,
    .domain_reset = vmgr__test_reset,
    .domain_destroy = vmgr__test_destroy,
    .domain_suspend = vmgr__test_suspend,
    .domain_resume = vmgr__test_resume,
    .domain_get_state = vmgr__test_get_state,
    .domain_get_info = vmgr__test_get_info,
    .domain_get_id = vmgr__test_get_id,
    .domain_is_persistent = vmgr__test_is_persistent,
    .domain_is_updated = vmgr__test_is_updated,
    .domain_has_managed_save = vmgr__test_has_managed_save,
    .domain_get_os_type = vmgr__test_get_os_type,
    .domain_get_vcpus = vmgr__test_get_vcpus,
    .domain_get_autostart = vmgr__test_get_autostart,
    .domain_set_autostart = vmgr__test_set_autostart,
    .domain_get_security_label = vmgr__test_get_security_label,
    .domain_get_xml = vmgr__test_get_xml,
    .domain_get_messages = vmgr__test_get_messages,
    .domain_get_metadata = vmgr__test_get_metadata,
    .domain_set_metadata = vmgr__test_set_metadata,
    .domain_open_console = vmgr__test_open_console,
    .domain_open_channel = vmgr__test_open_channel,
    .stats_groups = VMGR_STATS_STATE | VMGR_STATS_IOTHREAD,
    .domain_get_stats = vmgr__test_get_stats,
    .domain_set_memory = vmgr__test_set_memory,
    .domain_set_vcpus = vmgr__test_set_vcpus,
    .domain_set_lifecycle_action = vmgr__test_set_lifecycle_action,
    .domain_set_stats_period = vmgr__test_set_stats_period,
    .domain_inject_nmi = vmgr__test_inject_nmi,
    .agent = &vmgr__test_agent,
    .checkpoint = &vmgr__test_checkpoint,
    .display = &vmgr__test_display,
    .files = &vmgr__test_files,
    .job = &vmgr__test_job,
    .resource = &vmgr__test_resource,
    .network = &vmgr__test_network,
    .storage = &vmgr__storage_test,
    .nodedev = &vmgr__test_nodedev,
    .interface = &vmgr__test_interface,
    .cpu = &vmgr__test_cpu,
    .node = &vmgr__test_node,
    .secret = &vmgr__secret_host,
};
