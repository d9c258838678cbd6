/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vcpus.h"

#include "element.h"

struct vmgr__vcpu *vmgr__vcpu(const struct vmgr__domain_def *def, uint32_t id)
{
    return def->vcpu_list ? &g_array_index(def->vcpu_list, struct vmgr__vcpu, id) : NULL;
}

bool vmgr__vcpu_online(const struct vmgr__domain_def *def, uint32_t id)
{
    return def->vcpu_list ? vmgr__vcpu(def, id)->online : id < def->vcpus;
}

void vmgr__vcpu_set_online(struct vmgr__domain_def *def, uint32_t id, bool online)
{
    struct vmgr__vcpu *v = vmgr__vcpu(def, id);

    if (v->online != online)
        def->vcpus = online ? def->vcpus + 1 : def->vcpus - 1;
    v->online = online;
}

void vmgr__vcpus_single(struct vmgr__domain_def *def)
{
    const uint32_t online = def->vcpus;

    if (def->vcpu_list)
        return;
    def->vcpu_list = g_array_new(FALSE, TRUE, sizeof(struct vmgr__vcpu));
    g_array_set_size(def->vcpu_list, def->max_vcpus);
    for (uint32_t i = 0; i < def->max_vcpus; i++)
        *vmgr__vcpu(def, i) = (struct vmgr__vcpu){ i < online, i >= online, 0 };
}

void vmgr__vcpus_resize(struct vmgr__domain_def *def, uint32_t max_vcpus)
{
    const uint32_t before = def->max_vcpus;

    def->max_vcpus = max_vcpus;
    if (!def->vcpu_list) {
        def->vcpus = MIN(def->vcpus, max_vcpus);
        return;
    }
    for (uint32_t i = max_vcpus; i < before; i++)
        vmgr__vcpu_set_online(def, i, false);
    g_array_set_size(def->vcpu_list, max_vcpus);
    for (uint32_t i = before; i < max_vcpus; i++)
        vmgr__vcpu(def, i)->hotpluggable = true;
}

static int compare_order(gconstpointer a, gconstpointer b, gpointer def)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    /* 0, which is none, is last when 1 is taken away */
    const uint32_t p = vmgr__vcpu(def, x)->order - 1, q = vmgr__vcpu(def, y)->order - 1;

    return p != q ? (p < q ? -1 : 1) : x < y ? -1 : x > y;
}

GArray *vmgr__vcpus_ordered(const struct vmgr__domain_def *def)
{
    GArray *ret = g_array_new(FALSE, FALSE, sizeof(uint32_t));

    for (uint32_t i = 0; def->vcpu_list && i < def->max_vcpus; i++) {
        if (vmgr__vcpu(def, i)->online)
            g_array_append_val(ret, i);
    }
    g_array_sort_with_data(ret, compare_order, (gpointer)def);
    return ret;
}

void vmgr__vcpus_number(struct vmgr__domain_def *def)
{
    g_autoptr(GArray) ids = vmgr__vcpus_ordered(def);

    vmgr__vcpus_forget_order(def);
    for (guint i = 0; i < ids->len; i++)
        vmgr__vcpu(def, g_array_index(ids, uint32_t, i))->order = i + 1;
}

void vmgr__vcpus_forget_order(struct vmgr__domain_def *def)
{
    for (uint32_t i = 0; def->vcpu_list && i < def->max_vcpus; i++)
        vmgr__vcpu(def, i)->order = 0;
}

/* ---- reading ---- */

static int parse_number(struct vmgr__parse *p, const xmlNode *node, const char *attr, uint32_t *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    if (text && !vmgr__parse_u32(text, ret))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element 'vcpu': '%s'. Expected "
                          "non-negative integer value",
                          attr, text);
    return 0;
}

static int need(struct vmgr__parse *p, xmlNode *node, const char *attr)
{
    if (xmlHasProp(node, BAD_CAST attr))
        return 0;
    return conf_error(p, VMGR_ERR_XML_ERROR, "Missing required attribute '%s' in element 'vcpu'",
                      attr);
}

static int parse_one(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const known[] = { "id", "enabled", "hotpluggable", "order", NULL };
    static const char *const values[] = { "yes", "no", NULL };
    int enabled = 0, hotpluggable = -1;
    uint32_t id = 0, order = 0;
    struct vmgr__vcpu *v;

    vmgr__warn_attrs(p, node, known);
    if (need(p, node, "id") < 0 || parse_number(p, node, "id", &id) < 0)
        return -1;
    if (id >= p->def->max_vcpus)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "vcpu id '%u' is out of range of maximum vcpu count", id);
    if (need(p, node, "enabled") < 0 ||
        vmgr__xml_enum(node, "enabled", values, &enabled, p->err) < 0 ||
        vmgr__xml_enum(node, "hotpluggable", values, &hotpluggable, p->err) < 0 ||
        parse_number(p, node, "order", &order) < 0)
        return -1;
    v = vmgr__vcpu(p->def, id);
    vmgr__vcpu_set_online(p->def, id, enabled == 0);
    v->hotpluggable = hotpluggable < 0 ? !v->online : hotpluggable == 0;
    v->order = order;
    if (!v->online && !v->hotpluggable)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "vcpu '%u' is both offline and not hotpluggable", id);
    return 0;
}

/* Those that are not listed are not there; what <vcpu> says of their number does not count. */
static int vcpus_parse(struct vmgr__parse *p, xmlNode *node)
{
    static const char *const children[] = { "vcpu", NULL };
    xmlNode *child = vmgr__xml_child(node, "vcpu");

    vmgr__warn_attrs(p, node, NULL);
    vmgr__warn_children(p, node, children);
    if (!child)
        return 0;
    p->def->vcpus = 0;
    vmgr__vcpus_single(p->def);
    for (; child; child = vmgr__xml_next(child, "vcpu")) {
        if (parse_one(p, child) < 0)
            return -1;
    }
    return 0;
}

/* ---- writing ---- */

static void vcpus_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                         struct vmgr__xml_writer *w)
{
    if (!def->vcpu_list)
        return;
    vmgr__xw_begin(w, "vcpus");
    for (uint32_t i = 0; i < def->max_vcpus; i++) {
        const struct vmgr__vcpu *v = vmgr__vcpu(def, i);

        vmgr__xw_begin(w, "vcpu");
        vmgr__xw_attrf(w, "id", "%u", i);
        vmgr__xw_attr(w, "enabled", v->online ? "yes" : "no");
        vmgr__xw_attr(w, "hotpluggable", v->hotpluggable ? "yes" : "no");
        if (v->order)
            vmgr__xw_attrf(w, "order", "%u", v->order);
        vmgr__xw_end(w, "vcpu");
    }
    vmgr__xw_end(w, "vcpus");
}

const struct vmgr__element vmgr__element_vcpus = { "vcpus", vcpus_parse, vcpus_format };
