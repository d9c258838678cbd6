/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices; see memory.h.
 *
 * Theory of operation. Each is a back-end, "mem" before its alias, and a device on it. Modules have
 * a slot of the machine's, and a place in the guest's memory that the emulator chooses; the other
 * two are behind PCI ports. What a guest has of virtio-mem is in the status of its run as it was
 * told last.
 */
#include <string.h>

#include "../../../agent/agent.h"
#include "../run/qmp.h"
#include "../tune/numa.h"
#include "memory.h"
#include "ram.h"

#define SLOTS_MAX    256          /* of libvemu */
#define BLOCKS_MAX   256          /* of a virtio-mem */
#define SIZE_MAX_KIB (1ull << 42) /* of libvemu's back-ends */

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* ---- parts ---- */

static int check_node(const struct vmgr__domain_def *def, const struct vmgr__memory_device *m,
                      struct vmgr_error **err)
{
    const unsigned cells = vmgr__vemu_numa_cells(def);

    if (m->model == VMGR__MEMORY_VIRTIO_PMEM)
        return m->node < 0 ? 0 : unsupported(err, "virtio-pmem does not support NUMA nodes");
    if (m->node < 0 && cells)
        return unsupported(err, "target NUMA node needs to be specified for memory device");
    if (m->node >= 0 && !cells && m->node > 0)
        return unsupported(err, "can't add memory backend as guest has no NUMA nodes configured");
    if (m->node >= 0 && cells && (unsigned)m->node >= cells)
        return unsupported(err,
                           "can't add memory backend for guest node '%d' as the guest has only "
                           "'%u' NUMA nodes configured",
                           m->node, cells);
    return 0;
}

static int check_model(const struct vmgr__memory_device *m, struct vmgr_error **err)
{
    if (!m->size || m->size > SIZE_MAX_KIB || m->page_size > SIZE_MAX_KIB)
        return unsupported(err,
                           "a memory device of %" G_GUINT64_FORMAT " KiB, with pages of "
                           "%" G_GUINT64_FORMAT " KiB, is not supported",
                           m->size, m->page_size);
    switch (m->model) {
    case VMGR__MEMORY_DIMM: break;
    case VMGR__MEMORY_VIRTIO_PMEM:
        if (m->access != 1)
            return unsupported(err, "shared access mode required for virtio-pmem device");
        if (m->discard == 1)
            return unsupported(err, "discard is not supported for virtio-pmem device");
        if (!g_path_is_absolute(m->path))
            return unsupported(err, "the path of <memory> must be absolute: '%s'", m->path);
        if (g_file_test(m->path, G_FILE_TEST_IS_DIR))
            return unsupported(err, "the path of <memory> is a directory: '%s'", m->path);
        break;
    case VMGR__MEMORY_VIRTIO_MEM:
        if (m->size % m->block || m->size / m->block > BLOCKS_MAX)
            return unsupported(err,
                               "virtio-mem of %" G_GUINT64_FORMAT " KiB must be at most %d blocks "
                               "of one size, not of %" G_GUINT64_FORMAT " KiB",
                               m->size, BLOCKS_MAX, m->block);
        break;
    default:
        return unsupported(err, "model '%s' of <memory> is not supported by the vemu driver yet",
                           vmgr__memory_model_names[m->model]);
    }
    return 0;
}

static int check_elements(const xmlNode *root, int model, struct vmgr_error **err)
{
    const xmlNode *source = vmgr__xml_child(root, "source");
    const xmlNode *target = vmgr__xml_child(root, "target");

    if (vmgr__vemu_only(root, "source target alias address", "model access discard", err) < 0 ||
        vmgr__vemu_only(target,
                        model == VMGR__MEMORY_VIRTIO_MEM ? "size node block requested current"
                                                         : "size node",
                        "", err) < 0)
        return -1;
    return source ? vmgr__vemu_only(source, model == VMGR__MEMORY_VIRTIO_PMEM ? "path" : "pagesize",
                                    "", err)
                  : 0;
}

