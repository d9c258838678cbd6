/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <numa> of <cpu>: cells, their memory and CPUs, how far they are from one another.
 */
#include "numa.h"

#include <string.h>

#include "../../../conf/memory-device.h"
#include "../../../conf/tuning.h"
#include "../device/parts.h"
#include "../device/ram.h"

#define CELLS_MAX 128
#define CPUS_MAX  4096

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)
#define xml_error(err, ...)   vemu_error(err, VMGR_ERR_XML_ERROR, __VA_ARGS__)

/* The element as the definition keeps it; NULL: none. For xmlFreeDoc(). */
static xmlDoc *numa_of(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__cpu *cpu = &def->cpu;

    for (guint i = 0; cpu->present && i < cpu->kept_names->len; i++) {
        if (strcmp(cpu->kept_names->pdata[i], "numa") == 0)
            return vmgr__xml_parse(cpu->kept->pdata[i], "(numa)", "numa", err);
    }
    return NULL;
}

struct cell {
    uint32_t id;
    uint64_t kib;
    char *cpus; /* NULL: none */
    int access;  /* 0 as the guest's memory, 1 shared, 2 private */
    int discard; /* of vmgr__yes_no, 0 as the guest's memory */
};

static void cell_clear(void *data)
{
    g_free(((struct cell *)data)->cpus);
}

static int cell_read(const xmlNode *node, uint32_t position, struct cell *ret,
                     struct vmgr_error **err)
{
    g_autofree char *id = vmgr__xml_attr(node, "id");
    g_autofree char *memory = vmgr__xml_attr(node, "memory");
    g_autofree char *unit = vmgr__xml_attr(node, "unit");
    static const char *const accesses[] = { "default", "shared", "private", NULL };
    uint8_t set[CPUS_MAX];
    uint64_t n;

    ret->id = position;
    if (id && !vmgr__parse_u32(id, &ret->id))
        return xml_error(err, "Invalid 'id' attribute in NUMA cell: '%s'", id);
    if (!memory || !vmgr__parse_u64(memory, &n))
        return xml_error(err, "missing or invalid memory of NUMA cell %u", ret->id);
    if (vmgr__scale(n, unit, 1024, INT64_MAX, &n, err) < 0)
        return -1;
    if (!n || n % 4096)
        return unsupported(err, "memory of NUMA cell %u is not a multiple of 4 KiB", ret->id);
    ret->kib = n / 1024;
    if (vmgr__xml_enum(node, "memAccess", accesses, &ret->access, err) < 0 ||
        vmgr__xml_enum(node, "discard", vmgr__yes_no, &ret->discard, err) < 0)
        return -1;
    ret->cpus = vmgr__xml_attr(node, "cpus");
    if (ret->cpus && !vmgr__cpuset_parse(ret->cpus, set, sizeof(set)))
        return xml_error(err, "Invalid 'cpus' attribute in NUMA cell %u: '%s'", ret->id, ret->cpus);
    return 0;
}

/* Cells in the order of their numbers, which have no gaps. */
static GArray *cells_read(const xmlNode *numa, struct vmgr_error **err)
{
    g_autoptr(GArray) cells = g_array_new(FALSE, TRUE, sizeof(struct cell));
    guint n = 0;

    g_array_set_clear_func(cells, cell_clear);
    for (xmlNode *c = vmgr__xml_child(numa, "cell"); c; c = vmgr__xml_next(c, "cell"))
        n++;
    if (!n || n > CELLS_MAX) {
        xml_error(err, "there must be between 1 and %d NUMA cells", CELLS_MAX);
        return NULL;
    }
    g_array_set_size(cells, n);
    n = 0;
    for (xmlNode *c = vmgr__xml_child(numa, "cell"); c; c = vmgr__xml_next(c, "cell"), n++) {
        struct cell cell = { 0 };
        struct cell *to;

        if (cell_read(c, n, &cell, err) < 0) {
            cell_clear(&cell);
            return NULL;
        }
        to = cell.id < cells->len ? &g_array_index(cells, struct cell, cell.id) : NULL;
        if (!to || to->kib) {
            xml_error(err,
                      to ? "Duplicate NUMA cell info for cell id '%u'"
                         : "NUMA cell numbers are not contiguous: there is '%u'",
                      cell.id);
            cell_clear(&cell);
            return NULL;
        }
        *to = cell;
    }
    return g_steal_pointer(&cells);
}

static int check_cpus(const struct vmgr__domain_def *def, const GArray *cells,
                      struct vmgr_error **err)
{
    uint8_t all[CPUS_MAX] = { 0 };

    for (guint i = 0; i < cells->len; i++) {
        const struct cell *c = &g_array_index(cells, struct cell, i);
        uint8_t set[CPUS_MAX];

        if (!c->cpus)
            continue;
        vmgr__cpuset_parse(c->cpus, set, sizeof(set));
        for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++) {
            if (!set[cpu])
                continue;
            if (cpu >= def->max_vcpus)
                return unsupported(err, "Number of CPUs in <numa> exceeds the <vcpu> count");
            if (all[cpu]++)
                return xml_error(err, "NUMA cells %s vCPU %u", "have in common", cpu);
        }
    }
    return 0;
}

