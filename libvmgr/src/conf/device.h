/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device by itself: what drivers need to attach, find, change and remove one.
 */
#ifndef VMGR_SRC_CONF_DEVICE_H
#define VMGR_SRC_CONF_DEVICE_H

#include "def.h"

struct vmgr__parse;

/* From a document whose root is the device; checked as in a definition. For vmgr__device_free().
 * NULL and *err: not well formed, unknown, or a kind that cannot stand alone. */
struct vmgr__device *vmgr__device_parse(const char *xml, const struct vmgr__conf_defaults *defaults,
                                        uint32_t flags, struct vmgr_error **err);
/* The same of a document that is parsed or built already, which is taken over. */
struct vmgr__device *vmgr__device_from_doc(xmlDoc *doc, const struct vmgr__conf_defaults *defaults,
                                           uint32_t flags, struct vmgr_error **err);
struct vmgr__device *vmgr__device_copy(const struct vmgr__device *dev);
void vmgr__device_free(void *device);
/* devices.c: the device of an element; p->def is used up. */
struct vmgr__device *vmgr__device_read(struct vmgr__parse *p, xmlNode *node);

/* The device's text as a tree, for xmlFreeDoc(); never NULL for a device that was parsed. */
xmlDoc *vmgr__device_doc(const struct vmgr__device *dev);
/* The tree, which is taken over, becomes the device's text. */
void vmgr__device_set_doc(struct vmgr__device *dev, xmlDoc *doc);
/* An attribute of a child (NULL: of the device itself), for g_free(), or NULL. */
char *vmgr__device_get(const struct vmgr__device *dev, const char *element, const char *attr);
/* The first child of this name, made if there is none. */
xmlNode *vmgr__device_child(xmlNode *root, const char *name);
char *vmgr__device_alias(const struct vmgr__device *dev);
void vmgr__device_set_alias(struct vmgr__device *dev, const char *alias);

/* ---- in a definition; borrowed, NULL: none ---- */
int vmgr__device_index(const struct vmgr__domain_def *def, const struct vmgr__device *dev);
struct vmgr__device *vmgr__device_by_alias(const struct vmgr__domain_def *def, const char *alias);
/* By target ("vda"), else by path of its source. */
struct vmgr__device *vmgr__disk_find(const struct vmgr__domain_def *def, const char *path);
/* By what the guest mounts it by. */
struct vmgr__device *vmgr__filesystem_find(const struct vmgr__domain_def *def, const char *target);
/* By name on the host ("vnet0"), else by MAC address. */
struct vmgr__device *vmgr__interface_find(const struct vmgr__domain_def *def, const char *name);
/* A channel by alias, else by the name that the guest knows it by; name NULL: the first. */
struct vmgr__device *vmgr__channel_find(const struct vmgr__domain_def *def, const char *name);
/* The device that a document for detaching or updating means, or NULL and VMGR_ERR_DEVICE_MISSING.
 */
struct vmgr__device *vmgr__device_match(const struct vmgr__domain_def *def,
                                        const struct vmgr__device *like, struct vmgr_error **err);
/* A copy of `fresh` with the address and alias of `old` where it names none. */
struct vmgr__device *vmgr__device_inherit(const struct vmgr__device *old,
                                          const struct vmgr__device *fresh);
/* Such a copy in the place of `old`, which is freed. */
void vmgr__device_replace(struct vmgr__domain_def *def, struct vmgr__device *old,
                          const struct vmgr__device *fresh);

#endif
