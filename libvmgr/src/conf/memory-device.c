/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <memory> of <devices>; see memory-device.h.
 */
#include "memory-device.h"

#include <string.h>

#include "device.h"
#include "element.h"
#include "tuning.h"

#define NODES_MAX 1024
/* What the host can back at once where no page is larger, in KiB. */
#define BLOCK_MIN 2048

#define error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_DOMAIN, __VA_ARGS__)

const char *const vmgr__memory_model_names[] = { "dimm",       "nvdimm",  "virtio-pmem",
                                                 "virtio-mem", "sgx-epc", NULL };
static const char *const accesses[] = { "", "shared", "private", NULL };

/* ---- reading ---- */

static int parse_kib(const xmlNode *parent, const char *name, bool needed, uint64_t *ret,
                     struct vmgr_error **err)
{
    const xmlNode *node = vmgr__xml_child(parent, name);
    g_autofree char *text = node ? vmgr__xml_text(node) : NULL;
    g_autofree char *unit = node ? vmgr__xml_attr(node, "unit") : NULL;
    uint64_t n;

    *ret = 0;
    if (!text || !*text)
        return needed ? error(err, VMGR_ERR_XML_ERROR, "missing element or attribute './%s'", name)
                      : 0;
    if (!vmgr__parse_u64(text, &n))
        return error(err, VMGR_ERR_XML_ERROR, "Invalid value '%s' for element or attribute './%s'",
                     text, name);
    if (vmgr__scale(n, unit, 1024, INT64_MAX, &n, err) < 0)
        return -1;
    *ret = n / 1024 + (n % 1024 != 0);
    return 0;
}

static int parse_nodemask(const xmlNode *node, char **ret, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_text(node);
    uint8_t set[NODES_MAX] = { 0 };

    if (!vmgr__cpuset_parse(text, set, sizeof(set)))
        return error(err, VMGR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'", text);
    *ret = vmgr__cpuset_format(set, sizeof(set));
    if (*ret && **ret)
        return 0;
    return error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "Invalid value of 'nodemask': %s", text);
}

static int parse_source(const xmlNode *source, struct vmgr__memory_device *m,
                        struct vmgr_error **err)
{
    const xmlNode *path = source ? vmgr__xml_child(source, "path") : NULL;
    const xmlNode *mask = source ? vmgr__xml_child(source, "nodemask") : NULL;

    if (!source)
        return 0;
    if (path)
        m->path = vmgr__xml_text(path);
    if (m->path && !*m->path)
        g_clear_pointer(&m->path, g_free);
    if (parse_kib(source, "pagesize", false, &m->page_size, err) < 0)
        return -1;
    return mask ? parse_nodemask(mask, &m->nodemask, err) : 0;
}

static int parse_target(const xmlNode *target, struct vmgr__memory_device *m,
                        struct vmgr_error **err)
{
    const xmlNode *node = target ? vmgr__xml_child(target, "node") : NULL;
    g_autofree char *text = node ? vmgr__xml_text(node) : NULL;
    uint32_t n = 0;

    if (!target)
        return error(err, VMGR_ERR_XML_ERROR, "missing <target> element for <memory> device");
    if (text && (!vmgr__parse_u32(text, &n) || n > INT32_MAX))
        return error(err, VMGR_ERR_XML_ERROR, "invalid value of memory device node");
    m->node = text ? (int)n : -1;
    if (parse_kib(target, "size", true, &m->size, err) < 0)
        return -1;
    if (m->model != VMGR__MEMORY_VIRTIO_MEM)
        return 0;
    m->has_current = vmgr__xml_child(target, "current") != NULL;
    return parse_kib(target, "block", false, &m->block, err) < 0 ||
                   parse_kib(target, "requested", false, &m->requested, err) < 0 ||
                   parse_kib(target, "current", false, &m->current, err) < 0
               ? -1
               : 0;
}

/* Slots and bases of modules; the base is a number to the base of 16 with or without 0x. */
static int parse_address(const xmlNode *node, struct vmgr__memory_device *m,
                         struct vmgr_error **err)
{
    g_autofree char *type = node ? vmgr__xml_attr(node, "type") : NULL;
    g_autofree char *slot = node ? vmgr__xml_attr(node, "slot") : NULL;
    g_autofree char *base = node ? vmgr__xml_attr(node, "base") : NULL;
    const char *digits = base && g_str_has_prefix(base, "0x") ? base + 2 : base;
    uint32_t n;

