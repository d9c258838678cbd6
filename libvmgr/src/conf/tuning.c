/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <cputune>, <memtune>, <blkiotune> and <resource>: what of the host a guest may use.
 */
#include "tuning.h"

#include <string.h>

#include "canonical.h"
#include "element.h"
#include "iothread.h"

enum { CPUS_MAX = 16384, DEVICES_MAX = 256 };

static const char *const pin_names[] = { "vcpupin", "emulatorpin", "iothreadpin" };
static const char *const pin_ids[] = { "vcpu", NULL, "iothread" };
static const char *const blkio_names[VMGR__BLKIO_COUNT] = { "weight", "read_iops_sec",
                                                            "write_iops_sec", "read_bytes_sec",
                                                            "write_bytes_sec" };

/* Children with a number in them, in the order they are written in. */
static const struct number {
    enum vmgr__tune tune;
    enum vmgr__tune_element in;
    const char *name;
    int64_t least, most; /* apart from 0, and below zero for quotas */
    bool sized;          /* it has a unit */
} numbers[] = {
    { VMGR__TUNE_SHARES, VMGR__TUNE_CPUTUNE, "shares", 2, 262144, false },
    { VMGR__TUNE_PERIOD, VMGR__TUNE_CPUTUNE, "period", 1000, 1000000, false },
    { VMGR__TUNE_QUOTA, VMGR__TUNE_CPUTUNE, "quota", 1000, 17592186044415, false },
    { VMGR__TUNE_GLOBAL_PERIOD, VMGR__TUNE_CPUTUNE, "global_period", 1000, 1000000, false },
    { VMGR__TUNE_GLOBAL_QUOTA, VMGR__TUNE_CPUTUNE, "global_quota", 1000, 17592186044415, false },
    { VMGR__TUNE_EMULATOR_PERIOD, VMGR__TUNE_CPUTUNE, "emulator_period", 1000, 1000000, false },
    { VMGR__TUNE_EMULATOR_QUOTA, VMGR__TUNE_CPUTUNE, "emulator_quota", 1000, 17592186044415,
      false },
    { VMGR__TUNE_IOTHREAD_PERIOD, VMGR__TUNE_CPUTUNE, "iothread_period", 1000, 1000000, false },
    { VMGR__TUNE_IOTHREAD_QUOTA, VMGR__TUNE_CPUTUNE, "iothread_quota", 1000, 17592186044415,
      false },
    { VMGR__TUNE_HARD_LIMIT, VMGR__TUNE_MEMTUNE, "hard_limit", 1, VMGR_MEMORY_UNLIMITED, true },
    { VMGR__TUNE_SOFT_LIMIT, VMGR__TUNE_MEMTUNE, "soft_limit", 1, VMGR_MEMORY_UNLIMITED, true },
    { VMGR__TUNE_MIN_GUARANTEE, VMGR__TUNE_MEMTUNE, "min_guarantee", 1, VMGR_MEMORY_UNLIMITED,
      true },
    { VMGR__TUNE_SWAP_HARD_LIMIT, VMGR__TUNE_MEMTUNE, "swap_hard_limit", 1, VMGR_MEMORY_UNLIMITED,
      true },
    { VMGR__TUNE_WEIGHT, VMGR__TUNE_BLKIOTUNE, "weight", 0, UINT32_MAX, false },
};

char *vmgr__cpuset_format(const uint8_t *set, size_t size)
{
    GString *s = g_string_new(NULL);

    for (size_t i = 0; i < size; i++) {
        size_t end = i;

        if (!set[i])
            continue;
        while (end + 1 < size && set[end + 1])
            end++;
        g_string_append_printf(s, "%s%zu", s->len ? "," : "", i);
        if (end > i)
            g_string_append_printf(s, "-%zu", end);
        i = end;
    }
    return g_string_free(s, FALSE);
}

/* ---- parts ---- */

