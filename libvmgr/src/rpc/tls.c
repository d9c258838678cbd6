/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS sessions.
 *
 * A session is used by a thread that reads and by others that write; TLS 1.3 may have to write
 * while it reads (key updates), so each step takes the session's lock. None of them waits.
 */
#include "tls.h"

#include <errno.h>
#include <string.h>

#include "tls-library.h"

struct vmgr__tls_context {
    gint refs;
    gnutls_certificate_credentials_t creds;
    gnutls_priority_t priority;
    bool server;
};

struct session {
    struct vmgr__layer layer; /* first */
    GMutex lock;
    gnutls_session_t tls;
    struct vmgr__tls_context *context;
};

static int fail(char **err, int r, const char *what, const char *of)
{
    *err = g_strdup_printf("%s%s%s%s: %s", what, of ? " '" : "", of ? of : "", of ? "'" : "",
                           vmgr__gnutls.strerror(r));
    return -1;
}

static int load(struct vmgr__tls_context *c, const struct vmgr__tls_files *f, char **err)
{
    const char *at = NULL;
    int r = vmgr__gnutls.certificate_allocate_credentials(&c->creds);

    if (r < 0)
        return fail(err, r, "cannot set up TLS", NULL);
    r = vmgr__gnutls.certificate_set_x509_trust_file(c->creds, f->ca, GNUTLS_X509_FMT_PEM);
    if (r < 0)
        return fail(err, r, "cannot use CA certificate", f->ca);
    if (f->cert && f->key) {
        r = vmgr__gnutls.certificate_set_x509_key_file(c->creds, f->cert, f->key,
                                                       GNUTLS_X509_FMT_PEM);
        if (r < 0)
            return fail(err, r, "cannot use certificate and key", f->cert);
    }
    if (f->crl) {
        r = vmgr__gnutls.certificate_set_x509_crl_file(c->creds, f->crl, GNUTLS_X509_FMT_PEM);
        if (r < 0)
            return fail(err, r, "cannot use revocation list", f->crl);
    }
    if (c->server) /* parameters of RFC 7919, for ciphers that need some */
        vmgr__gnutls.certificate_set_known_dh_params(c->creds, GNUTLS_SEC_PARAM_MEDIUM);
    r = vmgr__gnutls.priority_init(&c->priority, f->priority, &at);
    return r < 0 ? fail(err, r, "cannot use TLS priority", f->priority ? f->priority : "") : 0;
}

struct vmgr__tls_context *vmgr__tls_context_new(const struct vmgr__tls_files *files, char **err)
{
    struct vmgr__tls_context *c;

    if (!vmgr__gnutls_load(err))
        return NULL;
    c = g_new0(struct vmgr__tls_context, 1);
    c->refs = 1;
    c->server = files->server;
    if (load(c, files, err) < 0) {
        vmgr__tls_context_unref(c);
        return NULL;
    }
    return c;
}

struct vmgr__tls_context *vmgr__tls_context_ref(struct vmgr__tls_context *c)
{
    g_atomic_int_inc(&c->refs);
    return c;
}

void vmgr__tls_context_unref(struct vmgr__tls_context *c)
{
    if (!c || !g_atomic_int_dec_and_test(&c->refs))
        return;
    if (c->priority)
        vmgr__gnutls.priority_deinit(c->priority);
    if (c->creds)
        vmgr__gnutls.certificate_free_credentials(c->creds);
    g_free(c);
}

/* ---- records ---- */

static int to_errno(int r)
{
    switch (r) {
    case GNUTLS_E_AGAIN:
    case GNUTLS_E_INTERRUPTED: return -EAGAIN;
    case GNUTLS_E_PREMATURE_TERMINATION: return 0;
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR: return -ECONNRESET;
    default: return -EPROTO;
    }
}

static ssize_t tls_recv(struct vmgr__layer *layer, int fd, void *buf, size_t size)
{
    struct session *s = (struct session *)layer;
    ssize_t n;

    (void)fd;
    g_mutex_lock(&s->lock);
    do
        n = vmgr__gnutls.record_recv(s->tls, buf, size);
    while (n == GNUTLS_E_INTERRUPTED);
    g_mutex_unlock(&s->lock);
    return n >= 0 ? n : to_errno((int)n);
}

