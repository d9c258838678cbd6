/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver's table: questions are answered here from the cache; changes are in files of
 * their own.
 */
#include <string.h>

#include "../../hostdev/hostdev.h"
#include "../../network/network.h"
#include "../../secret/secret.h"
#include "../../storage/storage.h"
#include "../block.h"
#include "../checkpoint.h"
#include "../cpu.h"
#include "../display.h"
#include "../guestnet.h"
#include "../job.h"
#include "../node.h"
#include "../nwfilter.h"
#include "../peek.h"
#include "../resource.h"
#include "block/blockjob.h"
#include "change.h"
#include "define.h"
#include "device/attach.h"
#include "device/memory.h"
#include "device/parts.h"
#include "host/host.h"
#include "lifecycle.h"
#include "run/agent.h"
#include "run/channel.h"
#include "run/console.h"
#include "run/crash.h"
#include "run/files.h"
#include "run/lifecycle-action.h"
#include "run/news.h"
#include "run/pm.h"
#include "run/process.h"
#include "run/seclabel.h"
#include "state/cache.h"
#include "state/notice.h"
#include "state/paths.h"
#include "state/record.h"
#include "state/text.h"
#include "state/watch.h"
#include "tune/numa.h"
#include "tune/size.h"
#include "tune/stats.h"

/* For questions that need no more of the definition than its outline. */
static struct vmgr__domobj *enter_outline(struct vmgr_domain *dom, struct vemu **ret_d,
                                          struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    struct vmgr__domobj *obj;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_outline_locked(d, dom, err);
    if (!obj)
        g_mutex_unlock(&d->lock);
    *ret_d = d;
    return obj;
}

static struct vmgr__domobj *enter_any(struct vmgr_domain *dom, struct vemu **ret_d,
                                      struct vmgr_error **err)
{
    struct vmgr__domobj *obj = enter_outline(dom, ret_d, err);

    if (obj && vmgr__vemu_obj_load(*ret_d, obj, err) < 0) {
        g_mutex_unlock(&(*ret_d)->lock);
        return NULL;
    }
    return obj;
}

/* For questions about what runs, if it runs: that can be read. */
static struct vmgr__domobj *enter(struct vmgr_domain *dom, struct vemu **ret_d,
                                  struct vmgr_error **err)
{
    struct vmgr__domobj *obj = enter_any(dom, ret_d, err);

    if (obj && vmgr__vemu_obj_check(obj, err) < 0) {
        g_mutex_unlock(&(*ret_d)->lock);
        return NULL;
    }
    return obj;
}

static int leave(struct vemu *d, int r)
{
    g_mutex_unlock(&d->lock);
    return r;
}

static struct vmgr__domobj *find_cached(const struct vemu *d, int id, const uint8_t *uuid)
{
    return uuid ? vmgr__domlist_by_uuid(&d->list, uuid) : vmgr__domlist_by_id(&d->list, id);
}

/* Whether what the cache says about this UUID or number still holds: looking at one name tells. */
static bool is_cached(struct vemu *d, int id, const uint8_t *uuid)
{
    const struct vmgr__domobj *obj = find_cached(d, id, uuid);
    g_autofree char *name = obj ? g_strdup(vmgr__domobj_name(obj)) : NULL;

    if (name)
        vmgr__vemu_refresh_locked(d, name);
    return name && find_cached(d, id, uuid);
}

static int vemu_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid, const char *name,
                       struct vmgr_domain **ret, struct vmgr_error **err)
{
    struct vemu *d = conn->driver_data;

    g_mutex_lock(&d->lock);
    if (name && !strchr(name, '/') && strlen(name) <= VEMU_NAME_MAX)
        vmgr__vemu_refresh_locked(d, name);
    else if (!name && !is_cached(d, id, uuid))
        vmgr__vemu_refresh_all_locked(d);
    return leave(d, vmgr__domlist_lookup(&d->list, conn, id, uuid, name, ret, err));
}

static int vemu_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                     struct vmgr_error **err G_GNUC_UNUSED)
{
    struct vemu *d = conn->driver_data;

    g_mutex_lock(&d->lock);
    vmgr__vemu_refresh_all_locked(d);
    vmgr__domlist_select(&d->list, conn, flags, ret);
    return leave(d, 0);
}

