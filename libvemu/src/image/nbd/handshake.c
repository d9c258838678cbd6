/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's side of the negotiation ("Newstyle negotiation", "Fixed newstyle negotiation").
 *
 * A server may be hostile: each reply has a limit, all of them together have one (`budget`), and
 * the whole has a deadline. Text from it is made printable before a person sees it.
 */
#include "image/nbd/handshake.h"

#include <errno.h>
#include <glib.h>

#include "image/nbd/proto.h"
#include "image/nbd/tls.h"

#define REPLY_MAX  (64u << 10)
#define BUDGET     (4u << 20)
#define EXPORT_PAD 124u /* zeros behind NBD_OPT_EXPORT_NAME's answer */

struct reply {
    uint32_t type, size;
    uint8_t data[REPLY_MAX + 1];
};

void vemu__nbd_export_clear(struct nbd_export *info)
{
    g_free(info->description);
    *info = (struct nbd_export){ 0 };
}

static int protocol_error(struct vemu_error **err, const char *what)
{
    return vemu__error_set(err, EPROTO, "the server does not keep to the NBD protocol: %s", what);
}

static int stream_error(int r, struct vemu_error **err)
{
    if (r == -ENOTCONN)
        return vemu__error_set(err, ECONNRESET, "the server has cut the connection");
    return vemu__error_set(err, -r, "no answer from the server: %s", g_strerror(-r));
}

/* --- options and replies ---------------------------------------------------------------------- */

static int send_option(struct nbd_handshake *handshake, uint32_t option, const void *data,
                       uint32_t size, struct vemu_error **err)
{
    struct iovec iov = { (void *)(uintptr_t)data, size };
    uint8_t head[16], *p = be_put64(head, NBD_OPTION_MAGIC);
    int r;

    p = be_put32(p, option);
    p = be_put32(p, size);
    r = vemu__nbd_stream_write(&handshake->stream, head, (size_t)(p - head), &iov, 1, 0, size);
    return r < 0 ? stream_error(r, err) : 0;
}

static int read_reply(struct nbd_handshake *handshake, uint32_t option, struct reply *ret,
                      struct vemu_error **err)
{
    uint8_t head[20];
    int r = vemu__nbd_stream_read(&handshake->stream, head, sizeof(head));

    if (r < 0)
        return stream_error(r, err);
    if (be_get64(head) != NBD_REPLY_MAGIC)
        return protocol_error(err, "bad magic number of a reply");
    if (be_get32(head + 8) != option)
        return protocol_error(err, "it answers what was not asked");
    ret->type = be_get32(head + 12);
    ret->size = be_get32(head + 16);
    if (ret->size > REPLY_MAX || ret->size + sizeof(head) > handshake->budget)
        return protocol_error(err, "replies are too long");
    handshake->budget -= ret->size + sizeof(head);
    r = vemu__nbd_stream_read(&handshake->stream, ret->data, ret->size);
    ret->data[r < 0 ? 0 : ret->size] = '\0';
    return r < 0 ? stream_error(r, err) : 0;
}

/* What it says, for a person. */
static char *reply_text(const uint8_t *data, size_t size)
{
    char *text = g_utf8_make_valid((const char *)data, (gssize)MIN(size, NBD_MAX_STRING));

    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return g_strchomp(text);
}

/* An error reply as an error; `what` was tried. */
static int refused(const struct reply *reply, const char *what, struct vemu_error **err)
{
    static const struct {
        uint32_t type;
        int code;
        const char *text;
    } table[] = {
        { NBD_REP_ERR_UNSUP, ENOTSUP, "it does not know that" },
        { NBD_REP_ERR_POLICY, EACCES, "its configuration forbids that" },
        { NBD_REP_ERR_INVALID, EINVAL, "it calls that invalid" },
        { NBD_REP_ERR_PLATFORM, ENOTSUP, "it cannot do that on its platform" },
        { NBD_REP_ERR_TLS_REQD, EACCES, "it wants TLS (nbds://, or tls-creds)" },
        { NBD_REP_ERR_UNKNOWN, ENOENT, "it has no such export" },
        { NBD_REP_ERR_SHUTDOWN, ESHUTDOWN, "it is shutting down" },
        { NBD_REP_ERR_BLOCK_SIZE_REQD, EINVAL, "it wants its block size to be asked for" },
        { NBD_REP_ERR_TOO_BIG, E2BIG, "that is too big for it" },
    };
    g_autofree char *text = reply_text(reply->data, reply->size);
    const char *reason = "it gives a reason that is not known";
    int code = EPROTO;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
        if (table[i].type == reply->type) {
            code = table[i].code;
            reason = table[i].text;
        }
    return vemu__error_set(err, code, "the server refuses %s: %s%s%s%s", what, reason,
                           text[0] ? " (" : "", text, text[0] ? ")" : "");
}

