/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls: from a packet to a reply.
 *
 * The I/O thread finds the procedure; decoding, the work and encoding are a worker's, except for
 * questions that are answered from memory in less time than waking a worker takes. Calls of one
 * client run beside each other, up to the limit, and are answered in the order in which they end.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"

static const struct vmgr__handler *const tables[] = {
    vmgr__handlers_auth,
    vmgr__handlers_connect,
    vmgr__handlers_cpu,
    vmgr__handlers_domain,
    vmgr__handlers_domain_agent,
    vmgr__handlers_domain_change,
    vmgr__handlers_domain_device,
    vmgr__handlers_domain_guestnet,
    vmgr__handlers_domain_list,
    vmgr__handlers_domain_metadata,
    vmgr__handlers_domain_resource,
    vmgr__handlers_domain_size,
    vmgr__handlers_domain_block,
    vmgr__handlers_domain_checkpoint,
    vmgr__handlers_domain_display,
    vmgr__handlers_domain_files,
    vmgr__handlers_domain_job,
    vmgr__handlers_domain_peek,
    vmgr__handlers_domain_stats,
    vmgr__handlers_event,
    vmgr__handlers_interface,
    vmgr__handlers_network,
    vmgr__handlers_network_port,
    vmgr__handlers_node,
    vmgr__handlers_nodedev,
    vmgr__handlers_nwfilter,
    vmgr__handlers_nwfilter_binding,
    vmgr__handlers_object_event,
    vmgr__handlers_sasl,
    vmgr__handlers_secret,
    vmgr__handlers_storage_pool,
    vmgr__handlers_storage_volume,
};

/* The programs that are served; the last one has no handlers. */
static const struct vmgr__wire_program *const programs[] = { &vmgr__wire_remote, &vmgr__wire_qemu,
                                                             &vmgr__wire_lxc };

void vmgr__handlers_init(struct vmgr__server *s)
{
    s->handlers = g_new0(const struct vmgr__handler *, vmgr__wire_remote.n_calls + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const struct vmgr__handler *h = tables[i]; h->procedure; h++) {
            g_assert(!s->handlers[h->procedure]);
            s->handlers[h->procedure] = h;
        }
    }
}

void vmgr__call_free(struct vmgr__call *call)
{
    vmgr_error_free(call->err);
    vmgr__layer_free(call->layer);
    vmgr__arena_clear(&call->arena);
    vmgr__rpc_packet_free(call->packet);
    vmgr__client_unref(call->client);
    g_free(call);
}

int vmgr__call_fail(struct vmgr__call *call, int code, int domain, const char *format, ...)
{
    char *message;
    va_list ap;

    va_start(ap, format);
    message = vmgr__arena_adopt(&call->arena, g_strdup_vprintf(format, ap), g_free);
    va_end(ap);
    call->error = vmgr__rpc_error(code, domain, message);
    return -1;
}

static int rpc_fail(struct vmgr__call *call, const char *message)
{
    return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC, "%s", message);
}

static struct vmgr__rpc_header reply_header(const struct vmgr__call *call, int status)
{
    struct vmgr__rpc_header h = call->packet->header;

    h.type = RPC_REPLY;
    h.status = status;
    return h;
}

static void reply_error(struct vmgr__call *call)
{
    const struct vmgr__rpc_header h = reply_header(call, RPC_ERROR);
    struct wire_error e = call->error.code ? call->error : vmgr__rpc_error_from(call->err);
    struct vmgr__rpc_out *out;

    vmgr__log(call->server, VMGR__LOG_DEBUG, "call failed",
              "client=%u call=%s code=%d error=\"%s\"", call->client->id,
              call->wire ? call->wire->name : "?", e.code, e.message);
    out = vmgr__rpc_out_new(&h, &vmgr__wire_layout_error, &e, NULL, 0);
    if (!out) { /* a sentence longer than a string may be */
        e = vmgr__rpc_error(e.code, e.domain, "unknown error");
        out = vmgr__rpc_out_new(&h, &vmgr__wire_layout_error, &e, NULL, 0);
    }
    vmgr__client_send(call->client, out);
    call->replied = true;
}

void vmgr__call_reply(struct vmgr__call *call, const void *ret)
{
    const struct vmgr__rpc_header h = reply_header(call, RPC_OK);
    struct vmgr__rpc_out *out = vmgr__rpc_out_new(&h, call->wire->ret, ret, NULL, 0);

    if (out) {
        if (call->layer)
            vmgr__client_send_last(call->client, out, g_steal_pointer(&call->layer));
        else
            vmgr__client_send(call->client, out);
        call->replied = true;
        return;
    }
    rpc_fail(call, "Unable to encode message payload");
    reply_error(call);
}

int vmgr__call_need_write(struct vmgr__call *call, const char *what)
{
    struct vmgr__client *c = call->client;
    bool read_only;

    g_mutex_lock(&c->lock);
    read_only = c->read_only;
    g_mutex_unlock(&c->lock);
    return read_only ? vmgr__call_fail(call, VMGR_ERR_OPERATION_DENIED, VMGR_FROM_RPC,
                                       "operation forbidden: %s", what)
                     : 0;
}