static int vemu_list_entries(struct vmgr_conn *conn, uint32_t flags, GArray *ret,
                             struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autoptr(GArray) unseen = g_array_new(FALSE, FALSE, sizeof(guint));
    struct vemu *d = conn->driver_data;

    g_mutex_lock(&d->lock);
    vmgr__vemu_refresh_all_locked(d);
    vmgr__domlist_select_entries(&d->list, conn, flags, ret);
    for (guint i = 0; i < ret->len; i++) {
        const struct vmgr_domain_entry *e = &g_array_index(ret, struct vmgr_domain_entry, i);
        const struct vmgr__domobj *obj =
            e->id ? vmgr__domlist_by_name(&d->list, vmgr_domain_get_name(e->domain)) : NULL;

        if (obj && vmgr__vemu_stops_unseen(obj))
            g_array_append_val(unseen, i);
    }
    g_mutex_unlock(&d->lock);
    for (guint i = 0; i < unseen->len; i++) {
        struct vmgr_domain_entry *e =
            &g_array_index(ret, struct vmgr_domain_entry, g_array_index(unseen, guint, i));

        vmgr_domain_get_state(e->domain, 0, &e->state, &e->reason, NULL);
    }
    return 0;
}

static int vemu_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                          struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter(dom, &d, err);

    if (!obj)
        return -1;
    if (!d->read_only && vmgr__vemu_stops_unseen(obj)) {
        g_autofree char *name = g_strdup(vmgr__domobj_name(obj));

        leave(d, 0);
        vmgr__vemu_ask_guest(d, name);
        obj = enter(dom, &d, err);
        if (!obj)
            return -1;
    }
    *ret_state = obj->state;
    *ret_reason = obj->reason;
    return leave(d, 0);
}

/* What a guest takes of virtio-mem is told to who listens; others ask. */
static void look_at_memory(struct vmgr_domain *dom)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_any(dom, &d, NULL);
    g_autofree char *name = NULL;

    if (!obj)
        return;
    if (!d->read_only && !d->watching && obj->live && vmgr__vemu_memory_changes(obj->live))
        name = g_strdup(vmgr__domobj_name(obj));
    leave(d, 0);
    if (name)
        vmgr__vemu_ask_guest(d, name);
}

static int vemu_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                         struct vmgr_error **err)
{
    struct vemu_process process;
    const struct vmgr__domobj *obj;
    struct vemu *d;

    look_at_memory(dom);
    obj = enter(dom, &d, err);
    if (!obj)
        return -1;
    vmgr__domobj_get_info(obj, ret);
    process = vmgr__vemu_obj_process(obj);
    ret->cpu_time_ns = obj->live ? vmgr__process_cpu_time_ns(&process) : 0;
    return leave(d, 0);
}

static int vemu_get_id(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_outline(dom, &d, err);

    return obj ? leave(d, obj->live ? obj->live->id : 0) : -1;
}

static int vemu_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_outline(dom, &d, err);

    return obj ? leave(d, obj->config != NULL) : -1;
}

static int vemu_is_updated(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_outline(dom, &d, err);

    return obj ? leave(d, obj->updated) : -1;
}

static int vemu_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d;

    return enter_outline(dom, &d, err) ? leave(d, 0) : -1;
}

static int vemu_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter(dom, &d, err);

    if (!obj)
        return -1;
    *ret = g_strdup(vmgr__os_type_names[vmgr__domobj_current(obj)->os.type]);
    return leave(d, 0);
}

static int vemu_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj;

    if (flags & VMGR_DOMAIN_VCPU_GUEST)
        return vmgr__vemu_agent_count_vcpus(dom, flags & VMGR_DOMAIN_VCPU_MAXIMUM, err);
    obj = enter(dom, &d, err);
    return obj ? leave(d, vmgr__domobj_get_vcpus(obj, flags, err)) : -1;
}

static int vemu_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_outline(dom, &d, err);

    return obj ? leave(d, obj->autostart) : -1;
}

static int vemu_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                   struct vmgr_error **err)
{
    struct vemu *d;

    if (!enter_outline(dom, &d, err))
        return -1;
    ret->enforcing = 0;
    ret->label[0] = '\0';
    return leave(d, 0);
}

/* The first model is "none", which has no labels. */
static int vemu_get_security_labels(struct vmgr_domain *dom, GPtrArray *ret,
                                    struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter_any(dom, &d, err);
    const struct vmgr__seclabel *l;
    struct vemu_settings settings;

    if (!obj)
        return -1;
    if (obj->live) {
        g_ptr_array_add(ret, vmgr__security_label_new("", false));
        l = vmgr__seclabel_find(obj->live, "dac");
        if (l || vmgr__vemu_seclabel_available(d, &settings))
            g_ptr_array_add(ret, vmgr__security_label_new(l && l->label ? l->label : "", false));
    }
    return leave(d, 0);
}

