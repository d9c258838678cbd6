/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands about devices share.
 */
#ifndef VMSH_DEVICE_TEXT_H
#define VMSH_DEVICE_TEXT_H

#include "shell.h"

typedef int (*device_fn)(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                         struct vmgr_error **err);

/* VMGR_DOMAIN_AFFECT_* from --live, --config, --current and --persistent; the last one means a live
 * change too if the domain is active. False: they exclude each other, the error was printed. */
bool args_affect(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                 uint32_t *ret);

/* cmd-device.c */
bool cmd_attach_device(struct shell *sh, const struct args *args);
extern const struct opt attach_device_opts[];
bool cmd_detach_device(struct shell *sh, const struct args *args);
extern const struct opt detach_device_opts[];
bool cmd_update_device(struct shell *sh, const struct args *args);
extern const struct opt update_device_opts[];
bool cmd_detach_device_alias(struct shell *sh, const struct args *args);
extern const struct opt detach_device_alias_opts[];

/* cmd-attach.c */
bool cmd_attach_disk(struct shell *sh, const struct args *args);
extern const struct opt attach_disk_opts[];
bool cmd_detach_disk(struct shell *sh, const struct args *args);
extern const struct opt detach_disk_opts[];
bool cmd_attach_interface(struct shell *sh, const struct args *args);
extern const struct opt attach_interface_opts[];
bool cmd_detach_interface(struct shell *sh, const struct args *args);
extern const struct opt detach_interface_opts[];
bool cmd_change_media(struct shell *sh, const struct args *args);
extern const struct opt change_media_opts[];

/* cmd-size.c */
bool cmd_setmem(struct shell *sh, const struct args *args);
extern const struct opt setmem_opts[];
bool cmd_setmaxmem(struct shell *sh, const struct args *args);
extern const struct opt setmaxmem_opts[];
bool cmd_setvcpus(struct shell *sh, const struct args *args);
extern const struct opt setvcpus_opts[];
bool cmd_inject_nmi(struct shell *sh, const struct args *args);
extern const struct opt inject_nmi_opts[];

#endif
