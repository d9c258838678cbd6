/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GnuTLS, loaded when the first connection wants it.
 *
 * It and what it needs are ten of the thirty-five libraries that a program with libvmgr had to map
 * and relocate, almost a third of the time until a shell's command begins; most connections are to
 * a socket of this host.
 */
#ifndef VMGR_RPC_TLS_LIBRARY_H
#define VMGR_RPC_TLS_LIBRARY_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* What is used of it: gnutls_NAME. `free` is a variable of the library, that holds a function. */
#define VMGR__GNUTLS(X)                                                                            \
    X(alert_get) X(alert_get_name) X(alert_send)                                                   \
    X(certificate_allocate_credentials) X(certificate_free_credentials)                            \
    X(certificate_get_peers) X(certificate_server_set_request)                                     \
    X(certificate_set_known_dh_params) X(certificate_set_x509_crl_file)                            \
    X(certificate_set_x509_key_file) X(certificate_set_x509_trust_file)                            \
    X(certificate_verification_status_print) X(certificate_verify_peers3)                          \
    X(cipher_get) X(cipher_get_key_size) X(credentials_set) X(deinit) X(error_is_fatal) X(free)    \
    X(handshake) X(init) X(priority_deinit) X(priority_init) X(priority_set)                       \
    X(record_check_pending) X(record_get_direction) X(record_recv) X(record_send)                  \
    X(server_name_set) X(strerror) X(transport_set_int2)                                           \
    X(x509_crt_deinit) X(x509_crt_get_dn3) X(x509_crt_import) X(x509_crt_init)

#define VMGR__GNUTLS_MEMBER(name) __typeof__(gnutls_##name) *name;
struct vmgr__gnutls {
    VMGR__GNUTLS(VMGR__GNUTLS_MEMBER)
};
/* Constant once vmgr__gnutls_load() has returned true. */
extern struct vmgr__gnutls vmgr__gnutls;

/* Any thread. False and a sentence in *err, for g_free(), when there is no such library. */
bool vmgr__gnutls_load(char **err);

#endif
