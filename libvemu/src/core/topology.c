/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where vCPUs sit.
 *
 * An APIC id is the numbers of socket, die, core and thread side by side, each in as many bits as
 * its largest value takes (Intel SDM Vol. 3, 9.9.1). So where a number is not a power of two, ids
 * are left out: three cores in two sockets have 0 1 2 and 4 5 6. Accelerators know vCPUs by APIC
 * id, everything else by number.
 */
#include "core/topology.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <vemu/vm.h>

#include "core/error.h"

static uint32_t bits_for(uint32_t count)
{
    uint32_t bits = 0;

    while (bits < 31 && (1u << bits) < count)
        bits++;
    return bits;
}

static bool is_given(const struct vemu_topology *t)
{
    return t->sockets && t->dies && t->cores && t->threads;
}

struct vemu_topology vemu__topology_of(const struct vemu_vm_config *config)
{
    return (struct vemu_topology){ config->sockets, config->dies, config->cores, config->threads };
}

struct vemu_vcpu_place vemu__topology_place(const struct vemu_topology *t, uint32_t n)
{
    if (!is_given(t))
        return (struct vemu_vcpu_place){ .core = n };
    return (struct vemu_vcpu_place){
        .thread = n % t->threads,
        .core = n / t->threads % t->cores,
        .die = n / t->threads / t->cores % t->dies,
        .socket = n / t->threads / t->cores / t->dies,
    };
}

struct vemu_topology_shifts vemu__topology_shifts(const struct vemu_topology *t)
{
    struct vemu_topology_shifts s = { .core = bits_for(t->threads) };

    s.die = s.core + bits_for(t->cores);
    s.package = s.die + bits_for(t->dies);
    return s;
}

uint32_t vemu__topology_apic_id(const struct vemu_topology *t, uint32_t n)
{
    const struct vemu_vcpu_place p = vemu__topology_place(t, n);
    const struct vemu_topology_shifts s = vemu__topology_shifts(t);

    if (!is_given(t))
        return n;
    return p.socket << s.package | p.die << s.die | p.core << s.core | p.thread;
}

uint32_t vemu__topology_apic_limit(const struct vemu_vm_config *config)
{
    const struct vemu_topology t = vemu__topology_of(config);

    return vemu__topology_apic_id(&t, config->max_vcpus - 1) + 1;
}

/* --- what was not said ------------------------------------------------------------------------ */

#define COUNT_MAX 4096u /* of anything: products stay far below 2^64 */

static uint32_t or_one(uint32_t count)
{
    return count ? count : 1;
}

static void fill(struct vemu_vm_config *c)
{
    const uint32_t room = c->max_vcpus ? c->max_vcpus : c->vcpus;

    c->dies = or_one(c->dies);
    if (!room) {
        c->sockets = or_one(c->sockets);
        c->cores = or_one(c->cores);
        c->threads = or_one(c->threads);
    } else if (!c->cores) {
        c->sockets = or_one(c->sockets);
        c->threads = or_one(c->threads);
        c->cores = (uint32_t)(room / ((uint64_t)c->sockets * c->dies * c->threads));
    } else if (!c->sockets) {
        c->threads = or_one(c->threads);
        c->sockets = (uint32_t)(room / ((uint64_t)c->dies * c->cores * c->threads));
    } else if (!c->threads) {
        c->threads = (uint32_t)(room / ((uint64_t)c->sockets * c->dies * c->cores));
    }
    c->max_vcpus = room;
}

int vemu__topology_complete(struct vemu_vm_config *c, struct vemu_error **err)
{
    g_autofree char *text = NULL;
    uint64_t product;

    if (!c->vcpus && (c->max_vcpus || (!c->sockets && !c->dies && !c->cores && !c->threads)))
        c->vcpus = 1;
    if (c->sockets > COUNT_MAX || c->dies > COUNT_MAX || c->cores > COUNT_MAX ||
        c->threads > COUNT_MAX)
        return vemu__error_set(err, EINVAL, "Invalid CPU topology: there can be %u of each at most",
                               COUNT_MAX);
    fill(c);
    product = (uint64_t)c->sockets * c->dies * c->cores * c->threads;
    if (!c->max_vcpus)
        c->max_vcpus = (uint32_t)MIN(product, UINT32_MAX);
    if (!c->vcpus)
        c->vcpus = c->max_vcpus;
    text = g_strdup_printf("sockets (%u) * dies (%u) * cores (%u) * threads (%u)", c->sockets,
                           c->dies, c->cores, c->threads);
    if (product != c->max_vcpus)
        return vemu__error_set(err, EINVAL,
                               "Invalid CPU topology: product of the hierarchy must match "
                               "maxcpus: %s != maxcpus (%u)",
                               text, c->max_vcpus);
    if (c->max_vcpus < c->vcpus)
        return vemu__error_set(err, EINVAL,
                               "Invalid CPU topology: maxcpus must be equal to or greater than "
                               "smp: %s == maxcpus (%u) < smp_cpus (%u)",
                               text, c->max_vcpus, c->vcpus);
    return 0;
}
