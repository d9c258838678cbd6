/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening files to a run's user. rights.c tells how that goes on and ends.
 */
#include "rights-give.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <vemu/image.h>

#include "../state/paths.h"
#include "acl.h"
#include "files.h"
#include "fwcfg.h"
#include "rights-record.h"
#include "tree.h"

#define CHAIN_MAX 200 /* images behind each other, as libvemu has it */

int vmgr__rights_note(const struct vemu_giving *w, const char *text)
{
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    if (write(w->record, line, strlen(line)) == (ssize_t)strlen(line))
        return 0;
    return vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU,
                                 "cannot note what domain '%s' may use", w->name);
}

/* ---- one file ---- */

/* Gives rights on what `path` is, which has no links in it any more. */
static int give(const struct vemu_giving *w, const char *path, unsigned rights, bool alone)
{
    const struct vemu_settings *set = w->settings;
    g_autofree char *escaped = g_strescape(path, NULL);
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    int r;

    if (fd < 0)
        return vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU,
                                     "Cannot access storage file '%s'", path);
    if ((!alone || set->way == VEMU_GUESTS_AS_ONE) && vmgr__acl_allows(fd, w->s->uid, rights)) {
        /* It may be another run's right, which then is this one's, too. */
        r = w->others && g_hash_table_contains(w->others, escaped) ? vmgr__rights_note(w, escaped)
                                                                   : 0;
        close(fd);
        return r;
    }
    r = vmgr__rights_note(w, escaped);
    if (r == 0) {
        r = vmgr__acl_set(fd, w->s->uid, rights, alone ? set->uid_first : 0,
                          alone && set->way == VEMU_GUESTS_AS_OWN ? set->uid_count : 0);
        if (r < 0 && vmgr__acl_allows(fd, w->s->uid, rights))
            r = 0; /* a read-only file system, for one */
        if (r < 0)
            r = vmgr__error_set_errno(
                w->err, -r, VMGR_FROM_VEMU,
                "cannot let the guest's user (uid %u) use '%s'; a file system without access "
                "control lists needs files that everybody may use, or guests_as=caller in '%s'",
                w->s->uid, path, w->d->settings_path);
    }
    close(fd);
    return r;
}

int vmgr__rights_give_way(const struct vemu_giving *w, const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);

    for (char *end = dir; end && *end == '/';) {
        g_autofree char *part = NULL;

        end = strchr(end + 1, '/');
        part = end ? g_strndup(dir, (gsize)(end - dir)) : g_strdup(dir);
        if (strcmp(part, "/") != 0 && give(w, part, VEMU_ACL_SEARCH, false) < 0)
            return -1;
    }
    return 0;
}

/* The same with links on the way: both what is written and what it means is gone through. */
static int give_file(const struct vemu_giving *w, const char *path, unsigned rights)
{
    char *real = realpath(path, NULL);
    int r = -1;

    if (!real)
        return vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU,
                                     "Cannot access storage file '%s'", path);
    if (vmgr__rights_give_way(w, real) == 0)
        r = give(w, real, rights, rights & VEMU_ACL_WRITE);
    if (r == 0 && strcmp(real, path) != 0) {
        g_autofree char *dir = g_path_get_dirname(path);
        char *real_dir = realpath(dir, NULL);

        if (real_dir) {
            g_autofree char *inside = g_build_filename(real_dir, "x", NULL);

            r = vmgr__rights_give_way(w, inside);
        }
        free(real_dir);
    }
    free(real);
    return r;
}

/* A directory that is shared with the guest, and all that is in it. */
static int give_tree(const struct vemu_giving *w, const char *path, bool writable)
{
    const bool own = w->settings->way == VEMU_GUESTS_AS_OWN;
    char *real = realpath(path, NULL);
    g_autofree char *escaped = real ? g_strescape(real, NULL) : NULL;
    g_autofree char *line = g_strconcat(own ? RIGHTS_OWN_TREE : RIGHTS_TREE, escaped, NULL);
    int fd = real ? open(real, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int r = -1;

    if (fd < 0) {
        vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU, "Cannot access directory '%s'", path);
    } else if (strcmp(real, "/") == 0) {
        vemu_error(w->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                   "'/' cannot be shared with a guest that is a user of its own: it would have all "
                   "files of this host");
    } else if (vmgr__rights_give_way(w, real) == 0 && vmgr__rights_note(w, line) == 0) {
        r = vmgr__tree_give(fd, w->s->uid, writable);
        if (r < 0)
            r = vmgr__error_set_errno(
                w->err, -r, VMGR_FROM_VEMU,
                "cannot let the guest's user (uid %u) use what is in directory '%s'; a file "
                "system without access control lists needs files that everybody may use, or "
                "guests_as=caller in '%s'",
                w->s->uid, path, w->d->settings_path);
    }
    if (fd >= 0)
        close(fd);
    free(real);
    return r;
}