static void pin_clear(void *data)
{
    g_free(((struct vmgr__pin *)data)->cpuset);
}

static void blkio_clear(void *data)
{
    g_free(((struct vmgr__blkio_device *)data)->path);
}

static GArray *array(GArray **a, guint size, GDestroyNotify clear)
{
    if (!*a) {
        *a = g_array_new(FALSE, TRUE, size);
        g_array_set_clear_func(*a, clear);
    }
    return *a;
}

GArray *vmgr__blkio_new(void)
{
    GArray *a = NULL;

    return array(&a, sizeof(struct vmgr__blkio_device), blkio_clear);
}

static void *copy_text(const void *text, void *data G_GNUC_UNUSED)
{
    return g_strdup(text);
}

void vmgr__tuning_copy(struct vmgr__tuning *to, const struct vmgr__tuning *from)
{
    *to = *from;
    to->pins = to->blkio = NULL;
    to->numa_nodeset = g_strdup(from->numa_nodeset);
    to->partition = g_strdup(from->partition);
    for (guint i = 0; from->pins && i < from->pins->len; i++) {
        const struct vmgr__pin *pin = &g_array_index(from->pins, struct vmgr__pin, i);

        vmgr__tuning_set_pin(to, pin->kind, pin->id, pin->cpuset);
    }
    for (guint i = 0; from->blkio && i < from->blkio->len; i++) {
        struct vmgr__blkio_device d = g_array_index(from->blkio, struct vmgr__blkio_device, i);

        d.path = g_strdup(d.path);
        g_array_append_val(array(&to->blkio, sizeof(d), blkio_clear), d);
    }
    to->schedulers = from->schedulers ? g_array_copy(from->schedulers) : NULL;
    to->pages = from->pages ? g_array_copy(from->pages) : NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(to->kept); i++) {
        to->kept[i] = from->kept[i] ? g_ptr_array_copy(from->kept[i], copy_text, NULL) : NULL;
        if (to->kept[i])
            g_ptr_array_set_free_func(to->kept[i], g_free);
    }
}

void vmgr__tuning_fini(struct vmgr__tuning *t)
{
    g_clear_pointer(&t->pins, g_array_unref);
    g_clear_pointer(&t->schedulers, g_array_unref);
    g_clear_pointer(&t->pages, g_array_unref);
    g_clear_pointer(&t->blkio, g_array_unref);
    g_clear_pointer(&t->numa_nodeset, g_free);
    g_clear_pointer(&t->partition, g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(t->kept); i++)
        g_clear_pointer(&t->kept[i], g_ptr_array_unref);
}

const char *vmgr__tuning_kept(const struct vmgr__tuning *t)
{
    for (size_t i = 0; i < G_N_ELEMENTS(t->kept); i++) {
        if (t->kept[i])
            return t->kept[i]->pdata[0];
    }
    return NULL;
}

static struct vmgr__pin *find_pin(const struct vmgr__tuning *t, int kind, uint32_t id)
{
    for (guint i = 0; t->pins && i < t->pins->len; i++) {
        struct vmgr__pin *pin = &g_array_index(t->pins, struct vmgr__pin, i);

        if (pin->kind == kind && pin->id == id)
            return pin;
    }
    return NULL;
}

const char *vmgr__tuning_pin(const struct vmgr__tuning *t, int kind, uint32_t id)
{
    const struct vmgr__pin *pin = find_pin(t, kind, id);

    return pin ? pin->cpuset : NULL;
}

static int compare_pins(const void *a, const void *b)
{
    const struct vmgr__pin *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind - y->kind;
    return x->id < y->id ? -1 : x->id > y->id;
}

