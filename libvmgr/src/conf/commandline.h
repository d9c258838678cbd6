/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <qemu:commandline>: arguments and environment of the emulator that users add.
 */
#ifndef VMGR_SRC_CONF_COMMANDLINE_H
#define VMGR_SRC_CONF_COMMANDLINE_H

#include "element.h"

#define VMGR__COMMANDLINE_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

bool vmgr__commandline_is(const xmlNode *node);
/* All such children of <domain>. */
int vmgr__commandline_parse(struct vmgr__parse *p, xmlNode *root);
bool vmgr__commandline_present(const struct vmgr__domain_def *def);
void vmgr__commandline_format(const struct vmgr__domain_def *def, struct vmgr__xml_writer *w);

#endif
