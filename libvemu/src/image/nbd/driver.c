/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The image driver "nbd": a disk that an NBD server has.
 *
 * Requests are cut to what the server takes at once. One that is not aligned to the server's
 * smallest block is widened; a write then reads what it does not write, and no other write is under
 * way meanwhile (`unaligned`), since it might be to the same block.
 *
 * There may be several connections, if the server says that they agree about what was written: one
 * more is opened when those there are have requests under way already.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/iov.h"
#include "image/drivers.h"
#include "image/nbd/client.h"
#include "image/nbd/proto.h"

#define CONNECTIONS_MAX 16u
#define BUSY            2u /* requests of a connection that make another worth while */
#define SECONDS_MAX     (24u * 3600)
#define HOLE_MAX        (1u << 30) /* TRIM, WRITE_ZEROES: a server may call more a mistake */

struct nbd_image {
    struct vemu_image image;
    /* properties */
    char *type, *path, *host, *port, *short_path, *short_host, *short_port;
    char *export, *tls_creds, *tls_hostname;
    uint32_t reconnect_s, open_s, timeout_s, connections;

    struct nbd_address address;
    struct nbd_client_options options;
    struct nbd_export export_info; /* flags, sizes: as at first */
    pthread_mutex_t lock;          /* adding connections */
    _Atomic unsigned client_count;
    struct nbd_client *clients[CONNECTIONS_MAX];
    atomic_bool one_only;       /* further ones were refused */
    pthread_rwlock_t unaligned; /* written: one that reads and writes; read: other writes */
    bool initialized;
};

static struct nbd_image *to_nbd(struct vemu_image *image)
{
    return (struct nbd_image *)image;
}

/* --- connections ------------------------------------------------------------------------------ */

static struct nbd_client *least_busy(struct nbd_image *nbd, unsigned *ret_load)
{
    struct nbd_client *best = nbd->clients[0];

    *ret_load = vemu__nbd_client_load(best);
    for (unsigned i = 1; i < nbd->client_count && *ret_load; i++) {
        unsigned load = vemu__nbd_client_load(nbd->clients[i]);

        if (load < *ret_load) {
            best = nbd->clients[i];
            *ret_load = load;
        }
    }
    return best;
}

/* One thread at a time adds one; the others use what there is. */
static void add_connection(struct nbd_image *nbd)
{
    struct nbd_client_options options = nbd->options;
    unsigned n = nbd->client_count;

    if (pthread_mutex_trylock(&nbd->lock) != 0)
        return;
    options.open_ms = 0;
    if (!nbd->one_only && n == nbd->client_count) {
        if (vemu__nbd_client_new(&nbd->address, &options, &nbd->export_info, &nbd->clients[n],
                                 NULL) < 0)
            nbd->one_only = true;
        else
            nbd->client_count = n + 1;
    }
    pthread_mutex_unlock(&nbd->lock);
}

static int submit(struct nbd_image *nbd, struct nbd_request *request)
{
    unsigned load;
    struct nbd_client *client = least_busy(nbd, &load);

    if (load >= BUSY && nbd->client_count < nbd->connections && !nbd->one_only) {
        add_connection(nbd);
        client = least_busy(nbd, &load);
    }
    return vemu__nbd_client_do(client, request);
}

/* --- requests of any length ------------------------------------------------------------------- */

static bool aligned(const struct nbd_image *nbd, uint64_t offset, uint64_t bytes)
{
    return ((offset | bytes) & (nbd->export_info.min_block - 1)) == 0;
}

static uint64_t down(const struct nbd_image *nbd, uint64_t n)
{
    return n & ~(uint64_t)(nbd->export_info.min_block - 1);
}

static uint64_t up(const struct nbd_image *nbd, uint64_t n)
{
    return down(nbd, n + nbd->export_info.min_block - 1);
}

static bool can(const struct nbd_image *nbd, uint32_t flag)
{
    return nbd->export_info.flags & flag;
}

static int nbd_flush(struct vemu_image *image)
{
    struct nbd_image *nbd = to_nbd(image);
    struct nbd_request request = { .type = NBD_CMD_FLUSH };

    if (!can(nbd, NBD_FLAG_SEND_FLUSH) || image->open_flags & VEMU_IMAGE_NO_FLUSH)
        return 0;
    return submit(nbd, &request);
}

/* An aligned range in pieces of at most `max`. `iov` may be NULL. */
static int run(struct nbd_image *nbd, struct nbd_request request, uint64_t offset, uint64_t bytes,
               uint32_t max, const struct iovec *iov, unsigned count, bool fua)
{
    bool native = fua && can(nbd, NBD_FLAG_SEND_FUA);
    uint64_t done = 0;
    int r = 0;

    while (done < bytes && r >= 0) {
        struct nbd_request piece = request;

        piece.flags = (uint16_t)(piece.flags | (native ? NBD_CMD_FLAG_FUA : 0));
        piece.offset = offset + done;
        piece.bytes = (uint32_t)MIN(bytes - done, max);
        piece.iov = iov;
        piece.iov_count = count;
        piece.iov_offset = done;
        r = submit(nbd, &piece);
        done += piece.bytes;
    }
    return r >= 0 && fua && !native ? nbd_flush(&nbd->image) : r;
}

