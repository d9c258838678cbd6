/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's side of the negotiation: options, until the client has chosen an export.
 *
 * "Newstyle negotiation" of the protocol, fixed kind. The whole has a deadline and a limit on the
 * number of options, and an option's data a limit on its size, so that a client which never comes
 * to the point costs little and not for long.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "image/nbd/tls.h"
#include "nbd-server/server.h"

#define OPTIONS_MAX 1000u
#define DATA_MAX    (64u << 10)

struct option {
    uint32_t number, size;
    uint8_t data[DATA_MAX];
};

/* --- replies ---------------------------------------------------------------------------------- */

int vemu__nbd_option_reply(struct nbd_session *session, uint32_t option, uint32_t type,
                           const void *data, size_t size)
{
    struct iovec iov = { (void *)(uintptr_t)data, size };
    uint8_t head[20], *p = be_put64(head, NBD_REPLY_MAGIC);

    p = be_put32(p, option);
    p = be_put32(p, type);
    p = be_put32(p, (uint32_t)size);
    return vemu__nbd_stream_write(&session->stream, head, (size_t)(p - head), &iov, 1, 0, size);
}

int vemu__nbd_option_error(struct nbd_session *session, uint32_t option, uint32_t type,
                           const char *message)
{
    return vemu__nbd_option_reply(session, option, type, message, strlen(message));
}

static int acknowledge(struct nbd_session *session, uint32_t option)
{
    return vemu__nbd_option_reply(session, option, NBD_REP_ACK, NULL, 0);
}

/* --- exports ---------------------------------------------------------------------------------- */

/* It has chosen. Who removed the export meanwhile has cut off those that had chosen it then. */
static int choose(struct nbd_session *session, struct nbd_server_export *export)
{
    struct nbd_server_export *unused = session->contexts_of;
    bool removed;

    if (unused != export) /* contexts were asked for, but of another export */
        session->contexts = 0;
    pthread_mutex_lock(&session->server->lock);
    session->export = export;
    session->contexts_of = NULL;
    removed = export->removed;
    pthread_mutex_unlock(&session->server->lock);
    vemu__nbd_session_unuse(session, unused);
    return removed ? -ESHUTDOWN : 1;
}

static uint8_t *put_export(const struct nbd_session *session,
                           const struct nbd_server_export *export, uint8_t *p)
{
    p = be_put64(p, session->size);
    return be_put16(p, vemu__nbd_export_flags(session->server, export, session->structured));
}

/* NBD_OPT_EXPORT_NAME: 1 done; a failure cannot be told. */
static int do_export_name(struct nbd_session *session, const struct option *option)
{
    uint8_t data[10 + 124] = { 0 };
    struct nbd_server_export *export;
    int r, chosen;

    if (session->server->options.flags & VEMU_NBD_TLS_REQUIRED && !session->use_tls)
        return -EACCES;
    export = vemu__nbd_session_use(session, (const char *)option->data, option->size);
    if (!export)
        return -ENOENT;
    session->size = vemu_image_get_size(export->image);
    put_export(session, export, data);
    r = vemu__nbd_stream_write(&session->stream, data, session->no_zeroes ? 10 : sizeof(data), NULL,
                               0, 0, 0);
    chosen = choose(session, export);
    return r < 0 ? r : chosen;
}

static int send_info(struct nbd_session *session, uint32_t option, uint32_t kind, const void *data,
                     size_t size)
{
    uint8_t reply[2 + NBD_MAX_STRING];

    be_put16(reply, kind);
    memcpy(reply + 2, data, MIN(size, NBD_MAX_STRING));
    return vemu__nbd_option_reply(session, option, NBD_REP_INFO, reply,
                                  2 + MIN(size, NBD_MAX_STRING));
}