static int check_distances(const xmlNode *numa, guint cells, struct vmgr_error **err)
{
    for (xmlNode *c = vmgr__xml_child(numa, "cell"); c; c = vmgr__xml_next(c, "cell")) {
        const xmlNode *d = vmgr__xml_child(c, "distances");

        for (xmlNode *s = d ? vmgr__xml_child(d, "sibling") : NULL; s;
             s = vmgr__xml_next(s, "sibling")) {
            g_autofree char *id = vmgr__xml_attr(s, "id");
            g_autofree char *value = vmgr__xml_attr(s, "value");
            uint32_t to, far;

            if (!id || !value || !vmgr__parse_u32(id, &to) || !vmgr__parse_u32(value, &far) ||
                to >= cells || far < 10 || far > 255)
                return xml_error(err, "a distance of NUMA cells cannot be: id '%s', value '%s'",
                                 id ? id : "", value ? value : "");
        }
        if (vmgr__xml_child(c, "cache"))
            return unsupported(err,
                               "caches of NUMA cells are not supported by the vemu driver yet");
    }
    if (vmgr__xml_child(numa, "interconnects"))
        return unsupported(err,
                           "<interconnects> of <numa> is not supported by the vemu driver yet");
    return 0;
}

int vmgr__vemu_check_numa(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vmgr_error *why = NULL;
    xmlDoc *doc = numa_of(def, &why);
    g_autoptr(GArray) cells = NULL;
    const uint64_t initial = vmgr__memory_initial(def);
    uint64_t sum = 0;
    int r;

    if (!doc) {
        r = why ? -1 : 0;
        vmgr__error_move(err, why);
        return r;
    }
    cells = cells_read(xmlDocGetRootElement(doc), err);
    r = cells ? check_cpus(def, cells, err) : -1;
    if (r == 0)
        r = check_distances(xmlDocGetRootElement(doc), cells->len, err);
    xmlFreeDoc(doc);
    if (r < 0)
        return -1;
    if (!vmgr__vemu_has_pci(def))
        return unsupported(err, "<numa> is not supported on machine '%s'", def->os.machine);
    for (guint i = 0; i < cells->len; i++)
        sum += g_array_index(cells, struct cell, i).kib;
    if (sum != (initial + 3) / 4 * 4)
        return unsupported(err,
                           "the memory of all NUMA cells is %" G_GUINT64_FORMAT
                           " KiB, <memory>%s says %" G_GUINT64_FORMAT " KiB",
                           sum, initial == def->memory_kib ? "" : " without that of devices",
                           initial);
    return 0;
}

unsigned vmgr__vemu_numa_cells(const struct vmgr__domain_def *def)
{
    xmlDoc *doc = numa_of(def, NULL);
    g_autoptr(GArray) cells = doc ? cells_read(xmlDocGetRootElement(doc), NULL) : NULL;

    xmlFreeDoc(doc);
    return cells ? cells->len : 0;
}

/* Whether cells are objects, in place of parts of the guest's memory. */
static bool are_own(const struct vmgr__tuning *t, const GArray *cells)
{
    if (vmgr__vemu_ram_is_own(t))
        return true;
    for (guint i = 0; i < cells->len; i++) {
        if (g_array_index(cells, struct cell, i).access)
            return true;
    }
    return false;
}

/* ---- options ---- */

static void add(GPtrArray *args, GString *value)
{
    g_ptr_array_add(args, g_strdup("-numa"));
    g_ptr_array_add(args, g_string_free(value, FALSE));
}

/* Runs of CPUs: "0-1,4" may also take away ("0-3,^2"). */
static void add_cpus(GString *s, const char *text)
{
    uint8_t set[CPUS_MAX + 1] = { 0 };

    vmgr__cpuset_parse(text, set, CPUS_MAX);
    for (uint32_t first = 0; first < CPUS_MAX; first++) {
        uint32_t last = first;

        if (!set[first])
            continue;
        while (set[last + 1])
            last++;
        g_string_append_printf(s, ",cpus=%u-%u", first, last);
        first = last;
    }
}

static void add_distances(GPtrArray *args, const xmlNode *cell, uint32_t from)
{
    const xmlNode *d = vmgr__xml_child(cell, "distances");

    for (xmlNode *s = d ? vmgr__xml_child(d, "sibling") : NULL; s;
         s = vmgr__xml_next(s, "sibling")) {
        g_autofree char *id = vmgr__xml_attr(s, "id");
        g_autofree char *value = vmgr__xml_attr(s, "value");
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "dist,src=%u,dst=%s,val=%s", from, id, value);
        add(args, text);
    }
}

void vmgr__vemu_numa_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    xmlDoc *doc = numa_of(def, NULL);
    const xmlNode *numa = doc ? xmlDocGetRootElement(doc) : NULL;
    g_autoptr(GArray) cells = numa ? cells_read(numa, NULL) : NULL;
    const struct vmgr__tuning *t = &def->tuning;
    uint32_t n = 0;

    for (guint i = 0; cells && i < cells->len; i++) {
        const struct cell *c = &g_array_index(cells, struct cell, i);
        GString *s = g_string_new(NULL);

        if (are_own(t, cells)) {
            g_autofree char *id = g_strdup_printf("ram-node%u", i);
            const struct vemu_ram ram = { .id = id,
                                          .file = id,
                                          .bytes = c->kib * 1024,
                                          .node = (int)i,
                                          .access = c->access,
                                          .discard = c->discard };

            vmgr__vemu_ram_argv(t, &ram, args);
            g_string_append_printf(s, "node,nodeid=%u,memdev=%s", i, id);
        } else {
            g_string_append_printf(s, "node,nodeid=%u,mem=%" G_GUINT64_FORMAT "k", i, c->kib);
        }
        if (c->cpus)
            add_cpus(s, c->cpus);
        add(args, s);
    }
    for (xmlNode *c = cells ? vmgr__xml_child(numa, "cell") : NULL; c;
         c = vmgr__xml_next(c, "cell"), n++) {
        g_autofree char *id = vmgr__xml_attr(c, "id");
        uint32_t from = n;

        if (id)
            vmgr__parse_u32(id, &from);
        add_distances(args, c, from);
    }
    xmlFreeDoc(doc);
}
