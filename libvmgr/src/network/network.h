/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks of this host: bridges, addresses, rules, a server for DHCP and DNS, and their state in a
 * directory that callers share.
 *
 * Theory of operation. As with guests (driver/vemu/vemu.h) there is no daemon: every caller reads
 * and writes the same files, under one lock for all networks.
 *
 *   CONFIG/networks/NAME.xml             what the next start uses
 *   CONFIG/networks-autostart/NAME.xml   a symbolic link to it: start at boot
 *   RUN/networks/NAME.xml                the status of a run
 *   RUN/networks/NAME.d/                 its files: rules.nft, dnsmasq.conf, hosts, addnhosts,
 *                                        leases, pid
 *
 * A start writes the status with phase "changing" and everything it is about to make (the bridge's
 * name and address) before it makes any of it, and "active" when all is there. A caller may die at
 * any instruction: whoever next takes the lock and finds a phase that is not "active" takes away
 * what that status names (state.c). A bridge is believed to be ours only with its MAC address, a
 * server only with its configuration file on its command line.
 *
 * A status of another boot of the host counts for nothing.
 */
#ifndef VMGR_SRC_NETWORK_NETWORK_H
#define VMGR_SRC_NETWORK_NETWORK_H

#include "../conf/bandwidth.h"
#include "../driver/network.h"
#include "../driver/vemu/vemu.h"

#define hostnet_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_NETWORK, __VA_ARGS__)

/* ---- state.c ---- */
char *vmgr__hostnet_run_path(const struct vemu *d, const char *name, const char *file);
char *vmgr__hostnet_config_path(const struct vemu *d, const char *name);
/* Everything the directory knows, struct vmgr__netobj *, and brings to a rest what a dead caller
 * left, unless the connection is read-only or another caller is at it. For g_ptr_array_unref(). */
GPtrArray *vmgr__hostnet_load(struct vemu *d);
/* The same with the lock held. */
GPtrArray *vmgr__hostnet_load_locked(struct vemu *d);
int vmgr__hostnet_lock(struct vemu *d, struct vmgr_error **err);
int vmgr__hostnet_save_config(const struct vemu *d, const struct vmgr__network_def *def,
                              struct vmgr_error **err);
int vmgr__hostnet_save_status(const struct vemu *d, const struct vmgr__network_def *def,
                              bool active, struct vmgr_error **err);
/* Removes the directory of a run. */
void vmgr__hostnet_forget(const struct vemu *d, const char *name);

/* ---- lifecycle.c; the lock is held ---- */
/* This process has CAP_NET_ADMIN. No lock. */
bool vmgr__hostnet_is_admin(void);
/* Fails if the definition asks for what cannot be had here. */
int vmgr__hostnet_check(const struct vmgr__network_def *def, struct vmgr_error **err);
/* Gives it a bridge name and a MAC address where it has none; bridges of `list` are taken. */
int vmgr__hostnet_complete(struct vmgr__network_def *def, const GPtrArray *list,
                           struct vmgr_error **err);
/* On failure nothing is left. */
int vmgr__hostnet_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err);
/* Takes all of it away; what is not there is fine. On failure rules are left, and the run's files
 * must stay: the next caller that looks tries again. */
int vmgr__hostnet_down(struct vemu *d, const struct vmgr__network_def *def,
                       struct vmgr_error **err);
/* Makes a run follow its changed definition. */
int vmgr__hostnet_refresh(struct vemu *d, const struct vmgr__network_def *before,
                          const struct vmgr__network_def *def, struct vmgr_error **err);

/* ---- link.c: by rtnetlink ---- */
bool vmgr__link_exists(const char *name);
/* A bridge with the definition's addresses and routes, up. */
int vmgr__bridge_make(const struct vmgr__network_def *def, struct vmgr_error **err);
/* Removes it if it has the definition's MAC address. */
void vmgr__bridge_remove(const struct vmgr__network_def *def);
/* Fails if the host has a route to one of the definition's subnets. */
int vmgr__bridge_check_free(const struct vmgr__network_def *def, struct vmgr_error **err);
/* Puts an interface on a bridge and sets it up, with a MAC address and an MTU; 0: the bridge's. */
int vmgr__link_join(const char *name, const char *bridge, const uint8_t mac[6], uint32_t mtu,
                    struct vmgr_error **err);
/* Whether an interface on a bridge reaches only those of it that are not isolated. */
int vmgr__link_isolate(const char *name, bool isolated, struct vmgr_error **err);
/* Sets an interface up. mac may be NULL; mtu 0: as it is. */
int vmgr__link_up(const char *name, const uint8_t *mac, uint32_t mtu, struct vmgr_error **err);

/* ---- limit.c: by rtnetlink ---- */
/* Gives a guest's interface, or a bridge, the limits, in place of those it has. None: takes them
 * away. */
int vmgr__link_limit(const char *name, const struct vmgr__bandwidth *b, struct vmgr_error **err);

