/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vemu-tls: TLS for one connection.
 *
 * Started by libvemu for NBD over TLS. Descriptor 3 is the connection, on which the handshake is
 * done; descriptor 0 a socket with what is inside, in clear. Descriptor 2 takes the reason why it
 * cannot start, or "ready" when the handshake is done. When either socket ends, the program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <gnutls/gnutls.h>

#include "sandbox.h"

#define PLAIN_FD     0
#define NETWORK_FD   3
#define HANDSHAKE_MS 9000u
#define BUFFER_SIZE  (64u << 10)

struct config {
    bool server, verify_peer;
    const char *creds;    /* "": the host's authorities */
    const char *hostname; /* NULL: the certificate may be for anything */
};

struct buffer {
    size_t from, to;
    unsigned char bytes[BUFFER_SIZE];
};

static struct buffer to_network, to_plain;

void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void check(int r, const char *what)
{
    if (r < 0)
        die("%s: %s", what, gnutls_strerror(r));
}

/* --- credentials ------------------------------------------------------------------------------ */

static const char *file_of(const struct config *config, const char *name)
{
    static char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", config->creds, name) >= (int)sizeof(path))
        die("the path of the credentials is too long");
    return path;
}

static void load_key(const struct config *config, gnutls_certificate_credentials_t creds)
{
    char certificate[4096];
    const char *name = config->server ? "server-cert.pem" : "client-cert.pem";
    snprintf(certificate, sizeof(certificate), "%s", file_of(config, name));
    if (!config->server && access(certificate, F_OK) < 0)
        return; /* a client may do without */
    const char *key = file_of(config, config->server ? "server-key.pem" : "client-key.pem");
    check(gnutls_certificate_set_x509_key_file(creds, certificate, key, GNUTLS_X509_FMT_PEM),
          certificate);
}

static gnutls_certificate_credentials_t load(const struct config *config)
{
    gnutls_certificate_credentials_t creds;
    check(gnutls_certificate_allocate_credentials(&creds), "credentials");
    if (!config->creds[0]) {
        if (config->server || !config->hostname)
            die("there are no credentials (a directory, or for a client a host name)");
        check(gnutls_certificate_set_x509_system_trust(creds), "certificate authorities");
        return creds;
    }
    const char *authority = file_of(config, "ca-cert.pem");
    check(gnutls_certificate_set_x509_trust_file(creds, authority, GNUTLS_X509_FMT_PEM), authority);
    const char *revoked = file_of(config, "ca-crl.pem");
    if (access(revoked, F_OK) == 0)
        check(gnutls_certificate_set_x509_crl_file(creds, revoked, GNUTLS_X509_FMT_PEM), revoked);
    load_key(config, creds);
    return creds;
}

/* --- handshake -------------------------------------------------------------------------------- */

static void set_peer(const struct config *config, gnutls_session_t session)
{
    struct in6_addr address;
    const char *name = config->hostname;
    if (config->server) {
        gnutls_certificate_server_set_request(session, config->verify_peer ? GNUTLS_CERT_REQUIRE
                                                                           : GNUTLS_CERT_IGNORE);
        if (config->verify_peer)
            gnutls_session_set_verify_cert(session, NULL, 0);
        return;
    }
    gnutls_session_set_verify_cert(session, name, 0);
    if (name && inet_pton(AF_INET, name, &address) != 1 && inet_pton(AF_INET6, name, &address) != 1)
        check(gnutls_server_name_set(session, GNUTLS_NAME_DNS, name, strlen(name)), "host name");
}

static void die_of_handshake(gnutls_session_t session, int r)
{
    gnutls_datum_t text;
    unsigned status = gnutls_session_get_verify_cert_status(session);
    if (r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(status, gnutls_certificate_type_get(session),
                                                     &text, 0) >= 0)
        die("the peer's certificate: %s", (const char *)text.data);
    if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
        die("the peer refuses: %s", gnutls_alert_get_name(gnutls_alert_get(session)));
    die("handshake: %s", gnutls_strerror(r));
}

static gnutls_session_t shake_hands(const struct config *config,
                                    gnutls_certificate_credentials_t creds)
{
    gnutls_session_t session;
    int r;
    check(gnutls_init(&session, (config->server ? GNUTLS_SERVER : GNUTLS_CLIENT)), "session");
    check(gnutls_set_default_priority(session), "priorities");
    check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, creds), "credentials");
    set_peer(config, session);
    gnutls_transport_set_int(session, NETWORK_FD);
    gnutls_handshake_set_timeout(session, HANDSHAKE_MS);
    do
        r = gnutls_handshake(session);
    while (r < 0 && !gnutls_error_is_fatal(r));
    if (r < 0)
        die_of_handshake(session, r);
    return session;
}

