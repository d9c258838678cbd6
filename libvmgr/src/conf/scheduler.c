/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vcpusched>, <iothreadsched>, <emulatorsched> of <cputune>: how the host's kernel schedules
 * threads of the guest. Elements for several threads are written as one for each, as libvirt does.
 */
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "iothread.h"
#include "tuning.h"

#define IDS_MAX 16384

const char *const vmgr__scheduler_names[] = { "batch", "idle", "fifo", "rr", NULL };

/* In the order of writing. */
static const struct {
    int kind;
    const char *name, *ids;
} elements[] = {
    { VMGR_PIN_EMULATOR, "emulatorsched", NULL },
    { VMGR_PIN_VCPU, "vcpusched", "vcpus" },
    { VMGR_PIN_IOTHREAD, "iothreadsched", "iothreads" },
};

const struct vmgr__scheduler *vmgr__tuning_scheduler(const struct vmgr__tuning *t, int kind,
                                                     uint32_t id)
{
    for (guint i = 0; t->schedulers && i < t->schedulers->len; i++) {
        const struct vmgr__scheduler *s = &g_array_index(t->schedulers, struct vmgr__scheduler, i);

        if (s->kind == kind && s->id == id)
            return s;
    }
    return NULL;
}

static int parse_priority(struct vmgr__parse *p, const xmlNode *node, int *ret)
{
    g_autofree char *text = vmgr__xml_attr(node, "priority");
    char *end = NULL;
    long value;

    if (!text)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'priority' in element '%s'",
                          (const char *)node->name);
    value = strtol(text, &end, 10);
    if (!*text || *end || value < INT32_MIN || value > INT32_MAX)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute 'priority' in element '%s': '%s'. Expected "
                          "integer value",
                          (const char *)node->name, text);
    *ret = (int)value;
    return 0;
}

/* One thread's, of which there must be such a thread. */
static int add_one(struct vmgr__parse *p, size_t element, const struct vmgr__scheduler *one)
{
    GArray **list = &p->def->tuning.schedulers;

    if (one->kind == VMGR_PIN_VCPU && one->id >= p->def->max_vcpus)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "vCPU '%u' is not present in domain definition", one->id);
    if (one->kind == VMGR_PIN_IOTHREAD && !vmgr__iothread_find(p->def, one->id))
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Cannot find 'iothread' : %u", one->id);
    if (vmgr__tuning_scheduler(&p->def->tuning, one->kind, one->id))
        return one->kind == VMGR_PIN_EMULATOR
                   ? conf_error(p, VMGR_ERR_XML_ERROR, "only one emulatorsched is supported")
                   : conf_error(p, VMGR_ERR_XML_DETAIL, "'%s' attributes '%s' must not overlap",
                                elements[element].name, elements[element].ids);
    if (!*list)
        *list = g_array_new(FALSE, TRUE, sizeof(*one));
    g_array_append_vals(*list, one, 1);
    return 0;
}

static int parse_ids(struct vmgr__parse *p, const xmlNode *node, size_t element,
                     struct vmgr__scheduler *one)
{
    const char *attr = elements[element].ids;
    g_autofree char *text = vmgr__xml_attr(node, attr);
    g_autofree uint8_t *set = g_malloc0(IDS_MAX);

    if (!text)
        return conf_error(p, VMGR_ERR_XML_ERROR, "Missing attribute '%s' in element '%s'", attr,
                          elements[element].name);
    if (!vmgr__cpuset_parse(text, set, IDS_MAX))
        return strchr(text, '^')
                   ? conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                                "'%s' scheduler bitmap '%s' is empty", attr, text)
                   : conf_error(p, VMGR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'", text);
    for (one->id = 0; one->id < IDS_MAX; one->id++) {
        if (set[one->id] && add_one(p, element, one) < 0)
            return -1;
    }
    return 0;
}

int vmgr__scheduler_parse(struct vmgr__parse *p, xmlNode *node)
{
    struct vmgr__scheduler one = { 0 };
    size_t i = 0;
    int r;

    while (i < G_N_ELEMENTS(elements) && !vmgr__xml_is(node, elements[i].name))
        i++;
    if (i == G_N_ELEMENTS(elements))
        return 0;
    one.kind = elements[i].kind;
    r = vmgr__xml_enum(node, "scheduler", vmgr__scheduler_names, &one.policy, p->err);
    if (r == 0)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Missing required attribute 'scheduler' in element '%s'",
                          elements[i].name);
    if (r < 0 || (vmgr__scheduler_has_priority(&one) && parse_priority(p, node, &one.priority) < 0))
        return -1;
    r = elements[i].ids ? parse_ids(p, node, i, &one) : add_one(p, i, &one);
    return r < 0 ? -1 : 1;
}

bool vmgr__scheduler_has_priority(const struct vmgr__scheduler *s)
{
    return strcmp(vmgr__scheduler_names[s->policy], "fifo") == 0 ||
           strcmp(vmgr__scheduler_names[s->policy], "rr") == 0;
}

static void write_one(const struct vmgr__scheduler *s, size_t element, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, elements[element].name);
    if (elements[element].ids)
        vmgr__xw_attrf(w, elements[element].ids, "%u", s->id);
    vmgr__xw_attr(w, "scheduler", vmgr__scheduler_names[s->policy]);
    if (vmgr__scheduler_has_priority(s))
        vmgr__xw_attrf(w, "priority", "%d", s->priority);
    vmgr__xw_end(w, elements[element].name);
}

static int compare(const void *a, const void *b)
{
    const struct vmgr__scheduler *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

void vmgr__scheduler_write(const struct vmgr__tuning *t, struct vmgr__xml_writer *w)
{
    g_autoptr(GArray) sorted = t->schedulers ? g_array_copy(t->schedulers) : NULL;

    if (!sorted)
        return;
    g_array_sort(sorted, compare);
    for (size_t k = 0; k < G_N_ELEMENTS(elements); k++) {
        for (guint i = 0; i < sorted->len; i++) {
            const struct vmgr__scheduler *s = &g_array_index(sorted, struct vmgr__scheduler, i);

            if (s->kind == elements[k].kind)
                write_one(s, k, w);
        }
    }
}
