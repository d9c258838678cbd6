/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models, and what a hypervisor can do with them and with everything else.
 */
#ifndef VMGR_CPU_H
#define VMGR_CPU_H

#include <vmgr/connect.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** What a comparison finds. Numbers of the libvirt protocol. */
enum vmgr_cpu_compare {
    VMGR_CPU_COMPARE_INCOMPATIBLE = 0,
    VMGR_CPU_COMPARE_IDENTICAL = 1,
    VMGR_CPU_COMPARE_SUPERSET = 2, /* the host has more */
};

/* Numbers of the libvirt protocol. */
#define VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE                                                         \
    (1u << 0)                                       /* VMGR_ERR_CPU_INCOMPATIBLE, with the reason */
#define VMGR_CPU_BASELINE_EXPAND_FEATURES (1u << 0) /* name the model's features too */
#define VMGR_CPU_BASELINE_MIGRATABLE      (1u << 1) /* leave out what does not travel */

/**
 * struct vmgr_hypervisor - which emulator is meant
 * @size: sizeof(struct vmgr_hypervisor), set by VMGR_HYPERVISOR_INIT
 * @emulator: path of the program; NULL: the one that is found
 * @arch: "x86_64"; NULL: the host's. @machine: "q35"; NULL: the default
 * @virt_type: type of domain, "kvm"; NULL: the best there is
 */
struct vmgr_hypervisor {
    uint32_t size;
    uint32_t reserved;
    const char *emulator;
    const char *arch;
    const char *machine;
    const char *virt_type;
};
#define VMGR_HYPERVISOR_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct vmgr_hypervisor)                                                     \
    }

/*
 * All of these return -1 and *err on failure: VMGR_ERR_NO_SUPPORT (the driver has none of this),
 * VMGR_ERR_INVALID_ARG (flags, an architecture, machine or type of domain that is not there),
 * VMGR_ERR_XML_ERROR (a document), VMGR_ERR_INTERNAL_ERROR (a model or feature that nobody knows).
 * hypervisor NULL: all as it is found. Context: any. Since 0.1
 */

/**
 * Capabilities of the hypervisor for domains, an XML document (libvirt's domaincaps.rng), for
 * free(). flags: 0. Returns 0.
 */
int vmgr_conn_get_domain_capabilities(struct vmgr_conn *conn,
                                      const struct vmgr_hypervisor *hypervisor, uint32_t flags,
                                      char **ret_xml, struct vmgr_error **err);
/**
 * Names of CPU models of an architecture, NULL-terminated, for vmgr_strings_free(). ret_names may
 * be NULL. flags: 0. Returns how many; none: all are taken.
 */
int vmgr_conn_get_cpu_model_names(struct vmgr_conn *conn, const char *arch, uint32_t flags,
                                  char ***ret_names, struct vmgr_error **err);
/**
 * vmgr_conn_compare_cpu() - can guests have this CPU on this host?
 * @xml: a <cpu> as in a definition or in capabilities
 * @flags: VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE
 *
 * Returns enum vmgr_cpu_compare.
 */
int vmgr_conn_compare_cpu(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                          struct vmgr_error **err);
/** The same for what a hypervisor makes of the host's CPU. */
int vmgr_conn_compare_hypervisor_cpu(struct vmgr_conn *conn,
                                     const struct vmgr_hypervisor *hypervisor, const char *xml,
                                     uint32_t flags, struct vmgr_error **err);
/**
 * vmgr_conn_baseline_cpu() - the most that all of some CPUs have
 * @xml, @count: <cpu> documents as in capabilities, up to 256
 * @flags: VMGR_CPU_BASELINE_*
 * @ret_xml: a <cpu> for definitions, for free()
 *
 * VMGR_ERR_OPERATION_FAILED: they have nothing in common. Returns 0.
 */
int vmgr_conn_baseline_cpu(struct vmgr_conn *conn, const char *const *xml, uint32_t count,
                           uint32_t flags, char **ret_xml, struct vmgr_error **err);
/** The same of CPUs of either kind, and of what a hypervisor offers. */
int vmgr_conn_baseline_hypervisor_cpu(struct vmgr_conn *conn,
                                      const struct vmgr_hypervisor *hypervisor,
                                      const char *const *xml, uint32_t count, uint32_t flags,
                                      char **ret_xml, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