/* A job on a disk that has ended changes the definition of its run. */
static void look_at_jobs(struct vmgr_domain *dom)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    bool wanted;

    g_mutex_lock(&d->lock);
    wanted = g_hash_table_contains(d->job_names, vmgr_domain_get_name(dom));
    g_mutex_unlock(&d->lock);
    if (wanted)
        vmgr__blockjobs_look(d, vmgr_domain_get_name(dom));
}

/* The CPU as it would be if the guest started now. */
static int update_cpu(char **xml, struct vmgr_error **err)
{
    struct vmgr__domain_def *def = vmgr__domain_def_parse(*xml, &vmgr__vemu_defaults, 0, err);
    int r = def ? vmgr__vemu_cpu_expand(def, err) : -1;

    g_free(*xml);
    *xml = r == 0 ? vmgr__domain_def_format(def, 0) : NULL;
    vmgr__domain_def_free(def);
    return r;
}

static int vemu_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj;

    if (!(flags & VMGR_DOMAIN_XML_INACTIVE)) {
        look_at_jobs(dom);
        look_at_memory(dom);
    }
    obj = enter_any(dom, &d, err);
    if (!obj)
        return -1;
    /* A definition can be shown without what runs. */
    if ((!obj->config || !(flags & VMGR_DOMAIN_XML_INACTIVE)) && vmgr__vemu_obj_check(obj, err) < 0)
        return leave(d, -1);
    *ret = vmgr__vemu_text(d, obj, flags);
    leave(d, 0);
    return flags & VMGR_DOMAIN_XML_UPDATE_CPU ? update_cpu(ret, err) : 0;
}

static int vemu_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                             struct vmgr_error **err)
{
    struct vemu *d;
    struct vmgr__domobj *obj = enter_outline(dom, &d, err);

    if (!obj)
        return -1;
    if (obj->config && !obj->live && vmgr__vemu_record_of(obj)->silent)
        return leave(d, 0);
    if (vmgr__vemu_obj_load(d, obj, err) < 0 || vmgr__vemu_obj_check(obj, err) < 0)
        return leave(d, -1);
    vmgr__domobj_get_messages(obj, flags, ret);
    if (!flags || flags & VMGR_DOMAIN_MESSAGE_UNKNOWN)
        vmgr__vemu_remarks(obj->config ? obj->config : obj->live, ret);
    return leave(d, 0);
}

static int vemu_get_metadata(struct vmgr_domain *dom, int type, const char *uri, uint32_t flags,
                             char **ret, struct vmgr_error **err)
{
    struct vemu *d;
    const struct vmgr__domobj *obj = enter(dom, &d, err);

    return obj ? leave(d, vmgr__domobj_get_metadata(obj, type, uri, flags, ret, err)) : -1;
}

static void vemu_close(struct vmgr_conn *conn)
{
    struct vemu *d = conn->driver_data;

    vmgr__vemu_autodestroy(d);
    vmgr__storage_free(conn->storage);
    vmgr__secret_store_free(conn->secrets);
    vmgr__vemu_watch_fini(d);
    vmgr__vemu_notice_fini(d);
    vmgr__vemu_texts_fini(d);
    vmgr__hostnet_watch_fini(d);
    vmgr__hostdev_free(d->hostdev);
    vmgr__domlist_fini(&d->list);
    g_hash_table_unref(d->unsettled);
    g_ptr_array_unref(d->news);
    g_hash_table_unref(d->autodestroy);
    g_hash_table_unref(d->job_names);
    vmgr__vemu_files_free(d->files);
    vmgr__vemu_paths_fini(d);
    g_mutex_clear(&d->lock);
    g_free(d);
}

static int vemu_open(struct vmgr_conn *conn, const struct vmgr__open_args *args,
                     struct vmgr_error **err)
{
    struct vemu *d = g_new0(struct vemu, 1);

    d->conn = conn;
    d->read_only = args->flags & VMGR_CONN_RO;
    g_mutex_init(&d->lock);
    vmgr__domlist_init(&d->list);
    d->unsettled = g_hash_table_new(NULL, NULL);
    d->watch_epoll = d->inotify_fd = d->job_timer = -1;
    d->job_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    d->news = g_ptr_array_new_with_free_func(vmgr__vemu_news_free);
    d->autodestroy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    d->files = vmgr__vemu_files_new();
    conn->driver_data = d;
    d->hostdev = vmgr__hostdev_new(args->root);
    if (vmgr__vemu_paths_init(d, args, err) == 0) {
        conn->secrets = vmgr__secret_store_new(d->secret_dir);
        conn->storage = vmgr__storage_new(conn, d->storage_dir, d->storage_run_dir);
        return 0;
    }
    vemu_close(conn);
    return -1;
}