static ssize_t tls_send(struct vmgr__layer *layer, int fd, const void *buf, size_t size)
{
    struct session *s = (struct session *)layer;
    ssize_t n;

    (void)fd;
    g_mutex_lock(&s->lock);
    do
        n = vmgr__gnutls.record_send(s->tls, buf, size);
    while (n == GNUTLS_E_INTERRUPTED);
    g_mutex_unlock(&s->lock);
    if (n == GNUTLS_E_PREMATURE_TERMINATION)
        return -EPIPE;
    return n >= 0 ? n : to_errno((int)n);
}

static bool tls_pending(struct vmgr__layer *layer)
{
    struct session *s = (struct session *)layer;
    bool pending;

    g_mutex_lock(&s->lock);
    pending = vmgr__gnutls.record_check_pending(s->tls) > 0;
    g_mutex_unlock(&s->lock);
    return pending;
}

static void tls_free(struct vmgr__layer *layer)
{
    struct session *s = (struct session *)layer;

    vmgr__gnutls.deinit(s->tls);
    vmgr__tls_context_unref(s->context);
    g_mutex_clear(&s->lock);
    g_free(s);
}

/* ---- beginning ---- */

struct vmgr__layer *vmgr__tls_new(struct vmgr__tls_context *c, int fd, const char *hostname,
                                  char **err)
{
    static const struct vmgr__layer_ops ops = {
        .recv = tls_recv, .send = tls_send, .pending = tls_pending, .free = tls_free
    };
    struct session *s;
    gnutls_session_t tls;
    int r = vmgr__gnutls.init(&tls, (c->server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK |
                                        GNUTLS_NO_SIGNAL);

    if (r < 0) {
        fail(err, r, "cannot begin TLS", NULL);
        return NULL;
    }
    s = g_new0(struct session, 1);
    s->layer.ops = &ops;
    g_mutex_init(&s->lock);
    s->tls = tls;
    s->context = vmgr__tls_context_ref(c);
    r = vmgr__gnutls.priority_set(tls, c->priority);
    if (r >= 0)
        r = vmgr__gnutls.credentials_set(tls, GNUTLS_CRD_CERTIFICATE, c->creds);
    if (r >= 0 && hostname && !g_hostname_is_ip_address(hostname))
        r = vmgr__gnutls.server_name_set(tls, GNUTLS_NAME_DNS, hostname, strlen(hostname));
    if (r < 0) {
        fail(err, r, "cannot begin TLS", NULL);
        vmgr__layer_free(&s->layer);
        return NULL;
    }
    if (c->server) /* who sends none gets a better answer after the handshake */
        vmgr__gnutls.certificate_server_set_request(tls, GNUTLS_CERT_REQUEST);
    vmgr__gnutls.transport_set_int2(tls, fd, fd);
    return &s->layer;
}

/* What went wrong, with the peer's word for it if it sent one. */
static int session_fail(struct session *s, int r, const char *what, char **err)
{
    if (r == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        const char *name = vmgr__gnutls.alert_get_name(vmgr__gnutls.alert_get(s->tls));

        *err = g_strdup_printf("%s: the peer refuses: %s", what, name ? name : "unknown alert");
        return -1;
    }
    return fail(err, r, what, NULL);
}

int vmgr__tls_handshake(struct vmgr__layer *layer, bool *ret_write, char **err)
{
    struct session *s = (struct session *)layer;
    int r;

    g_mutex_lock(&s->lock);
    do
        r = vmgr__gnutls.handshake(s->tls);
    while (r < 0 && r != GNUTLS_E_AGAIN && !vmgr__gnutls.error_is_fatal(r));
    *ret_write = vmgr__gnutls.record_get_direction(s->tls) == 1;
    if (r < 0 && r != GNUTLS_E_AGAIN)
        session_fail(s, r, "TLS handshake failed", err);
    g_mutex_unlock(&s->lock);
    return r == 0 ? 1 : r == GNUTLS_E_AGAIN ? 0 : -1;
}

/* ---- certificates ---- */

static gnutls_alert_description_t alert_for(unsigned status)
{
    if (status & GNUTLS_CERT_EXPIRED)
        return GNUTLS_A_CERTIFICATE_EXPIRED;
    if (status & GNUTLS_CERT_REVOKED)
        return GNUTLS_A_CERTIFICATE_REVOKED;
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return GNUTLS_A_UNKNOWN_CA;
    return GNUTLS_A_BAD_CERTIFICATE;
}

static int verify(struct session *s, const char *hostname, gnutls_alert_description_t *alert,
                  char **err)
{
    gnutls_datum_t text = { NULL, 0 };
    unsigned status = 0;
    int r;

    *alert = GNUTLS_A_BAD_CERTIFICATE;
    if (!vmgr__gnutls.certificate_get_peers(s->tls, NULL)) {
        *alert = GNUTLS_A_CERTIFICATE_REQUIRED;
        *err = g_strdup("the peer has sent no certificate");
        return -1;
    }
    r = vmgr__gnutls.certificate_verify_peers3(s->tls, hostname, &status);
    if (r < 0)
        return fail(err, r, "cannot verify the peer's certificate", NULL);
    if (status == 0)
        return 0;
    *alert = alert_for(status);
    vmgr__gnutls.certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
    *err = g_strdup_printf("the peer's certificate is refused%s%s: %s",
                           hostname ? " for host " : "", hostname ? hostname : "",
                           text.data ? g_strchomp((char *)text.data) : "it is not valid");
    (*vmgr__gnutls.free)(text.data);
    return -1;
}

static int subject(struct session *s, char **ret, char **err)
{
    unsigned n = 0;
    const gnutls_datum_t *certs = vmgr__gnutls.certificate_get_peers(s->tls, &n);
    gnutls_datum_t name = { NULL, 0 };
    gnutls_x509_crt_t crt;
    int r = certs && n ? vmgr__gnutls.x509_crt_init(&crt) : GNUTLS_E_NO_CERTIFICATE_FOUND;

    if (r < 0)
        return fail(err, r, "cannot read the peer's certificate", NULL);
    r = vmgr__gnutls.x509_crt_import(crt, &certs[0], GNUTLS_X509_FMT_DER);
    if (r >= 0)
        r = vmgr__gnutls.x509_crt_get_dn3(crt, &name, GNUTLS_X509_DN_FLAG_COMPAT);
    vmgr__gnutls.x509_crt_deinit(crt);
    if (r < 0)
        return fail(err, r, "cannot read the subject of the peer's certificate", NULL);
    *ret = g_strndup((const char *)name.data, name.size);
    (*vmgr__gnutls.free)(name.data);
    return 0;
}

int vmgr__tls_verify(struct vmgr__layer *layer, const char *hostname, char **ret_subject,
                     char **err)
{
    struct session *s = (struct session *)layer;
    gnutls_alert_description_t alert;
    int r;

    g_mutex_lock(&s->lock);
    r = verify(s, hostname, &alert, err);
    if (r == 0 && ret_subject)
        r = subject(s, ret_subject, err);
    if (r < 0)
        vmgr__gnutls.alert_send(s->tls, GNUTLS_AL_FATAL, alert);
    g_mutex_unlock(&s->lock);
    return r;
}

void vmgr__tls_deny(struct vmgr__layer *layer)
{
    struct session *s = (struct session *)layer;

    g_mutex_lock(&s->lock);
    vmgr__gnutls.alert_send(s->tls, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
    g_mutex_unlock(&s->lock);
}

unsigned vmgr__tls_strength(struct vmgr__layer *layer)
{
    struct session *s = (struct session *)layer;

    return (unsigned)vmgr__gnutls.cipher_get_key_size(vmgr__gnutls.cipher_get(s->tls)) * 8;
}

int vmgr__tls_read_byte(struct vmgr__layer *layer, char *ret, char **err)
{
    struct session *s = (struct session *)layer;
    ssize_t n;

    g_mutex_lock(&s->lock);
    n = vmgr__gnutls.record_recv(s->tls, ret, 1);
    if (n == 0)
        n = GNUTLS_E_PREMATURE_TERMINATION;
    if (n < 0 && vmgr__gnutls.error_is_fatal((int)n))
        session_fail(s, (int)n, "not accepted by the server", err);
    g_mutex_unlock(&s->lock);
    if (n > 0)
        return 1;
    return vmgr__gnutls.error_is_fatal((int)n) ? -1 : 0;
}
