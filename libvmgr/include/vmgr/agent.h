/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest agent: what the guest's own programs tell and do.
 *
 * qemu-guest-agent in the guest listens on the virtio channel `org.qemu.guest_agent.0` of its
 * definition. Nothing it says is believed: answers are bounded and checked, and a guest that does
 * not answer costs the caller that asked its time, and nobody else. Unless a function says
 * otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1. Errors also:
 * VMGR_ERR_ARGUMENT_UNSUPPORTED (the definition has no such channel), VMGR_ERR_AGENT_UNRESPONSIVE
 * (no agent listens, or it does not answer), VMGR_ERR_OPERATION_INVALID (the domain does not run),
 * VMGR_ERR_INTERNAL_ERROR (the agent refuses, in its own words; or what it says cannot be), and
 * those of domain.h.
 */
#ifndef VMGR_AGENT_H
#define VMGR_AGENT_H

#include <vmgr/domain.h>
#include <vmgr/stats.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How long to wait for an answer, where seconds are asked for. Numbers of the libvirt protocol. */
enum vmgr_agent_timeout {
    VMGR_AGENT_TIMEOUT_BLOCK = -2,   /* until the guest ends */
    VMGR_AGENT_TIMEOUT_DEFAULT = -1, /* five seconds */
    VMGR_AGENT_TIMEOUT_NOWAIT = 0,   /* not at all */
    VMGR_AGENT_TIMEOUT_MAX = 86400,
};

/**
 * vmgr_domain_agent_command() - one command of the agent's protocol, as it is
 * @command: a JSON object: {"execute": "guest-ping"}
 * @timeout_s: enum vmgr_agent_timeout, or seconds
 * @flags: none yet
 * @ret_answer: the agent's answer, to be freed with free(); NULL: there was no wait for one
 *
 * An answer that is an error of the agent's is an answer. Errors also: VMGR_ERR_INVALID_ARG
 * (timeout, or no JSON object).
 */
int vmgr_domain_agent_command(struct vmgr_domain *domain, const char *command, int timeout_s,
                              uint32_t flags, char **ret_answer, struct vmgr_error **err);
/**
 * vmgr_domain_agent_set_timeout() - how long the other functions here wait for this domain's agent
 * @timeout_s: enum vmgr_agent_timeout, or seconds; holds until the domain ends
 */
int vmgr_domain_agent_set_timeout(struct vmgr_domain *domain, int timeout_s, uint32_t flags,
                                  struct vmgr_error **err);

/**
 * vmgr_domain_fs_freeze() - stops writing to the guest's file systems
 * @mountpoints: which, @count of them; 0: all. @flags: none yet
 *
 * Returns how many were frozen, or -1 and *err.
 */
int vmgr_domain_fs_freeze(struct vmgr_domain *domain, const char *const *mountpoints,
                          uint32_t count, uint32_t flags, struct vmgr_error **err);
/** Goes on with it; agents thaw all that are frozen. Returns how many, or -1 and *err. */
int vmgr_domain_fs_thaw(struct vmgr_domain *domain, const char *const *mountpoints, uint32_t count,
                        uint32_t flags, struct vmgr_error **err);
/** Tells the host which blocks are unused, in free ranges of at least `minimum` bytes. mountpoint:
 * NULL, agents cannot choose. */
int vmgr_domain_fs_trim(struct vmgr_domain *domain, const char *mountpoint, uint64_t minimum,
                        uint32_t flags, struct vmgr_error **err);

/** struct vmgr_fs_info - a mounted file system; @devices: targets of the disks it is on, ends with
 * NULL */
struct vmgr_fs_info {
    const char *mountpoint;
    const char *name; /* the device's, in the guest */
    const char *type; /* "ext4" */
    const char *const *devices;
};
/** The guest's file systems: an array that ends with NULL, for vmgr_fs_infos_free(). Returns how
 * many, or -1 and *err. */
int vmgr_domain_get_fs_info(struct vmgr_domain *domain, uint32_t flags,
                            struct vmgr_fs_info ***ret_infos, struct vmgr_error **err);
/** NULL is fine. Returns NULL. Since 0.1 */
struct vmgr_fs_info **vmgr_fs_infos_free(struct vmgr_fs_info **infos);

