/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver's own configuration file, vemu.conf: who guests run as, where dumps go, and files
 * that guests' memory is in.
 *
 * It is read at each start of a guest, by whoever starts it: all callers of a directory agree. A
 * key that is not known, or a value that is not of its kind, is an error that names it.
 */
#include <string.h>
#include <unistd.h>

#include "../run/rights.h"
#include "account.h"

#define GROUP "vemu"

static int bad(const struct vemu *d, const char *key, const char *why, struct vmgr_error **err)
{
    return vemu_error(err, VMGR_ERR_CONF_SYNTAX, "%s: %s %s", d->settings_path, key, why);
}

static int read_user(const struct vemu *d, const char *text, struct vemu_settings *s,
                     struct vmgr_error **err)
{
    g_auto(GStrv) words = g_strsplit(text, ":", 2);

    if (strcmp(text, "caller") == 0) {
        s->way = VEMU_GUESTS_AS_CALLER;
        return 0;
    }
    if (geteuid() != 0)
        return bad(d, "guests_as", "can only be 'caller' without root", err);
    s->way = strcmp(text, "own") == 0 ? VEMU_GUESTS_AS_OWN : VEMU_GUESTS_AS_ONE;
    if (s->way == VEMU_GUESTS_AS_OWN)
        return 0;
    if (!words[0])
        return bad(d, "guests_as", "is empty", err);
    if (!vmgr__account_user(words[0], &s->uid, &s->gid))
        return bad(d, "guests_as", "names a user that is not there", err);
    if (s->uid == 0)
        return bad(d, "guests_as", "must not be root", err);
    return !words[1] || vmgr__account_group(words[1], &s->gid)
               ? 0
               : bad(d, "guests_as", "names a group that is not there", err);
}

/* in: what is used of it; NULL: itself. */
static int read_directory(const struct vemu *d, const char *key, const char *text, const char *in,
                          char **ret, struct vmgr_error **err)
{
    if (!g_path_is_absolute(text))
        return bad(d, key, "must be absolute", err);
    g_free(*ret);
    *ret = g_build_filename(text, in, NULL);
    return 0;
}

static int read_key(const struct vemu *d, GKeyFile *f, const char *key, struct vemu_settings *s,
                    struct vmgr_error **err)
{
    g_autofree char *text = g_key_file_get_string(f, GROUP, key, NULL);
    g_autoptr(GError) cause = NULL;

    if (!text)
        return bad(d, key, "cannot be read", err);
    if (strcmp(key, "guests_as") == 0)
        return read_user(d, text, s, err);
    if (strcmp(key, "uid_first") == 0)
        return vmgr__parse_u32(text, &s->uid_first) && s->uid_first >= 1000
                   ? 0
                   : bad(d, key, "must be a number from 1000 on", err);
    if (strcmp(key, "uid_count") == 0)
        return vmgr__parse_u32(text, &s->uid_count) && s->uid_count
                   ? 0
                   : bad(d, key, "must be a number from 1 on", err);
    if (strcmp(key, "auto_dump_path") == 0)
        return read_directory(d, key, text, NULL, &s->auto_dump_path, err);
    if (strcmp(key, "memory_backing_dir") == 0)
        return read_directory(d, key, text, "vmgr", &s->memory_backing_dir, err);
    if (strcmp(key, "sandbox") != 0)
        return bad(d, key, "is not a key", err);
    s->sandbox = g_key_file_get_boolean(f, GROUP, key, &cause);
    return cause ? bad(d, key, "must be true or false", err) : 0;
}

static int read_file(const struct vemu *d, GKeyFile *f, struct vemu_settings *s,
                     struct vmgr_error **err)
{
    g_auto(GStrv) groups = g_key_file_get_groups(f, NULL);
    g_auto(GStrv) keys = g_key_file_get_keys(f, GROUP, NULL, NULL);

    for (char **g = groups; *g; g++) {
        if (strcmp(*g, GROUP) != 0)
            return bad(d, *g, "is not a group; all keys are in [" GROUP "]", err);
    }
    for (char **key = keys; key && *key; key++) {
        if (read_key(d, f, *key, s, err) < 0)
            return -1;
    }
    if (s->uid_count > UINT32_MAX - s->uid_first)
        return bad(d, "uid_count", "goes beyond the last user", err);
    return 0;
}

int vmgr__vemu_settings_load(const struct vemu *d, struct vemu_settings *ret,
                             struct vmgr_error **err)
{
    g_autoptr(GKeyFile) f = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = NULL;
    int r = vmgr__file_read(d->settings_path, &text, err);

    /* A directory of one's own may be a container's, or a user's who knows nothing of the range. */
    *ret = (struct vemu_settings){ .way = geteuid() == 0 && d->is_system ? VEMU_GUESTS_AS_OWN
                                                                         : VEMU_GUESTS_AS_CALLER,
                                   .uid_first = VEMU_UID_FIRST,
                                   .uid_count = VEMU_UID_COUNT,
                                   .sandbox = true,
                                   .auto_dump_path = g_strdup(d->dump_dir),
                                   .memory_backing_dir = g_strdup(d->ram_dir) };
    if (r > 0)
        r = g_key_file_load_from_data(f, text, strlen(text), G_KEY_FILE_NONE, &cause)
                ? read_file(d, f, ret, err)
                : bad(d, "cannot be used:", cause->message, err);
    if (r < 0)
        vmgr__vemu_settings_clear(ret);
    return r;
}

void vmgr__vemu_settings_clear(struct vemu_settings *s)
{
    g_clear_pointer(&s->auto_dump_path, g_free);
    g_clear_pointer(&s->memory_backing_dir, g_free);
}
