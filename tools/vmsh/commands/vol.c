/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about storage volumes, and the table of all of them.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../text/domain.h"
#include "../text/storage.h"

/* --- vol-list ------------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    POOL_OPT(COMPLETE_POOL_ACTIVE),
    FLAG("details", "display extended details for volumes"),
    OPT_END,
};

static int by_name(const void *a, const void *b)
{
    return strcasecmp(vmgr_volume_get_name(*(struct vmgr_volume *const *)a),
                      vmgr_volume_get_name(*(struct vmgr_volume *const *)b));
}

static void add_row(struct table *table, struct vmgr_volume *volume, bool details)
{
    struct vmgr_volume_info info = VMGR_VOLUME_INFO_INIT;
    char *path = NULL;
    if (vmgr_volume_get_path(volume, &path, NULL) < 0)
        path = must_strdup("unknown");
    if (!details) {
        table_row(table, vmgr_volume_get_name(volume), path, NULL);
    } else {
        bool known = vmgr_volume_get_info(volume, 0, &info, NULL) >= 0;
        char *capacity = known ? size_text(info.capacity) : must_strdup("unknown");
        char *allocation = known ? size_text(info.allocation) : must_strdup("unknown");
        table_row(table, vmgr_volume_get_name(volume), path,
                  known ? volume_type_name(info.type) : "unknown", capacity, allocation, NULL);
        free(capacity);
        free(allocation);
    }
    free(path);
}

static bool cmd_vol_list(struct shell *sh, const struct args *args)
{
    bool details = args_bool(args, "details");
    struct vmgr_volume **volumes = NULL;
    struct vmgr_pool *pool = args_pool(sh, args);
    if (!pool)
        return false;
    int count = vmgr_pool_list_volumes(pool, 0, &volumes, shell_err(sh));
    if (count < 0) {
        shell_error(sh, "Failed to list volumes");
    } else {
        qsort(volumes, (size_t)count, sizeof(*volumes), by_name);
        struct table *table =
            details ? table_new("Name", "Path", "Type", "Capacity", "Allocation", NULL)
                    : table_new("Name", "Path", NULL);
        for (int i = 0; i < count; i++)
            add_row(table, volumes[i], details);
        table_print(table, sh->quiet);
    }
    vmgr_volume_list_free(volumes);
    vmgr_pool_unref(pool);
    return count >= 0;
}

/* --- vol-info, vol-dumpxml -------------------------------------------------------------------- */

static const struct opt info_opts[] = {
    VOL_OPT("vol name, key or path"),
    VOL_POOL_OPT,
    FLAG("bytes", "sizes are represented in bytes rather than pretty units"),
    FLAG("physical", "return the physical size of the volume in allocation field"),
    OPT_END,
};

static void print_size(const char *label, uint64_t bytes, bool as_bytes)
{
    char *text = as_bytes ? must_printf("%llu bytes", (unsigned long long)bytes) : size_text(bytes);
    printf("%-15s %s\n", label, text);
    free(text);
}

static bool cmd_vol_info(struct shell *sh, const struct args *args)
{
    struct vmgr_volume_info info = VMGR_VOLUME_INFO_INIT;
    bool bytes = args_bool(args, "bytes"), physical = args_bool(args, "physical");
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    if (!volume)
        return false;
    printf("%-15s %s\n", "Name:", vmgr_volume_get_name(volume));
    bool ok = vmgr_volume_get_info(volume, physical ? VMGR_VOLUME_GET_PHYSICAL : 0, &info,
                                   shell_err(sh)) >= 0;
    if (ok) {
        printf("%-15s %s\n", "Type:", volume_type_name(info.type));
        print_size("Capacity:", info.capacity, bytes);
        print_size(physical ? "Physical:" : "Allocation:", info.allocation, bytes);
    }
    vmgr_volume_unref(volume);
    return ok;
}

static const struct opt dumpxml_vol_opts[] = {
    VOL_OPT("vol name, key or path"),
    VOL_POOL_OPT,
    OPT_XPATH,
    OPT_END,
};

static bool cmd_vol_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    char *xml = NULL;
    bool ok = volume && vmgr_volume_get_xml(volume, 0, &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    vmgr_volume_unref(volume);
    return ok;
}

