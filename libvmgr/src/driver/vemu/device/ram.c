/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What memory is made of: what a guest boots with, its NUMA cells, devices.
 */
#include "ram.h"
#include "../../../conf/tuning.h"
#include "../run/backing.h"

bool vmgr__vemu_ram_is_own(const struct vmgr__tuning *t)
{
    return t->hugepages || t->source == VMGR__MEMORY_SOURCE_FILE ||
           t->source == VMGR__MEMORY_SOURCE_MEMFD || t->access == 1 ||
           (t->allocation == 1 && t->allocation_threads);
}

/* A file of the definition's; huge pages; a file of the run's; what others may share; else the
 * process's own. What is no file is discarded in the end whether or not that is asked for. */
void vmgr__vemu_ram_part(const struct vmgr__tuning *t, const struct vemu_ram *ram,
                         struct vemu_parts *parts)
{
    const bool shared = (ram->access ? ram->access : t->access) == 1;
    uint64_t page = ram->page_kib;
    const bool huge = page ? page > 4 : vmgr__hugepages_of(t, ram->node, &page);
    const bool all = t->allocation == 1 && !ram->later;
    const bool own_file = !ram->path && !huge && t->source == VMGR__MEMORY_SOURCE_FILE;
    const bool memfd = huge || shared || t->source == VMGR__MEMORY_SOURCE_MEMFD;
    const char *kind = ram->path || own_file ? "memory-backend-file"
                       : memfd               ? "memory-backend-memfd"
                                             : "memory-backend-ram";
    struct json_object *o = vmgr__vemu_part_add(parts, VEMU_PART_OBJECT, kind, ram->id);

    vmgr__vemu_set(o, "mem-path", ram->path);
    if (own_file)
        vmgr__vemu_setf(o, "mem-path", VEMU_BACKING("%s"), ram->file);
    if (own_file && (ram->discard ? ram->discard == 1 : t->discard))
        vmgr__vemu_set_bool(o, "discard-data", true);
    vmgr__vemu_set_int(o, "size", (int64_t)ram->bytes);
    vmgr__vemu_set_bool(o, "share", shared);
    if (huge && !ram->path)
        vmgr__vemu_set_bool(o, "hugetlb", true);
    if (huge && !ram->path && page)
        vmgr__vemu_set_int(o, "hugetlbsize", (int64_t)page * 1024);
    if (all)
        vmgr__vemu_set_bool(o, "prealloc", true);
    if (all && t->allocation_threads)
        vmgr__vemu_set_int(o, "prealloc-threads", t->allocation_threads);
}

void vmgr__vemu_ram_argv(const struct vmgr__tuning *t, const struct vemu_ram *ram, GPtrArray *args)
{
    struct vemu_parts parts;

    vmgr__vemu_parts_init(&parts);
    vmgr__vemu_ram_part(t, ram, &parts);
    vmgr__vemu_parts_argv(&parts, args);
    vmgr__vemu_parts_fini(&parts);
}
