/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setting declared properties from text.
 */
#ifndef VEMU_CORE_PROPERTY_H
#define VEMU_CORE_PROPERTY_H

#include "core/device.h"

/*
 * Fills the fields that `table` (may be NULL) declares in `object`: defaults first, then `props`.
 * An unknown name, a name given twice or a value that is not of the declared type is -EINVAL with a
 * message that names it. On failure the object still needs vemu__props_clear().
 */
int vemu__props_set(struct vemu_vm *vm, void *object, const struct vemu_prop *table,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err);
/* Walks a table with its groups: the next property and where its field is, or NULL. `it` starts as
 * { .at = table }. */
#define VEMU_PROP_DEPTH 4 /* of groups in groups */
struct vemu_prop_iter {
    const struct vemu_prop *at;
    size_t base;
    unsigned depth;
    const struct vemu_prop *outer[VEMU_PROP_DEPTH];
    size_t outer_base[VEMU_PROP_DEPTH];
};
const struct vemu_prop *vemu__prop_next(struct vemu_prop_iter *it, size_t *ret_offset);
/* Frees the strings. */
void vemu__props_clear(void *object, const struct vemu_prop *table);
/* "bool", "uint8" ... as in <vemu/registry.h>. */
const char *vemu__prop_type_name(enum vemu_prop_type type);

/* "on", "off", "yes", "no", "true", "false", "y", "n". False when it is none of them. */
bool vemu__parse_bool(const char *text, bool *ret);
/* Decimal or 0x hexadecimal, nothing else around it, at most `max`. */
bool vemu__parse_number(const char *text, uint64_t max, uint64_t *ret);
/* The same with an optional suffix K, M, G, T or P (powers of 1024, either case). */
bool vemu__parse_size(const char *text, uint64_t *ret);

#endif
