/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as JSON.
 *
 * Values of 64 bits (MSRs) are strings in hexadecimal, since many readers of JSON keep only 53
 * bits.
 * What is not known is null, never left out, so that a reader may rely on every key of a section.
 */
#include "json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "uses.h"

typedef struct json_object json;

static void add(json *object, const char *key, json *value)
{
    json_object_object_add(object, key, value);
}

static void add_string(json *object, const char *key, const char *value)
{
    add(object, key, value ? json_object_new_string(value) : NULL);
}

static void add_bool(json *object, const char *key, bool value)
{
    add(object, key, json_object_new_boolean(value));
}

static void add_number(json *object, const char *key, int64_t value)
{
    add(object, key, json_object_new_int64(value));
}

static void add_hex(json *object, const char *key, uint64_t value, int digits)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%0*llx", digits, (unsigned long long)value);
    add_string(object, key, text);
}

/* "a b" -> ["a", "b"] */
static json *words(const char *text)
{
    json *array = json_object_new_array();
    while (*text) {
        size_t length = strcspn(text, " ");
        json_object_array_add(array, json_object_new_string_len(text, (int)length));
        text += length;
        text += strspn(text, " ");
    }
    return array;
}

static json *host_object(const struct host *h)
{
    json *host = json_object_new_object(), *cpu = json_object_new_object();
    json *modules = json_object_new_array();
    add_string(host, "kernel", h->kernel);
    add_string(host, "machine", h->machine);
    add_string(cpu, "vendor", h->vendor);
    add_string(cpu, "model", h->model);
    add_bool(cpu, "vmx", h->vmx);
    add_bool(cpu, "svm", h->svm);
    add_bool(cpu, "hypervisor", h->hypervisor);
    add(host, "cpu", cpu);
    add_string(host, "container", h->container[0] ? h->container : NULL);
    for (uint32_t i = 0; i < h->module_count; i++) {
        json *module = json_object_new_object(), *parameters = json_object_new_object();
        add_string(module, "name", h->modules[i].name);
        for (uint32_t j = 0; j < h->modules[i].parameter_count; j++)
            add_string(parameters, h->modules[i].parameters[j].name,
                       h->modules[i].parameters[j].value);
        add(module, "parameters", parameters);
        json_object_array_add(modules, module);
    }
    add(host, "modules", modules);
    return host;
}

static json *device_object(const struct report *r)
{
    const struct device *d = &r->device;
    json *device = json_object_new_object(), *error = NULL;
    add_string(device, "path", d->path);
    add_bool(device, "usable", d->usable);
    add(device, "api_version", d->api_version ? json_object_new_int(d->api_version) : NULL);
    add(device, "vcpu_mmap_size",
        r->vcpu_mmap_size > 0 ? json_object_new_int(r->vcpu_mmap_size) : NULL);
    if (d->error) {
        json *cures = json_object_new_array();
        error = json_object_new_object();
        add_string(error, "code", strerrorname_np(-d->error));
        add_string(error, "message", d->message);
        for (uint32_t i = 0; i < d->cure_count; i++)
            json_object_array_add(cures, json_object_new_string(d->cures[i]));
        add(error, "cures", cures);
    }
    add(device, "error", error);
    return device;
}

static json *probe_object(const struct probe *p)
{
    if (!p->known)
        return NULL;
    json *probe = json_object_new_object();
    add_string(probe, "mode", probe_mode_name(p->mode));
    add(probe, "mips",
        p->mode ? json_object_new_double((double)(int64_t)(p->mips * 100) / 100) : NULL);
    add(probe, "exit_ns", p->exit_ns ? json_object_new_int64(p->exit_ns) : NULL);
    add_string(probe, "failure", p->failure[0] ? p->failure : NULL);
    return probe;
}

static json *uses_object(const struct report *r)
{
    size_t count;
    const struct use_info *table = uses_table(&count);
    if (!r->caps.known)
        return NULL;
    json *uses = json_object_new_object();
    for (size_t i = 0; i < count; i++) {
        struct use_result result;
        json *use = json_object_new_object();
        uses_check(r, &table[i], &result);
        add_string(use, "title", table[i].title);
        add_string(use, "status", uses_status_name(result.status));
        add(use, "missing", words(result.needs));
        add(use, "recommended_missing", words(result.wants));
        add(uses, table[i].id, use);
    }
    return uses;
}

static json *caps_array(const struct report *r)
{
    if (!r->caps.known)
        return NULL;
    json *caps = json_object_new_array();
    for (uint32_t i = 0; i < CAP_COUNT; i++) {
        const struct cap_info *info = caps_info(i);
        const char *name = vkvm_cap_name(i);
        if (!name && !r->caps.system[i] && !r->caps.vm[i])
            continue;
        json *cap = json_object_new_object();
        add_number(cap, "number", i);
        add_string(cap, "name", name);
        add_string(cap, "group", caps_group_id(info ? info->group : GROUP_OTHER));
        add_string(cap, "summary", info ? info->summary : NULL);
        add_number(cap, "system", r->caps.system[i]);
        add(cap, "vm", r->caps.vm_known ? json_object_new_int(r->caps.vm[i]) : NULL);
        json_object_array_add(caps, cap);
    }
    return caps;
}

/* --- CPUID ------------------------------------------------------------------------------------ */