/* An option that is answered with yes (1) or a no (0) that one can live with. */
static int ask(struct nbd_handshake *handshake, uint32_t option, struct reply *reply,
               struct vemu_error **err)
{
    int r = send_option(handshake, option, NULL, 0, err);

    if (r >= 0)
        r = read_reply(handshake, option, reply, err);
    if (r < 0)
        return r;
    if (reply->type == NBD_REP_ACK)
        return 1;
    return reply->type & NBD_REP_IS_ERROR ? 0 : protocol_error(err, "an odd reply");
}

/* --- starting --------------------------------------------------------------------------------- */

static int greet(struct nbd_handshake *handshake, struct vemu_error **err)
{
    uint8_t head[18], flags[4];
    int r = vemu__nbd_stream_read(&handshake->stream, head, 16);

    if (r < 0)
        return stream_error(r, err);
    if (be_get64(head) != NBD_MAGIC)
        return vemu__error_set(err, EPROTO, "this is not an NBD server");
    if (be_get64(head + 8) == NBD_OLDSTYLE_MAGIC)
        return vemu__error_set(err, ENOTSUP,
                               "the server speaks only the oldstyle negotiation of before 2011");
    if (be_get64(head + 8) != NBD_OPTION_MAGIC)
        return protocol_error(err, "bad magic number");
    r = vemu__nbd_stream_read(&handshake->stream, head + 16, 2);
    if (r < 0)
        return stream_error(r, err);
    handshake->server_flags = be_get16(head + 16) & (NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
    be_put32(flags, handshake->server_flags);
    r = vemu__nbd_stream_write(&handshake->stream, flags, sizeof(flags), NULL, 0, 0, 0);
    return r < 0 ? stream_error(r, err) : 0;
}

static int start_tls(struct nbd_handshake *handshake, const struct nbd_address *address,
                     struct vemu_error **err)
{
    struct nbd_tls_config config = {
        .creds = address->tls_creds,
        .hostname = address->tls_hostname ? address->tls_hostname : address->host,
    };
    g_autofree struct reply *reply = g_new(struct reply, 1);
    int64_t deadline_us = handshake->stream.deadline_us;
    int fd = handshake->stream.fd, r;

    if (!(handshake->server_flags & NBD_FLAG_FIXED_NEWSTYLE))
        return vemu__error_set(err, ENOTSUP, "the server is too old for TLS");
    r = ask(handshake, NBD_OPT_STARTTLS, reply, err);
    if (r == 0)
        r = refused(reply, "TLS", err);
    if (r < 0)
        return r;
    handshake->stream.fd = -1; /* the helper's from now on */
    r = vemu__nbd_tls_start(&handshake->tls, &config, fd, err);
    if (r < 0)
        return r;
    vemu__nbd_stream_init(&handshake->stream, r);
    handshake->stream.deadline_us = handshake->stream.send_deadline_us = deadline_us;
    return 0;
}

static void drop(struct nbd_handshake *handshake)
{
    vemu__nbd_stream_fini(&handshake->stream);
    vemu__nbd_tls_stop(&handshake->tls);
}

int vemu__nbd_handshake_start(struct nbd_handshake *handshake, const struct nbd_address *address,
                              unsigned timeout_ms, struct vemu_error **err)
{
    int64_t deadline_us = vemu__nbd_deadline_us(timeout_ms);
    g_autofree char *name = vemu__nbd_address_name(address);
    int r = vemu__nbd_connect(address, timeout_ms, err);

    *handshake = (struct nbd_handshake){ .stream.fd = -1, .tls.pidfd = -1, .budget = BUDGET };
    if (r < 0)
        return r;
    vemu__nbd_stream_init(&handshake->stream, r);
    handshake->stream.deadline_us = handshake->stream.send_deadline_us = deadline_us;
    r = greet(handshake, err);
    if (r >= 0 && address->tls)
        r = start_tls(handshake, address, err);
    if (r >= 0)
        return 0;
    drop(handshake);
    vemu__error_prefix(err, "NBD server %s", name);
    return r;
}

void vemu__nbd_handshake_end(struct nbd_handshake *handshake, bool transmission)
{
    uint8_t request[NBD_REQUEST_SIZE] = { 0 };

    if (handshake->stream.fd < 0)
        return;
    handshake->stream.send_deadline_us = vemu__nbd_deadline_us(200);
    be_put32(request, NBD_REQUEST_MAGIC);
    be_put16(request + 6, NBD_CMD_DISC);
    if (transmission)
        vemu__nbd_stream_write(&handshake->stream, request, sizeof(request), NULL, 0, 0, 0);
    else
        send_option(handshake, NBD_OPT_ABORT, NULL, 0, NULL);
    drop(handshake);
}

/* --- the export ------------------------------------------------------------------------------- */

static uint8_t *put_string(uint8_t *p, const char *text)
{
    size_t size = strlen(text);

    p = be_put32(p, (uint32_t)size);
    memcpy(p, text, size);
    return p + size;
}

/* NBD_OPT_SET_META_CONTEXT for base:allocation. A server without it does without. */
static int set_context(struct nbd_handshake *handshake, const char *export, struct reply *reply,
                       struct nbd_export *ret, struct vemu_error **err)
{
    static const char name[] = "base:allocation";
    uint8_t data[NBD_MAX_STRING + 64], *p = put_string(data, export);
    int r;

    p = be_put32(p, 1);
    p = put_string(p, name);
    r = send_option(handshake, NBD_OPT_SET_META_CONTEXT, data, (uint32_t)(p - data), err);
    while (r >= 0) {
        r = read_reply(handshake, NBD_OPT_SET_META_CONTEXT, reply, err);
        if (r < 0 || reply->type == NBD_REP_ACK || reply->type & NBD_REP_IS_ERROR)
            break;
        if (reply->type != NBD_REP_META_CONTEXT || reply->size < 4)
            return protocol_error(err, "an odd reply about contexts");
        if (reply->size == 4 + strlen(name) && !memcmp(reply->data + 4, name, strlen(name))) {
            ret->has_allocation = true;
            ret->allocation_id = be_get32(reply->data);
        }
    }
    return r;
}

static int take_block_size(const struct reply *reply, struct nbd_export *ret,
                           struct vemu_error **err)
{
    if (reply->size != 14)
        return protocol_error(err, "block sizes of a wrong length");
    ret->min_block = be_get32(reply->data + 2);
    ret->preferred = be_get32(reply->data + 6);
    ret->max_block = be_get32(reply->data + 10);
    if (!ret->min_block || ret->min_block & (ret->min_block - 1) || ret->min_block > 65536 ||
        ret->max_block < ret->min_block)
        return protocol_error(err, "impossible block sizes");
    return 0;
}

static int take_info(const struct reply *reply, bool *exported, struct nbd_export *ret,
                     struct vemu_error **err)
{
    if (reply->size < 2)
        return protocol_error(err, "a short reply about the export");
    switch (be_get16(reply->data)) {
    case NBD_INFO_EXPORT:
        if (reply->size != 12)
            return protocol_error(err, "an export's size of a wrong length");
        ret->size = be_get64(reply->data + 2);
        ret->flags = be_get16(reply->data + 10);
        *exported = true;
        return 0;
    case NBD_INFO_BLOCK_SIZE: return take_block_size(reply, ret, err);
    case NBD_INFO_DESCRIPTION:
        g_free(ret->description);
        ret->description = reply_text(reply->data + 2, reply->size - 2);
        return 0;
    default: return 0; /* "clients MUST ignore what they do not know" */
    }
}

/* NBD_OPT_GO or NBD_OPT_INFO: 1 done, 0 the server does not know it. */
static int go(struct nbd_handshake *handshake, uint32_t option, const char *export,
              struct reply *reply, struct nbd_export *ret, struct vemu_error **err)
{
    uint8_t data[NBD_MAX_STRING + 64], *p = put_string(data, export);
    g_autofree char *what = g_strdup_printf("export '%s'", export);
    bool exported = false;
    int r;

    p = be_put16(p, 2);
    p = be_put16(p, NBD_INFO_BLOCK_SIZE);
    p = be_put16(p, NBD_INFO_DESCRIPTION);
    r = send_option(handshake, option, data, (uint32_t)(p - data), err);
    while (r >= 0) {
        r = read_reply(handshake, option, reply, err);
        if (r >= 0 && reply->type == NBD_REP_ACK)
            return exported ? 1 : protocol_error(err, "an export without a size");
        if (r >= 0 && reply->type == NBD_REP_ERR_UNSUP)
            return 0;
        if (r >= 0 && reply->type & NBD_REP_IS_ERROR)
            return refused(reply, what, err);
        if (r >= 0 && reply->type != NBD_REP_INFO)
            return protocol_error(err, "an odd reply about the export");
        if (r >= 0)
            r = take_info(reply, &exported, ret, err);
    }
    return r;
}

/* The old way: a server that has no such export hangs up. */
static int export_name(struct nbd_handshake *handshake, const char *export, struct nbd_export *ret,
                       struct vemu_error **err)
{
    uint8_t data[10];
    int r = send_option(handshake, NBD_OPT_EXPORT_NAME, export, (uint32_t)strlen(export), err);

    if (r < 0)
        return r;
    r = vemu__nbd_stream_read(&handshake->stream, data, sizeof(data));
    if (r == -ENOTCONN)
        return vemu__error_set(err, ENOENT, "the server refuses export '%s'", export);
    if (r >= 0 && !(handshake->server_flags & NBD_FLAG_NO_ZEROES))
        r = vemu__nbd_stream_skip(&handshake->stream, EXPORT_PAD);
    if (r < 0)
        return stream_error(r, err);
    ret->size = be_get64(data);
    ret->flags = be_get16(data + 8);
    return 0;
}

static int choose(struct nbd_handshake *handshake, const char *export, struct nbd_export *ret,
                  struct vemu_error **err)
{
    g_autofree struct reply *reply = g_new(struct reply, 1);
    int r = 0;

    if (handshake->server_flags & NBD_FLAG_FIXED_NEWSTYLE) {
        r = ask(handshake, NBD_OPT_STRUCTURED_REPLY, reply, err);
        if (r == 0 && reply->type == NBD_REP_ERR_TLS_REQD)
            return refused(reply, "a connection without TLS", err);
        ret->structured = r == 1;
        if (ret->structured)
            r = set_context(handshake, export, reply, ret, err);
        if (r >= 0)
            r = go(handshake, NBD_OPT_GO, export, reply, ret, err);
    }
    return r == 0 ? export_name(handshake, export, ret, err) : r;
}

int vemu__nbd_handshake_go(struct nbd_handshake *handshake, const char *export,
                           struct nbd_export *ret, struct vemu_error **err)
{
    int r;

    *ret = (struct nbd_export){ .min_block = 1, .max_block = NBD_MAX_PAYLOAD };
    r = choose(handshake, export, ret, err);
    if (r >= 0 && ret->size > INT64_MAX)
        r = protocol_error(err, "an impossible size of the export");
    if (r >= 0 && ret->size % ret->min_block)
        r = protocol_error(err, "the export's size is not a multiple of its block size");
    if (r < 0) {
        vemu__nbd_export_clear(ret);
        return r;
    }
    if (!(ret->flags & NBD_FLAG_HAS_FLAGS))
        ret->flags = 0;
    ret->max_block = MIN(ret->max_block, NBD_MAX_PAYLOAD) & ~(ret->min_block - 1);
    handshake->stream.deadline_us = handshake->stream.send_deadline_us = 0;
    handshake->stream.buffered = true;
    return 0;
}

int vemu__nbd_handshake_info(struct nbd_handshake *handshake, const char *export,
                             struct nbd_export *ret, struct vemu_error **err)
{
    g_autofree struct reply *reply = g_new(struct reply, 1);
    int r;

    *ret = (struct nbd_export){ .min_block = 1, .max_block = NBD_MAX_PAYLOAD };
    r = go(handshake, NBD_OPT_INFO, export, reply, ret, err);
    if (r <= 0)
        vemu__nbd_export_clear(ret);
    return r;
}

int vemu__nbd_handshake_list(struct nbd_handshake *handshake,
                             int (*each)(void *data, const char *name, const char *description),
                             void *data, struct vemu_error **err)
{
    g_autofree struct reply *reply = g_new(struct reply, 1);
    int r;

    if (!(handshake->server_flags & NBD_FLAG_FIXED_NEWSTYLE))
        return vemu__error_set(err, ENOTSUP, "the server is too old to list its exports");
    r = send_option(handshake, NBD_OPT_LIST, NULL, 0, err);
    while (r == 0) {
        g_autofree char *name = NULL, *description = NULL;
        uint32_t size;

        r = read_reply(handshake, NBD_OPT_LIST, reply, err);
        if (r < 0 || reply->type == NBD_REP_ACK)
            break;
        if (reply->type & NBD_REP_IS_ERROR)
            return refused(reply, "to list its exports", err);
        size = reply->size >= 4 ? be_get32(reply->data) : 0;
        if (reply->type != NBD_REP_SERVER || reply->size < 4 || size > reply->size - 4)
            return protocol_error(err, "an odd reply to a list");
        name = reply_text(reply->data + 4, size);
        description = reply_text(reply->data + 4 + size, reply->size - 4 - size);
        r = each(data, name, description);
    }
    return r;
}