/* What an image is based on; NULL: nothing that is a file. For g_free(). */
static char *backing_of(const char *path, const char *format)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    struct vemu_image *image = NULL;
    char *backing = NULL;

    if (!format && vemu_image_probe(path, &format, NULL) < 0)
        return NULL;
    if (strcmp(format, "raw") == 0)
        return NULL;
    options.format = format;
    options.flags = VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_FORCE_SHARE;
    if (vemu_image_open(path, &options, &image, NULL) < 0)
        return NULL;
    if (vemu_image_get_info(image, &info, NULL) == 0) {
        backing = g_strdup(info.full_backing_filename ? info.full_backing_filename
                                                      : info.backing_filename);
        vemu_image_info_clear(&info);
    }
    vemu_image_close(image);
    if (backing && *backing != '/')
        g_clear_pointer(&backing, g_free);
    return backing;
}

int vmgr__rights_give_image(const struct vemu_giving *w, const char *path, const char *format,
                            bool writable)
{
    g_autofree char *at = g_strdup(path);

    for (unsigned depth = 0; at && depth < CHAIN_MAX; depth++) {
        char *next;

        if (give_file(w, at,
                      depth == 0 && writable ? VEMU_ACL_READ | VEMU_ACL_WRITE : VEMU_ACL_READ) < 0)
            return -1;
        next = backing_of(at, depth == 0 ? format : NULL);
        g_free(at);
        at = next;
    }
    return 0;
}

/* What is behind an image that the guest gets as a descriptor. */
static int give_behind(const struct vemu_giving *w, const char *filename, const char *format)
{
    const int fd = vmgr__vemu_files_of(w->s->files, filename);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *next = fd >= 0 ? backing_of(path, format) : NULL;

    if (next && g_str_has_prefix(next, "/proc/self/fd/"))
        return vemu_error(w->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "an image that is a group of file descriptors cannot name its backing "
                          "file by a relative path");
    return next ? vmgr__rights_give_image(w, next, NULL, false) : 0;
}

/* ---- parts ---- */

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? json_object_get_string(value)
               : NULL;
}

static bool flag_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value) &&
           json_object_get_boolean(value);
}

/* A node with its files, and the nodes in it. */
static int give_node(const struct vemu_giving *w, struct json_object *node, bool read_only)
{
    const char *driver = text_of(node, "driver");
    const char *filename = text_of(node, "filename"), *inner;
    struct json_object *file;
    bool is_protocol =
        driver && (strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0);

    read_only = read_only || flag_of(node, "read-only");
    if (filename && *filename == '/' && is_protocol && !vmgr__vemu_files_is_set(filename) &&
        give_file(w, filename, read_only ? VEMU_ACL_READ : VEMU_ACL_READ | VEMU_ACL_WRITE) < 0)
        return -1;
    inner = json_object_object_get_ex(node, "file", &file) ? text_of(file, "filename") : NULL;
    if (driver && inner && *inner == '/' &&
        (vmgr__vemu_files_is_set(inner)
             ? give_behind(w, inner, driver)
             : vmgr__rights_give_image(w, inner, driver, !read_only)) < 0)
        return -1;
    json_object_object_foreach(node, key, value)
    {
        bool inner_read_only = read_only || strcmp(key, "backing") == 0;

        if (json_object_is_type(value, json_type_object) &&
            give_node(w, value, inner_read_only) < 0)
            return -1;
    }
    return 0;
}

/* A place for a socket, not in the run's directory: what an earlier run left there goes, and the
 * guest must be able to make a new one. */
static int give_socket_place(const struct vemu_giving *w, const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    struct stat st;
    bool allowed;
    int fd;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        st.st_uid - w->settings->uid_first < w->settings->uid_count)
        unlink(path);
    if (vmgr__rights_give_way(w, path) < 0)
        return -1;
    fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    allowed = fd >= 0 && vmgr__acl_allows(fd, w->s->uid, VEMU_ACL_WRITE | VEMU_ACL_SEARCH);
    if (fd >= 0)
        close(fd);
    if (allowed)
        return 0;
    return vemu_error(w->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                      "the guest's user (uid %u) cannot make the socket '%s': directory '%s' is "
                      "not writable for everybody; leave out the path of a channel, or set "
                      "guests_as in '%s'",
                      w->s->uid, path, dir, w->d->settings_path);
}

/* A file that the guest writes is made if it is not there. */
static int give_output(const struct vemu_giving *w, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

    if (fd < 0 && errno != ENXIO) /* a pipe that nobody reads yet */
        return vmgr__error_set_errno(w->err, errno, VMGR_FROM_VEMU, "cannot open file '%s'", path);
    if (fd >= 0)
        close(fd);
    return give_file(w, path, VEMU_ACL_READ | VEMU_ACL_WRITE);
}

