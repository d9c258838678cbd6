/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls: from a structure to a packet, waiting, and back.
 */
#include <string.h>

#include "../../rpc/errors.h"
#include "remote.h"

void vmgr__remote_reply_clear(struct vmgr__remote_reply *reply)
{
    vmgr__arena_clear(&reply->arena);
    reply->packet = vmgr__rpc_packet_free(reply->packet);
}

int vmgr__remote_error_from(struct vmgr__rpc_packet *packet, const char *procedure,
                            struct vmgr_error **err)
{
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    struct wire_error error = { 0 };
    const char *message = "the server reports an error that cannot be read";
    int code = VMGR_ERR_RPC, domain = VMGR_FROM_RPC;

    if (vmgr__wire_decode(&vmgr__wire_layout_error, packet->payload, packet->size, &arena,
                          &error) >= 0 &&
        error.code != VMGR_ERR_OK) {
        code = error.code;
        domain = error.domain;
        message = vmgr__rpc_error_message(&error);
    }
    /* What a server has never heard of it does not support. */
    if (code == VMGR_ERR_RPC && g_str_has_prefix(message, "unknown procedure"))
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, VMGR_FROM_REMOTE, "%s", procedure);
    else
        vmgr__error_set_plain(err, code, domain, message);
    vmgr__arena_clear(&arena);
    return -1;
}

/* Sends, and waits for the reply. */
static int transact(struct vmgr__remote *r, struct vmgr__remote_waiter *w,
                    struct vmgr__rpc_out *out, struct vmgr__remote_stream *stream,
                    struct vmgr_error **err)
{
    int result = 0;

    g_mutex_lock(&r->lock);
    if (!r->failure) {
        g_hash_table_insert(r->waiters, GUINT_TO_POINTER(w->serial), w);
        if (stream)
            vmgr__remote_stream_add_locked(r, stream, w->serial);
        vmgr__remote_send_locked(r, g_steal_pointer(&out));
        if (g_hash_table_size(r->waiters) == 1 && r->unread_bytes)
            vmgr__remote_kick(r); /* it may have stopped reading */
    }
    vmgr__remote_await_locked(r, w);
    if (!w->packet)
        result = vmgr__remote_failed_locked(r, err);
    g_mutex_unlock(&r->lock);
    vmgr__rpc_out_free(out);
    return result;
}

/* Descriptors that go with a call. */
struct passed {
    const int *fds;
    uint32_t n;
};

static int call_of(struct vmgr__remote *r, const struct vmgr__wire_program *program,
                   int32_t procedure, const void *args, const struct passed *passed, void *ret,
                   struct vmgr__remote_stream *stream, struct vmgr__remote_reply *reply,
                   struct vmgr_error **err)
{
    const struct vmgr__wire_call *wire = vmgr__wire_call(program, procedure);
    struct vmgr__remote_waiter w = { .program = program->number, .procedure = procedure };
    struct vmgr__rpc_header h = { .program = program->number,
                                  .version = program->version,
                                  .procedure = procedure,
                                  .type = passed && passed->n ? RPC_CALL_WITH_FDS : RPC_CALL,
                                  .status = RPC_OK };
    struct vmgr__rpc_out *out;
    int result;

    g_mutex_lock(&r->lock);
    h.serial = w.serial = r->next_serial++;
    g_mutex_unlock(&r->lock);
    out = vmgr__rpc_out_new(&h, wire->args, args, passed ? passed->fds : NULL,
                            passed ? passed->n : 0);
    if (!out)
        return vmgr__error_set_plain(err, VMGR_ERR_RPC, VMGR_FROM_RPC,
                                     h.type == RPC_CALL
                                         ? "Unable to encode message payload"
                                         : "Unable to encode message payload or to duplicate "
                                           "descriptors");
    g_cond_init(&w.cond);
    result = transact(r, &w, out, stream, err);
    g_cond_clear(&w.cond);
    if (result < 0)
        return -1;
    reply->packet = w.packet;
    if (w.packet->header.status != RPC_OK)
        return vmgr__remote_error_from(w.packet, wire->name, err);
    if (ret &&
        vmgr__wire_decode(wire->ret, w.packet->payload, w.packet->size, &reply->arena, ret) < 0)
        return vmgr__error_set(err, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "Unable to decode message payload (reply to %s)", wire->name);
    return 0;
}

static int call(struct vmgr__remote *r, int32_t procedure, const void *args, void *ret,
                struct vmgr__remote_stream *stream, struct vmgr__remote_reply *reply,
                struct vmgr_error **err)
{
    return call_of(r, &vmgr__wire_remote, procedure, args, NULL, ret, stream, reply, err);
}

int vmgr__remote_call_files(struct vmgr__remote *r, int32_t procedure, const void *args,
                            const int *fds, uint32_t n_fds, void *ret,
                            struct vmgr__remote_reply *reply, struct vmgr_error **err)
{
    const struct passed passed = { fds, n_fds };
    bool bare;

