/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <seclabel>: the model "dac" is who the guest's user is, and whether files are opened to it.
 *
 * As libvirt has it on a host without SELinux and AppArmor: the first model is "none", of which
 * there is nothing to say, and the second "dac". A definition that says nothing of it has a label
 * of type "dynamic": the user that vemu.conf means. "static" names another one. "none" leaves the
 * user and relabels nothing, as relabel='no' does.
 */
#include "seclabel.h"

#include <string.h>

#include "../state/account.h"

#define DAC "dac"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

bool vmgr__vemu_seclabel_available(const struct vemu *d, struct vemu_settings *ret)
{
    if (vmgr__vemu_settings_load(d, ret, NULL) < 0)
        return false;
    vmgr__vemu_settings_clear(ret);
    return ret->way != VEMU_GUESTS_AS_CALLER;
}

int vmgr__vemu_seclabel_check_model(const char *model, struct vmgr_error **err)
{
    if (g_strcmp0(model, "none") == 0 || g_strcmp0(model, DAC) == 0)
        return 0;
    return unsupported(err, "Security driver model '%s' is not available",
                       model ? model : "(null)");
}

/* "USER:GROUP" */
static int parse_owner(const char *label, uid_t *ret_uid, gid_t *ret_gid, struct vmgr_error **err)
{
    g_auto(GStrv) words = g_strsplit(label, ":", 2);

    if (!words[0] || !words[1])
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "Failed to parse uid and gid from '%s'",
                          label);
    if (!vmgr__account_user(words[0], ret_uid, NULL))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "Failed to parse user '%s'",
                          words[0] + (*words[0] == '+'));
    if (!vmgr__account_group(words[1], ret_gid))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "Failed to parse group '%s'",
                          words[1] + (*words[1] == '+'));
    return 0;
}

int vmgr__vemu_seclabel_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    for (guint i = 0; i < def->seclabels->len; i++) {
        const struct vmgr__seclabel *l = def->seclabels->pdata[i];
        uid_t uid;
        gid_t gid;

        if (vmgr__vemu_seclabel_check_model(l->model, err) < 0)
            return -1;
        if (l->type == VMGR__SECLABEL_DEFAULT && !l->relabel)
            return unsupported(err, "dynamic label type must use resource relabeling");
        if (l->type == VMGR__SECLABEL_STATIC && parse_owner(l->label, &uid, &gid, err) < 0)
            return -1;
    }
    return 0;
}

void vmgr__vemu_seclabel_of_run(const struct vmgr__domain_def *def, struct vemu_settings *settings)
{
    const struct vmgr__seclabel *l = vmgr__seclabel_find(def, DAC);

    settings->leave_files = l && !l->relabel;
    if (l && l->type == VMGR__SECLABEL_STATIC)
        settings->way = VEMU_GUESTS_AS_ONE;
}

int vmgr__vemu_seclabel_apply(const struct vmgr__domain_def *def, struct vemu_settings *settings,
                              struct vmgr_error **err)
{
    const struct vmgr__seclabel *l = vmgr__seclabel_find(def, DAC);

    if (!l)
        return 0;
    if (settings->way == VEMU_GUESTS_AS_CALLER)
        return unsupported(err, "Security driver model '" DAC "' is not available: guests have the "
                                "user of whoever starts them, unless guests_as in vemu.conf says "
                                "otherwise");
    vmgr__vemu_seclabel_of_run(def, settings);
    if (l->type != VMGR__SECLABEL_STATIC)
        return 0;
    if (parse_owner(l->label, &settings->uid, &settings->gid, err) < 0)
        return -1;
    if (settings->uid == 0)
        settings->way = VEMU_GUESTS_AS_ROOT;
    return 0;
}

void vmgr__vemu_seclabel_show(struct vemu_status *s)
{
    struct vmgr__seclabel *l = vmgr__seclabel_find(s->def, DAC);

    if (!l) {
        l = g_new0(struct vmgr__seclabel, 1);
        l->model = g_strdup(DAC);
        l->relabel = l->implicit = true;
        g_ptr_array_add(s->def->seclabels, l);
    }
    if (l->type == VMGR__SECLABEL_DEFAULT)
        l->type = VMGR__SECLABEL_DYNAMIC;
    if (l->type == VMGR__SECLABEL_DYNAMIC) {
        g_free(l->label);
        l->label = g_strdup_printf("+%u:+%u", s->uid, s->gid);
    }
    g_clear_pointer(&l->imagelabel, g_free);
    if (l->relabel)
        l->imagelabel = g_strdup(l->label);
}

int vmgr__vemu_seclabel_source(const xmlNode *source, bool *ret_alone, struct vmgr_error **err)
{
    *ret_alone = false;
    for (const xmlNode *node = vmgr__xml_child(source, "seclabel"); node;
         node = vmgr__xml_next(node, "seclabel")) {
        g_autofree char *model = vmgr__xml_attr(node, "model");
        g_autofree char *relabel = vmgr__xml_attr(node, "relabel");

        if (vmgr__vemu_seclabel_check_model(model, err) < 0)
            return -1;
        if (vmgr__xml_child(node, "label"))
            return unsupported(err, "a <label> of a file of its own is not supported by the vemu "
                                    "driver: files keep their owner, and the guest's user gets an "
                                    "entry in their access control list");
        if (strcmp(model, DAC) == 0 && g_strcmp0(relabel, "no") == 0)
            *ret_alone = true;
    }
    return 0;
}
