/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver does with the agent of a guest.
 */
#ifndef VMGR_SRC_DRIVER_AGENT_H
#define VMGR_SRC_DRIVER_AGENT_H

#include <vmgr/agent.h>

#include "driver.h"

/* The rules of struct vmgr__driver apply; arguments are those of the public calls. */
struct vmgr__agent_ops {
    int (*command)(struct vmgr_domain *dom, const char *command, int timeout_s, char **ret,
                   struct vmgr_error **err);
    int (*set_timeout)(struct vmgr_domain *dom, int timeout_s, struct vmgr_error **err);
    /* How many. */
    int (*freeze)(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                  struct vmgr_error **err);
    int (*thaw)(struct vmgr_domain *dom, const char *const *mountpoints, uint32_t count,
                struct vmgr_error **err);
    int (*trim)(struct vmgr_domain *dom, const char *mountpoint, uint64_t minimum,
                struct vmgr_error **err);
    /* Adds what vmgr__fs_info_new() makes. */
    int (*get_fs_info)(struct vmgr_domain *dom, GPtrArray *ret, struct vmgr_error **err);
    int (*get_time)(struct vmgr_domain *dom, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                    struct vmgr_error **err);
    int (*set_time)(struct vmgr_domain *dom, int64_t seconds, uint32_t nanoseconds, uint32_t flags,
                    struct vmgr_error **err);
    int (*get_hostname)(struct vmgr_domain *dom, uint32_t flags, char **ret,
                        struct vmgr_error **err);
    /* Add struct vmgr_stat (stats.h). */
    int (*get_info)(struct vmgr_domain *dom, uint32_t types, GArray *ret, struct vmgr_error **err);
    int (*get_vcpus)(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err);
    int (*set_vcpus)(struct vmgr_domain *dom, const char *cpus, bool on, struct vmgr_error **err);
    int (*set_password)(struct vmgr_domain *dom, const char *user, const char *password,
                        uint32_t flags, struct vmgr_error **err);
    int (*get_keys)(struct vmgr_domain *dom, const char *user, GPtrArray *ret,
                    struct vmgr_error **err);
    int (*set_keys)(struct vmgr_domain *dom, const char *user, const char *const *keys,
                    uint32_t count, uint32_t flags, struct vmgr_error **err);
};

/* ---- api/agent.c ---- */
/* Copies; devices ends with NULL. */
struct vmgr_fs_info *vmgr__fs_info_new(const char *mountpoint, const char *name, const char *type,
                                       const char *const *devices);
void vmgr__fs_info_free(void *info);

#endif