static int add_device(const struct vmgr__domain_def *def, const xmlNode *root,
                      const struct vmgr__memory_device *m, const char *alias, const char *backend,
                      struct vemu_parts *parts, struct vmgr_error **err)
{
    static const char *const classes[] = { [VMGR__MEMORY_DIMM] = "pc-dimm",
                                           [VMGR__MEMORY_VIRTIO_PMEM] = "virtio-pmem-pci",
                                           [VMGR__MEMORY_VIRTIO_MEM] = "virtio-mem-pci" };
    struct json_object *o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, classes[m->model], alias);

    vmgr__vemu_set(o, "memdev", backend);
    if (m->node > 0)
        vmgr__vemu_set_int(o, "node", m->node);
    if (m->model == VMGR__MEMORY_VIRTIO_MEM) {
        vmgr__vemu_set_int(o, "block-size", (int64_t)m->block * 1024);
        vmgr__vemu_set_int(o, "requested-size", (int64_t)m->requested * 1024);
    }
    if (m->model != VMGR__MEMORY_DIMM)
        return vmgr__vemu_part_address(def, root, o, err);
    if (m->slot < 0)
        return vmgr__xml_child(root, "address")
                   ? unsupported(err, "only 'dimm' addresses are supported for the pc-dimm device")
                   : 0;
    vmgr__vemu_set_int(o, "slot", m->slot);
    if (m->base)
        vmgr__vemu_set_int(o, "addr", (int64_t)m->base);
    return 0;
}

int vmgr__vemu_memory_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                            struct vemu_parts *parts, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(dev);
    g_autofree char *backend = g_strconcat("mem", alias, NULL);
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *root = xmlDocGetRootElement(doc);
    struct vmgr__memory_device m;
    int r = vmgr__memory_device_parse(root, &m, err);

    if (r == 0) {
        if (!vmgr__vemu_has_pci(def))
            r = unsupported(err, "memory devices are not supported on machine '%s'",
                            def->os.machine);
        else if (check_model(&m, err) < 0 || check_elements(root, m.model, err) < 0 ||
                 check_node(def, &m, err) < 0)
            r = -1;
        if (r == 0) {
            const struct vemu_ram ram = { .id = backend,
                                          .path = m.path,
                                          .file = alias,
                                          .bytes = vmgr__memory_device_round(m.size) * 1024,
                                          .page_kib = m.page_size,
                                          .node = m.node,
                                          .access = m.access,
                                          .discard = m.discard,
                                          .later = m.model != VMGR__MEMORY_DIMM };

            vmgr__vemu_ram_part(&def->tuning, &ram, parts);
            r = add_device(def, root, &m, alias, backend, parts, err);
        }
        vmgr__memory_device_clear(&m);
    }
    xmlFreeDoc(doc);
    return r;
}

/* ---- places ---- */

/* Notes the slot that a device has. */
static int note_slot(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                     bool taken[SLOTS_MAX], unsigned *count, struct vmgr_error **err)
{
    struct vmgr__memory_device m;

    if (!vmgr__memory_device_get(dev, &m))
        return 0;
    vmgr__memory_device_clear(&m);
    ++*count;
    if (m.slot < 0)
        return 0;
    if ((unsigned)m.slot >= MIN(def->memory_slots, SLOTS_MAX))
        return unsupported(err, "memory device slot '%d' exceeds slots count '%u'", m.slot,
                           def->memory_slots);
    if (taken[m.slot])
        return unsupported(
            err, "memory device slot '%d' is already being used by another memory device", m.slot);
    taken[m.slot] = true;
    return 0;
}

int vmgr__vemu_memory_check(const struct vmgr__domain_def *def, const struct vmgr__device *more,
                            struct vmgr_error **err)
{
    bool taken[SLOTS_MAX] = { false };
    struct vmgr__memory_device m;
    uint64_t sum = def->memory_kib;
    unsigned count = 0;

    if (def->max_memory_kib && !vmgr__vemu_has_pci(def))
        return unsupported(err, "<maxMemory> is not supported on machine '%s'", def->os.machine);
    if (def->memory_slots > SLOTS_MAX)
        return unsupported(err, "<maxMemory> with more than %d slots is not supported", SLOTS_MAX);
    for (guint i = 0; i < def->devices->len; i++) {
        if (note_slot(def, def->devices->pdata[i], taken, &count, err) < 0)
            return -1;
    }
    if (more && vmgr__memory_device_get(more, &m)) {
        vmgr__memory_device_clear(&m);
        if (note_slot(def, more, taken, &count, err) < 0)
            return -1;
        sum += vmgr__memory_device_round(m.size);
    } else if (more) {
        return 0;
    }
    if (count && !def->max_memory_kib)
        return unsupported(
            err, "cannot use/hotplug a memory device when domain 'maxMemory' is not defined");
    if (count > def->memory_slots)
        return unsupported(err, "memory device count '%u' exceeds slots count '%u'", count,
                           def->memory_slots);
    if (def->max_memory_kib && sum > def->max_memory_kib)
        return unsupported(err, "memory device total size exceeds hotplug space");
    if (!more && count && def->current_memory_kib <= vmgr__memory_in_devices(def))
        return unsupported(err, "<currentMemory> leaves the guest nothing beside memory devices");
    return 0;
}