/* --- names ---------------------------------------------------------------------------------- */

static const struct opt key_opts[] = { VOL_OPT("volume name or path"), VOL_POOL_OPT, OPT_END };
static const struct opt path_opts[] = { VOL_OPT("volume name or key"), VOL_POOL_OPT, OPT_END };
static const struct opt name_opts[] = { VOL_OPT("volume key or path"), OPT_END };
static const struct opt vol_pool_opts[] = {
    VOL_OPT("volume key or path"),
    FLAG("uuid", "return the pool uuid rather than pool name"),
    OPT_END,
};

static bool cmd_vol_key(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    if (volume)
        printf("%s\n", vmgr_volume_get_key(volume));
    vmgr_volume_unref(volume);
    return volume != NULL;
}

static bool cmd_vol_name(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, NULL);
    if (volume)
        printf("%s\n", vmgr_volume_get_name(volume));
    vmgr_volume_unref(volume);
    return volume != NULL;
}

static bool cmd_vol_path(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    char *path = NULL;
    bool ok = volume && vmgr_volume_get_path(volume, &path, shell_err(sh)) >= 0;
    if (ok)
        printf("%s\n", path);
    free(path);
    vmgr_volume_unref(volume);
    return ok;
}

static bool cmd_vol_pool(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, NULL);
    struct vmgr_pool *pool = NULL;
    if (!volume)
        return false;
    bool ok = vmgr_pool_lookup_by_volume(volume, &pool, shell_err(sh)) >= 0;
    if (ok)
        printf("%s\n", args_bool(args, "uuid") ? vmgr_pool_get_uuid_string(pool)
                                               : vmgr_pool_get_name(pool));
    else
        shell_error(sh, "failed to get parent pool");
    vmgr_pool_unref(pool);
    vmgr_volume_unref(volume);
    return ok;
}

/* --- changes -------------------------------------------------------------------------------- */

static const struct opt delete_opts[] = {
    VOL_OPT("vol name, key or path"),
    VOL_POOL_OPT,
    FLAG("delete-snapshots",
         "delete snapshots associated with volume (must be supported by storage driver)"),
    OPT_END,
};

