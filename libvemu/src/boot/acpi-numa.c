/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NUMA nodes as ACPI tells them: SRAT (ACPI 6.4, 5.2.16) and SLIT (5.2.17).
 */
#include "boot/acpi-numa.h"

#define APIC_SIZE   16u
#define MEMORY_SIZE 40u
#define X2APIC_SIZE 24u

#define ENABLED       1u
#define HOT_PLUGGABLE 2u

static void put_cpu(GByteArray *out, uint32_t apic_id, uint32_t node)
{
    if (apic_id < 255) { /* 5.2.16.1 */
        vemu__put8(out, 0);
        vemu__put8(out, APIC_SIZE);
        vemu__put8(out, (uint8_t)node);
        vemu__put8(out, (uint8_t)apic_id);
        vemu__put32(out, ENABLED);
        vemu__put8(out, 0); /* SAPIC */
        vemu__put8(out, (uint8_t)(node >> 8));
        vemu__put16(out, (uint16_t)(node >> 16));
        vemu__put32(out, 0); /* clock domain */
    } else {                 /* 5.2.16.3 */
        vemu__put8(out, 2);
        vemu__put8(out, X2APIC_SIZE);
        vemu__put16(out, 0);
        vemu__put32(out, node);
        vemu__put32(out, apic_id);
        vemu__put32(out, ENABLED);
        vemu__put32(out, 0);
        vemu__put32(out, 0);
    }
}

/* 5.2.16.2 */
static void put_memory(GByteArray *out, const struct vemu_acpi_numa_range *range)
{
    vemu__put8(out, 1);
    vemu__put8(out, MEMORY_SIZE);
    vemu__put32(out, range->node);
    vemu__put16(out, 0);
    vemu__put64(out, range->start);
    vemu__put64(out, range->size);
    vemu__put32(out, 0);
    vemu__put32(out, ENABLED | (range->hot_pluggable ? HOT_PLUGGABLE : 0));
    vemu__put64(out, 0);
}

uint64_t vemu__acpi_build_srat(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config)
{
    guint start = vemu__acpi_begin(b, "SRAT", 3);
    const struct vemu_acpi_numa *numa = config->numa;

    vemu__put32(b->out, 1); /* reserved, once a table revision */
    vemu__put64(b->out, 0);
    for (uint32_t i = 0; i < config->vcpus; i++)
        put_cpu(b->out, vemu__topology_apic_id(&config->topology, i), numa->cpu_nodes[i]);
    for (uint32_t i = 0; i < numa->range_count; i++)
        put_memory(b->out, &numa->ranges[i]);
    return vemu__acpi_end(b, start);
}

uint64_t vemu__acpi_build_slit(struct vemu_acpi_builder *b, const struct vemu_acpi_numa *numa)
{
    guint start = vemu__acpi_begin(b, "SLIT", 1);

    vemu__put64(b->out, numa->count);
    for (uint32_t from = 0; from < numa->count; from++)
        for (uint32_t to = 0; to < numa->count; to++)
            vemu__put8(b->out, numa->distances[from * numa->distance_row + to]);
    return vemu__acpi_end(b, start);
}