static int send_infos(struct nbd_session *session, const struct nbd_server_export *export,
                      uint32_t option, const uint8_t *wanted, unsigned count)
{
    uint8_t data[16], *p;
    bool name = false, description = false;
    int r = 0;

    for (unsigned i = 0; i < count; i++) {
        name |= be_get16(wanted + i * 2) == NBD_INFO_NAME;
        description |= be_get16(wanted + i * 2) == NBD_INFO_DESCRIPTION;
    }
    if (name)
        r = send_info(session, option, NBD_INFO_NAME, export->name, strlen(export->name));
    if (r >= 0 && description && export->description)
        r = send_info(session, option, NBD_INFO_DESCRIPTION, export->description,
                      strlen(export->description));
    if (r >= 0) {
        p = be_put32(data, 1);
        p = be_put32(p, 4096);
        be_put32(p, NBD_MAX_PAYLOAD);
        r = send_info(session, option, NBD_INFO_BLOCK_SIZE, data, 12);
    }
    if (r >= 0) {
        p = put_export(session, export, data);
        r = send_info(session, option, NBD_INFO_EXPORT, data, (size_t)(p - data));
    }
    return r;
}

/* NBD_OPT_INFO, NBD_OPT_GO: 1 an export is chosen. */
static int do_go(struct nbd_session *session, const struct option *option)
{
    struct nbd_server_export *export;
    uint32_t name_size;
    unsigned count;
    int r;

    name_size = option->size >= 6 ? be_get32(option->data) : UINT32_MAX;
    if (name_size > NBD_MAX_STRING || name_size > option->size - 6)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_INVALID,
                                      "the length of the name is wrong");
    count = be_get16(option->data + 4 + name_size);
    if (option->size != 6 + name_size + count * 2)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_INVALID,
                                      "the number of requests is wrong");
    export = vemu__nbd_session_use(session, (const char *)option->data + 4, name_size);
    if (!export)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_UNKNOWN, "");
    session->size = vemu_image_get_size(export->image);
    r = send_infos(session, export, option->number, option->data + 6 + name_size, count);
    if (r >= 0)
        r = acknowledge(session, option->number);
    if (option->number == NBD_OPT_GO) {
        int chosen = choose(session, export);

        return r < 0 ? r : chosen;
    }
    vemu__nbd_session_unuse(session, export);
    return r;
}

/* Without the lock a name may go while it is sent, so they are copied. */
static int do_list(struct nbd_session *session, const struct option *option)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    int r = 0;

    if (option->size)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_INVALID,
                                      "a list takes no data");
    pthread_mutex_lock(&session->server->lock);
    for (guint i = 0; i < session->server->exports->len; i++) {
        const struct nbd_server_export *export = session->server->exports->pdata[i];
        size_t size = strlen(export->name);
        const char *description = export->description ? export->description : "";
        uint8_t *data;

        if (export->removed)
            continue;
        data = g_malloc(4 + size + strlen(description));
        be_put32(data, (uint32_t)size);
        memcpy(data + 4, export->name, size);
        memcpy(data + 4 + size, description, strlen(description));
        g_ptr_array_add(texts, g_bytes_new_take(data, 4 + size + strlen(description)));
    }
    pthread_mutex_unlock(&session->server->lock);
    for (guint i = 0; i < texts->len && r >= 0; i++) {
        gsize size;
        gconstpointer data = g_bytes_get_data(texts->pdata[i], &size);

        r = vemu__nbd_option_reply(session, option->number, NBD_REP_SERVER, data, size);
    }
    return r < 0 ? r : acknowledge(session, option->number);
}

/* --- TLS -------------------------------------------------------------------------------------- */

