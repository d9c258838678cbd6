/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS with a client: the handshake, as its socket allows, and what its certificate must say.
 *
 * A client that is accepted is sent one byte, which clients of this protocol wait for. One that is
 * not is sent an alert: its certificate is not valid, or its subject may not come in. Who dawdles
 * is subject to the limits of clients that have not authenticated.
 */
#include "internal.h"

int vmgr__server_set_tls(struct vmgr__server *s, const struct vmgr__server_tls *tls, char **err)
{
    const struct vmgr__tls_files files = { .ca = tls->ca,
                                           .cert = tls->cert,
                                           .key = tls->key,
                                           .crl = tls->crl,
                                           .priority = tls->priority,
                                           .server = true };
    struct vmgr__tls_context *context = vmgr__tls_context_new(&files, err);

    if (!context)
        return -1;
    vmgr__tls_context_unref(s->tls);
    s->tls = context;
    return 0;
}

bool vmgr__handshake_begin(struct vmgr__client *c, char **err)
{
    if (c->way != VMGR__SERVER_TLS)
        return true;
    c->layer = vmgr__tls_new(c->server->tls, c->fd, NULL, err);
    c->handshaking = c->layer != NULL;
    return c->handshaking;
}

static int check_certificate(struct vmgr__client *c, char **err)
{
    struct vmgr__server_access access = vmgr__server_access(c->server);
    int r = 0;

    if (!access.accept_unsigned) {
        r = vmgr__tls_verify(c->layer, NULL, &c->subject, err);
        if (r == 0 && !vmgr__access_matches(access.subjects, c->subject)) {
            vmgr__tls_deny(c->layer);
            *err = g_strdup("the subject of its certificate is not in tls_allowed_dn_list");
            r = -1;
        }
    }
    vmgr__access_clear(&access);
    return r;
}

int vmgr__handshake_step(struct vmgr__client *c, char **err)
{
    const int r = vmgr__tls_handshake(c->layer, &c->handshake_writes, err);

    if (r > 0 && check_certificate(c, err) < 0)
        return -1;
    g_mutex_lock(&c->lock);
    c->handshaking = r == 0;
    if (r > 0)
        c->authenticated = !c->needs_sasl;
    vmgr__client_update_locked(c);
    g_mutex_unlock(&c->lock);
    if (r > 0) {
        vmgr__log(c->server, VMGR__LOG_INFO, "client's certificate", "client=%u subject=\"%s\"",
                  c->id, c->subject ? c->subject : "");
        vmgr__client_send(c, vmgr__rpc_out_bytes("\1", 1));
    }
    return r;
}