static bool cmd_vol_delete(struct shell *sh, const struct args *args)
{
    uint32_t flags = args_bool(args, "delete-snapshots") ? VMGR_VOLUME_DELETE_WITH_SNAPSHOTS : 0;
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    if (!volume)
        return false;
    bool ok = vmgr_volume_delete(volume, flags, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Vol %s deleted\n", vmgr_volume_get_name(volume));
    else
        shell_error(sh, "Failed to delete vol %s", vmgr_volume_get_name(volume));
    vmgr_volume_unref(volume);
    return ok;
}

static const struct opt wipe_opts[] = {
    VOL_OPT("vol name, key or path"),
    VOL_POOL_OPT,
    { .name = "algorithm",
      .type = OPT_STRING,
      .help = "perform selected wiping algorithm",
      .completer = COMPLETE_WIPE_ALGORITHM },
    OPT_END,
};

static bool cmd_vol_wipe(struct shell *sh, const struct args *args)
{
    const char *word = args_string(args, "algorithm");
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    size_t algorithm = 0;
    if (!volume)
        return false;
    while (word && wipe_algorithm_name(algorithm) && strcmp(wipe_algorithm_name(algorithm), word))
        algorithm++;
    bool known = wipe_algorithm_name(algorithm) != NULL;
    bool ok = known && vmgr_volume_wipe(volume, (uint32_t)algorithm, 0, shell_err(sh)) >= 0;
    if (!known)
        shell_error(sh, "Unsupported algorithm '%s'", word);
    else if (ok)
        shell_extra(sh, "Vol %s wiped\n", vmgr_volume_get_name(volume));
    else
        shell_error(sh, "Failed to wipe vol %s", vmgr_volume_get_name(volume));
    vmgr_volume_unref(volume);
    return ok;
}

static const struct opt resize_opts[] = {
    VOL_OPT("vol name, key or path"),
    { .name = "capacity",
      .type = OPT_DATA,
      .help = "new capacity for the vol, as scaled integer (default bytes)" },
    VOL_POOL_OPT,
    FLAG("allocate", "allocate the new capacity, rather than leaving it sparse"),
    FLAG("delta", "use capacity as a delta to current size, rather than the new size"),
    FLAG("shrink", "allow the resize to shrink the volume"),
    OPT_END,
};

static bool resize(struct shell *sh, const struct args *args, struct vmgr_volume *volume)
{
    const char *text = args_string(args, "capacity");
    bool delta = args_bool(args, "delta"), shrink = args_bool(args, "shrink");
    uint64_t capacity;
    uint32_t flags = (args_bool(args, "allocate") ? VMGR_VOLUME_RESIZE_ALLOCATE : 0) |
                     (delta ? VMGR_VOLUME_RESIZE_DELTA : 0) |
                     (shrink ? VMGR_VOLUME_RESIZE_SHRINK : 0);
    while (isspace((unsigned char)*text))
        text++;
    if (*text == '-') {
        if (!shrink) {
            shell_error(sh, "negative size requires --shrink");
            return false;
        }
        text++;
    }
    if (!parse_size(text, &capacity)) {
        shell_error(sh, "Malformed size %s", text);
        return false;
    }
    bool ok = vmgr_volume_resize(volume, capacity, flags, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Size of volume '%s' successfully changed %s %s\n",
                    vmgr_volume_get_name(volume), delta ? "by" : "to", text);
    else
        shell_error(sh, "Failed to change size of volume '%s' %s %s", vmgr_volume_get_name(volume),
                    delta ? "by" : "to", text);
    return ok;
}

static bool cmd_vol_resize(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *volume = args_volume(sh, args, "pool");
    bool ok = volume && resize(sh, args, volume);
    vmgr_volume_unref(volume);
    return ok;
}

const struct cmd cmds_volume[] = {
    { "vol-clone", cmd_vol_clone, vol_clone_opts, "clone a volume.",
      "Clone an existing volume within the parent pool.", false },
    { "vol-create-as", cmd_vol_create_as, vol_create_as_opts, "create a volume from a set of args",
      "Create a vol.", false },
    { "vol-create", cmd_vol_create, vol_create_opts, "create a vol from an XML file",
      "Create a vol.", false },
    { "vol-create-from", cmd_vol_create_from, vol_create_from_opts,
      "create a vol, using another volume as input", "Create a vol from an existing volume.",
      false },
    { "vol-delete", cmd_vol_delete, delete_opts, "delete a vol", "Delete a given vol.", false },
    { "vol-download", cmd_vol_download, vol_download_opts, "download volume contents to a file",
      "Download volume contents to a file", false },
    { "vol-dumpxml", cmd_vol_dumpxml, dumpxml_vol_opts, "vol information in XML",
      "Output the vol information as an XML dump to stdout.", false },
    { "vol-info", cmd_vol_info, info_opts, "storage vol information",
      "Returns basic information about the storage vol.", false },
    { "vol-key", cmd_vol_key, key_opts, "returns the volume key for a given volume name or path",
      "", false },
    { "vol-list", cmd_vol_list, list_opts, "list vols", "Returns list of vols by pool.", false },
    { "vol-name", cmd_vol_name, name_opts, "returns the volume name for a given volume key or path",
      "", false },
    { "vol-path", cmd_vol_path, path_opts, "returns the volume path for a given volume name or key",
      "", false },
    { "vol-pool", cmd_vol_pool, vol_pool_opts,
      "returns the storage pool for a given volume key or path", "", false },
    { "vol-resize", cmd_vol_resize, resize_opts, "resize a vol",
      "Resizes a storage volume. This is safe only for storage volumes not in use by an active "
      "guest.\nSee blockresize for live resizing.",
      false },
    { "vol-upload", cmd_vol_upload, vol_upload_opts, "upload file contents to a volume",
      "Upload file contents to a volume", false },
    { "vol-wipe", cmd_vol_wipe, wipe_opts, "wipe a vol",
      "Ensure data previously on a volume is not accessible to future reads", false },
    CMD_END,
};