void vmgr__tuning_set_pin(struct vmgr__tuning *t, int kind, uint32_t id, const char *cpuset)
{
    struct vmgr__pin *pin = find_pin(t, kind, id);
    struct vmgr__pin fresh = { kind, id, NULL };

    if (pin) {
        g_free(pin->cpuset);
        pin->cpuset = g_strdup(cpuset);
        return;
    }
    fresh.cpuset = g_strdup(cpuset);
    g_array_append_val(array(&t->pins, sizeof(fresh), pin_clear), fresh);
    g_array_sort(t->pins, compare_pins);
}

void vmgr__tuning_drop_pin(struct vmgr__tuning *t, int kind, uint32_t id)
{
    const struct vmgr__pin *pin = find_pin(t, kind, id);

    if (pin)
        g_array_remove_index(t->pins,
                             (guint)(pin - &g_array_index(t->pins, struct vmgr__pin, 0)));
}

/* ---- reading ---- */

char *vmgr__tuning_parse_set(struct vmgr__parse *p, const char *text, const char *attr)
{
    g_autofree uint8_t *set = g_malloc(CPUS_MAX);

    if (vmgr__cpuset_parse(text, set, CPUS_MAX))
        return vmgr__cpuset_format(set, CPUS_MAX);
    /* one that takes all away again is no set either */
    if (strchr(text, '^'))
        conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Invalid value of '%s': %s", attr, text);
    else
        conf_error(p, VMGR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'", text);
    return NULL;
}

static int parse_pin_id(struct vmgr__parse *p, xmlNode *node, int kind, uint32_t *id)
{
    g_autofree char *number = vmgr__xml_attr(node, pin_ids[kind]);

    if (!number)
        return conf_error(p, VMGR_ERR_XML_ERROR, "Missing required attribute '%s' in element '%s'",
                          pin_ids[kind], pin_names[kind]);
    if (!vmgr__parse_u32(number, id))
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element '%s': '%s'. Expected "
                          "non-negative integer value",
                          pin_ids[kind], pin_names[kind], number);
    if (kind != VMGR_PIN_IOTHREAD)
        return 0;
    if (*id == 0)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value for attribute '%s' in element '%s': Zero is not permitted",
                          pin_ids[kind], pin_names[kind]);
    if (!vmgr__iothread_find(p->def, *id))
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "Cannot find 'iothread' : %u", *id);
    return 0;
}

static int duplicate_pin(struct vmgr__parse *p, int kind, uint32_t id)
{
    if (kind == VMGR_PIN_EMULATOR)
        return conf_error(p, VMGR_ERR_XML_ERROR, "only one emulatorpin is supported");
    return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "duplicate %s for %s%s '%u'", pin_names[kind],
                      kind == VMGR_PIN_IOTHREAD ? "same " : "", pin_ids[kind], id);
}

static int parse_pin(struct vmgr__parse *p, xmlNode *node, int kind)
{
    g_autofree char *cpus = vmgr__xml_attr(node, "cpuset");
    g_autofree char *text = NULL;
    uint32_t id = 0;

    if (pin_ids[kind] && parse_pin_id(p, node, kind, &id) < 0)
        return -1;
    if (kind == VMGR_PIN_VCPU && id >= p->def->max_vcpus) {
        g_ptr_array_add(p->def->warnings,
                        g_strdup_printf("vcpupin of vCPU %u ignored: there is no such vCPU", id));
        return 0;
    }
    if (!cpus)
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "missing cpuset for %s", pin_names[kind]);
    if (find_pin(&p->def->tuning, kind, id))
        return duplicate_pin(p, kind, id);
    text = vmgr__tuning_parse_set(p, cpus, "cpuset");
    if (!text)
        return -1;
    vmgr__tuning_set_pin(&p->def->tuning, kind, id, text);
    return 0;
}