/* ---- tap.c ---- */
#define VMGR__TAP_QUEUES 16 /* what the emulator's card has */
struct vmgr__tap {
    const uint8_t *owner;  /* the guest's UUID */
    const char *network;   /* of a network, or NULL: of the bridge */
    const char *portgroup; /* of the network; NULL: the default one, if any */
    char *bridge;          /* wanted, or where the network led; NULL without network: on none */
    struct vmgr__bandwidth bandwidth; /* in: what there is; the port group's if there is none */
    GPtrArray *pool; /* char *: wanted, or where the network led: over one of these interfaces of
                        the host, as a macvtap; NULL: a tap */
    char *mode;      /* of the macvtap, of vmgr__direct_modes */
    char *dev;       /* the one of the pool that it is over */
    char *name;      /* wanted, or NULL: the first free "vnetN", "macvtapN"; then the interface's */
    uint8_t mac[6];      /* of the guest */
    bool foreign;        /* somebody else's: it must be there, and stays, as it is; on no bridge */
    int isolated;        /* tristate, of its bridge's port; 0: as the network has it */
    uint32_t mtu;        /* 0: the bridge's, that of what it is over */
    unsigned queues;     /* wanted; at most VMGR__TAP_QUEUES */
    /* one a queue, which keep a tap there; close-on-exec, 3 or above; -1: none */
    int fds[VMGR__TAP_QUEUES];
};
/* Makes an interface and puts it on its bridge. A tap goes with the last descriptor of it, a
 * macvtap by vmgr__direct_forget(). */
int vmgr__tap_open(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err);
void vmgr__tap_close_queues(struct vmgr__tap *tap);
/* One more queue of the interface of its name, which is made, or must be there unless this process
 * may make it. A descriptor, or -1; sets its name. */
int vmgr__tap_open_queue(struct vmgr__tap *tap, bool make, struct vmgr_error **err);
/* adopt.c: opens a foreign one. */
int vmgr__tap_adopt(struct vmgr__tap *tap, struct vmgr_error **err);
/* Takes away again what was opened. */
void vmgr__tap_close(const struct vemu *d, struct vmgr__tap *tap);
/* What a port group (NULL: the default one, if any) gives to who has no limits of its own. */
int vmgr__portgroup_limits(const struct vmgr__network_def *def, const char *name,
                           struct vmgr__bandwidth *b, struct vmgr_error **err);
/* Puts one that is there (name; dev, if it is over that) where its network or bridge is, and limits
 * it anew. What is right on an interface of the host stays there. */
int vmgr__tap_move(struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err);

/* ---- sysctl.c ---- */
/* What forwarding and the bridge need. */
int vmgr__hostnet_sysctls(const struct vmgr__network_def *def, struct vmgr_error **err);

/* ---- firewall.c ---- */
/* The table as nft reads it; NULL: it needs none. For g_free(). */
char *vmgr__firewall_script(const struct vmgr__network_def *def);
int vmgr__firewall_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err);
/* No rules are fine. Fails when nft does, or is not there. */
int vmgr__firewall_down(struct vemu *d, const struct vmgr__network_def *def,
                        struct vmgr_error **err);

/* ---- dnsmasq.c ---- */
struct vmgr__dnsmasq_files {
    char *conf;  /* NULL: no server is needed */
    char *hosts; /* DHCP */
    char *names; /* DNS */
};
void vmgr__dnsmasq_files_clear(struct vmgr__dnsmasq_files *f);
/* dir: where its files are. Fails on what its files cannot say. */
int vmgr__dnsmasq_format(const struct vmgr__network_def *def, const char *dir,
                         struct vmgr__dnsmasq_files *ret, struct vmgr_error **err);
int vmgr__dnsmasq_up(struct vemu *d, const struct vmgr__network_def *def, struct vmgr_error **err);
void vmgr__dnsmasq_down(struct vemu *d, const char *name);
/* Writes the files again and lets the server read them, or starts it again when its own
 * configuration changed or it is gone. */
int vmgr__dnsmasq_refresh(struct vemu *d, const struct vmgr__network_def *def,
                          struct vmgr_error **err);
/* It should run and does not. */
bool vmgr__dnsmasq_is_missing(struct vemu *d, const struct vmgr__network_def *def);

/* ---- leases.c ---- */
int vmgr__hostnet_leases(struct vemu *d, const struct vmgr__network_def *def, const char *mac,
                         GPtrArray *ret, struct vmgr_error **err);
/* Reads a line of a lease file: a lease, NULL: none. Exported for tests. */
struct vmgr_network_dhcp_lease *vmgr__lease_parse(const char *line,
                                                  const struct vmgr__network_def *def);

/* ---- program.c ---- */
/* Runs a system program to its end. package: where it comes from. Its last words are in *err. */
int vmgr__program_run(const char *const *argv, const char *package, struct vmgr_error **err);
/* The same for one that goes to the background when it is ready, as this user (0 and 0: the
 * caller's) and with this descriptor. */
int vmgr__daemon_run(const char *const *argv, const char *package, uid_t uid, gid_t gid, int fd,
                     struct vmgr_error **err);
/* Runs the script of a guest's interface, whose name is its argument, with no capability but
 * CAP_NET_ADMIN. NULL: there is none. */
int vmgr__script_run(const char *path, const char *interface, struct vmgr_error **err);

/* ---- watch.c ---- */
int vmgr__hostnet_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
/* Emits what changed since the last look. */
void vmgr__hostnet_poll_events(struct vmgr_conn *conn);
void vmgr__hostnet_watch_fini(struct vemu *d);

#endif
