/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver itself: opening, closing, the table of operations.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../block.h"
#include "../checkpoint.h"
#include "../cpu.h"
#include "../display.h"
#include "../files.h"
#include "../guestnet.h"
#include "../interface.h"
#include "../job.h"
#include "../node.h"
#include "../nodedev.h"
#include "../nwfilter.h"
#include "../peek.h"
#include "../resource.h"
#include "../secret.h"
#include "remote.h"

#define OPEN_SECONDS      30 /* for each answer until the connection is open */
#define CLOSE_SECONDS     5
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT   5
#define FEATURE_KEEPALIVE 10
#define OPEN_READ_ONLY    (1u << 0)

static void set_deadline(struct vmgr__remote *r, int seconds)
{
    r->deadline_us = seconds ? g_get_monotonic_time() + seconds * G_USEC_PER_SEC : 0;
}

static void set_keepalive(struct vmgr__remote *r, int interval_s, unsigned count)
{
    g_mutex_lock(&r->lock);
    vmgr__keepalive_start(&r->keepalive, interval_s, count, g_get_monotonic_time());
    g_mutex_unlock(&r->lock);
    vmgr__remote_kick(r);
}

/* Asking makes the server send PINGs too. */
static void start_keepalive(struct vmgr__remote *r)
{
    const struct wire_connect_supports_feature_args args = { FEATURE_KEEPALIVE };
    /* An older server's error is a no. */
    const int supported = vmgr__remote_number(r, WIRE_CONNECT_SUPPORTS_FEATURE, &args, NULL);

    if (supported <= 0)
        return;
    r->answers_pings = true;
    set_keepalive(r, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
}

static void end_child(struct vmgr__remote *r)
{
    if (!r->child)
        return;
    /* Its socket is closed: it ends by itself, or is helped. */
    for (int i = 0; i < 100; i++) {
        if (waitpid(r->child, NULL, WNOHANG) != 0)
            return;
        if (i == 50)
            kill(r->child, SIGTERM);
        g_usleep(10000);
    }
    kill(r->child, SIGKILL);
    waitpid(r->child, NULL, 0);
}

static void remote_free(struct vmgr__remote *r)
{
    vmgr__remote_session_fini(r);
    end_child(r);
    vmgr__remote_uri_clear(&r->uri);
    g_free(r->type);
    g_free(r);
}

static int open_session(struct vmgr__remote *r, bool read_only, struct vmgr_error **err)
{
    const struct wire_connect_open_args args = { .name = r->uri.name,
                                                 .flags = read_only ? OPEN_READ_ONLY : 0 };

    set_deadline(r, OPEN_SECONDS);
    if (vmgr__remote_authenticate(r, err) < 0)
        return -1;
    set_deadline(r, OPEN_SECONDS);
    start_keepalive(r);
    if (vmgr__remote_do(r, WIRE_CONNECT_OPEN, &args, err) < 0)
        return -1;
    set_deadline(r, 0);
    g_mutex_lock(&r->lock);
    r->opened = true;
    g_mutex_unlock(&r->lock);
    return 0;
}

static int remote_open(struct vmgr_conn *conn, const struct vmgr__open_args *args,
                       struct vmgr_error **err)
{
    struct vmgr__remote *r = g_new0(struct vmgr__remote, 1);
    const bool read_only = args->flags & VMGR_CONN_RO;

    r->conn = conn;
    r->options = args->options;
    vmgr__remote_session_init(r);
    if (vmgr__remote_uri_parse(args->uri, args->text, &r->uri, err) < 0 ||
        vmgr__remote_dial(r, read_only, err) < 0 ||
        (r->uri.transport == REMOTE_TLS && vmgr__remote_tls(r, err) < 0) ||
        vmgr__remote_session_start(r, err) < 0 || open_session(r, read_only, err) < 0) {
        remote_free(r);
        return -1;
    }
    r->options = NULL;
    conn->driver_data = r;
    return 0;
}

static void remote_close(struct vmgr_conn *conn)
{
    struct vmgr__remote *r = conn->driver_data;

    /* In good order: the server ends what hangs on this client before it is gone. */
    set_deadline(r, CLOSE_SECONDS);
    g_mutex_lock(&r->lock);
    r->opened = false;
    g_mutex_unlock(&r->lock);
    vmgr__remote_do(r, WIRE_CONNECT_CLOSE, NULL, NULL);
    remote_free(r);
}

static bool remote_is_alive(struct vmgr_conn *conn)
{
    struct vmgr__remote *r = conn->driver_data;
    bool alive;

    g_mutex_lock(&r->lock);
    alive = !r->failure;
    g_mutex_unlock(&r->lock);
    return alive;
}

static int remote_set_keepalive(struct vmgr_conn *conn, int interval_seconds, unsigned count)
{
    struct vmgr__remote *r = conn->driver_data;

    if (!r->answers_pings)
        return 1;
    set_keepalive(r, interval_seconds, count);
    return 0;
}

static const char *const schemes[] = { "remote", NULL };

const struct vmgr__driver vmgr__driver_remote = {
    .name = "remote",
    .schemes = schemes,
    .error_domain = VMGR_FROM_REMOTE,
    .open = remote_open,
    .close = remote_close,
    .is_alive = remote_is_alive,
    .set_keepalive = remote_set_keepalive,
    .get_type = vmgr__remote_get_type,
    .get_lib_version = vmgr__remote_get_lib_version,
    .get_hostname = vmgr__remote_get_hostname,
    .get_version = vmgr__remote_get_version,
    .get_capabilities = vmgr__remote_get_capabilities,
    .get_max_vcpus = vmgr__remote_get_max_vcpus,
    .get_node_info = vmgr__remote_get_node_info,
    .get_security_model = vmgr__remote_get_security_model,
    .subscribe = vmgr__remote_subscribe,
    .domain_lookup = vmgr__remote_domain_lookup,
    .domain_list = vmgr__remote_domain_list,
    .domain_list_entries = vmgr__remote_domain_list_entries,
    .domain_define = vmgr__remote_domain_define,
    .domain_create = vmgr__remote_domain_create,
    .domain_undefine = vmgr__remote_domain_undefine,
    .domain_rename = vmgr__remote_domain_rename,
    .domain_start = vmgr__remote_domain_start,
    .domain_shutdown = vmgr__remote_domain_shutdown,
    .domain_reboot = vmgr__remote_domain_reboot,
    .domain_reset = vmgr__remote_domain_reset,
    .domain_destroy = vmgr__remote_domain_destroy,
    .domain_suspend = vmgr__remote_domain_suspend,
    .domain_resume = vmgr__remote_domain_resume,
    .domain_pm_suspend = vmgr__remote_domain_pm_suspend,
    .domain_pm_wakeup = vmgr__remote_domain_pm_wakeup,
    .domain_get_state = vmgr__remote_domain_get_state,
    .domain_get_info = vmgr__remote_domain_get_info,
    .domain_get_id = vmgr__remote_domain_get_id,
    .domain_is_persistent = vmgr__remote_domain_is_persistent,
    .domain_is_updated = vmgr__remote_domain_is_updated,
    .domain_has_managed_save = vmgr__remote_domain_has_managed_save,
    .domain_get_os_type = vmgr__remote_domain_get_os_type,
    .domain_get_vcpus = vmgr__remote_domain_get_vcpus,
    .domain_get_autostart = vmgr__remote_domain_get_autostart,
    .domain_set_autostart = vmgr__remote_domain_set_autostart,
    .domain_get_security_label = vmgr__remote_domain_get_security_label,
    .domain_get_security_labels = vmgr__remote_domain_get_security_labels,
    .domain_get_xml = vmgr__remote_domain_get_xml,
    .domain_get_messages = vmgr__remote_domain_get_messages,
    .domain_get_metadata = vmgr__remote_domain_get_metadata,
    .domain_set_metadata = vmgr__remote_domain_set_metadata,
    .domain_open_console = vmgr__remote_domain_open_console,
    .domain_open_channel = vmgr__remote_domain_open_channel,
    .domain_set_memory = vmgr__remote_domain_set_memory,
    .domain_set_vcpus = vmgr__remote_domain_set_vcpus,
    .domain_set_lifecycle_action = vmgr__remote_domain_set_lifecycle_action,
    .domain_set_vcpu = vmgr__remote_domain_set_vcpu,
    .domain_set_stats_period = vmgr__remote_domain_set_stats_period,
    .domain_inject_nmi = vmgr__remote_domain_inject_nmi,
    .stats_groups = VMGR__REMOTE_STATS_GROUPS,
    .domain_get_stats = vmgr__remote_domain_get_stats,
    .domain_attach_device = vmgr__remote_domain_attach_device,
    .domain_detach_device = vmgr__remote_domain_detach_device,
    .domain_detach_alias = vmgr__remote_domain_detach_alias,
    .domain_update_device = vmgr__remote_domain_update_device,
    .block = &vmgr__remote_block,
    .checkpoint = &vmgr__remote_checkpoint,
    .display = &vmgr__remote_display,
    .files = &vmgr__remote_files,
    .job = &vmgr__remote_job,
    .domain_monitor_command = vmgr__remote_monitor_command,
    .agent = &vmgr__remote_agent,
    .peek = &vmgr__remote_peek,
    .resource = &vmgr__remote_resource,
    .network = &vmgr__remote_network,
    .guestnet = &vmgr__remote_guestnet,
    .nwfilter = &vmgr__remote_nwfilter,
    .storage = &vmgr__remote_storage,
    .nodedev = &vmgr__remote_nodedev,
    .interface = &vmgr__remote_interface,
    .cpu = &vmgr__remote_cpu,
    .node = &vmgr__remote_node,
    .secret = &vmgr__remote_secret,
};