/* --- passing on ------------------------------------------------------------------------------- */

static bool empty(const struct buffer *buffer)
{
    return buffer->from == buffer->to;
}

static bool again(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool again_tls(ssize_t n)
{
    return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
}

/* These return false when their source or their target has ended. */
static bool read_plain(void)
{
    if (!empty(&to_network))
        return true;
    ssize_t n = read(PLAIN_FD, to_network.bytes, BUFFER_SIZE);
    if (again(n))
        return true;
    if (n <= 0)
        return false;
    to_network.from = 0;
    to_network.to = (size_t)n;
    return true;
}

static bool send_network(gnutls_session_t session)
{
    while (!empty(&to_network)) {
        ssize_t n = gnutls_record_send(session, to_network.bytes + to_network.from,
                                       to_network.to - to_network.from);
        if (again_tls(n))
            return true;
        if (n < 0)
            return false;
        to_network.from += (size_t)n;
    }
    return true;
}

static bool read_network(gnutls_session_t session)
{
    if (!empty(&to_plain))
        return true;
    ssize_t n;
    do
        n = gnutls_record_recv(session, to_plain.bytes, BUFFER_SIZE);
    while (n < 0 && !again_tls(n) && !gnutls_error_is_fatal((int)n));
    if (again_tls(n))
        return true;
    if (n <= 0)
        return false;
    to_plain.from = 0;
    to_plain.to = (size_t)n;
    return true;
}

static bool write_plain(void)
{
    while (!empty(&to_plain)) {
        ssize_t n = send(PLAIN_FD, to_plain.bytes + to_plain.from, to_plain.to - to_plain.from,
                         MSG_NOSIGNAL);
        if (again(n))
            return true;
        if (n < 0)
            return false;
        to_plain.from += (size_t)n;
    }
    return true;
}

static void wait_for_more(gnutls_session_t session, bool plain_open)
{
    struct pollfd fds[] = {
        { plain_open ? PLAIN_FD : -1,
          (short)((empty(&to_network) ? POLLIN : 0) | (empty(&to_plain) ? 0 : POLLOUT)), 0 },
        { NETWORK_FD, (short)((empty(&to_plain) ? POLLIN : 0) | (empty(&to_network) ? 0 : POLLOUT)),
          0 },
    };
    if (empty(&to_plain) && gnutls_record_check_pending(session))
        return;
    if (poll(fds, 2, -1) < 0 && errno != EINTR)
        exit(1);
}

static void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void pass_on(gnutls_session_t session)
{
    bool going = true, plain_open = true;
    set_nonblocking(PLAIN_FD);
    set_nonblocking(NETWORK_FD);
    while (going) {
        wait_for_more(session, plain_open);
        if (plain_open)
            plain_open = read_plain();
        /* the last words still go out */
        going = send_network(session) && (plain_open || !empty(&to_network));
        if (plain_open)
            going = going && read_network(session);
        if (plain_open && !write_plain())
            going = false;
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

/* --- starting --------------------------------------------------------------------------------- */

static bool parse_switch(const char *name, const char *text)
{
    if (strcmp(text, "on") && strcmp(text, "off"))
        die("%s: '%s' is neither on nor off", name, text);
    return !strcmp(text, "on");
}

static void parse(struct config *config, int argc, char **argv)
{
    bool role = false;
    for (int i = 1; i < argc; i++) {
        char *name = argv[i], *value = strchr(name, '=');
        if (!value)
            die("'%s' is not name=value", name);
        *value++ = '\0';
        if (!strcmp(name, "role") && (!strcmp(value, "server") || !strcmp(value, "client"))) {
            config->server = !strcmp(value, "server");
            role = true;
        } else if (!strcmp(name, "creds")) {
            config->creds = value;
        } else if (!strcmp(name, "hostname")) {
            config->hostname = value;
        } else if (!strcmp(name, "verify-peer")) {
            config->verify_peer = parse_switch(name, value);
        } else {
            die("'%s=%s' is not known", name, value);
        }
    }
    if (!role)
        die("role=server or role=client is missing");
}

int main(int argc, char **argv)
{
    struct config config = { .creds = "" };
    int type;
    socklen_t length = sizeof(type);
    if (getsockopt(PLAIN_FD, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM ||
        getsockopt(NETWORK_FD, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM)
        die("vemu-tls is started by vemu; descriptors 0 and 3 are no stream sockets");
    signal(SIGPIPE, SIG_IGN);
    parse(&config, argc, argv);
    gnutls_certificate_credentials_t creds = load(&config);
    sandbox_enter();
    gnutls_session_t session = shake_hands(&config, creds);
    if (write(2, "ready\n", 6) != 6)
        return 1;
    pass_on(session);
    return 0;
}
