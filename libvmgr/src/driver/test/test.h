/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The test driver: a hypervisor in memory.
 *
 * Each connection to test:///default is a host of its own, with one running domain to begin with.
 * It behaves like a real one: the same states, reasons, events and refusals, but nothing runs.
 * Figures of its host are made up and fixed. One lock protects all; every operation is short.
 */
#ifndef VMGR_SRC_DRIVER_TEST_TEST_H
#define VMGR_SRC_DRIVER_TEST_TEST_H

#include "../domobj.h"

struct test {
    GMutex lock;
    struct vmgr__domlist list;
    int next_id;
    GPtrArray *networks; /* struct vmgr__netobj * */
    GPtrArray *pools; /* storage.c */
    GPtrArray *nodedevs; /* nodedev.c */
    GPtrArray *interfaces, *interfaces_begun; /* interface.c; the latter NULL: no changes began */
};

extern const struct vmgr__conf_defaults vmgr__test_defaults;

/* ---- driver.c ---- */
/* A life-cycle event. */
void vmgr__test_emit(struct vmgr_conn *conn, const struct vmgr__domobj *obj, int type, int detail);
/* Locks the driver and finds the domain; on failure it is unlocked again. */
struct vmgr__domobj *vmgr__test_enter(struct vmgr_domain *dom, struct test **ret_test,
                                      struct vmgr_error **err);
/* Unlocks. Returns r. */
int vmgr__test_leave(struct test *t, int r);

/* ---- lifecycle.c ---- */
/* Powers the guest on. Called with the lock. */
int vmgr__test_begin(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj,
                     uint32_t flags, struct vmgr_error **err);
/* It does not run any more. reason: VMGR_DOMAIN_SHUTOFF_*, detail: of the event. */
void vmgr__test_end(struct test *t, struct vmgr_conn *conn, struct vmgr__domobj *obj, int reason,
                    int detail);
int vmgr__test_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_reset(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_suspend(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_resume(struct vmgr_domain *dom, struct vmgr_error **err);

/* ---- define.c ---- */
int vmgr__test_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__test_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__test_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_rename(struct vmgr_domain *dom, const char *name, struct vmgr_error **err);

/* ---- storage.c ---- */
void vmgr__test_storage_init(struct test *t);
void vmgr__test_storage_fini(struct test *t);

/* ---- domain.c ---- */
int vmgr__test_lookup(struct vmgr_conn *conn, int id, const uint8_t *uuid, const char *name,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__test_list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret,
                    struct vmgr_error **err);
int vmgr__test_get_state(struct vmgr_domain *dom, int *ret_state, int *ret_reason,
                         struct vmgr_error **err);
int vmgr__test_get_info(struct vmgr_domain *dom, struct vmgr_domain_info *ret,
                        struct vmgr_error **err);
int vmgr__test_get_id(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_is_persistent(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_is_updated(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_has_managed_save(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_get_os_type(struct vmgr_domain *dom, char **ret, struct vmgr_error **err);
int vmgr__test_get_vcpus(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__test_get_autostart(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__test_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err);
int vmgr__test_get_security_label(struct vmgr_domain *dom, struct vmgr_security_label *ret,
                                  struct vmgr_error **err);
int vmgr__test_get_xml(struct vmgr_domain *dom, uint32_t flags, char **ret,
                       struct vmgr_error **err);
int vmgr__test_get_messages(struct vmgr_domain *dom, uint32_t flags, GPtrArray *ret,
                            struct vmgr_error **err);
int vmgr__test_get_metadata(struct vmgr_domain *dom, int type, const char *uri, uint32_t flags,
                            char **ret, struct vmgr_error **err);
int vmgr__test_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                            const char *uri, uint32_t flags, struct vmgr_error **err);

/* ---- agent.c ---- */
extern const struct vmgr__agent_ops vmgr__test_agent;

/* ---- network.c ---- */
GPtrArray *vmgr__test_networks_new(void);

/* ---- interface.c ---- */
GPtrArray *vmgr__test_interfaces_new(void);

/* ---- nodedev.c ---- */
GPtrArray *vmgr__test_nodedevs_new(void);

/* ---- size.c ---- */
int vmgr__test_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                          struct vmgr_error **err);
int vmgr__test_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err);
int vmgr__test_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type, uint32_t action,
                                    uint32_t flags, struct vmgr_error **err);
int vmgr__test_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                struct vmgr_error **err);
int vmgr__test_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err);

int vmgr__test_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags, GArray *ret,
                         struct vmgr_error **err);

/* ---- console.c ---- */
int vmgr__test_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err);
int vmgr__test_open_channel(struct vmgr_domain *dom, const char *name, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err);

/* ---- host.c ---- */
int vmgr__test_get_hostname(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__test_get_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
int vmgr__test_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);
int vmgr__test_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                             struct vmgr_error **err);
int vmgr__test_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                                  struct vmgr_error **err);
int vmgr__test_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);

#endif