    g_mutex_lock(&r->lock);
    bare = r->uri.transport == REMOTE_UNIX && !r->layer;
    g_mutex_unlock(&r->lock);
    if (n_fds && !bare)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_REMOTE,
                               "fd passing is not supported by this connection");
    return call_of(r, &vmgr__wire_remote, procedure, args, &passed, ret, NULL, reply, err);
}

int vmgr__remote_call_qemu(struct vmgr__remote *r, int32_t procedure, const void *args, void *ret,
                           struct vmgr__remote_reply *reply, struct vmgr_error **err)
{
    return call_of(r, &vmgr__wire_qemu, procedure, args, NULL, ret, NULL, reply, err);
}

int vmgr__remote_call(struct vmgr__remote *r, int32_t procedure, const void *args, void *ret,
                      struct vmgr__remote_reply *reply, struct vmgr_error **err)
{
    return call(r, procedure, args, ret, NULL, reply, err);
}

int vmgr__remote_do(struct vmgr__remote *r, int32_t procedure, const void *args,
                    struct vmgr_error **err)
{
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = call(r, procedure, args, NULL, NULL, &reply, err);

    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_text(struct vmgr__remote *r, int32_t procedure, const void *args, char **ret,
                      struct vmgr_error **err)
{
    char *text = NULL;
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = call(r, procedure, args, &text, NULL, &reply, err);

    if (result == 0)
        *ret = g_strdup(text);
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_number(struct vmgr__remote *r, int32_t procedure, const void *args,
                        struct vmgr_error **err)
{
    int32_t number = 0;
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = call(r, procedure, args, &number, NULL, &reply, err);

    vmgr__remote_reply_clear(&reply);
    if (result == 0 && number < 0)
        return vmgr__error_set_plain(err, VMGR_ERR_RPC, VMGR_FROM_RPC,
                                     "the server's answer cannot be: a number below zero");
    return result < 0 ? -1 : number;
}

int vmgr__remote_large(struct vmgr__remote *r, int32_t procedure, uint64_t *ret,
                       struct vmgr_error **err)
{
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = call(r, procedure, NULL, ret, NULL, &reply, err);

    vmgr__remote_reply_clear(&reply);
    return result;
}

static int open_stream(struct vmgr__remote *r, int32_t procedure, const void *args,
                       enum vmgr__remote_stream_kind kind, bool sparse, char **ret_text,
                       struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = vmgr__remote_stream_new(r, procedure, kind, sparse, err);
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    char *text = NULL;
    int result;

    if (!st)
        return -1;
    result = call(r, procedure, args, ret_text ? &text : NULL, st, &reply, err);
    if (result == 0 && ret_text)
        *ret_text = text ? strdup(text) : NULL;
    vmgr__remote_reply_clear(&reply);
    if (result < 0) {
        vmgr__remote_stream_drop(r, st);
        vmgr__remote_stream_unref(st);
        return -1;
    }
    *ret_stream = vmgr__remote_stream_handle(r, st, err);
    if (!*ret_stream && ret_text) {
        free(*ret_text);
        *ret_text = NULL;
    }
    return *ret_stream ? 0 : -1;
}

int vmgr__remote_call_stream(struct vmgr__remote *r, int32_t procedure, const void *args,
                             enum vmgr__remote_stream_kind kind, bool sparse,
                             struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    return open_stream(r, procedure, args, kind, sparse, NULL, ret_stream, err);
}

int vmgr__remote_call_stream_text(struct vmgr__remote *r, int32_t procedure, const void *args,
                                  enum vmgr__remote_stream_kind kind, char **ret_text,
                                  struct vmgr_stream **ret_stream, struct vmgr_error **err)
{
    return open_stream(r, procedure, args, kind, false, ret_text, ret_stream, err);
}

int vmgr__remote_named(struct vmgr_conn *conn, int32_t procedure, const void *args,
                       vmgr__remote_named_fn make, void *ret, struct vmgr_error **err)
{
    struct vmgr__remote_named out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = call(conn->driver_data, procedure, args, &out, NULL, &reply, err);

    if (result == 0)
        make(conn, out.name, out.uuid, ret);
    vmgr__remote_reply_clear(&reply);
    return result;
}

int vmgr__remote_lookup_named(struct vmgr_conn *conn, const struct vmgr__remote_lookup *lookup,
                              const uint8_t *uuid, const char *name, void *ret,
                              struct vmgr_error **err)
{
    const struct vmgr__remote_named by_name = { .name = (char *)name };

    /* Either is an argument as it stands: the bytes, or a pointer to the text. */
    return vmgr__remote_named(conn, uuid ? lookup->by_uuid : lookup->by_name,
                              uuid ? (const void *)uuid : &by_name, lookup->make, ret, err);
}
