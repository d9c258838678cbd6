/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which firmware the host has.
 *
 * Theory of operation. Packages of firmware put descriptors, JSON documents of QEMU's format
 * (docs/interop/firmware.json there), into known directories. A file in a later directory takes the
 * place of one with the same name in an earlier one, and hides it if it is empty. Their names, in
 * order, say which is better. Descriptors that cannot be read, that are of another form, or whose
 * image is not there are passed over, as are those that want what the emulator does not have.
 *
 * SeaBIOS is rarely described, but it is what the emulator starts by itself: it comes last.
 */
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "firmware.h"

#define SEABIOS "/usr/share/seabios/bios-256k.bin"
/* What the emulator's q35 is to patterns for versions of it. */
#define VERSIONED "pc-q35-7.2"

static void firmware_free(void *data)
{
    struct vemu_firmware *f = data;

    g_free(f->loader);
    g_free(f->template);
    g_free(f);
}

static struct json_object *member(struct json_object *o, const char *key, json_type type)
{
    struct json_object *value = NULL;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value) &&
                   json_object_is_type(value, type)
               ? value
               : NULL;
}

static const char *text(struct json_object *o, const char *key)
{
    struct json_object *value = member(o, key, json_type_string);

    return value ? json_object_get_string(value) : "";
}

static bool lists(struct json_object *o, const char *key, const char *word)
{
    struct json_object *list = member(o, key, json_type_array);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);

        if (json_object_is_type(item, json_type_string) &&
            strcmp(json_object_get_string(item), word) == 0)
            return true;
    }
    return false;
}

static bool is_for(struct json_object *target, const char *arch, const char *machine)
{
    struct json_object *patterns = member(target, "machines", json_type_array);

    if (strcmp(text(target, "architecture"), arch) != 0)
        return false;
    for (size_t i = 0; patterns && i < json_object_array_length(patterns); i++) {
        struct json_object *pattern = json_object_array_get_idx(patterns, i);
        const char *p =
            json_object_is_type(pattern, json_type_string) ? json_object_get_string(pattern) : "";

        if (fnmatch(p, machine, 0) == 0 ||
            (strcmp(machine, "q35") == 0 && fnmatch(p, VERSIONED, 0) == 0))
            return true;
    }
    return false;
}

/* An image in raw format that can be read, or NULL. */
static const char *image(struct json_object *mapping, const char *key)
{
    struct json_object *o = member(mapping, key, json_type_object);
    const char *path = text(o, "filename");

    return strcmp(text(o, "format"), "raw") == 0 && g_path_is_absolute(path) ? path : NULL;
}

/* False: it is mapped in a way that is not known here. */
static bool take_mapping(struct json_object *root, struct vemu_firmware *ret)
{
    struct json_object *mapping = member(root, "mapping", json_type_object);
    const char *device = text(mapping, "device"), *mode = text(mapping, "mode");
    const char *loader = NULL, *template = NULL;

    if (strcmp(device, "memory") == 0) {
        ret->rom = true;
        loader = text(mapping, "filename");
        loader = g_path_is_absolute(loader) ? loader : NULL;
    } else if (strcmp(device, "flash") == 0) {
        ret->stateless = strcmp(mode, "stateless") == 0;
        if (*mode && !ret->stateless && strcmp(mode, "split") != 0)
            return false;
        loader = image(mapping, "executable");
        template = ret->stateless ? NULL : image(mapping, "nvram-template");
        if (!ret->stateless && !template)
            return false;
    }
    ret->loader = g_strdup(loader);
    ret->template = g_strdup(template);
    return loader && access(loader, F_OK) == 0;
}

/* A descriptor as it is of use for a machine; NULL: it is not. */
static struct vemu_firmware *take(struct json_object *root, const char *arch, const char *machine)
{
    struct json_object *targets = member(root, "targets", json_type_array);
    struct vemu_firmware *f;
    bool fits = false;

    for (size_t i = 0; targets && i < json_object_array_length(targets); i++)
        fits = fits || is_for(json_object_array_get_idx(targets, i), arch, machine);
    if (!fits || lists(root, "features", "requires-smm"))
        return NULL;
    f = g_new0(struct vemu_firmware, 1);
    f->kind = lists(root, "interface-types", "uefi")   ? VMGR__FIRMWARE_EFI
              : lists(root, "interface-types", "bios") ? VMGR__FIRMWARE_BIOS
                                                       : VMGR__FIRMWARE_NONE;
    f->s3 = lists(root, "features", "acpi-s3");
    f->s4 = lists(root, "features", "acpi-s4");
    for (int i = 0; vmgr__firmware_feature_names[i]; i++)
        f->features[i] = lists(root, "features", vmgr__firmware_feature_names[i]);
    if (f->kind && take_mapping(root, f))
        return f;
    firmware_free(f);
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of descriptors, in order, and in which file each is. */
static GPtrArray *find_files(const struct vemu *d, GHashTable *paths)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (char **at = d->firmware_dirs; at && *at; at++) {
        g_autoptr(GDir) dir = g_dir_open(*at, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            if (!g_str_has_suffix(name, ".json"))
                continue;
            if (!g_hash_table_contains(paths, name))
                g_ptr_array_add(names, g_strdup(name));
            g_hash_table_insert(paths, g_strdup(name), g_build_filename(*at, name, NULL));
        }
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static void add_seabios(GPtrArray *list, const char *machine)
{
    struct vemu_firmware *f;

    if (strstr(machine, "q35") == NULL || access(SEABIOS, R_OK) < 0)
        return;
    f = g_new0(struct vemu_firmware, 1);
    f->kind = VMGR__FIRMWARE_BIOS;
    f->rom = f->s3 = f->s4 = true;
    f->loader = g_strdup(SEABIOS);
    g_ptr_array_add(list, f);
}

GPtrArray *vmgr__vemu_firmware_list(const struct vemu *d, const char *arch, const char *machine)
{
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) names = find_files(d, paths);
    GPtrArray *list = g_ptr_array_new_with_free_func(firmware_free);

    for (guint i = 0; i < names->len; i++) {
        struct json_object *root =
            json_object_from_file(g_hash_table_lookup(paths, names->pdata[i]));
        struct vemu_firmware *f = take(root, arch, machine);

        if (f)
            g_ptr_array_add(list, f);
        json_object_put(root);
    }
    add_seabios(list, machine);
    return list;
}
