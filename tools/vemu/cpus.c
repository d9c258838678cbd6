/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -smp and -numa: vCPUs, where they sit, and the memory beside them.
 */
#include "cpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vemu/error.h>
#include <vemu/numa.h>

#include "keyval.h"
#include "report.h"

#define COUNT_MAX 4096u

static bool parse_number(const char *option, const char *key, const char *text, uint32_t max,
                         uint32_t *ret)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || number > max) {
        report("-%s: parameter '%s' expects a number up to %u, not '%s'", option, key, max, text);
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* --- -smp ------------------------------------------------------------------------------------- */

bool parse_smp(struct options *o, const char *value)
{
    struct vemu_vm_config *c = &o->config;
    uint32_t clusters = 1;
    const struct {
        const char *key;
        uint32_t *number;
    } counts[] = {
        { "cpus", &c->vcpus },      { "maxcpus", &c->max_vcpus }, { "sockets", &c->sockets },
        { "dies", &c->dies },       { "clusters", &clusters },    { "cores", &c->cores },
        { "threads", &c->threads },
    };
    struct keyval kv;
    if (!keyval_parse(&kv, "smp", value, true))
        return false;
    bool ok = true;
    for (size_t n = 0; ok && n < sizeof(counts) / sizeof(counts[0]); n++) {
        const char *text = n == 0 && kv.first ? kv.first : keyval_take(&kv, counts[n].key);
        *counts[n].number = 0;
        if (!text)
            continue;
        ok = parse_number("smp", counts[n].key, text, COUNT_MAX, counts[n].number);
        if (ok && !*counts[n].number) {
            report("-smp: %s=0: Invalid CPU topology: CPU topology parameters must be greater "
                   "than zero",
                   counts[n].key);
            ok = false;
        }
    }
    if (!c->vcpus)
        c->vcpus = c->max_vcpus;
    if (ok && clusters > 1) {
        report("-smp: clusters not supported by this machine's CPU topology");
        ok = false;
    }
    ok = ok && keyval_done(&kv, "smp");
    keyval_free(&kv);
    return ok;
}

/* --- -numa ------------------------------------------------------------------------------------ */

static bool fail(const char *value, struct vemu_error *err)
{
    report("-numa %s: %s", value, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

/* "2" or "2-5" */
static bool take_cpus(const char *text, uint32_t *cpus, size_t *count)
{
    char *end;
    errno = 0;
    unsigned long first = strtoul(text, &end, 10), last = first;
    bool ok = isdigit((unsigned char)*text) && !errno;
    if (ok && *end == '-') {
        ok = isdigit((unsigned char)end[1]);
        last = strtoul(end + 1, &end, 10);
    }
    if (!ok || *end || errno || last < first || last >= COUNT_MAX) {
        report("-numa: cpus=%s is not a range of CPUs", text);
        return false;
    }
    for (unsigned long cpu = first; cpu <= last; cpu++) {
        if (*count == COUNT_MAX) {
            report("-numa: cpus=%s: too many CPUs", text);
            return false;
        }
        cpus[(*count)++] = (uint32_t)cpu;
    }
    return true;
}

/* `next`: the number of a node that has none. */
static bool build_node(struct vemu_vm *vm, const char *value, struct keyval *kv, uint32_t *next)
{
    struct vemu_numa_node node = VEMU_NUMA_NODE_INIT;
    struct vemu_error *err = NULL;
    uint32_t *cpus = malloc(COUNT_MAX * sizeof(*cpus));
    if (!cpus) {
        report("-numa: out of memory");
        return false;
    }
    unsigned long long bytes = 0;
    const char *id = keyval_take(kv, "nodeid"), *mem = keyval_take(kv, "mem"), *text;
    node.id = *next;
    bool ok = !id || parse_number("numa", "nodeid", id, UINT32_MAX - 1, &node.id);
    while (ok && (text = keyval_take(kv, "cpus")))
        ok = take_cpus(text, cpus, &node.cpu_count);
    ok = ok && (!mem || parse_size("numa", mem, 1024 * 1024, &bytes));
    node.memory_backend = keyval_take(kv, "memdev");
    node.memory_bytes = bytes;
    node.cpus = cpus;
    ok = ok && keyval_done(kv, "numa");
    if (ok && vemu_vm_add_numa_node(vm, &node, &err) < 0)
        ok = fail(value, err);
    *next = node.id + 1;
    free(cpus);
    return ok;
}

static bool build_distance(struct vemu_vm *vm, const char *value, struct keyval *kv)
{
    static const char *const keys[] = { "src", "dst", "val" };
    struct vemu_error *err = NULL;
    uint32_t numbers[3] = { 0 };
    bool ok = true;
    for (int n = 0; ok && n < 3; n++) {
        const char *text = keyval_take(kv, keys[n]);
        if (!text)
            report("-numa %s: parameter '%s' is missing", value, keys[n]);
        ok = text && parse_number("numa", keys[n], text, UINT32_MAX - 1, &numbers[n]);
    }
    ok = ok && keyval_done(kv, "numa");
    if (ok && vemu_vm_set_numa_distance(vm, numbers[0], numbers[1], numbers[2], &err) < 0)
        ok = fail(value, err);
    return ok;
}

/* Nodes first: distances may stand before them. */
bool build_numa(struct vemu_vm *vm, const struct options *o)
{
    uint32_t next = 0;
    bool ok = true;
    for (int pass = 0; ok && pass < 2; pass++)
        for (size_t i = 0; ok && i < o->numas.count; i++) {
            const char *value = o->numas.items[i];
            struct keyval kv;
            if (!keyval_parse(&kv, "numa", value, true))
                return false;
            const char *named = keyval_take(&kv, "type");
            const char *type = kv.first ? kv.first : named;
            if (!type || (strcmp(type, "node") && strcmp(type, "dist"))) {
                report("-numa: '%s' is not supported (node, dist)", type ? type : value);
                ok = false;
            } else if (!strcmp(type, "node") && pass == 0) {
                ok = build_node(vm, value, &kv, &next);
            } else if (!strcmp(type, "dist") && pass == 1) {
                ok = build_distance(vm, value, &kv);
            }
            keyval_free(&kv);
        }
    return ok;
}