    m->slot = -1;
    if (g_strcmp0(type, "dimm") != 0)
        return 0;
    if (!slot)
        return error(err, VMGR_ERR_XML_ERROR,
                     "Missing required attribute 'slot' in element 'address'");
    if (!vmgr__parse_u32(slot, &n) || n > INT32_MAX)
        return error(err, VMGR_ERR_XML_ERROR,
                     "Invalid value for attribute 'slot' in element 'address': '%s'. Expected "
                     "non-negative integer value",
                     slot);
    m->slot = (int)n;
    if (digits && (!*digits || strlen(digits) > 16 ||
                   strspn(digits, "0123456789abcdefABCDEF") != strlen(digits)))
        return error(err, VMGR_ERR_XML_ERROR,
                     "Invalid value for attribute 'base' in element 'address': '%s'. Expected "
                     "non-negative integer value",
                     base);
    if (digits)
        m->base = g_ascii_strtoull(digits, NULL, 16);
    return 0;
}

int vmgr__memory_device_parse(const xmlNode *node, struct vmgr__memory_device *ret,
                              struct vmgr_error **err)
{
    int r;

    *ret = (struct vmgr__memory_device){ .node = -1, .slot = -1 };
    r = vmgr__xml_enum(node, "model", vmgr__memory_model_names, &ret->model, err);
    if (r == 0)
        r = error(err, VMGR_ERR_XML_ERROR,
                  "Missing required attribute 'model' in element 'memory'");
    if (r > 0)
        r = vmgr__xml_enum(node, "access", accesses + 1, &ret->access, err);
    if (r > 0)
        ret->access++;
    if (r >= 0)
        r = vmgr__xml_enum(node, "discard", vmgr__yes_no + 1, &ret->discard, err);
    if (r > 0)
        ret->discard++;
    if (r >= 0)
        r = parse_source(vmgr__xml_child(node, "source"), ret, err);
    if (r >= 0)
        r = parse_target(vmgr__xml_child(node, "target"), ret, err);
    if (r >= 0)
        r = parse_address(vmgr__xml_child(node, "address"), ret, err);
    if (r < 0)
        vmgr__memory_device_clear(ret);
    return MIN(r, 0);
}

void vmgr__memory_device_clear(struct vmgr__memory_device *m)
{
    g_clear_pointer(&m->path, g_free);
    g_clear_pointer(&m->nodemask, g_free);
}

bool vmgr__memory_device_get(const struct vmgr__device *dev, struct vmgr__memory_device *ret)
{
    xmlDoc *doc = strcmp(dev->name, "memory") == 0 && !dev->unknown ? vmgr__device_doc(dev) : NULL;
    bool is = doc && vmgr__memory_device_parse(xmlDocGetRootElement(doc), ret, NULL) == 0;

    xmlFreeDoc(doc);
    return is;
}

/* ---- checking ---- */

static int check_virtio_mem(const struct vmgr__memory_device *m, struct vmgr_error **err)
{
    if (m->requested > m->size)
        return error(err, VMGR_ERR_XML_DETAIL,
                     "requested size must be smaller than or equal to @size (%" G_GUINT64_FORMAT
                     "KiB)",
                     m->size);
    if (!m->block || m->block & (m->block - 1))
        return error(err, VMGR_ERR_XML_DETAIL, "block size must be a power of two");
    if (m->block < BLOCK_MIN)
        return error(err, VMGR_ERR_XML_DETAIL, "block size too small, must be at least %dKiB",
                     BLOCK_MIN);
    if (m->requested % m->block)
        return error(err, VMGR_ERR_XML_DETAIL,
                     "requested size must be an integer multiple of block size");
    return 0;
}

