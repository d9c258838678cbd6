/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setting declared properties from text.
 */
#include "core/property.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "block/backend.h"
#include "core/iothread.h"
#include "core/vm.h"
#include "fsdev/fsdev.h"
#include "mem/memdev.h"
#include "net/net.h"

bool vemu__parse_bool(const char *text, bool *ret)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(yes, text)) {
        *ret = true;
        return true;
    }
    if (g_strv_contains(no, text)) {
        *ret = false;
        return true;
    }
    return false;
}

/* Digits at *text, which moves behind them. */
static bool digits(const char **text, uint64_t *ret)
{
    const char *p = *text, *end;
    gchar *stop = NULL;
    unsigned base = 10;

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    }
    /* strtoull takes signs and spaces; those are not numbers here. */
    if (base == 16 ? !g_ascii_isxdigit(*p) : !g_ascii_isdigit(*p))
        return false;
    errno = 0;
    *ret = g_ascii_strtoull(p, &stop, base);
    end = stop;
    if (errno)
        return false;
    *text = end;
    return true;
}

bool vemu__parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    return digits(&text, ret) && *text == '\0' && *ret <= max;
}

bool vemu__parse_size(const char *text, uint64_t *ret)
{
    static const char suffixes[] = "KMGTP";
    const char *suffix;
    unsigned shift;

    if (!digits(&text, ret))
        return false;
    if (*text == '\0')
        return true;
    suffix = strchr(suffixes, g_ascii_toupper(*text));
    if (!suffix || text[1] != '\0')
        return false;
    shift = 10 * (unsigned)(suffix - suffixes + 1);
    if (*ret > UINT64_MAX >> shift)
        return false;
    *ret <<= shift;
    return true;
}

const struct vemu_prop *vemu__prop_next(struct vemu_prop_iter *it, size_t *ret_offset)
{
    const struct vemu_prop *prop;

    while (it->at) {
        prop = it->at;
        if (!prop->name) { /* the end of a group, or of all */
            if (!it->depth)
                break;
            it->depth--;
            it->at = it->outer[it->depth];
            it->base = it->outer_base[it->depth];
            continue;
        }
        it->at = prop + 1;
        if (prop->type != VEMU_PROP_TABLE) {
            *ret_offset = it->base + prop->offset;
            return prop;
        }
        g_assert(it->depth < VEMU_PROP_DEPTH);
        it->outer[it->depth] = it->at;
        it->outer_base[it->depth] = it->base;
        it->depth++;
        it->at = prop->group;
        it->base += prop->offset;
    }
    return NULL;
}

const char *vemu__prop_type_name(enum vemu_prop_type type)
{
    switch (type) {
    case VEMU_PROP_BOOL: return "bool";
    case VEMU_PROP_U8: return "uint8";
    case VEMU_PROP_U16: return "uint16";
    case VEMU_PROP_U32: return "uint32";
    case VEMU_PROP_U64: return "uint64";
    case VEMU_PROP_S32: return "int32";
    case VEMU_PROP_SIZE: return "size";
    case VEMU_PROP_STRING: return "str";
    case VEMU_PROP_CHARDEV: return "chardev";
    case VEMU_PROP_BLOCK: return "drive";
    case VEMU_PROP_NETDEV: return "netdev";
    case VEMU_PROP_FSDEV: return "fsdev";
    case VEMU_PROP_MEMDEV: return "memory-backend";
    case VEMU_PROP_IOTHREAD: return "iothread";
    case VEMU_PROP_TABLE: break;
    }
    return "";
}

static int set_number(void *field, unsigned size, const char *name, const char *value,
                      struct vemu_error **err)
{
    uint64_t max = size == 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
    uint64_t number;

    if (!vemu__parse_number(value, max, &number))
        return vemu__error_set(err, EINVAL,
                               "property '%s': '%s' is not a number from 0 to %" PRIu64, name,
                               value, max);
    switch (size) {
    case 1: *(uint8_t *)field = (uint8_t)number; break;
    case 2: *(uint16_t *)field = (uint16_t)number; break;
    case 4: *(uint32_t *)field = (uint32_t)number; break;
    default: *(uint64_t *)field = number; break;
    }
    return 0;
}

static int set_signed(int32_t *field, const char *name, const char *value, struct vemu_error **err)
{
    bool negative = *value == '-';
    uint64_t number;

    if (!vemu__parse_number(value + negative, (uint64_t)INT32_MAX + negative, &number))
        return vemu__error_set(err, EINVAL,
                               "property '%s': '%s' is not a number from %" PRId32 " to %" PRId32,
                               name, value, INT32_MIN, INT32_MAX);
    *field = (int32_t)(negative ? -(int64_t)number : (int64_t)number);
    return 0;
}

