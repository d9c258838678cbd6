/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status file of a run.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../../conf/backup.h"
#include "../block/blockjob.h"
#include "../device/plug-note.h"
#include "../device/vsock.h"
#include "../job/domain-job.h"
#include "../run/process.h"
#include "paths.h"
#include "status.h"

static const char *const phases[] = { "off", "starting", "active", "stopping", NULL };

void vmgr__vemu_status_clear(struct vemu_status *s)
{
    vmgr__domain_def_free(s->def);
    g_clear_pointer(&s->jobs, g_ptr_array_unref);
    g_clear_pointer(&s->plugs, g_ptr_array_unref);
    vmgr__backup_free(s->backup);
    vmgr__domain_job_free(s->job);
    vmgr__domain_job_free(s->last_job);
    g_free(s->cgroup);
    *s = (struct vemu_status){ .state = VMGR_DOMAIN_SHUTOFF };
}

static bool number(const xmlNode *node, const char *attr, uint64_t limit, uint64_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    return vmgr__parse_u64(text, ret) && *ret <= limit;
}

static int parse_status(const char *name, const char *text, struct vemu_status *ret,
                        struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(text, "(domain_status)", "domstatus", err);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *domain = vmgr__xml_child(root, "domain");
    g_autofree char *phase = vmgr__xml_attr(root, "phase");
    g_autofree char *boot = vmgr__xml_attr(root, "boot");
    g_autofree char *updated = vmgr__xml_attr(root, "updated");
    g_autofree char *bitmaps = vmgr__xml_attr(root, "bitmaps");
    uint64_t state, reason, pid = 0, owner = 0, user, group;
    int r = -1;

    if (!doc)
        return -1;
    if (g_strcmp0(boot, vmgr__boot_id()) != 0) {
        xmlFreeDoc(doc); /* the host has been restarted: nothing of that runs any more */
        return 0;
    }
    ret->phase = (enum vemu_phase)vmgr__name_index(phases, phase);
    if ((int)ret->phase < 0 || !number(root, "state", VMGR_DOMAIN_PMSUSPENDED, &state) ||
        !number(root, "reason", INT32_MAX, &reason) ||
        (ret->phase != VEMU_OFF &&
         (!domain || !number(root, "pid", INT32_MAX, &pid) ||
          !number(root, "started", UINT64_MAX, &ret->process.start_time)))) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the status file of domain '%s' is damaged", name);
    } else {
        ret->state = (int)state;
        ret->reason = (int)reason;
        ret->process.pid = (int)pid;
        if (number(root, "owner", INT32_MAX, &owner) &&
            number(root, "owner-started", UINT64_MAX, &ret->owner_start_time))
            ret->owner = (int)owner;
        if (number(root, "user", UINT32_MAX, &user) && number(root, "group", UINT32_MAX, &group)) {
            ret->uid = (uid_t)user;
            ret->gid = (gid_t)group;
        }
        ret->cgroup = vmgr__xml_attr(root, "cgroup");
        ret->updated = g_strcmp0(updated, "yes") == 0;
        ret->bitmaps = g_strcmp0(bitmaps, "yes") == 0;
        r = 1;
        if (ret->phase != VEMU_OFF) {
            ret->def = vmgr__domain_def_parse_node(domain, &vmgr__vemu_defaults, 0, err);
            r = ret->def ? 1 : -1;
            ret->jobs = vmgr__blockjobs_read(root);
            ret->plugs = vmgr__vemu_plugs_read(root);
            if (vmgr__xml_child(root, "domainbackup"))
                ret->backup = vmgr__backup_read(vmgr__xml_child(root, "domainbackup"));
            vmgr__domain_jobs_read(root, ret);
        }
    }
    xmlFreeDoc(doc);
    return r;
}

int vmgr__vemu_status_load(const struct vemu *d, const char *name, struct vemu_status *ret,
                           struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autofree char *path = vmgr__vemu_run_path(d, name, "status.xml");
    g_autofree char *text = NULL;
    struct vmgr_error *cause = NULL;
    int r;

    *ret = (struct vemu_status){ .state = VMGR_DOMAIN_SHUTOFF };
    r = vmgr__file_read(path, &text, err);
    if (r < 0)
        return r;
    if (r == 0) /* or it is empty */
        return access(path, F_OK) == 0 && vmgr__process_is_in(dir)
                   ? vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                                "the status file of domain '%s' is empty", name)
                   : 0;
    r = parse_status(name, text, ret, &cause);
    if (r <= 0)
        vmgr__vemu_status_clear(ret);
    /* A crash of the host may have torn it, where RUN is on a disk: then nothing runs there. */
    if (r < 0 && !vmgr__process_is_in(dir)) {
        vmgr_error_free(cause);
        return 0;
    }
    vmgr__error_move(err, cause);
    return r;
}