/* What is in the definition by then counts with its new size, for which there is room. */
static void round_size(struct vmgr__domain_def *def, struct vmgr__device *dev, uint64_t kib)
{
    const bool counts = vmgr__device_index(def, dev) >= 0;

    if (counts)
        vmgr__memory_discount(def, dev, false);
    vmgr__memory_device_set(dev, "size", kib);
    if (counts)
        vmgr__memory_count(def, dev, false);
    if (def->max_memory_kib)
        def->max_memory_kib = MAX(def->max_memory_kib, def->memory_kib);
}

int vmgr__vemu_memory_place(struct vmgr__domain_def *def, struct vmgr__device *dev,
                            struct vmgr_error **err)
{
    bool taken[SLOTS_MAX] = { false };
    struct vmgr__memory_device m;
    unsigned count = 0, slot = 0;
    g_autofree char *type = vmgr__device_get(dev, "address", "type");

    if (!vmgr__memory_device_get(dev, &m))
        return 0;
    vmgr__memory_device_clear(&m);
    if (m.size % 1024)
        round_size(def, dev, vmgr__memory_device_round(m.size));
    if (m.model != VMGR__MEMORY_DIMM || type || !def->memory_slots)
        return 0;
    for (guint i = 0; i < def->devices->len; i++) {
        if (note_slot(def, def->devices->pdata[i], taken, &count, err) < 0)
            return -1;
    }
    while (slot < MIN(def->memory_slots, SLOTS_MAX) && taken[slot])
        slot++;
    if (slot == MIN(def->memory_slots, SLOTS_MAX))
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "failed to find an empty memory slot");
    vmgr__memory_device_set_address(dev, (int)slot, 0);
    return 0;
}

bool vmgr__vemu_memory_is_pci(const struct vmgr__device *dev)
{
    struct vmgr__memory_device m;

    if (!vmgr__memory_device_get(dev, &m))
        return false;
    vmgr__memory_device_clear(&m);
    return m.model == VMGR__MEMORY_VIRTIO_MEM || m.model == VMGR__MEMORY_VIRTIO_PMEM;
}

char *vmgr__vemu_memory_alias(const struct vmgr__device *dev)
{
    struct vmgr__memory_device m;

    if (!vmgr__memory_device_get(dev, &m))
        return g_strdup("memory");
    vmgr__memory_device_clear(&m);
    return m.slot >= 0                          ? g_strdup_printf("dimm%d", m.slot)
           : m.model == VMGR__MEMORY_VIRTIO_MEM ? g_strdup("virtiomem")
                                                : g_strdup("virtiopmem");
}

/* The emulator wants whole pages. */
static uint64_t pages_kib(uint64_t kib)
{
    return (kib + 3) / 4 * 4;
}

char *vmgr__vemu_memory_option(const struct vmgr__domain_def *def)
{
    const uint64_t kib = pages_kib(vmgr__memory_initial(def));

    if (!def->max_memory_kib)
        return g_strdup_printf("size=%" G_GUINT64_FORMAT "k", kib);
    return g_strdup_printf("size=%" G_GUINT64_FORMAT "k,slots=%u,maxmem=%" G_GUINT64_FORMAT "k",
                           kib, def->memory_slots, pages_kib(def->max_memory_kib));
}

/* ---- of a run ---- */

bool vmgr__vemu_memory_set_current(struct vmgr__domain_def *def, struct vmgr__device *dev,
                                   uint64_t kib)
{
    struct vmgr__memory_device m;

    if (!vmgr__memory_device_get(dev, &m))
        return false;
    vmgr__memory_device_clear(&m);
    kib = MIN(kib, m.size);
    if (m.model != VMGR__MEMORY_VIRTIO_MEM || !vmgr__memory_device_set(dev, "current", kib))
        return false;
    def->current_memory_kib -= MIN(m.current, def->current_memory_kib);
    def->current_memory_kib = MIN(def->current_memory_kib + kib, def->memory_kib);
    return true;
}

bool vmgr__vemu_memory_changes(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__memory_device m;

        if (!vmgr__memory_device_get(def->devices->pdata[i], &m))
            continue;
        vmgr__memory_device_clear(&m);
        if (m.model == VMGR__MEMORY_VIRTIO_MEM)
            return true;
    }
    return false;
}

