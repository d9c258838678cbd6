/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <bandwidth>: read and written.
 */
#include "bandwidth.h"

#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    { "average", offsetof(struct vmgr__rate, average) },
    { "peak", offsetof(struct vmgr__rate, peak) },
    { "burst", offsetof(struct vmgr__rate, burst) },
};

static int read_rate(const xmlNode *node, struct vmgr__rate *ret, struct vmgr_error **err)
{
    const char *which = (const char *)node->name;

    for (const xmlAttr *a = node->properties; a; a = a->next) {
        g_autofree char *text = vmgr__xml_attr(node, (const char *)a->name);
        uint32_t *to = NULL;

        if (strcmp((const char *)a->name, "floor") == 0)
            return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
                                   "attribute 'floor' of <%s> is not supported", which);
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
            if (strcmp((const char *)a->name, fields[i].name) == 0)
                to = (uint32_t *)(void *)((char *)ret + fields[i].offset);
        }
        if (!to)
            return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
                                   "attribute '%s' of <%s> is not supported", (const char *)a->name,
                                   which);
        if (!vmgr__parse_u32(text, to))
            return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
                                   "could not convert bandwidth %s value '%s'",
                                   (const char *)a->name, text);
    }
    if (!ret->average)
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_NETWORK,
                               "Missing mandatory average or floor attributes");
    ret->present = true;
    return 0;
}

int vmgr__bandwidth_read(const xmlNode *node, struct vmgr__bandwidth *ret, struct vmgr_error **err)
{
    memset(ret, 0, sizeof(*ret));
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        const bool in = strcmp((const char *)c->name, "inbound") == 0;
        struct vmgr__rate *rate = in ? &ret->in : &ret->out;

        if (!in && strcmp((const char *)c->name, "outbound") != 0)
            return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
                                   "<%s> of <bandwidth> is not supported", (const char *)c->name);
        if (rate->present)
            return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_NETWORK,
                                   "Only one child <%s> element allowed", (const char *)c->name);
        if (read_rate(c, rate, err) < 0)
            return -1;
    }
    return 0;
}

int vmgr__bandwidth_parse(const char *text, struct vmgr__bandwidth *ret, struct vmgr_error **err)
{
    xmlDoc *doc;
    int r;

    memset(ret, 0, sizeof(*ret));
    if (!text)
        return 0;
    doc = vmgr__xml_parse_fragment(text, err);
    if (!doc)
        return -1;
    r = vmgr__bandwidth_read(xmlDocGetRootElement(doc), ret, err);
    xmlFreeDoc(doc);
    return r;
}

static void store_rate(xmlNode *node, const char *name, const struct vmgr__rate *rate)
{
    xmlNode *child;

    if (!rate->present)
        return;
    child = xmlNewTextChild(node, NULL, BAD_CAST name, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        const uint32_t n = *(const uint32_t *)(const void *)((const char *)rate + fields[i].offset);
        g_autofree char *text = g_strdup_printf("%u", n);

        if (n)
            xmlSetProp(child, BAD_CAST fields[i].name, BAD_CAST text);
    }
}

void vmgr__bandwidth_store(xmlNode *parent, const struct vmgr__bandwidth *b)
{
    xmlNode *node = vmgr__xml_child(parent, "bandwidth");
    xmlNode *fresh = NULL;

    if (vmgr__bandwidth_is_any(b)) {
        fresh = xmlNewDocNode(parent->doc, NULL, BAD_CAST "bandwidth", NULL);
        store_rate(fresh, "inbound", &b->in);
        store_rate(fresh, "outbound", &b->out);
        if (node)
            xmlAddPrevSibling(node, fresh);
        else
            xmlAddChild(parent, fresh);
    }
    if (node) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

static void write_rate(const struct vmgr__rate *rate, const char *name, struct vmgr__xml_writer *w)
{
    if (!rate->present)
        return;
    vmgr__xw_begin(w, name);
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        const uint32_t n = *(const uint32_t *)(const void *)((const char *)rate + fields[i].offset);

        if (n)
            vmgr__xw_attrf(w, fields[i].name, "%u", n);
    }
    vmgr__xw_end(w, name);
}

void vmgr__bandwidth_write(const struct vmgr__bandwidth *b, struct vmgr__xml_writer *w)
{
    if (!vmgr__bandwidth_is_any(b))
        return;
    vmgr__xw_begin(w, "bandwidth");
    write_rate(&b->in, "inbound", w);
    write_rate(&b->out, "outbound", w);
    vmgr__xw_end(w, "bandwidth");
}

void vmgr__bandwidth_get(const struct vmgr__bandwidth *b, uint32_t ret[VMGR_LIMIT_COUNT])
{
    ret[VMGR_LIMIT_IN_AVERAGE] = b->in.average;
    ret[VMGR_LIMIT_IN_PEAK] = b->in.peak;
    ret[VMGR_LIMIT_IN_BURST] = b->in.burst;
    ret[VMGR_LIMIT_OUT_AVERAGE] = b->out.average;
    ret[VMGR_LIMIT_OUT_PEAK] = b->out.peak;
    ret[VMGR_LIMIT_OUT_BURST] = b->out.burst;
}

int vmgr__bandwidth_merge(struct vmgr__bandwidth *b, unsigned directions, const uint32_t *limits,
                          struct vmgr_error **err)
{
    if (directions & VMGR_LIMIT_IN && limits[VMGR_LIMIT_IN_FLOOR])
        return vmgr__error_set(err, VMGR_ERR_CONFIG_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "'inbound.floor' of interfaces is not supported");
    if (directions & VMGR_LIMIT_IN)
        b->in = (struct vmgr__rate){ .present = limits[VMGR_LIMIT_IN_AVERAGE] != 0,
                                     .average = limits[VMGR_LIMIT_IN_AVERAGE],
                                     .peak = limits[VMGR_LIMIT_IN_PEAK],
                                     .burst = limits[VMGR_LIMIT_IN_BURST] };
    if (directions & VMGR_LIMIT_OUT)
        b->out = (struct vmgr__rate){ .present = limits[VMGR_LIMIT_OUT_AVERAGE] != 0,
                                      .average = limits[VMGR_LIMIT_OUT_AVERAGE],
                                      .peak = limits[VMGR_LIMIT_OUT_PEAK],
                                      .burst = limits[VMGR_LIMIT_OUT_BURST] };
    return 0;
}