static int run_aligned(struct nbd_image *nbd, uint16_t type, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, bool fua)
{
    return run(nbd, (struct nbd_request){ .type = type }, offset, bytes, nbd->export_info.max_block,
               iov, count, fua);
}

static int nbd_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                     const struct iovec *iov, unsigned count)
{
    struct nbd_image *nbd = to_nbd(image);
    int r = 0;

    if (aligned(nbd, offset, bytes))
        return run_aligned(nbd, NBD_CMD_READ, offset, bytes, iov, count, false);
    for (uint64_t done = 0; done < bytes && r >= 0;) {
        uint64_t from = down(nbd, offset + done), to = up(nbd, offset + bytes);
        size_t size = MIN(to - from, MAX(1u << 20, nbd->export_info.min_block));
        g_autofree uint8_t *bounce = g_try_malloc(size);
        struct iovec piece = { bounce, size };
        uint64_t skip = offset + done - from, useful = MIN(size - skip, bytes - done);

        if (!bounce)
            return -ENOMEM;
        r = run_aligned(nbd, NBD_CMD_READ, from, size, &piece, 1, false);
        if (r >= 0)
            vemu__iov_write(iov, count, done, bounce + skip, useful);
        done += useful;
    }
    return r;
}

/* Reads around it, and writes whole blocks. */
static int write_unaligned(struct nbd_image *nbd, uint64_t offset, uint64_t bytes,
                           const struct iovec *iov, unsigned count, bool fua)
{
    int r = 0;

    pthread_rwlock_wrlock(&nbd->unaligned);
    for (uint64_t done = 0; done < bytes && r >= 0;) {
        uint64_t from = down(nbd, offset + done), to = up(nbd, offset + bytes);
        size_t size = MIN(to - from, MAX(1u << 20, nbd->export_info.min_block));
        g_autofree uint8_t *bounce = g_try_malloc(size);
        struct iovec piece = { bounce, size };
        uint64_t skip = offset + done - from, useful = MIN(size - skip, bytes - done);

        r = bounce ? run_aligned(nbd, NBD_CMD_READ, from, size, &piece, 1, false) : -ENOMEM;
        if (r >= 0) {
            vemu__iov_read(iov, count, done, bounce + skip, useful);
            r = run_aligned(nbd, NBD_CMD_WRITE, from, size, &piece, 1, fua);
        }
        done += useful;
    }
    pthread_rwlock_unlock(&nbd->unaligned);
    return r;
}

static int nbd_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, uint32_t flags)
{
    struct nbd_image *nbd = to_nbd(image);
    int r;

    if (flags & VEMU_IMAGE_COMPRESSED)
        return -ENOTSUP;
    if (!aligned(nbd, offset, bytes))
        return write_unaligned(nbd, offset, bytes, iov, count, flags & VEMU_IMAGE_FUA);
    pthread_rwlock_rdlock(&nbd->unaligned);
    r = run_aligned(nbd, NBD_CMD_WRITE, offset, bytes, iov, count, flags & VEMU_IMAGE_FUA);
    pthread_rwlock_unlock(&nbd->unaligned);
    return r;
}

static int nbd_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct nbd_image *nbd = to_nbd(image);
    struct nbd_request request = { .type = NBD_CMD_WRITE_ZEROES };
    int r;

    /* the engine then writes zeros */
    if (!can(nbd, NBD_FLAG_SEND_WRITE_ZEROES) || !aligned(nbd, offset, bytes))
        return -ENOTSUP;
    if (flags & VEMU_IMAGE_NO_FALLBACK && !can(nbd, NBD_FLAG_SEND_FAST_ZERO))
        return -ENOTSUP;
    if (flags & VEMU_IMAGE_NO_FALLBACK)
        request.flags |= NBD_CMD_FLAG_FAST_ZERO;
    if (!(flags & VEMU_IMAGE_MAY_UNMAP))
        request.flags |= NBD_CMD_FLAG_NO_HOLE;
    pthread_rwlock_rdlock(&nbd->unaligned);
    r = run(nbd, request, offset, bytes, HOLE_MAX, NULL, 0, flags & VEMU_IMAGE_FUA);
    pthread_rwlock_unlock(&nbd->unaligned);
    return r;
}

