/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS for a connection to a daemon. Certificates are where libvirt's clients have theirs: in the
 * directory that the URI names (pkipath), in the user's, or the host's.
 *
 * After the handshake the server sends one byte when it has accepted the client's certificate.
 */
#include "../../rpc/tls.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "remote.h"

#define HANDSHAKE_SECONDS 30

struct paths {
    char *ca, *cert, *key;
};

static void paths_clear(struct paths *p)
{
    g_free(p->ca);
    g_free(p->cert);
    g_free(p->key);
}

static void in_one_directory(struct paths *p, const char *dir)
{
    p->ca = g_build_filename(dir, "cacert.pem", NULL);
    p->cert = g_build_filename(dir, "clientcert.pem", NULL);
    p->key = g_build_filename(dir, "clientkey.pem", NULL);
}

static void find_paths(const struct vmgr__remote_uri *u, struct paths *p)
{
    g_autofree char *own = g_build_filename(g_get_home_dir(), ".pki", "libvirt", NULL);

    if (u->pkipath) {
        in_one_directory(p, u->pkipath);
    } else {
        in_one_directory(p, own);
        if (geteuid() != 0 && access(p->ca, R_OK) == 0 && access(p->cert, R_OK) == 0)
            return;
        paths_clear(p);
        p->ca = g_strdup("/etc/pki/CA/cacert.pem");
        p->cert = g_strdup("/etc/pki/libvirt/clientcert.pem");
        p->key = g_strdup("/etc/pki/libvirt/private/clientkey.pem");
    }
}

static struct vmgr__tls_context *load(const struct vmgr__remote_uri *u, char **err)
{
    struct paths p = { NULL, NULL, NULL };
    struct vmgr__tls_files files = { .priority = u->tls_priority };
    struct vmgr__tls_context *context;

    find_paths(u, &p);
    files.ca = p.ca;
    /* A server may do without the client's. */
    if (access(p.cert, F_OK) == 0 || access(p.key, F_OK) == 0) {
        files.cert = p.cert;
        files.key = p.key;
    }
    context = vmgr__tls_context_new(&files, err);
    paths_clear(&p);
    return context;
}

/* False: too late. */
static bool wait_for(int fd, short events, int64_t deadline_us)
{
    struct pollfd p = { .fd = fd, .events = events };
    const int64_t left_us = deadline_us - g_get_monotonic_time();

    return left_us > 0 && (poll(&p, 1, (int)(left_us / 1000 + 1)) != 0);
}

static int begin(struct vmgr__remote *r, struct vmgr__layer *layer, const char *host, char **why)
{
    const int64_t deadline_us = g_get_monotonic_time() + HANDSHAKE_SECONDS * G_USEC_PER_SEC;
    bool want_write = false;
    char byte = 0;
    int done;

    while ((done = vmgr__tls_handshake(layer, &want_write, why)) == 0) {
        if (!wait_for(r->fd, want_write ? POLLOUT : POLLIN, deadline_us)) {
            *why = g_strdup("the server does not answer the TLS handshake");
            return -1;
        }
    }
    if (done < 0 || (!r->uri.no_verify && vmgr__tls_verify(layer, host, NULL, why) < 0))
        return -1;
    while ((done = vmgr__tls_read_byte(layer, &byte, why)) == 0) {
        if (!wait_for(r->fd, POLLIN, deadline_us)) {
            *why = g_strdup("the server does not say whether it accepts the client");
            return -1;
        }
    }
    if (done > 0 && byte != 1)
        *why = g_strdup("the server does not accept the client");
    return done > 0 && byte == 1 ? 0 : -1;
}

int vmgr__remote_tls(struct vmgr__remote *r, struct vmgr_error **err)
{
    const char *host = r->uri.tls_hostname ? r->uri.tls_hostname : r->uri.host;
    g_autofree char *why = NULL;
    struct vmgr__tls_context *context = load(&r->uri, &why);
    struct vmgr__layer *layer = context ? vmgr__tls_new(context, r->fd, host, &why) : NULL;
    const int result = layer ? begin(r, layer, host, &why) : -1;

    vmgr__tls_context_unref(context);
    if (result < 0) {
        vmgr__layer_free(layer);
        return vmgr__error_set_plain(err, VMGR_ERR_GNUTLS_ERROR, VMGR_FROM_RPC, why);
    }
    r->layer = layer;
    return 0;
}