/* As strtoll() takes it, with nothing after it. */
static bool parse_signed(const char *text, int64_t *ret)
{
    bool negative;
    uint64_t n;

    while (g_ascii_isspace(*text))
        text++;
    negative = *text == '-';
    if (!vmgr__parse_u64(text + (negative || *text == '+'), &n) || n > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static int bad_number(struct vmgr__parse *p, const struct number *n, const char *text)
{
    g_autofree char *words = g_strdelimit(g_strdup(n->name), "_", ' ');

    if (n->sized)
        return conf_error(p, VMGR_ERR_XML_ERROR,
                          "Invalid value '%s' for element or attribute './memtune/%s[1]'", text,
                          n->name);
    if (n->in == VMGR__TUNE_CPUTUNE)
        return conf_error(p, VMGR_ERR_XML_ERROR, "can't parse cputune %s value", words);
    g_ptr_array_add(p->def->warnings,
                    g_strdup_printf("%s '%s' ignored: not a number", n->name, text));
    return 0;
}

static int parse_number(struct vmgr__parse *p, xmlNode *node, const struct number *n)
{
    g_autofree char *text = vmgr__xml_text(node);
    g_autofree char *unit = n->sized ? vmgr__xml_attr(node, "unit") : NULL;
    int64_t value;
    uint64_t bytes;

    if (!*text)
        return 0;
    if (!parse_signed(text, &value) || (value < 0 && !g_str_has_suffix(n->name, "quota")))
        return bad_number(p, n, text);
    if (n->sized) {
        if (vmgr__scale((uint64_t)value, unit, 1024, INT64_MAX, &bytes, p->err) < 0)
            return -1;
        value = (int64_t)(bytes / 1024 + (bytes % 1024 != 0));
        if (value >= n->most) /* no limit */
            value = 0;
    }
    if (n->in == VMGR__TUNE_BLKIOTUNE && value > n->most)
        return bad_number(p, n, text);
    if (value > 0 && (value < n->least || value > n->most))
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "Value of cputune '%s' must be in range [%" G_GINT64_FORMAT
                          ", %" G_GINT64_FORMAT "]",
                          n->name, n->least, n->most);
    p->def->tuning.value[n->tune] = value;
    return 0;
}

static int parse_blkio_number(struct vmgr__parse *p, const xmlNode *node, int which, uint64_t *ret)
{
    g_autofree char *words = g_strdelimit(g_strdup(blkio_names[which]), "_", ' ');
    g_autofree char *text = vmgr__xml_text(node);
    const bool is_bytes = which == VMGR__BLKIO_READ_BYTES || which == VMGR__BLKIO_WRITE_BYTES;
    int64_t value;

    if (!parse_signed(text, &value) || value < 0 || (!is_bytes && value > UINT32_MAX))
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "could not parse %s %s", words, text);
    *ret = (uint64_t)value;
    return 0;
}

/* A device without a path of its own, or with that of another. */
static int check_path(struct vmgr__parse *p, const char *path)
{
    const GArray *list = p->def->tuning.blkio;

    if (!path || !*path)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "missing per-device path");
    if (list && list->len >= DEVICES_MAX)
        return conf_error(p, VMGR_ERR_XML_ERROR, "too many block devices");
    for (guint i = 0; list && i < list->len; i++) {
        if (strcmp(g_array_index(list, struct vmgr__blkio_device, i).path, path) == 0)
            return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED, "duplicate blkio device path '%s'",
                              path);
    }
    return 0;
}

static int parse_blkio(struct vmgr__parse *p, xmlNode *node)
{
    struct vmgr__blkio_device d = { 0 };
    const xmlNode *path = vmgr__xml_child(node, "path");
    g_autofree char *name = path ? vmgr__xml_text(path) : NULL;

    if (check_path(p, name) < 0)
        return -1;
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        int k = 0;

        while (k < VMGR__BLKIO_COUNT && !vmgr__xml_is(c, blkio_names[k]))
            k++;
        if (k < VMGR__BLKIO_COUNT && c == vmgr__xml_child(node, blkio_names[k]) &&
            parse_blkio_number(p, c, k, &d.value[k]) < 0)
            return -1;
    }
    d.path = g_steal_pointer(&name);
    g_array_append_val(array(&p->def->tuning.blkio, sizeof(d), blkio_clear), d);
    return 0;
}

