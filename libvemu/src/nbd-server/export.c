/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exports of the NBD server.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "nbd-server/server.h"

struct nbd_server_export *vemu__nbd_find_export_locked(struct vemu_nbd_server *server,
                                                       const char *name, size_t size)
{
    for (guint i = 0; i < server->exports->len; i++) {
        struct nbd_server_export *export = server->exports->pdata[i];

        if (!export->removed && strlen(export->name) == size && !memcmp(export->name, name, size))
            return export;
    }
    return NULL;
}

void vemu__nbd_export_free(struct nbd_server_export *export)
{
    if (export->image)
        vemu_image_close(export->image);
    for (unsigned i = 0; i < export->bitmap_count; i++)
        g_free(export->bitmaps[i]);
    g_free(export->name);
    g_free(export->description);
    g_free(export);
}

uint32_t vemu__nbd_export_flags(const struct vemu_nbd_server *server,
                                const struct nbd_server_export *export, bool structured)
{
    uint32_t flags =
        NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_CACHE;

    flags |= export->writable
                 ? NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_SEND_FAST_ZERO
                 : NBD_FLAG_READ_ONLY;
    /* one image stands behind all connections, so a flush of one is a flush of all */
    if (server->options.max_clients != 1)
        flags |= NBD_FLAG_CAN_MULTI_CONN;
    return structured ? flags | NBD_FLAG_SEND_DF : flags;
}

char *vemu__nbd_context_name(const struct nbd_server_export *export, unsigned context)
{
    if (context == NBD_CONTEXT_ALLOCATION)
        return g_strdup("base:allocation");
    if (context == NBD_CONTEXT_DEPTH)
        return export->depth ? g_strdup("qemu:allocation-depth") : NULL;
    if (context - NBD_CONTEXT_BITMAP >= export->bitmap_count)
        return NULL;
    return g_strdup_printf("qemu:dirty-bitmap:%s", export->bitmaps[context - NBD_CONTEXT_BITMAP]);
}

/* --- adding ----------------------------------------------------------------------------------- */

static int check_options(const struct vemu_nbd_export_options *options, struct vemu_error **err)
{
    if (!options || options->size < sizeof(*options) || !options->image ||
        (options->flags & ~(VEMU_NBD_EXPORT_WRITABLE | VEMU_NBD_EXPORT_ALLOCATION_DEPTH)))
        return vemu__error_set(err, EINVAL, "bad size of the options, unknown flags or no image");
    if ((options->name && strlen(options->name) > NBD_MAX_STRING) ||
        (options->description && strlen(options->description) > NBD_MAX_STRING))
        return vemu__error_set(err, EINVAL, "a name or description of more than %u bytes",
                               NBD_MAX_STRING);
    if (options->bitmap_count > NBD_BITMAPS_MAX || (options->bitmap_count && !options->bitmaps))
        return vemu__error_set(err, EINVAL, "more than %u bitmaps", NBD_BITMAPS_MAX);
    if (options->flags & VEMU_NBD_EXPORT_WRITABLE && !vemu_image_is_writable(options->image))
        return vemu__error_set(err, EROFS, "the image is not open for writing");
    return 0;
}

struct search {
    const char *name;
    uint32_t flags;
    bool found;
};

static int match_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    struct search *search = data;

    search->found = !strcmp(bitmap->name, search->name);
    search->flags = bitmap->flags;
    return search->found;
}

static int check_bitmap(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct search search = { .name = name };
    int r = vemu_image_list_bitmaps(image, match_bitmap, &search);

    if (r < 0)
        return vemu__error_set(err, -r, "bitmap '%s': %s", name, g_strerror(-r));
    if (!search.found)
        return vemu__error_set(err, ENOENT, "the image has no bitmap '%s'", name);
    if (search.flags & VEMU_IMAGE_BITMAP_INCONSISTENT)
        return vemu__error_set(err, EINVAL, "bitmap '%s' is inconsistent", name);
    return 0;
}

int vemu_nbd_server_add_export(struct vemu_nbd_server *server,
                               const struct vemu_nbd_export_options *options,
                               struct vemu_error **err)
{
    struct nbd_server_export *export;
    int r = check_options(options, err);

    for (size_t i = 0; r >= 0 && i < options->bitmap_count; i++)
        r = check_bitmap(options->image, options->bitmaps[i], err);
    if (r < 0)
        return r;
    export = g_new0(struct nbd_server_export, 1);
    export->name = g_strdup(options->name ? options->name : "");
    export->description = g_strdup(options->description);
    export->writable = options->flags & VEMU_NBD_EXPORT_WRITABLE;
    export->depth = options->flags & VEMU_NBD_EXPORT_ALLOCATION_DEPTH;
    for (size_t i = 0; i < options->bitmap_count; i++)
        export->bitmaps[export->bitmap_count++] = g_strdup(options->bitmaps[i]);
    pthread_mutex_lock(&server->lock);
    if (vemu__nbd_find_export_locked(server, export->name, strlen(export->name))) {
        r = vemu__error_set(err, EEXIST, "there is an export '%s' already", export->name);
    } else {
        export->image = vemu_image_ref(options->image);
        g_ptr_array_add(server->exports, export);
    }
    pthread_mutex_unlock(&server->lock);
    if (r < 0)
        vemu__nbd_export_free(export);
    return r;
}

/* --- removing --------------------------------------------------------------------------------- */

static void cut_users_locked(struct vemu_nbd_server *server, const struct nbd_server_export *export)
{
    for (guint i = 0; i < server->sessions->len; i++) {
        struct nbd_session *session = server->sessions->pdata[i];

        if (session->export == export || session->contexts_of == export)
            shutdown(session->socket_fd, SHUT_RDWR);
    }
}

int vemu_nbd_server_remove_export(struct vemu_nbd_server *server, const char *name, uint32_t flags,
                                  struct vemu_error **err)
{
    struct nbd_server_export *export;
    int r = 0;

    if (flags & ~VEMU_NBD_REMOVE_FORCE)
        return vemu__error_set(err, EINVAL, "unknown flags");
    pthread_mutex_lock(&server->lock);
    export = vemu__nbd_find_export_locked(server, name ? name : "", name ? strlen(name) : 0);
    if (!export)
        r = vemu__error_set(err, ENOENT, "there is no export '%s'", name ? name : "");
    else if (export->users && !(flags & VEMU_NBD_REMOVE_FORCE))
        r = vemu__error_set(err, EBUSY, "export '%s' is in use", export->name);
    if (r >= 0) {
        export->removed = true;
        cut_users_locked(server, export);
        while (export->users)
            pthread_cond_wait(&server->changed, &server->lock);
        g_ptr_array_remove(server->exports, export);
    }
    pthread_mutex_unlock(&server->lock);
    if (r >= 0)
        vemu__nbd_export_free(export);
    return r;
}
