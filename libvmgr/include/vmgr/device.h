/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices of domains that come, change and go.
 *
 * Flags say which definition is meant: VMGR_DOMAIN_AFFECT_LIVE, the guest that runs, and
 * VMGR_DOMAIN_AFFECT_CONFIG, what the next start uses; both may be given; neither: LIVE if it is
 * active, else CONFIG. Unless a function says otherwise: Returns 0, or -1 and *err. Context: any.
 * Since 0.1. Errors also: VMGR_ERR_OPERATION_INVALID (LIVE of an inactive, CONFIG of a transient
 * domain), VMGR_ERR_CONFIG_UNSUPPORTED and VMGR_ERR_OPERATION_UNSUPPORTED (the message names what
 * a guest cannot get), VMGR_ERR_DEVICE_MISSING (no such device), VMGR_ERR_INTERNAL_ERROR (the
 * emulator refused), and those of domain.h.
 */
#ifndef VMGR_DEVICE_H
#define VMGR_DEVICE_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** vmgr_domain_update_device(): open the tray of a drive that the guest holds. Number of the
 * libvirt protocol. */
#define VMGR_DOMAIN_DEVICE_MODIFY_FORCE (1u << 2)

/**
 * vmgr_domain_attach_device() - adds a device
 * @xml: a document whose root is the device: <disk>, <interface> ...
 *
 * What the document leaves open (address, alias, MAC address) is chosen.
 * Errors also: VMGR_ERR_XML_ERROR and others for the document; VMGR_ERR_OPERATION_FAILED,
 * VMGR_ERR_OPERATION_INVALID (the target is taken).
 */
int vmgr_domain_attach_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err);
/**
 * vmgr_domain_detach_device() - removes a device
 * @xml: a document of it; disks are found by target, interfaces by MAC address
 *
 * A guest that runs is asked to let it go, and given ten seconds. One that takes longer still has
 * the device when this returns: VMGR_DOMAIN_EVENT_DEVICE_REMOVED tells when it is gone.
 */
int vmgr_domain_detach_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err);
/** The same for a device that goes by this alias. */
int vmgr_domain_detach_device_alias(struct vmgr_domain *domain, const char *alias, uint32_t flags,
                                    struct vmgr_error **err);
/**
 * vmgr_domain_update_device() - changes a device: the medium of a drive, the link of an interface;
 * in the definition of the next start anything
 * @xml: what it is to be
 */
int vmgr_domain_update_device(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                              struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