/* What a client may not do is answered before what there is not. */
static int check(struct vmgr__call *call)
{
    struct vmgr__client *c = call->client;
    const uint32_t flags = call->wire->flags;
    bool authenticated, opened;

    g_mutex_lock(&c->lock);
    authenticated = c->authenticated;
    opened = c->opened;
    g_mutex_unlock(&c->lock);
    if (!authenticated && !(flags & WIRE_CALL_UNAUTH))
        return rpc_fail(call, "authentication required");
    if (!opened && !(call->handler && call->handler->flags & HANDLER_UNOPENED))
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_RPC,
                               "internal error: hypervisor connection not open");
    if (!(flags & (WIRE_CALL_READ | WIRE_CALL_UNAUTH))) {
        g_autofree char *what = g_strconcat("read only access prevents ", call->wire->name, NULL);

        if (vmgr__call_need_write(call, what) < 0)
            return -1;
    }
    if (!call->handler)
        return vmgr__call_fail(call, VMGR_ERR_NO_SUPPORT, VMGR_FROM_RPC,
                               "this function is not supported by the connection driver: %s",
                               call->wire->name);
    return 0;
}

static int serve(struct vmgr__call *call)
{
    const struct vmgr__wire_layout *args = call->wire->args, *ret = call->wire->ret;
    struct vmgr__rpc_packet *p = call->packet;
    void *in = NULL, *out = NULL;

    if (check(call) < 0)
        return -1;
    if (args) {
        in = vmgr__arena_alloc(&call->arena, args->size);
        if (!in || vmgr__wire_decode(args, p->payload, p->size, &call->arena, in) < 0)
            return rpc_fail(call, "Unable to decode message payload");
    }
    if (ret)
        out = vmgr__arena_alloc(&call->arena, ret->size);
    if (ret && !out)
        return vmgr__call_fail(call, VMGR_ERR_NO_MEMORY, VMGR_FROM_RPC, "out of memory");
    if (call->handler->run(call, in, out) < 0)
        return -1;
    if (!call->replied)
        vmgr__call_reply(call, out);
    return 0;
}

void vmgr__call_run(struct vmgr__call *call)
{
    struct vmgr__client *c = call->client;
    bool more;

    if (serve(call) < 0 && !call->replied)
        reply_error(call);
    if (call->stream)
        vmgr__stream_start(call->stream);
    if (call->transfer)
        vmgr__transfer_start(call->transfer);
    g_mutex_lock(&c->lock);
    c->running--;
    c->fds -= call->packet->n_fds;
    more = c->held.length > 0 || c->paused;
    g_mutex_unlock(&c->lock);
    if (more)
        vmgr__server_kick(c->server, c);
    vmgr__call_free(call);
}

void vmgr__calls_pump(struct vmgr__client *c)
{
    const unsigned most = vmgr__server_limits(c->server).calls_per_client;

    for (;;) {
        struct vmgr__call *call = NULL;

        g_mutex_lock(&c->lock);
        /* A client that does not read its replies gets no more of them. */
        if (!c->dead && c->running < most && c->out_bytes < CLIENT_OUT_HIGH)
            call = g_queue_pop_head(&c->held);
        if (call) {
            c->running++;
            c->held_bytes -= call->packet->size;
        }
        g_mutex_unlock(&c->lock);
        if (!call)
            return;
        if (call->handler && call->handler->flags & HANDLER_INLINE)
            vmgr__call_run(call);
        else
            vmgr__pool_push(&c->server->pool, call);
    }
}

static const struct vmgr__wire_program *find_program(const struct vmgr__rpc_header *h)
{
    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        if (programs[i]->number == h->program && programs[i]->version == h->version)
            return programs[i];
    }
    return NULL;
}

/* Finds the procedure. */
static int resolve(struct vmgr__call *call)
{
    const struct vmgr__rpc_header *h = &call->packet->header;
    const struct vmgr__wire_program *program = find_program(h);

    if (!program)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "Cannot find program %u version %u", h->program, h->version);
    if (h->status != RPC_OK)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC, "Unexpected message status %u",
                               (unsigned)h->status);
    call->wire = vmgr__wire_call(program, h->procedure);
    if (!call->wire || call->wire->flags & WIRE_CALL_EVENT)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC, "unknown procedure: %d",
                               h->procedure);
    if (program == &vmgr__wire_remote)
        call->handler = call->server->handlers[h->procedure];
    for (const struct vmgr__handler *q = vmgr__handlers_qemu;
         program == &vmgr__wire_qemu && q->procedure && !call->handler; q++) {
        if (q->procedure == h->procedure)
            call->handler = q;
    }
    return 0;
}

void vmgr__call_begin(struct vmgr__client *c, struct vmgr__rpc_packet *packet)
{
    struct vmgr__call *call = g_new0(struct vmgr__call, 1);

    call->server = c->server;
    call->client = vmgr__client_ref(c);
    call->packet = packet;
    call->conn = c->server->conn;
    if (resolve(call) < 0) {
        reply_error(call);
        vmgr__call_free(call);
        return;
    }
    /* What the procedure has no use for does not wait with the call. */
    if (!call->handler || !(call->handler->flags & HANDLER_FDS))
        vmgr__rpc_packet_close_fds(packet);
    g_mutex_lock(&c->lock);
    g_queue_push_tail(&c->held, call);
    c->held_bytes += packet->size;
    c->fds += packet->n_fds;
    g_mutex_unlock(&c->lock);
    vmgr__calls_pump(c);
}