static bool learn_one(struct vmgr__domain_def *def, struct json_object *data)
{
    const char *id = vmgr__agent_string(data, "id");
    struct vmgr__device *dev = id ? vmgr__device_by_alias(def, id) : NULL;
    struct vmgr__memory_device m;
    int64_t size = 0, base = 0;

    if (!dev || !vmgr__memory_device_get(dev, &m))
        return false;
    vmgr__memory_device_clear(&m);
    vmgr__agent_int(data, "size", &size);
    if (m.model == VMGR__MEMORY_VIRTIO_MEM)
        return vmgr__vemu_memory_set_current(def, dev, (uint64_t)MAX(size, 0) / 1024);
    if (m.slot < 0 || !vmgr__agent_int(data, "addr", &base) || m.base == (uint64_t)base)
        return false;
    vmgr__memory_device_set_address(dev, m.slot, (uint64_t)base);
    return true;
}

static bool has_memory(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        if (strcmp(((const struct vmgr__device *)def->devices->pdata[i])->name, "memory") == 0)
            return true;
    }
    return false;
}

int vmgr__vemu_memory_begin(struct vmgr__domain_def *def, struct vemu_qmp *q,
                            struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        struct vmgr__memory_device m;

        if (!vmgr__memory_device_get(dev, &m))
            continue;
        vmgr__memory_device_clear(&m);
        if (m.model != VMGR__MEMORY_VIRTIO_MEM)
            continue;
        vmgr__memory_device_set(dev, "current", 0);
        def->current_memory_kib -= MIN(m.size, def->current_memory_kib);
    }
    return vmgr__vemu_memory_learn(def, q, err);
}

int vmgr__vemu_memory_learn(struct vmgr__domain_def *def, struct vemu_qmp *q,
                            struct vmgr_error **err)
{
    struct json_object *list = NULL;
    bool news = false;

    if (!has_memory(def))
        return 0;
    if (vmgr__qmp_execute(q, "query-memory-devices", NULL, &list, err) < 0)
        return -1;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
        news |= learn_one(
            def, vmgr__agent_member(json_object_array_get_idx(list, i), "data", json_type_object));
    json_object_put(list);
    return news;
}

uint64_t vmgr__vemu_memory_ballooned(const struct vmgr__domain_def *def)
{
    return def->current_memory_kib - MIN(vmgr__memory_plugged(def), def->current_memory_kib);
}

/* ---- another size ---- */

static int check_change(const struct vmgr__memory_device *old, const struct vmgr__memory_device *m,
                        struct vmgr_error **err)
{
    const char *const *models = vmgr__memory_model_names;

    if (m->model != old->model)
        return unsupported(err, "cannot modify memory model from '%s' to '%s'", models[old->model],
                           models[m->model]);
    if (m->model != VMGR__MEMORY_VIRTIO_MEM)
        return unsupported(err, "cannot modify memory of model '%s'", models[m->model]);
    if (m->access != old->access)
        return unsupported(err, "cannot modify memory access from '%d' to '%d'", old->access,
                           m->access);
    if (m->discard != old->discard)
        return unsupported(err, "cannot modify memory discard from '%s' to '%s'",
                           vmgr__yes_no[old->discard], vmgr__yes_no[m->discard]);
    if (m->page_size != old->page_size)
        return unsupported(err,
                           "cannot modify memory pagesize from '%" G_GUINT64_FORMAT
                           "' to '%" G_GUINT64_FORMAT "'",
                           old->page_size, m->page_size);
    if (m->node != old->node)
        return unsupported(err, "cannot modify memory targetNode from '%d' to '%d'", old->node,
                           m->node);
    if (m->size != old->size)
        return unsupported(err,
                           "cannot modify memory size from '%" G_GUINT64_FORMAT
                           "' to '%" G_GUINT64_FORMAT "'",
                           old->size, m->size);
    if (m->block != old->block)
        return unsupported(err,
                           "cannot modify memory block size from '%" G_GUINT64_FORMAT
                           "' to '%" G_GUINT64_FORMAT "'",
                           old->block, m->block);
    return 0;
}

int vmgr__vemu_memory_update(struct vemu_change *c, struct vmgr__device *old,
                             const struct vmgr__device *like, struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(old);
    struct vmgr__memory_device before, m;
    struct json_object *args;

    if (!vmgr__memory_device_get(old, &before) || !vmgr__memory_device_get(like, &m))
        return unsupported(err, "live update of device '%s' is not supported", old->name);
    vmgr__memory_device_clear(&before);
    vmgr__memory_device_clear(&m);
    if (check_change(&before, &m, err) < 0)
        return -1;
    args = json_object_new_object();
    vmgr__vemu_setf(args, "path", "/machine/peripheral/%s", alias);
    vmgr__vemu_set(args, "property", "requested-size");
    vmgr__vemu_set_int(args, "value", (int64_t)m.requested * 1024);
    if (vmgr__vemu_change_command(c, "qom-set", args, err) < 0)
        return -1;
    vmgr__memory_device_set(old, "requested", m.requested);
    return 0;
}
