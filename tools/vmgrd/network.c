/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients over the network: certificates, who may come in, and ports.
 *
 * Files are where libvirtd has them unless the configuration says otherwise, so that a host's
 * certificates serve either.
 */
#include "vmgrd.h"

int network_set(struct vmgr__server *s, const struct config *c, char **err)
{
    const struct vmgr__server_tls tls = {
        .ca = c->ca_file ? c->ca_file : "/etc/pki/CA/cacert.pem",
        .cert = c->cert_file ? c->cert_file : "/etc/pki/libvirt/servercert.pem",
        .key = c->key_file ? c->key_file : "/etc/pki/libvirt/private/serverkey.pem",
        .crl = c->crl_file,
        .priority = c->tls_priority,
    };

    vmgr__server_set_access(s, &c->access);
    return c->listen_tls ? vmgr__server_set_tls(s, &tls, err) : 0;
}

int network_listen(struct vmgr__server *s, const struct config *c, char **err)
{
    if (c->listen_tls && vmgr__server_listen_net(s, c->listen_addr, c->tls_port, true, err) < 0)
        return -1;
    return c->listen_tcp ? vmgr__server_listen_net(s, c->listen_addr, c->tcp_port, false, err) : 0;
}