static int nbd_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct nbd_image *nbd = to_nbd(image);
    uint64_t from = up(nbd, offset), to = down(nbd, offset + bytes);
    int r;

    if (!can(nbd, NBD_FLAG_SEND_TRIM) || to <= from)
        return 0;
    pthread_rwlock_rdlock(&nbd->unaligned);
    r = run(nbd, (struct nbd_request){ .type = NBD_CMD_TRIM }, from, to - from, HOLE_MAX, NULL, 0,
            false);
    pthread_rwlock_unlock(&nbd->unaligned);
    return r;
}

static int nbd_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      struct vemu_image_extent *ret)
{
    struct nbd_image *nbd = to_nbd(image);
    uint64_t from = down(nbd, offset), to = up(nbd, offset + bytes);
    struct nbd_request request = {
        .type = NBD_CMD_BLOCK_STATUS,
        .flags = NBD_CMD_FLAG_REQ_ONE,
        .offset = from,
        .bytes = (uint32_t)MIN(to - from, HOLE_MAX),
    };
    int r;

    ret->flags = VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED;
    ret->bytes = bytes;
    if (!nbd->export_info.has_allocation)
        return 0;
    r = submit(nbd, &request);
    if (r < 0)
        return r;
    /* no more than was asked for ("the last extent may be longer") */
    ret->bytes = MIN(MAX(request.extent_bytes, nbd->export_info.min_block), to - from);
    ret->bytes = MIN(ret->bytes - (offset - from), bytes);
    if (request.extent_flags & NBD_STATE_ZERO)
        ret->flags = VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED;
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static const struct vemu_prop nbd_props[] = {
    VEMU_PROP(struct nbd_image, type, "server.type", STRING, NULL,
              "unix or inet; found from the others when not given"),
    VEMU_PROP(struct nbd_image, path, "server.path", STRING, NULL, "Unix socket of the server"),
    VEMU_PROP(struct nbd_image, host, "server.host", STRING, NULL, "host of the server"),
    VEMU_PROP(struct nbd_image, port, "server.port", STRING, NULL, "its TCP port"),
    VEMU_PROP(struct nbd_image, short_path, "path", STRING, NULL, "the same as server.path"),
    VEMU_PROP(struct nbd_image, short_host, "host", STRING, NULL, "the same as server.host"),
    VEMU_PROP(struct nbd_image, short_port, "port", STRING, NULL, "the same as server.port"),
    VEMU_PROP(struct nbd_image, export, "export", STRING, NULL, "name of the export"),
    VEMU_PROP(struct nbd_image, tls_creds, "tls-creds", STRING, NULL,
              "use TLS, with the certificates in this directory"),
    VEMU_PROP(struct nbd_image, tls_hostname, "tls-hostname", STRING, NULL,
              "name the server's certificate must have"),
    VEMU_PROP(struct nbd_image, reconnect_s, "reconnect-delay", U32, "0",
              "seconds that requests wait for a server which went away"),
    VEMU_PROP(struct nbd_image, open_s, "open-timeout", U32, "0",
              "seconds to go on trying to connect at first"),
    VEMU_PROP(struct nbd_image, timeout_s, "timeout", U32, "0",
              "seconds after which a silent server counts as gone; 0: never"),
    VEMU_PROP(struct nbd_image, connections, "connections", U32, "4",
              "connections at most, if the server can have several"),
    VEMU_PROP_END,
};

static int take_option(char **field, const char *value, const char *other, const char *name,
                       struct vemu_error **err)
{
    if (value && other)
        return vemu__error_set(err, EINVAL, "'%s' and 'server.%s' are the same option", name, name);
    value = value ? value : other;
    if (!value)
        return 0;
    if (*field)
        return vemu__error_set(err, EINVAL,
                               "the filename and option '%s' both say where the "
                               "server is",
                               name);
    *field = g_strdup(value);
    return 0;
}

static int check_type(const struct nbd_image *nbd, struct vemu_error **err)
{
    const struct nbd_address *address = &nbd->address;
    bool is_unix = address->path != NULL;

    if (is_unix == (address->host != NULL) || (is_unix && address->port))
        return vemu__error_set(err, EINVAL, "either a socket path or a host names the server");
    if (nbd->type && strcmp(nbd->type, "unix") && strcmp(nbd->type, "inet"))
        return vemu__error_set(err, EINVAL, "server.type '%s' is not supported (unix, inet)",
                               nbd->type);
    if (nbd->type && is_unix != !strcmp(nbd->type, "unix"))
        return vemu__error_set(err, EINVAL, "server.type '%s' does not go with the address",
                               nbd->type);
    return 0;
}

static int get_address(struct nbd_image *nbd, struct vemu_error **err)
{
    struct nbd_address *address = &nbd->address;
    int r = 0;

    if (nbd->image.filename[0])
        r = vemu__nbd_address_parse(address, nbd->image.filename, err);
    if (r >= 0)
        r = take_option(&address->path, nbd->path, nbd->short_path, "path", err);
    if (r >= 0)
        r = take_option(&address->host, nbd->host, nbd->short_host, "host", err);
    if (r >= 0)
        r = take_option(&address->port, nbd->port, nbd->short_port, "port", err);
    if (r >= 0)
        r = check_type(nbd, err);
    if (r < 0)
        return r;
    if (!address->path && !address->port)
        address->port = g_strdup(NBD_PORT);
    if (nbd->export && address->export && address->export[0])
        return vemu__error_set(err, EINVAL, "the name of the export is given twice");
    if (nbd->export || !address->export) {
        g_free(address->export);
        address->export = g_strdup(nbd->export ? nbd->export : "");
    }
    if (strlen(address->export) > NBD_MAX_STRING)
        return vemu__error_set(err, EINVAL, "the name of the export is longer than %u bytes",
                               NBD_MAX_STRING);
    address->tls = address->tls || nbd->tls_creds;
    if (nbd->tls_creds && !address->tls_creds)
        address->tls_creds = g_strdup(nbd->tls_creds);
    if (nbd->tls_hostname && !address->tls)
        return vemu__error_set(err, EINVAL, "tls-hostname goes with tls-creds");
    if (nbd->tls_hostname && !address->tls_hostname)
        address->tls_hostname = g_strdup(nbd->tls_hostname);
    return 0;
}

static int check_numbers(const struct nbd_image *nbd, struct vemu_error **err)
{
    if (nbd->reconnect_s > SECONDS_MAX || nbd->open_s > SECONDS_MAX || nbd->timeout_s > SECONDS_MAX)
        return vemu__error_set(err, EINVAL,
                               "reconnect-delay, open-timeout, timeout: at most a day");
    if (nbd->connections < 1 || nbd->connections > CONNECTIONS_MAX)
        return vemu__error_set(err, EINVAL, "connections: from 1 to %u", CONNECTIONS_MAX);
    return 0;
}

static int nbd_open(struct vemu_image *image, struct vemu_error **err)
{
    struct nbd_image *nbd = to_nbd(image);
    int r;

    pthread_mutex_init(&nbd->lock, NULL);
    pthread_rwlock_init(&nbd->unaligned, NULL);
    nbd->initialized = true;
    r = check_numbers(nbd, err);
    if (r >= 0)
        r = get_address(nbd, err);
    if (r < 0)
        return r;
    nbd->options = (struct nbd_client_options){ nbd->reconnect_s * 1000, nbd->open_s * 1000,
                                                nbd->timeout_s * 1000 };
    r = vemu__nbd_client_new(&nbd->address, &nbd->options, NULL, &nbd->clients[0], err);
    if (r < 0)
        return r;
    nbd->client_count = 1;
    nbd->export_info = *vemu__nbd_client_export(nbd->clients[0]);
    nbd->export_info.description = NULL;
    if (!can(nbd, NBD_FLAG_CAN_MULTI_CONN))
        nbd->connections = 1;
    if (image->open_flags & VEMU_IMAGE_WRITE && can(nbd, NBD_FLAG_READ_ONLY))
        return vemu__error_set(err, EROFS, "the NBD server offers export '%s' only for reading",
                               nbd->address.export);
    if (!image->filename[0]) {
        g_autofree char *name = vemu__nbd_address_name(&nbd->address);
        g_free(image->filename);
        image->filename = nbd->address.path
                              ? g_strdup_printf("nbd+unix:///%s?socket=%s", nbd->address.export,
                                                nbd->address.path)
                              : g_strdup_printf("nbd://%s/%s", name, nbd->address.export);
    }
    image->size = nbd->export_info.size;
    return 0;
}

static int nbd_close(struct vemu_image *image)
{
    struct nbd_image *nbd = to_nbd(image);

    for (unsigned i = 0; i < nbd->client_count; i++)
        vemu__nbd_client_free(nbd->clients[i]);
    vemu__nbd_address_clear(&nbd->address);
    if (nbd->initialized) {
        pthread_rwlock_destroy(&nbd->unaligned);
        pthread_mutex_destroy(&nbd->lock);
    }
    return 0;
}

const struct vemu_image_driver vemu__image_nbd = {
    .name = "nbd",
    .summary = "a disk that an NBD server has",
    .flags = VEMU_IMAGE_FORMAT_PROTOCOL | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct nbd_image),
    .props = nbd_props,
    .prefix = "nbd:,nbds:",
    .open = nbd_open,
    .close = nbd_close,
    .readv = nbd_readv,
    .writev = nbd_writev,
    .zero = nbd_zero,
    .discard = nbd_discard,
    .flush = nbd_flush,
    .extent = nbd_extent,
};