/* What a property that names a part of the machine points to; NULL: there is none. */
static void *find_part(struct vemu_vm *vm, const struct vemu_prop *prop, const char *name,
                       const char **ret_kind)
{
    switch (prop->type) {
    case VEMU_PROP_CHARDEV: *ret_kind = "chardev"; return vemu__vm_find_chardev(vm, name);
    case VEMU_PROP_BLOCK: *ret_kind = "drive"; return vemu__vm_find_block(vm, name);
    case VEMU_PROP_NETDEV: *ret_kind = "netdev"; return vemu__vm_find_net(vm, name);
    case VEMU_PROP_FSDEV: *ret_kind = "fsdev"; return vemu__vm_find_fsdev(vm, name);
    case VEMU_PROP_MEMDEV: *ret_kind = "memory back-end"; return vemu__vm_find_memdev(vm, name);
    case VEMU_PROP_IOTHREAD: *ret_kind = "iothread"; return vemu__vm_find_iothread(vm, name);
    default: return NULL;
    }
}

static int prop_set(struct vemu_vm *vm, void *field, const struct vemu_prop *prop,
                    const char *value, struct vemu_error **err)
{
    const char *kind;
    void *part;

    switch (prop->type) {
    case VEMU_PROP_BOOL:
        if (!vemu__parse_bool(value, field))
            return vemu__error_set(err, EINVAL, "property '%s': '%s' is neither on nor off",
                                   prop->name, value);
        return 0;
    case VEMU_PROP_U8: return set_number(field, 1, prop->name, value, err);
    case VEMU_PROP_U16: return set_number(field, 2, prop->name, value, err);
    case VEMU_PROP_U32: return set_number(field, 4, prop->name, value, err);
    case VEMU_PROP_U64: return set_number(field, 8, prop->name, value, err);
    case VEMU_PROP_S32: return set_signed(field, prop->name, value, err);
    case VEMU_PROP_SIZE:
        if (!vemu__parse_size(value, field))
            return vemu__error_set(err, EINVAL,
                                   "property '%s': '%s' is not a size (a number with an optional "
                                   "suffix K, M, G, T or P)",
                                   prop->name, value);
        return 0;
    case VEMU_PROP_STRING:
        g_free(*(char **)field);
        *(char **)field = g_strdup(value);
        return 0;
    case VEMU_PROP_CHARDEV:
    case VEMU_PROP_BLOCK:
    case VEMU_PROP_NETDEV:
    case VEMU_PROP_FSDEV:
    case VEMU_PROP_MEMDEV:
    case VEMU_PROP_IOTHREAD:
        part = find_part(vm, prop, value, &kind);
        if (!part)
            return vemu__error_set(err, ENOENT, "property '%s': there is no %s '%s'", prop->name,
                                   kind, value);
        memcpy(field, &part, sizeof(part));
        return 0;
    case VEMU_PROP_TABLE: break;
    }
    return vemu__error_set(err, EINVAL, "property '%s' has an unknown type", prop->name);
}

static const struct vemu_prop *prop_find(const struct vemu_prop *table, const char *name,
                                         size_t *ret_offset)
{
    struct vemu_prop_iter it = { .at = table };
    const struct vemu_prop *prop;

    while ((prop = vemu__prop_next(&it, ret_offset)) != NULL)
        if (strcmp(prop->name, name) == 0)
            return prop;
    return NULL;
}

static int unknown_prop(const struct vemu_prop *table, const char *name, struct vemu_error **err)
{
    g_autoptr(GString) known = g_string_new(NULL);
    struct vemu_prop_iter it = { .at = table };
    const struct vemu_prop *prop;
    size_t offset;

    while ((prop = vemu__prop_next(&it, &offset)) != NULL)
        g_string_append_printf(known, "%s%s", known->len ? ", " : "", prop->name);
    if (!known->len)
        return vemu__error_set(err, EINVAL, "there is no property '%s', nor any other", name);
    return vemu__error_set(err, EINVAL, "there is no property '%s'; known are: %s", name,
                           known->str);
}

int vemu__props_set(struct vemu_vm *vm, void *object, const struct vemu_prop *table,
                    const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    struct vemu_prop_iter it = { .at = table };
    const struct vemu_prop *prop;
    size_t i, j, offset;
    int r;

    if (prop_count && !props)
        return vemu__error_set(err, EINVAL, "properties are missing");
    while ((prop = vemu__prop_next(&it, &offset)) != NULL) {
        if (!prop->def)
            continue;
        r = prop_set(vm, (char *)object + offset, prop, prop->def, err);
        if (r < 0)
            return r;
    }
    for (i = 0; i < prop_count; i++) {
        if (!props[i].name || !props[i].value)
            return vemu__error_set(err, EINVAL, "property %zu has no %s", i,
                                   props[i].name ? "value" : "name");
        for (j = 0; j < i; j++)
            if (strcmp(props[i].name, props[j].name) == 0)
                return vemu__error_set(err, EINVAL, "property '%s' is given twice", props[i].name);
        prop = prop_find(table, props[i].name, &offset);
        if (!prop)
            return unknown_prop(table, props[i].name, err);
        r = prop_set(vm, (char *)object + offset, prop, props[i].value, err);
        if (r < 0)
            return r;
    }
    return 0;
}

void vemu__props_clear(void *object, const struct vemu_prop *table)
{
    struct vemu_prop_iter it = { .at = table };
    const struct vemu_prop *prop;
    size_t offset;

    while ((prop = vemu__prop_next(&it, &offset)) != NULL)
        if (prop->type == VEMU_PROP_STRING)
            g_clear_pointer((char **)((char *)object + offset), g_free);
}