/* All that was negotiated in clear is forgotten, as "SELECTIVETLS mode" says. */
static int do_starttls(struct nbd_session *session, const struct option *option)
{
    const struct vemu_nbd_server *server = session->server;
    const struct nbd_tls_config config = {
        .server = true,
        .verify_peer = server->options.flags & VEMU_NBD_TLS_VERIFY_PEER,
        .creds = server->tls_creds,
    };
    int64_t deadline_us = session->stream.deadline_us;
    struct nbd_server_export *unused = session->contexts_of;
    int fd, r;

    if (option->size || session->use_tls)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_INVALID,
                                      "TLS is on already, or came with data");
    if (!server->tls_creds)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_POLICY,
                                      "this server has no TLS");
    r = acknowledge(session, option->number);
    if (r < 0)
        return r;
    session->structured = false;
    session->contexts = 0;
    pthread_mutex_lock(&session->server->lock);
    session->contexts_of = NULL;
    pthread_mutex_unlock(&session->server->lock);
    vemu__nbd_session_unuse(session, unused);
    session->use_tls = true;
    fd = session->stream.fd;
    session->stream.fd = -1;
    r = vemu__nbd_tls_start(&session->tls, &config, fd, NULL);
    if (r < 0)
        return r;
    vemu__nbd_stream_init(&session->stream, r);
    session->stream.deadline_us = session->stream.send_deadline_us = deadline_us;
    return 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static int read_option(struct nbd_session *session, struct option *ret)
{
    uint8_t head[16];
    int r = vemu__nbd_stream_read(&session->stream, head, sizeof(head));

    if (r < 0)
        return r;
    if (be_get64(head) != NBD_OPTION_MAGIC)
        return -EPROTO;
    ret->number = be_get32(head + 8);
    ret->size = be_get32(head + 12);
    return ret->size > DATA_MAX ? -E2BIG
                                : vemu__nbd_stream_read(&session->stream, ret->data, ret->size);
}

/* 1: an export is chosen; < 0: the client leaves or has to. */
static int do_option(struct nbd_session *session, const struct option *option)
{
    if (session->server->options.flags & VEMU_NBD_TLS_REQUIRED && !session->use_tls &&
        option->number != NBD_OPT_STARTTLS && option->number != NBD_OPT_ABORT &&
        option->number != NBD_OPT_EXPORT_NAME)
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_TLS_REQD,
                                      "TLS comes first");
    switch (option->number) {
    case NBD_OPT_EXPORT_NAME: return do_export_name(session, option);
    case NBD_OPT_ABORT: acknowledge(session, option->number); return -ENOTCONN;
    case NBD_OPT_LIST: return do_list(session, option);
    case NBD_OPT_STARTTLS: return do_starttls(session, option);
    case NBD_OPT_INFO:
    case NBD_OPT_GO: return do_go(session, option);
    case NBD_OPT_STRUCTURED_REPLY:
        if (option->size)
            return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_INVALID,
                                          "structured replies take no data");
        session->structured = true;
        return acknowledge(session, option->number);
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT:
        return vemu__nbd_negotiate_contexts(session, option->number, option->data, option->size);
    default:
        return vemu__nbd_option_error(session, option->number, NBD_REP_ERR_UNSUP,
                                      "this option is not supported");
    }
}

static int greet(struct nbd_session *session)
{
    uint8_t data[18], *p = be_put64(data, NBD_MAGIC);
    uint32_t flags;
    int r;

    p = be_put64(p, NBD_OPTION_MAGIC);
    be_put16(p, NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    r = vemu__nbd_stream_write(&session->stream, data, sizeof(data), NULL, 0, 0, 0);
    if (r >= 0)
        r = vemu__nbd_stream_read(&session->stream, data, 4);
    if (r < 0)
        return r;
    flags = be_get32(data);
    if (flags & ~(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES))
        return -EPROTO; /* "SHOULD drop the connection" */
    session->no_zeroes = flags & NBD_FLAG_NO_ZEROES;
    return 0;
}

int vemu__nbd_negotiate(struct nbd_session *session)
{
    g_autofree struct option *option = g_new(struct option, 1);
    int64_t deadline_us = vemu__nbd_deadline_us(session->server->options.handshake_timeout_ms);
    int r;

    session->stream.deadline_us = session->stream.send_deadline_us = deadline_us;
    r = greet(session);
    for (unsigned i = 0; r == 0; i++) {
        r = i < OPTIONS_MAX ? read_option(session, option) : -E2BIG;
        if (r >= 0)
            r = do_option(session, option);
    }
    session->stream.deadline_us = session->stream.send_deadline_us = 0;
    session->stream.buffered = true;
    return r < 0 ? r : 0;
}