static const char *const schemes[] = { "vemu", "qemu", NULL };

const struct vmgr__driver vmgr__driver_vemu = {
    .name = "VEMU",
    .schemes = schemes,
    .error_domain = VMGR_FROM_VEMU,
    .open = vemu_open,
    .close = vemu_close,
    .get_hostname = vmgr__vemu_get_hostname,
    .get_version = vmgr__vemu_get_version,
    .get_capabilities = vmgr__vemu_get_capabilities,
    .get_max_vcpus = vmgr__vemu_get_max_vcpus,
    .get_node_info = vmgr__vemu_get_node_info,
    .get_security_model = vmgr__vemu_get_security_model,
    .watch = vmgr__vemu_watch,
    .subscribe = vmgr__vemu_subscribe,
    .poll_events = vmgr__vemu_poll_events,
    .domain_lookup = vemu_lookup,
    .domain_list = vemu_list,
    .domain_list_entries = vemu_list_entries,
    .domain_define = vmgr__vemu_define,
    .domain_create = vmgr__vemu_create,
    .domain_undefine = vmgr__vemu_undefine,
    .domain_rename = vmgr__vemu_rename,
    .domain_start = vmgr__vemu_start,
    .domain_shutdown = vmgr__vemu_shutdown,
    .domain_reboot = vmgr__vemu_reboot,
    .domain_reset = vmgr__vemu_reset,
    .domain_destroy = vmgr__vemu_destroy,
    .domain_suspend = vmgr__vemu_suspend,
    .domain_resume = vmgr__vemu_resume,
    .domain_pm_suspend = vmgr__vemu_pm_suspend,
    .domain_pm_wakeup = vmgr__vemu_pm_wakeup,
    .domain_get_state = vemu_get_state,
    .domain_get_info = vemu_get_info,
    .domain_get_id = vemu_get_id,
    .domain_is_persistent = vemu_is_persistent,
    .domain_is_updated = vemu_is_updated,
    .domain_has_managed_save = vemu_has_managed_save,
    .domain_get_os_type = vemu_get_os_type,
    .domain_get_vcpus = vemu_get_vcpus,
    .domain_get_autostart = vemu_get_autostart,
    .domain_set_autostart = vmgr__vemu_set_autostart,
    .domain_get_security_label = vemu_get_security_label,
    .domain_get_security_labels = vemu_get_security_labels,
    .domain_get_xml = vemu_get_xml,
    .domain_get_messages = vemu_get_messages,
    .domain_get_metadata = vemu_get_metadata,
    .domain_set_metadata = vmgr__vemu_set_metadata,
    .domain_open_console = vmgr__vemu_open_console,
    .domain_open_channel = vmgr__vemu_open_channel,
    .stats_groups = VEMU_STATS,
    .domain_get_stats = vmgr__vemu_get_stats,
    .domain_set_memory = vmgr__vemu_set_memory,
    .domain_set_vcpus = vmgr__vemu_set_vcpus,
    .domain_set_lifecycle_action = vmgr__vemu_set_lifecycle_action,
    .domain_set_vcpu = vmgr__vemu_set_vcpu,
    .domain_set_stats_period = vmgr__vemu_set_stats_period,
    .domain_inject_nmi = vmgr__vemu_inject_nmi,
    .domain_attach_device = vmgr__vemu_attach,
    .domain_detach_device = vmgr__vemu_detach,
    .domain_detach_alias = vmgr__vemu_detach_alias,
    .domain_update_device = vmgr__vemu_update,
    .block = &vmgr__vemu_block,
    .checkpoint = &vmgr__vemu_checkpoint,
    .domain_monitor_command = vmgr__vemu_monitor_command,
    .agent = &vmgr__vemu_agent,
    .peek = &vmgr__vemu_peek,
    .files = &vmgr__vemu_files,
    .resource = &vmgr__vemu_resource,
    .network = &vmgr__vemu_network,
    .guestnet = &vmgr__vemu_guestnet,
    .nwfilter = &vmgr__vemu_nwfilter,
    .storage = &vmgr__storage_vemu,
    .nodedev = &vmgr__vemu_nodedev,
    .interface = &vmgr__vemu_interface,
    .job = &vmgr__vemu_job,
    .cpu = &vmgr__vemu_cpu,
    .display = &vmgr__vemu_display,
    .node = &vmgr__vemu_node,
    .secret = &vmgr__secret_host,
};
