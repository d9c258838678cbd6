/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets of descriptors that stand for files (QEMU's add-fd): somebody who may open a file hands it
 * to a machine that may not.
 *
 * A node whose file is called "/dev/fdset/N" opens nothing: it duplicates that descriptor of set N
 * whose access is the one it wants. A set is there until it is removed; other than in QEMU 7.2 it
 * does not go with the last client of a monitor.
 */
#include "block/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <vemu/block.h>

#include "core/vm.h"
#include "image/image.h"
#include "image/options.h"

#define PREFIX  "/dev/fdset/"
#define FDS_MAX 256 /* of a machine */

static void fd_clear(void *data)
{
    struct vemu_fdset_fd *f = data;

    close(f->fd);
    g_free(f->opaque);
}

GArray *vemu__fdsets_new(void)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct vemu_fdset_fd));

    g_array_set_clear_func(list, fd_clear);
    return list;
}

const GArray *vemu__fdset_list(const struct vemu_vm *vm)
{
    return vm->fdsets;
}

static struct vemu_fdset_fd *at(const struct vemu_vm *vm, guint i)
{
    return &g_array_index(vm->fdsets, struct vemu_fdset_fd, i);
}

int vemu__fdset_add(struct vemu_vm *vm, int64_t set, int fd, const char *opaque, int64_t *ret_set,
                    struct vemu_error **err)
{
    struct vemu_fdset_fd f = { .set = MAX(set, 0), .fd = fd };
    guint i = 0;

    if (vm->fdsets->len >= FDS_MAX)
        return vemu__error_set(err, EMFILE, "there are %d descriptors in sets already", FDS_MAX);
    for (; i < vm->fdsets->len && at(vm, i)->set <= f.set; i++)
        f.set += set < 0 && at(vm, i)->set == f.set;
    f.opaque = g_strdup(opaque);
    g_array_insert_val(vm->fdsets, i, f);
    *ret_set = f.set;
    return 0;
}

int vemu__fdset_remove(struct vemu_vm *vm, int64_t set, int fd, struct vemu_error **err)
{
    const guint before = vm->fdsets->len;

    for (guint i = before; i-- > 0;) {
        if (at(vm, i)->set == set && (fd < 0 || at(vm, i)->fd == fd))
            g_array_remove_index(vm->fdsets, i);
    }
    if (vm->fdsets->len < before)
        return 0;
    if (fd < 0)
        return vemu__error_set(err, ENOENT,
                               "File descriptor named 'fdset-id:%" PRId64 "' not found", set);
    return vemu__error_set(
        err, ENOENT, "File descriptor named 'fdset-id:%" PRId64 ", fd:%d' not found", set, fd);
}

/* Adds what a filename stands for, if that is a set, as the option `name`. */
static int add_fds(const struct vemu_vm *vm, const char *filename, const char *name,
                   struct image_options *options, struct vemu_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint64 set;

    if (!g_str_has_prefix(filename, PREFIX))
        return 0;
    if (!g_ascii_string_to_unsigned(filename + strlen(PREFIX), 10, 0, INT64_MAX, &set, NULL))
        return vemu__error_set(err, EINVAL, "'%s' names no set of descriptors", filename);
    for (guint i = 0; i < vm->fdsets->len; i++) {
        if (at(vm, i)->set == (int64_t)set)
            g_string_append_printf(text, "%s%d", text->len ? ":" : "", at(vm, i)->fd);
    }
    if (!text->len)
        return vemu__error_set(err, ENOENT, "there is no set of descriptors '%s'", filename);
    vemu__image_options_add(options, name, text->str);
    return 0;
}

int vemu__fdset_options(const struct vemu_vm *vm, const char *driver, const char *filename,
                        const struct image_options *options, struct image_options *ret,
                        struct vemu_error **err)
{
    static const char last[] = "filename";
    const struct vemu_image_driver *d = vemu__image_find_driver(driver);
    const bool is_protocol = d && d->flags & VEMU_IMAGE_FORMAT_PROTOCOL;
    int r = 0;

    for (guint i = 0; r >= 0 && i < options->names->len; i++) {
        const char *name = options->names->pdata[i], *value = options->values->pdata[i];
        const int before = (int)strlen(name) - (int)strlen(last);
        g_autofree char *fds = NULL;

        vemu__image_options_add(ret, name, value);
        if (before < 0 || strcmp(name + before, last) != 0 || (before && name[before - 1] != '.'))
            continue;
        /* The name that a format is given is that of the file below it. */
        fds = g_strdup_printf("%.*s%s", before, name, before || is_protocol ? "fds" : "file.fds");
        r = add_fds(vm, value, fds, ret, err);
    }
    return r >= 0 && filename ? add_fds(vm, filename, is_protocol ? "fds" : "file.fds", ret, err)
                              : r;
}

/* --- the interface ---------------------------------------------------------------------------- */

struct add {
    int64_t set;
    int fd;
    const char *opaque;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;
    int64_t set;

    return vemu__fdset_add(vm, add->set, add->fd, add->opaque, &set, err);
}

int vemu_vm_add_fd(struct vemu_vm *vm, int64_t set, int fd, const char *opaque,
                   struct vemu_error **err)
{
    struct add add = { .set = set, .opaque = opaque };
    int r;

    if (set < 0)
        return vemu__error_set(err, EINVAL, "the number of a set of descriptors is below 0");
    add.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (add.fd < 0)
        return vemu__error_set(err, errno, "descriptor %d: %s", fd, strerror(errno));
    r = vemu__vm_control(vm, do_add, &add, err);
    if (r < 0)
        close(add.fd);
    return r;
}