/* A file of the run's own is in a directory that belongs to the user. */
static int give_memory(const struct vemu_giving *w, const char *path)
{
    return path && g_path_is_absolute(path) ? give_output(w, path) : 0;
}

/* Two FIFOs by one name. */
static int give_pipe(const struct vemu_giving *w, const char *path)
{
    g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);

    if (give_file(w, in, VEMU_ACL_READ | VEMU_ACL_WRITE) < 0)
        return -1;
    return give_file(w, out, VEMU_ACL_READ | VEMU_ACL_WRITE);
}

static int give_chardev(const struct vemu_giving *w, struct json_object *props, bool left_alone)
{
    const char *type = text_of(props, "type"), *path = text_of(props, "path");
    const char *log = text_of(props, "logfile");
    g_autofree char *run = vmgr__vemu_run_path(w->d, w->name, NULL);

    if (log && give_output(w, log) < 0)
        return -1;
    /* Right in the run's directory, which is open to the guest; an entry would shadow its group. */
    if (left_alone || !path || *path != '/' ||
        (g_strcmp0(type, "socket") == 0 && vmgr__vemu_run_file(run, path) != path))
        return 0;
    if (g_strcmp0(type, "socket") == 0 && flag_of(props, "server"))
        return give_socket_place(w, path);
    if (g_strcmp0(type, "file") == 0)
        return give_output(w, path);
    if (g_strcmp0(type, "pipe") == 0)
        return give_pipe(w, path);
    return give_file(w, path, VEMU_ACL_READ | VEMU_ACL_WRITE);
}

int vmgr__rights_give_parts(const struct vemu_giving *w, const struct vemu_parts *parts)
{
    for (guint i = 0; i < parts->list->len; i++) {
        const struct vemu_part *part = &g_array_index(parts->list, struct vemu_part, i);
        int r = 0;

        if (part->kind == VEMU_PART_OBJECT)
            r = give_memory(w, text_of(part->props, "mem-path"));
        else if (part->kind == VEMU_PART_BLOCK && !part->left_alone)
            r = give_node(w, part->props, false);
        else if (part->kind == VEMU_PART_CHARDEV)
            r = give_chardev(w, part->props, part->left_alone);
        else if (part->kind == VEMU_PART_FSDEV)
            r = give_tree(w, text_of(part->props, "path"), !flag_of(part->props, "readonly"));
        if (r < 0)
            return -1;
    }
    return 0;
}

/* An image that many guests have is written to only if that was said in as many words. */
static int give_firmware(const struct vemu_giving *w, const struct vmgr__firmware *f)
{
    const bool write = f->loader_type == VMGR__LOADER_PFLASH && f->readonly == 2;

    if (f->loader && give_file(w, f->loader, VEMU_ACL_READ | (write ? VEMU_ACL_WRITE : 0u)) < 0)
        return -1;
    return f->nvram ? give_file(w, f->nvram, VEMU_ACL_READ | VEMU_ACL_WRITE) : 0;
}

int vmgr__rights_give_definition(const struct vemu_giving *w)
{
    const struct vmgr__domain_def *def = w->s->def;
    const char *const read[] = { def->os.kernel, def->os.initrd };
    g_autoptr(GPtrArray) given_files = vmgr__vemu_fwcfg_paths(def);
    struct vemu_parts parts;
    int r;

    if (give_file(w, def->emulator, VEMU_ACL_READ | VEMU_ACL_SEARCH) < 0)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(read); i++) {
        if (read[i] && give_file(w, read[i], VEMU_ACL_READ) < 0)
            return -1;
    }
    for (guint i = 0; i < given_files->len; i++) {
        if (give_file(w, given_files->pdata[i], VEMU_ACL_READ) < 0)
            return -1;
    }
    if (give_firmware(w, &def->os.firmware) < 0)
        return -1;
    vmgr__vemu_parts_init(&parts);
    r = vmgr__vemu_serials_parts(def, &parts, w->err);
    if (r == 0)
        r = vmgr__vemu_consoles_parts(def, &parts, w->err);
    if (r == 0)
        r = vmgr__rights_give_parts(w, &parts);
    vmgr__vemu_parts_fini(&parts);
    if (r < 0)
        return -1;
    for (guint i = 0; i < def->devices->len; i++) {
        vmgr__vemu_parts_init(&parts);
        r = vmgr__vemu_device_parts(def, def->devices->pdata[i], &parts, w->err);
        if (r == 0)
            r = vmgr__rights_give_parts(w, &parts);
        vmgr__vemu_parts_fini(&parts);
        if (r < 0)
            return -1;
    }
    return 0;
}