/* 1: it was one, 0: not, -1. */
static int parse_child(struct vmgr__parse *p, xmlNode *c, enum vmgr__tune_element in)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].in != in || !vmgr__xml_is(c, numbers[i].name))
            continue;
        if (c == vmgr__xml_child(c->parent, numbers[i].name)) /* the first counts */
            return parse_number(p, c, &numbers[i]) < 0 ? -1 : 1;
        g_ptr_array_add(p->def->warnings,
                        g_strdup_printf("only the first of several elements '%s' in %s counts",
                                        numbers[i].name, (const char *)c->parent->name));
        return 1;
    }
    for (int i = 0; in == VMGR__TUNE_CPUTUNE && i < (int)G_N_ELEMENTS(pin_names); i++) {
        if (vmgr__xml_is(c, pin_names[i]))
            return parse_pin(p, c, i) < 0 ? -1 : 1;
    }
    if (in == VMGR__TUNE_BLKIOTUNE && vmgr__xml_is(c, "device"))
        return parse_blkio(p, c) < 0 ? -1 : 1;
    return in == VMGR__TUNE_CPUTUNE ? vmgr__scheduler_parse(p, c) : 0;
}

void vmgr__tuning_keep(struct vmgr__tuning *t, xmlNode *c, enum vmgr__tune_element in)
{
    if (!t->kept[in])
        t->kept[in] = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(t->kept[in], g_strdup((const char *)c->name));
    g_ptr_array_add(t->kept[in], vmgr__xml_keep(c, 2));
}

static int parse_in(struct vmgr__parse *p, xmlNode *node, enum vmgr__tune_element in)
{
    vmgr__canonical(p, node, "");
    for (xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        int r = parse_child(p, c, in);

        if (r < 0)
            return -1;
        if (r == 0)
            vmgr__tuning_keep(&p->def->tuning, c, in);
    }
    return 0;
}

static int cputune_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_in(p, node, VMGR__TUNE_CPUTUNE);
}

static int memtune_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_in(p, node, VMGR__TUNE_MEMTUNE);
}

static int blkiotune_parse(struct vmgr__parse *p, xmlNode *node)
{
    return parse_in(p, node, VMGR__TUNE_BLKIOTUNE);
}

static int resource_parse(struct vmgr__parse *p, xmlNode *node)
{
    const xmlNode *partition = vmgr__xml_child(node, "partition");
    static const char *const known[] = { "partition", NULL };

    vmgr__warn_children(p, node, known);
    if (!partition)
        return conf_error(p, VMGR_ERR_XML_ERROR, "Missing resource partition path");
    p->def->tuning.partition = vmgr__xml_text(partition);
    if (*p->def->tuning.partition)
        return 0;
    return conf_error(p, VMGR_ERR_XML_ERROR, "Missing resource partition path");
}

/* ---- writing ---- */

static void write_numbers(const struct vmgr__tuning *t, enum vmgr__tune_element in,
                          struct vmgr__xml_writer *w)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        const struct number *n = &numbers[i];
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, t->value[n->tune]);

        if (n->in != in || !t->value[n->tune])
            continue;
        vmgr__xw_begin(w, n->name);
        if (n->sized)
            vmgr__xw_attr(w, "unit", "KiB");
        vmgr__xw_end_text(w, n->name, text);
    }
}

static void write_pins(const struct vmgr__tuning *t, struct vmgr__xml_writer *w)
{
    for (guint i = 0; t->pins && i < t->pins->len; i++) {
        const struct vmgr__pin *pin = &g_array_index(t->pins, struct vmgr__pin, i);

        vmgr__xw_begin(w, pin_names[pin->kind]);
        if (pin_ids[pin->kind])
            vmgr__xw_attrf(w, pin_ids[pin->kind], "%u", pin->id);
        vmgr__xw_attr(w, "cpuset", pin->cpuset);
        vmgr__xw_end(w, pin_names[pin->kind]);
    }
}

