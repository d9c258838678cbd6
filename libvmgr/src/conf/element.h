/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a file of an element gives to the table in domain.c.
 */
#ifndef VMGR_SRC_CONF_ELEMENT_H
#define VMGR_SRC_CONF_ELEMENT_H

#include "def.h"

/* One run of the parser over a <domain>. */
struct vmgr__parse {
    struct vmgr__domain_def *def;
    const struct vmgr__conf_defaults *defaults;
    uint32_t flags; /* VMGR__CONF_* */
    struct vmgr_error **err;
};

/**
 * struct vmgr__element - a child of <domain>
 * @name: its tag
 * @parse: reads the first such child (node may be NULL when @always is set)
 * @always: call @parse even when the element is absent, to set defaults or to complain
 * @repeats: further elements of this name are not mistakes (parse looks at them itself)
 * @format: writes it, or nothing
 *
 * Without parse and format, the element is part of the schema but only kept.
 */
struct vmgr__element {
    const char *name;
    int (*parse)(struct vmgr__parse *p, xmlNode *node);
    void (*format)(const struct vmgr__domain_def *def, uint32_t flags, struct vmgr__xml_writer *w);
    bool always;
    bool repeats;
};

extern const struct vmgr__element vmgr__element_name;
extern const struct vmgr__element vmgr__element_uuid;
extern const struct vmgr__element vmgr__element_genid;
extern const struct vmgr__element vmgr__element_title;
extern const struct vmgr__element vmgr__element_description;
extern const struct vmgr__element vmgr__element_metadata;
extern const struct vmgr__element vmgr__element_max_memory;
extern const struct vmgr__element vmgr__element_memory;
extern const struct vmgr__element vmgr__element_current_memory;
extern const struct vmgr__element vmgr__element_vcpu;
extern const struct vmgr__element vmgr__element_vcpus;
extern const struct vmgr__element vmgr__element_iothreads;
extern const struct vmgr__element vmgr__element_iothreadids;
extern const struct vmgr__element vmgr__element_blkiotune;
extern const struct vmgr__element vmgr__element_cputune;
extern const struct vmgr__element vmgr__element_memory_backing;
extern const struct vmgr__element vmgr__element_memtune;
extern const struct vmgr__element vmgr__element_numatune;
extern const struct vmgr__element vmgr__element_resource;
extern const struct vmgr__element vmgr__element_os;
extern const struct vmgr__element vmgr__element_features;
extern const struct vmgr__element vmgr__element_cpu;
extern const struct vmgr__element vmgr__element_clock;
extern const struct vmgr__element vmgr__element_on_poweroff;
extern const struct vmgr__element vmgr__element_on_reboot;
extern const struct vmgr__element vmgr__element_on_crash;
extern const struct vmgr__element vmgr__element_on_lockfailure;
extern const struct vmgr__element vmgr__element_pm;
extern const struct vmgr__element vmgr__element_devices;
extern const struct vmgr__element vmgr__element_seclabel;

/* ---- helpers of the element files ---- */

#define conf_error(p, code, ...) vmgr__error_set((p)->err, code, VMGR_FROM_DOMAIN, __VA_ARGS__)

/* Notes "unknown element 'x' in y" and "unknown attribute 'a' in element 'x'". */
void vmgr__warn_element(struct vmgr__parse *p, const xmlNode *node, const char *where);
void vmgr__warn_attr(struct vmgr__parse *p, const xmlNode *node, const char *name);
void vmgr__warn_attrs(struct vmgr__parse *p, const xmlNode *node, const char *const *known);
void vmgr__warn_children(struct vmgr__parse *p, const xmlNode *node, const char *const *known);

/* The UUID that <sysinfo> tells the guest is the domain's own, or becomes it. */
int vmgr__sysinfo_uuid(struct vmgr__parse *p, const xmlNode *root);

/* ---- firmware.c: parts of <os> ---- */

int vmgr__firmware_parse(struct vmgr__parse *p, xmlNode *os);
/* <firmware>, <loader>, <nvram>; <bootmenu>, <bios>. */
void vmgr__firmware_write(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w);
void vmgr__firmware_write_menu(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w);

/* ---- devices that have files of their own ---- */

void vmgr__os_fini(struct vmgr__os *os);
void vmgr__firmware_fini(struct vmgr__firmware *f);
void vmgr__cpu_fini(struct vmgr__cpu *cpu);
void vmgr__clock_fini(struct vmgr__clock *clock);
void vmgr__features_fini(struct vmgr__domain_def *def);
void vmgr__chardev_free(void *chardev);
void vmgr__device_free(void *device);
void vmgr__seclabel_free(void *label);

struct vmgr__chardev *vmgr__chardev_parse(struct vmgr__parse *p, xmlNode *node);
void vmgr__chardev_format(const struct vmgr__domain_def *def, const struct vmgr__chardev *c,
                          bool is_console, bool is_alias, uint32_t flags,
                          struct vmgr__xml_writer *w);
/* After all devices are read: port numbers, the console that is a serial port. */
int vmgr__chardev_settle(struct vmgr__parse *p);
/* <seclabel> of a file's <source>, whose defaults are written into it; source may be NULL. */
int vmgr__seclabel_check_source(struct vmgr__parse *p, xmlNode *source);
/* The same: what <memory> says of memory in devices. */
int vmgr__memory_settle(struct vmgr__parse *p);

/* Checks of devices that are kept; they may set source, target and model of `dev`. */
int vmgr__disk_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
int vmgr__disk_settle(struct vmgr__parse *p, const char *kind);
int vmgr__filesystem_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
int vmgr__interface_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
int vmgr__memballoon_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
int vmgr__vsock_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);
int vmgr__memory_device_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev);

#endif
