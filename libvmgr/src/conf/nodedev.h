/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <device> documents of devices that can be made: mediated ones, and virtual host bus adapters.
 */
#ifndef VMGR_SRC_CONF_NODEDEV_H
#define VMGR_SRC_CONF_NODEDEV_H

#include "xml.h"

#define nodedev_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_NODEDEV, __VA_ARGS__)

enum vmgr__nodedev_made {
    VMGR__NODEDEV_OTHER,     /* nothing that can be made */
    VMGR__NODEDEV_SCSI_HOST, /* likewise: not of Fibre Channel */
    VMGR__NODEDEV_FC_HOST,
    VMGR__NODEDEV_MDEV,
};

struct vmgr__nodedev_attr {
    char *name, *value;
};

struct vmgr__nodedev_def {
    char *name;                                      /* "new device" if it has none */
    char *parent;                                    /* all of these may be NULL */
    char *parent_wwnn, *parent_wwpn, *parent_fabric; /* likewise; the first two together */
    enum vmgr__nodedev_made kind;
    char *wwnn, *wwpn; /* of FC_HOST; NULL: not said */
    char *type;        /* of MDEV */
    char *uuid;        /* likewise, in lower case; NULL: not said */
    GPtrArray *attrs;  /* likewise: struct vmgr__nodedev_attr *, in order */
};

/* For vmgr__nodedev_def_free(); NULL and *err. */
struct vmgr__nodedev_def *vmgr__nodedev_def_parse(const char *xml, struct vmgr_error **err);
void vmgr__nodedev_def_free(struct vmgr__nodedev_def *def);
/* Whether a world wide name is one: 16 hexadecimal digits. */
int vmgr__wwn_check(const char *wwn, struct vmgr_error **err);

GPtrArray *vmgr__nodedev_attrs_new(void);
void vmgr__nodedev_attrs_add(GPtrArray *attrs, const char *name, const char *value);

#endif