/** The guest's clock, since 1970, UTC. */
int vmgr_domain_get_time(struct vmgr_domain *domain, uint32_t flags, int64_t *ret_seconds,
                         uint32_t *ret_nanoseconds, struct vmgr_error **err);
#define VMGR_DOMAIN_TIME_SYNC (1u << 0) /* from its real-time clock, not from the arguments */
int vmgr_domain_set_time(struct vmgr_domain *domain, int64_t seconds, uint32_t nanoseconds,
                         uint32_t flags, struct vmgr_error **err);

/* Where a name comes from. */
#define VMGR_DOMAIN_HOSTNAME_LEASE (1u << 0)
#define VMGR_DOMAIN_HOSTNAME_AGENT (1u << 1)
/** The guest's name for itself; to be freed with free(). Errors also: VMGR_ERR_NO_HOSTNAME. */
int vmgr_domain_get_hostname(struct vmgr_domain *domain, uint32_t flags, char **ret_hostname,
                             struct vmgr_error **err);

/* What vmgr_domain_get_guest_info() tells. Numbers of the libvirt protocol. */
#define VMGR_GUEST_INFO_USERS      (1u << 0) /* "user.count", "user.N.name" ... */
#define VMGR_GUEST_INFO_OS         (1u << 1) /* "os.id", "os.name" ... */
#define VMGR_GUEST_INFO_TIMEZONE   (1u << 2) /* "timezone.name", "timezone.offset" in seconds */
#define VMGR_GUEST_INFO_HOSTNAME   (1u << 3) /* "hostname" */
#define VMGR_GUEST_INFO_FILESYSTEM (1u << 4) /* "fs.count", "fs.N.mountpoint" ... */
#define VMGR_GUEST_INFO_DISKS      (1u << 5) /* "disk.count", "disk.N.name" ... */
#define VMGR_GUEST_INFO_INTERFACES (1u << 6) /* "if.count", "if.N.name", "if.N.addr.M.addr" ... */
/**
 * vmgr_domain_get_guest_info() - what the guest tells about itself
 * @types: VMGR_GUEST_INFO_*; 0: all that its agent can. Those asked for by name must be there
 * @ret_info: as vmgr_domain_get_stats()
 *
 * Returns how many values, or -1 and *err.
 */
int vmgr_domain_get_guest_info(struct vmgr_domain *domain, uint32_t types, uint32_t flags,
                               struct vmgr_stat **ret_info, struct vmgr_error **err);

/** The vCPUs as the guest sees them: "vcpus", "online" and "offlinable", lists as "0-3,5". As
 * vmgr_domain_get_stats(). Returns how many values, or -1 and *err. */
int vmgr_domain_get_guest_vcpus(struct vmgr_domain *domain, uint32_t flags,
                                struct vmgr_stat **ret_info, struct vmgr_error **err);
/** Lets the guest use some of its vCPUs (`on` not 0), or not use them. cpus: "0-3,5". Errors also:
 * VMGR_ERR_INVALID_ARG (a list that is none, or names vCPUs the guest has not). */
int vmgr_domain_set_guest_vcpus(struct vmgr_domain *domain, const char *cpus, int on,
                                uint32_t flags, struct vmgr_error **err);

#define VMGR_DOMAIN_PASSWORD_ENCRYPTED (1u << 0) /* as the guest stores it */
int vmgr_domain_set_user_password(struct vmgr_domain *domain, const char *user,
                                  const char *password, uint32_t flags, struct vmgr_error **err);

/** A user's authorized SSH keys: ends with NULL, for vmgr_strings_free(). Returns how many, or -1
 * and *err. */
int vmgr_domain_get_ssh_keys(struct vmgr_domain *domain, const char *user, uint32_t flags,
                             char ***ret_keys, struct vmgr_error **err);
#define VMGR_DOMAIN_SSH_KEYS_APPEND (1u << 0) /* rather than replace those that are there */
#define VMGR_DOMAIN_SSH_KEYS_REMOVE (1u << 1)
int vmgr_domain_set_ssh_keys(struct vmgr_domain *domain, const char *user, const char *const *keys,
                             uint32_t count, uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
