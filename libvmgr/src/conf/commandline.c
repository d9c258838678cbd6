/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <qemu:commandline>: what the emulator is told beside the rest of the definition, in the namespace
 * and with the messages of libvirt's QEMU driver. Written with its prefix, which the root declares.
 */
#include "commandline.h"

#include <string.h>

#include "element.h"

static bool is_ours(const xmlNode *node, const char *name)
{
    return node->ns && node->ns->href &&
           strcmp((const char *)node->ns->href, VMGR__COMMANDLINE_NAMESPACE) == 0 &&
           strcmp((const char *)node->name, name) == 0;
}

bool vmgr__commandline_is(const xmlNode *node)
{
    return is_ours(node, "commandline");
}

static int check_name(struct vmgr__parse *p, const char *name)
{
    if (!name || !*name)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "No qemu environment name specified");
    if (!g_ascii_isalpha(*name) && *name != '_')
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                          "Invalid environment name, it must begin with a letter or underscore");
    if (name[strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_")])
        return conf_error(
            p, VMGR_ERR_INTERNAL_ERROR,
            "Invalid environment name, it must contain only alphanumerics and underscore");
    return 0;
}

static int parse_one(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const arg[] = { "value", NULL };
    static const char *const env[] = { "name", "value", NULL };
    g_autofree char *name = vmgr__xml_attr(node, "name");
    g_autofree char *value = vmgr__xml_attr(node, "value");

    if (is_ours(node, "arg")) {
        vmgr__warn_attrs(p, node, arg);
        if (!value)
            return conf_error(p, VMGR_ERR_INTERNAL_ERROR,
                              "No qemu command-line argument specified");
        g_ptr_array_add(p->def->extra_args, g_steal_pointer(&value));
    } else if (is_ours(node, "env")) {
        vmgr__warn_attrs(p, node, env);
        if (check_name(p, name) < 0)
            return -1;
        g_ptr_array_add(p->def->extra_env, g_strconcat(name, value ? "=" : "", value, NULL));
    } else {
        vmgr__warn_element(p, node, "commandline");
    }
    return 0;
}

int vmgr__commandline_parse(struct vmgr__parse *p, xmlNode *root)
{
    for (xmlNode *c = vmgr__xml_first(root); c; c = vmgr__xml_next(c, NULL)) {
        if (!vmgr__commandline_is(c))
            continue;
        for (xmlNode *one = vmgr__xml_first(c); one; one = vmgr__xml_next(one, NULL)) {
            if (parse_one(p, one) < 0)
                return -1;
        }
    }
    return 0;
}

bool vmgr__commandline_present(const struct vmgr__domain_def *def)
{
    return def->extra_args->len || def->extra_env->len;
}

void vmgr__commandline_format(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w)
{
    if (!vmgr__commandline_present(def))
        return;
    vmgr__xw_begin(w, "qemu:commandline");
    for (guint i = 0; i < def->extra_args->len; i++) {
        vmgr__xw_begin(w, "qemu:arg");
        vmgr__xw_attr(w, "value", def->extra_args->pdata[i]);
        vmgr__xw_end(w, "qemu:arg");
    }
    for (guint i = 0; i < def->extra_env->len; i++) {
        g_auto(GStrv) parts = g_strsplit(def->extra_env->pdata[i], "=", 2);

        vmgr__xw_begin(w, "qemu:env");
        vmgr__xw_attr(w, "name", parts[0]);
        vmgr__xw_attr(w, "value", parts[1]);
        vmgr__xw_end(w, "qemu:env");
    }
    vmgr__xw_end(w, "qemu:commandline");
}
