/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the driver keeps its files.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "../vemu.h"
#include "paths.h"

static int make_dir(const char *path, mode_t mode, struct vmgr_error **err)
{
    if (g_mkdir_with_parents(path, (int)mode) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create directory '%s'",
                                     path);
    return 0;
}

enum base { CONFIG, RUN, LOG, DATA, BASES };

/* What lies in which base; NULL: the base itself. */
static const struct {
    size_t offset; /* of a string in struct vemu */
    enum base base;
    const char *name;
} places[] = {
    { offsetof(struct vemu, dump_dir), DATA, "dump" },
    { offsetof(struct vemu, nvram_dir), DATA, "nvram" },
    { offsetof(struct vemu, ram_dir), DATA, "ram" },
    { offsetof(struct vemu, settings_path), CONFIG, "vemu.conf" },
    { offsetof(struct vemu, config_dir), CONFIG, "domains" },
    { offsetof(struct vemu, autostart_dir), CONFIG, "autostart" },
    { offsetof(struct vemu, run_dir), RUN, "domains" },
    { offsetof(struct vemu, lock_dir), RUN, "locks" },
    { offsetof(struct vemu, net_config_dir), CONFIG, "networks" },
    { offsetof(struct vemu, net_autostart_dir), CONFIG, "networks-autostart" },
    { offsetof(struct vemu, iface_dir), CONFIG, "interfaces" },
    { offsetof(struct vemu, iface_begin_dir), CONFIG, "interfaces-begin" },
    { offsetof(struct vemu, iface_run_dir), RUN, "interfaces" },
    { offsetof(struct vemu, nwfilter_dir), CONFIG, "nwfilter" },
    { offsetof(struct vemu, nwfilter_run_dir), RUN, "nwfilter" },
    { offsetof(struct vemu, macvtap_run_dir), RUN, "macvtap" },
    { offsetof(struct vemu, net_run_dir), RUN, "networks" },
    { offsetof(struct vemu, secret_dir), CONFIG, "secrets" },
    { offsetof(struct vemu, storage_dir), CONFIG, "storage" },
    { offsetof(struct vemu, storage_run_dir), RUN, "storage" },
    { offsetof(struct vemu, log_dir), LOG, NULL },
};

static char **place_of(struct vemu *d, size_t i)
{
    return (char **)(void *)((char *)d + places[i].offset);
}

static void use_bases(struct vemu *d, const char *const bases[BASES])
{
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        *place_of(d, i) = g_build_filename(bases[places[i].base], places[i].name, NULL);
}

/* Where descriptors of firmware are: the packages', then the administrator's, then the user's. */
static char **firmware_dirs(const char *admin, const char *user)
{
    const char *const dirs[] = { "/usr/share/qemu/firmware", admin, user, NULL };

    return g_strdupv((char **)dirs);
}

static void use_root(struct vemu *d, const char *root)
{
    g_autofree char *config = g_build_filename(root, "etc", "vmgr", NULL);
    g_autofree char *run = g_build_filename(root, "run", "vmgr", NULL);
    g_autofree char *log = g_build_filename(root, "log", "vmgr", NULL);
    g_autofree char *data = g_build_filename(root, "var", "lib", "vmgr", NULL);

    g_autofree char *admin = g_build_filename(root, "etc", "qemu", "firmware", NULL);

    use_bases(d, (const char *const[BASES]){ config, run, log, data });
    d->firmware_dirs = firmware_dirs(admin, NULL);
}

static void use_session(struct vemu *d)
{
    g_autofree char *config = g_build_filename(g_get_user_config_dir(), "vmgr", NULL);
    g_autofree char *run = g_build_filename(g_get_user_runtime_dir(), "vmgr", NULL);
    g_autofree char *log = g_build_filename(g_get_user_cache_dir(), "vmgr", "log", NULL);
    g_autofree char *data = g_build_filename(g_get_user_data_dir(), "vmgr", NULL);

    g_autofree char *user = g_build_filename(g_get_user_config_dir(), "qemu", "firmware", NULL);

    use_bases(d, (const char *const[BASES]){ config, run, log, data });
    d->firmware_dirs = firmware_dirs("/etc/qemu/firmware", user);
}

int vmgr__vemu_paths_init(struct vemu *d, const struct vmgr__open_args *args,
                          struct vmgr_error **err)
{
    bool session = strcmp(args->path, "/session") == 0;

    if (!session && strcmp(args->path, "/system") != 0) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                   "unexpected vemu URI path '%s', try vemu:///system", args->path);
        return -1;
    }
    if (args->root)
        use_root(d, args->root);
    else if (session)
        use_session(d);
    else
        use_bases(d, (const char *const[BASES]){ "/etc/vmgr", "/run/vmgr", "/var/log/vmgr",
                                                 "/var/lib/vmgr" });
    if (!d->firmware_dirs)
        d->firmware_dirs = firmware_dirs("/etc/qemu/firmware", NULL);
    d->emulator = g_strdup(args->emulator);
    d->is_system = !session && !args->root;
    if (d->read_only)
        return 0; /* what is not there yet is empty */
    if (make_dir(d->config_dir, 0700, err) < 0 || make_dir(d->autostart_dir, 0700, err) < 0 ||
        make_dir(d->run_dir, 0700, err) < 0 || make_dir(d->lock_dir, 0700, err) < 0 ||
        make_dir(d->log_dir, 0700, err) < 0)
        return -1;
    if (access(d->config_dir, R_OK | W_OK | X_OK) < 0 || access(d->run_dir, R_OK | W_OK | X_OK) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot use directory '%s'",
                                     d->config_dir);
    return 0;
}

void vmgr__vemu_paths_fini(struct vemu *d)
{
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        g_free(*place_of(d, i));
    g_strfreev(d->firmware_dirs);
    g_free(d->emulator);
}

char *vmgr__vemu_config_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->config_dir, name);
}

char *vmgr__vemu_autostart_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.xml", d->autostart_dir, name);
}

char *vmgr__vemu_run_path(const struct vemu *d, const char *name, const char *file)
{
    return g_strdup_printf("%s/%s.d%s%s", d->run_dir, name, file ? "/" : "", file ? file : "");
}

const char *vmgr__vemu_run_file(const char *dir, const char *path)
{
    const size_t size = strlen(dir);

    return strncmp(path, dir, size) == 0 && path[size] == '/' && path[size + 1] &&
                   !strchr(path + size + 1, '/')
               ? path + size + 1
               : path;
}

char *vmgr__vemu_log_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s.log", d->log_dir, name);
}