int vmgr__vemu_status_save(const struct vemu *d, const char *name, const struct vemu_status *s,
                           struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autofree char *path = vmgr__vemu_run_path(d, name, "status.xml");
    g_autofree char *fresh = NULL;
    g_autofree char *text = NULL;
    struct vmgr__xml_writer w;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     dir);
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "domstatus");
    vmgr__xw_attr(&w, "phase", phases[s->phase]);
    vmgr__xw_attr(&w, "boot", vmgr__boot_id());
    vmgr__xw_attrf(&w, "state", "%d", s->state);
    vmgr__xw_attrf(&w, "reason", "%d", s->reason);
    if (s->phase != VEMU_OFF) {
        vmgr__xw_attrf(&w, "pid", "%d", s->process.pid);
        vmgr__xw_attrf(&w, "started", "%" G_GUINT64_FORMAT, s->process.start_time);
        if (s->owner) {
            vmgr__xw_attrf(&w, "owner", "%d", s->owner);
            vmgr__xw_attrf(&w, "owner-started", "%" G_GUINT64_FORMAT, s->owner_start_time);
        }
        if (s->updated)
            vmgr__xw_attr(&w, "updated", "yes");
        if (s->bitmaps)
            vmgr__xw_attr(&w, "bitmaps", "yes");
        if (s->uid || s->gid) {
            vmgr__xw_attrf(&w, "user", "%u", s->uid);
            vmgr__xw_attrf(&w, "group", "%u", s->gid);
        }
        vmgr__xw_attr(&w, "cgroup", s->cgroup);
        vmgr__domain_def_write(s->def, VMGR__CONF_STATUS, &w);
        vmgr__blockjobs_write(s->jobs, &w);
        vmgr__vemu_plugs_write(s->plugs, &w);
        if (s->backup)
            vmgr__backup_write(s->backup, true, &w);
        vmgr__domain_jobs_write(s, &w);
    }
    vmgr__xw_end(&w, "domstatus");
    text = vmgr__xw_finish(&w);
    /* Not synced: a run does not outlive what syncing protects from. Written beside the directory,
     * which a guest may make files in. */
    fresh = g_strconcat(dir, ".new", NULL);
    return vmgr__file_replace_from(fresh, path, text, false, err);
}

void vmgr__vemu_run_sweep(const struct vemu *d, const char *name)
{
    static const char *const files[] = { "exit.json", "pid" };
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autofree char *timeout = g_strconcat(dir, VEMU_AGENT_TIMEOUT, NULL);
    g_autoptr(GDir) left = g_dir_open(dir, 0, NULL);
    const char *file;

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = vmgr__vemu_run_path(d, name, files[i]);

        unlink(path);
    }
    unlink(timeout);
    /* The monitor's, those of channels and vsock: the next run's user could not replace them. */
    while (left && (file = g_dir_read_name(left))) {
        g_autofree char *path = g_build_filename(dir, file, NULL);

        if (g_str_has_suffix(file, ".sock") || strcmp(file, VEMU_VSOCK_SOCKET "_seqpacket") == 0)
            unlink(path);
    }
}

void vmgr__vemu_run_remove(const struct vemu *d, const char *name)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autofree char *status = vmgr__vemu_run_path(d, name, "status.xml");
    g_autoptr(GDir) left = NULL;
    const char *file;

    g_autofree char *fresh = g_strconcat(dir, ".new", NULL);
    g_autofree char *agent_lock = g_strconcat(dir, VEMU_AGENT_LOCK, NULL);

    vmgr__vemu_run_sweep(d, name);
    unlink(agent_lock);
    unlink(fresh);
    unlink(status);
    /* Locks of consoles, and what an emulator of the future may leave. */
    left = g_dir_open(dir, 0, NULL);
    while (left && (file = g_dir_read_name(left))) {
        g_autofree char *path = g_build_filename(dir, file, NULL);

        unlink(path);
    }
    rmdir(dir);
}