static json *leaves_array(struct vkvm_cpuid *table)
{
    size_t count;
    if (!table)
        return NULL;
    json *leaves = json_object_new_array();
    const struct kvm_cpuid_entry2 *e = vkvm_cpuid_entries(table, &count);
    for (size_t i = 0; i < count; i++) {
        json *leaf = json_object_new_object();
        add_hex(leaf, "function", e[i].function, 8);
        add_number(leaf, "index", e[i].index);
        add_hex(leaf, "eax", e[i].eax, 8);
        add_hex(leaf, "ebx", e[i].ebx, 8);
        add_hex(leaf, "ecx", e[i].ecx, 8);
        add_hex(leaf, "edx", e[i].edx, 8);
        json_object_array_add(leaves, leaf);
    }
    return leaves;
}

static json *bits_array(bool known, const struct cpuid_report *c,
                        size_t (*list)(const struct cpuid_report *, struct cpuid_bits *, size_t))
{
    struct cpuid_bits bits[256];
    if (!known)
        return NULL;
    size_t count = list(c, bits, 256);
    json *array = json_object_new_array();
    for (size_t i = 0; i < count && i < 256; i++) {
        const struct cpuid_bits *b = &bits[i];
        json *item = json_object_new_object(), *names = json_object_new_array();
        add_hex(item, "function", b->function, 8);
        add_number(item, "index", b->index);
        add_string(item, "register", features_reg_name(b->reg));
        add_hex(item, "bits", b->bits, 8);
        for (uint32_t bit = 0; bit < 32; bit++) {
            char name[64];
            if (!(b->bits >> bit & 1) || !features_known(b->function, b->index, b->reg))
                continue;
            features_name(b->function, b->index, b->reg, bit, name, sizeof(name));
            json_object_array_add(names, json_object_new_string(name));
        }
        add(item, "names", names);
        json_object_array_add(array, item);
    }
    return array;
}

static json *cpuid_object(const struct report *r)
{
    const struct cpuid_report *c = &r->cpuid;
    json *cpuid = json_object_new_object();
    if (r->sections & SECTION_CPUID) {
        add(cpuid, "supported", leaves_array(c->supported));
        add(cpuid, "effective", leaves_array(c->effective));
    }
    add(cpuid, "unmaskable", bits_array(c->masked != NULL, c, cpuid_unmaskable));
    add(cpuid, "added", bits_array(c->effective != NULL, c, cpuid_added));
    add(cpuid, "lost", bits_array(c->effective != NULL, c, cpuid_lost));
    return cpuid;
}

/* --- MSRs ------------------------------------------------------------------------------------- */

static json *msrs_object(const struct msr_report *m)
{
    json *msrs = json_object_new_object(), *features = NULL, *state = NULL;
    if (m->features_known)
        features = json_object_new_array();
    for (size_t i = 0; i < m->feature_count && features; i++) {
        json *item = json_object_new_object();
        add_hex(item, "index", m->features[i].index, 8);
        add_string(item, "name", msrs_name(m->features[i].index));
        if (m->features[i].readable)
            add_hex(item, "value", m->features[i].value, 16);
        else
            add(item, "value", NULL);
        json_object_array_add(features, item);
    }
    if (m->state_known)
        state = json_object_new_array();
    for (size_t i = 0; i < m->state_count && state; i++) {
        json *item = json_object_new_object();
        add_hex(item, "index", m->state[i], 8);
        add_string(item, "name", msrs_name(m->state[i]));
        json_object_array_add(state, item);
    }
    add(msrs, "features", features);
    add(msrs, "state", state);
    return msrs;
}

/* --- statistics ------------------------------------------------------------------------------- */

static json *stats_array(const struct vkvm_stats *stats)
{
    if (!stats)
        return NULL;
    json *array = json_object_new_array();
    for (size_t i = 0; i < vkvm_stats_count(stats); i++) {
        const struct vkvm_stat *s = vkvm_stats_get(stats, i);
        json *item = json_object_new_object(), *values = json_object_new_array();
        add_string(item, "name", s->name);
        add_string(item, "kind", vkvm_stat_type_name(s->type));
        add_string(item, "unit", vkvm_stat_unit_name(s->unit));
        add_number(item, "base", s->base);
        add_number(item, "exponent", s->exponent);
        add_number(item, "bucket_size", s->bucket_size);
        for (uint32_t j = 0; j < s->count; j++)
            json_object_array_add(values, json_object_new_uint64(s->values[j]));
        add(item, "values", values);
        json_object_array_add(array, item);
    }
    return array;
}

static json *stats_object(const struct stats_report *stats)
{
    json *object = json_object_new_object();
    add(object, "vm", stats_array(stats->vm));
    add(object, "vcpu", stats_array(stats->vcpu));
    return object;
}

int json_write(const struct report *r, int status, FILE *out)
{
    json *top = json_object_new_object(), *problems = json_object_new_array();
    add_string(top, "version", VKVM_INFO_VERSION);
    add_number(top, "status", status);
    add(top, "host", r->host.kernel[0] ? host_object(&r->host) : NULL);
    add(top, "device", device_object(r));
    if (r->sections & SECTION_SUMMARY) {
        add(top, "kernel_mode", probe_object(&r->probe));
        add(top, "uses", uses_object(r));
    }
    if (r->sections & SECTION_CAPS)
        add(top, "capabilities", caps_array(r));
    if (r->sections & (SECTION_SUMMARY | SECTION_CPUID))
        add(top, "cpuid", cpuid_object(r));
    if (r->sections & SECTION_MSRS)
        add(top, "msrs", msrs_object(&r->msrs));
    if (r->sections & SECTION_STATS)
        add(top, "statistics", stats_object(&r->stats));
    for (uint32_t i = 0; i < r->problem_count; i++)
        json_object_array_add(problems, json_object_new_string(r->problems[i]));
    add(top, "problems", problems);
    const char *text = json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
    int r2 = !text ? -ENOMEM : fprintf(out, "%s\n", text) < 0 ? -EIO : 0;
    json_object_put(top);
    return r2;
}