static bool has_values(const struct vmgr__blkio_device *d)
{
    for (int k = 0; k < VMGR__BLKIO_COUNT; k++) {
        if (d->value[k])
            return true;
    }
    return false;
}

static bool has_blkio(const struct vmgr__tuning *t)
{
    for (guint i = 0; t->blkio && i < t->blkio->len; i++) {
        if (has_values(&g_array_index(t->blkio, struct vmgr__blkio_device, i)))
            return true;
    }
    return false;
}

static void write_blkio(const struct vmgr__tuning *t, struct vmgr__xml_writer *w)
{
    for (guint i = 0; t->blkio && i < t->blkio->len; i++) {
        const struct vmgr__blkio_device *d = &g_array_index(t->blkio, struct vmgr__blkio_device, i);

        if (!has_values(d))
            continue;
        vmgr__xw_begin(w, "device");
        vmgr__xw_text(w, "path", d->path);
        for (int k = 0; k < VMGR__BLKIO_COUNT; k++) {
            g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, d->value[k]);

            if (d->value[k])
                vmgr__xw_text(w, blkio_names[k], text);
        }
        vmgr__xw_end(w, "device");
    }
}

void vmgr__tuning_write_kept(const struct vmgr__tuning *t, enum vmgr__tune_element in,
                             struct vmgr__xml_writer *w)
{
    for (guint i = 1; t->kept[in] && i < t->kept[in]->len; i += 2)
        vmgr__xw_raw(w, t->kept[in]->pdata[i]);
}

static bool is_empty(const struct vmgr__tuning *t, enum vmgr__tune_element in)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].in == in && t->value[numbers[i].tune])
            return false;
    }
    return !t->kept[in] &&
           !(in == VMGR__TUNE_CPUTUNE && ((t->pins && t->pins->len) || t->schedulers)) &&
           !(in == VMGR__TUNE_BLKIOTUNE && has_blkio(t));
}

static void write_element(const struct vmgr__domain_def *def, enum vmgr__tune_element in,
                          const char *name, struct vmgr__xml_writer *w)
{
    const struct vmgr__tuning *t = &def->tuning;

    if (is_empty(t, in))
        return;
    vmgr__xw_begin(w, name);
    write_numbers(t, in, w);
    if (in == VMGR__TUNE_CPUTUNE) {
        write_pins(t, w);
        vmgr__scheduler_write(t, w);
    } else if (in == VMGR__TUNE_BLKIOTUNE) {
        write_blkio(t, w);
    }
    vmgr__tuning_write_kept(t, in, w);
    vmgr__xw_end(w, name);
}

#define FORMAT(name, in)                                                                           \
    static void name##_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,    \
                              struct vmgr__xml_writer *w)                                          \
    {                                                                                              \
        write_element(def, in, #name, w);                                                          \
    }
FORMAT(cputune, VMGR__TUNE_CPUTUNE)
FORMAT(memtune, VMGR__TUNE_MEMTUNE)
FORMAT(blkiotune, VMGR__TUNE_BLKIOTUNE)

static void resource_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                            struct vmgr__xml_writer *w)
{
    if (!def->tuning.partition)
        return;
    vmgr__xw_begin(w, "resource");
    vmgr__xw_text(w, "partition", def->tuning.partition);
    vmgr__xw_end(w, "resource");
}

const struct vmgr__element vmgr__element_cputune = { "cputune", cputune_parse, cputune_format };
const struct vmgr__element vmgr__element_memtune = { "memtune", memtune_parse, memtune_format };
const struct vmgr__element vmgr__element_blkiotune = { "blkiotune", blkiotune_parse,
                                                       blkiotune_format };
const struct vmgr__element vmgr__element_resource = { "resource", resource_parse, resource_format };