static int check(const struct vmgr__memory_device *m, struct vmgr_error **err)
{
    if ((m->model == VMGR__MEMORY_NVDIMM || m->model == VMGR__MEMORY_VIRTIO_PMEM) && !m->path)
        return error(err, VMGR_ERR_XML_DETAIL, "path is required for model '%s'",
                     vmgr__memory_model_names[m->model]);
    return m->model == VMGR__MEMORY_VIRTIO_MEM ? check_virtio_mem(m, err) : 0;
}

/* A size in the unit that all are written in. */
static void write_kib(xmlNode *parent, const char *name, bool make, uint64_t kib)
{
    xmlNode *node = parent ? vmgr__xml_child(parent, name) : NULL;
    char text[24];

    if (!node && make)
        node = xmlNewChild(parent, NULL, BAD_CAST name, NULL);
    if (!node)
        return;
    g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, kib);
    xmlNodeSetContent(node, BAD_CAST text);
    xmlSetProp(node, BAD_CAST "unit", BAD_CAST "KiB");
}

static void drop(xmlNode *node)
{
    if (!node)
        return;
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

static void write_address(xmlNode *address, const struct vmgr__memory_device *m)
{
    g_autofree char *base = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", m->base);
    char slot[16];

    g_snprintf(slot, sizeof(slot), "%d", m->slot);
    xmlSetProp(address, BAD_CAST "type", BAD_CAST "dimm");
    xmlSetProp(address, BAD_CAST "slot", BAD_CAST slot);
    if (m->base)
        xmlSetProp(address, BAD_CAST "base", BAD_CAST base);
}

int vmgr__memory_device_check(struct vmgr__parse *p, xmlNode *node,
                              struct vmgr__device *dev G_GNUC_UNUSED)
{
    struct vmgr__memory_device m;
    xmlNode *source = vmgr__xml_child(node, "source"), *target = vmgr__xml_child(node, "target");
    xmlNode *mask = source ? vmgr__xml_child(source, "nodemask") : NULL;
    int r;

    if (vmgr__memory_device_parse(node, &m, p->err) < 0)
        return -1;
    r = check(&m, p->err);
    if (r == 0) {
        if (p->flags & VMGR__CONF_INACTIVE)
            drop(vmgr__xml_child(target, "current"));
        write_kib(source, "pagesize", false, m.page_size);
        write_kib(target, "size", false, m.size);
        write_kib(target, "block", false, m.block);
        write_kib(target, "requested", m.model == VMGR__MEMORY_VIRTIO_MEM, m.requested);
        write_kib(target, "current", false, m.current);
        if (mask)
            xmlNodeSetContent(mask, BAD_CAST m.nodemask);
        if (m.slot >= 0)
            write_address(vmgr__xml_child(node, "address"), &m);
    }
    vmgr__memory_device_clear(&m);
    return r;
}

/* ---- changing ---- */

bool vmgr__memory_device_set(struct vmgr__device *dev, const char *name, uint64_t kib)
{
    struct vmgr__memory_device m;
    xmlDoc *doc;

    if (!vmgr__memory_device_get(dev, &m))
        return false;
    vmgr__memory_device_clear(&m);
    if (m.model != VMGR__MEMORY_VIRTIO_MEM && strcmp(name, "size") != 0)
        return false;
    if (strcmp(name, "size") == 0        ? m.size == kib
        : strcmp(name, "requested") == 0 ? m.requested == kib
                                         : m.has_current && m.current == kib)
        return false;
    doc = vmgr__device_doc(dev);
    write_kib(vmgr__xml_child(xmlDocGetRootElement(doc), "target"), name, true, kib);
    vmgr__device_set_doc(dev, doc);
    return true;
}

uint64_t vmgr__memory_device_round(uint64_t kib)
{
    return (kib + 1023) / 1024 * 1024;
}

void vmgr__memory_device_set_address(struct vmgr__device *dev, int slot, uint64_t base)
{
    const struct vmgr__memory_device m = { .slot = slot, .base = base };
    xmlDoc *doc = vmgr__device_doc(dev);

    write_address(vmgr__device_child(xmlDocGetRootElement(doc), "address"), &m);
    vmgr__device_set_doc(dev, doc);
}

/* ---- finding ---- */

/* An address as text, for g_free(); NULL: none. */
static char *address_of(const struct vmgr__device *dev)
{
    static const char *const parts[] = { "type", "domain", "bus", "slot", "function" };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *type = vmgr__device_get(dev, "address", "type");

    for (size_t i = 0; type && i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *value = vmgr__device_get(dev, "address", parts[i]);

        if (i == 0)
            g_string_append(text, type);
        else
            g_string_append_printf(text, " %" G_GUINT64_FORMAT,
                                   value ? g_ascii_strtoull(value, NULL, 0) : 0);
    }
    return type ? g_strdup(text->str) : NULL;
}

static bool is_same(const struct vmgr__memory_device *a, const struct vmgr__memory_device *b)
{
    return a->model == b->model && a->access == b->access && a->discard == b->discard &&
           a->node == b->node &&
           vmgr__memory_device_round(a->size) == vmgr__memory_device_round(b->size) &&
           a->page_size == b->page_size && a->block == b->block && a->requested == b->requested &&
           g_strcmp0(a->path, b->path) == 0 && g_strcmp0(a->nodemask, b->nodemask) == 0;
}

struct vmgr__device *vmgr__memory_device_find(const struct vmgr__domain_def *def,
                                              const struct vmgr__device *like,
                                              struct vmgr_error **err)
{
    g_autofree char *alias = vmgr__device_alias(like);
    g_autofree char *address = address_of(like);
    struct vmgr__device *found = NULL;
    struct vmgr__memory_device wanted;

    if (!vmgr__memory_device_get(like, &wanted))
        wanted = (struct vmgr__memory_device){ .model = -1 };
    for (guint i = 0; i < def->devices->len && !found; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        struct vmgr__memory_device m;
        g_autofree char *name = NULL;
        g_autofree char *place = NULL;

        if (!vmgr__memory_device_get(dev, &m))
            continue;
        name = vmgr__device_alias(dev);
        place = address_of(dev);
        if (alias && name ? strcmp(alias, name) == 0
            : address     ? g_strcmp0(address, place) == 0
                          : is_same(&m, &wanted))
            found = dev;
        vmgr__memory_device_clear(&m);
    }
    vmgr__memory_device_clear(&wanted);
    if (!found)
        error(err, VMGR_ERR_DEVICE_MISSING, "matching memory device was not found");
    return found;
}

/* ---- counting ---- */

static uint64_t size_of(const struct vmgr__device *dev, bool live, uint64_t *ret_current)
{
    struct vmgr__memory_device m;

    *ret_current = 0;
    if (!vmgr__memory_device_get(dev, &m))
        return 0;
    vmgr__memory_device_clear(&m);
    *ret_current = live && m.model == VMGR__MEMORY_VIRTIO_MEM ? m.current : m.size;
    return m.size;
}

void vmgr__memory_count(struct vmgr__domain_def *def, const struct vmgr__device *dev, bool live)
{
    uint64_t current;

    def->memory_kib += size_of(dev, live, &current);
    def->current_memory_kib += current;
}

void vmgr__memory_discount(struct vmgr__domain_def *def, const struct vmgr__device *dev, bool live)
{
    uint64_t current;

    def->memory_kib -= MIN(size_of(dev, live, &current), def->memory_kib);
    def->current_memory_kib -= MIN(current, def->current_memory_kib);
    def->current_memory_kib = MIN(def->current_memory_kib, def->memory_kib);
}

uint64_t vmgr__memory_in_devices(const struct vmgr__domain_def *def)
{
    uint64_t sum = 0, current;

    for (guint i = 0; i < def->devices->len; i++) {
        const uint64_t size = size_of(def->devices->pdata[i], false, &current);

        sum = size > UINT64_MAX - sum ? UINT64_MAX : sum + size;
    }
    return sum;
}

uint64_t vmgr__memory_initial(const struct vmgr__domain_def *def)
{
    return def->memory_kib - MIN(vmgr__memory_in_devices(def), def->memory_kib);
}

uint64_t vmgr__memory_plugged(const struct vmgr__domain_def *def)
{
    uint64_t sum = 0, current;

    for (guint i = 0; i < def->devices->len; i++) {
        size_of(def->devices->pdata[i], true, &current);
        sum += current;
    }
    return sum;
}
