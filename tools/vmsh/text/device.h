/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands about devices share.
 */
#ifndef VMSH_DEVICE_TEXT_H
#define VMSH_DEVICE_TEXT_H

#include <libxml/tree.h>

#include "../shell.h"

typedef int (*device_fn)(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                         struct vmgr_error **err);

/* Which definition a command changes. */
#define OPT_AFFECT                                                                                 \
    { .name = "config", .type = OPT_BOOL, .help = "affect next boot" },                            \
        { .name = "live", .type = OPT_BOOL, .help = "affect running domain" },                     \
    {                                                                                              \
        .name = "current", .type = OPT_BOOL, .help = "affect current domain"                       \
    }
/* VMGR_DOMAIN_AFFECT_* from --live, --config, --current and --persistent; the last one means a live
 * change too if the domain is active. False: they exclude each other, the error was printed. */
bool args_affect(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                 uint32_t *ret);

/* A domain's definition as a tree, with VMGR_DOMAIN_AFFECT_CONFIG that of the next start; NULL: the
 * error waits. */
xmlDoc *device_definition(struct shell *sh, struct vmgr_domain *domain, uint32_t flags);
/* The next of its devices of this name; after NULL: the first. */
xmlNode *device_next(xmlDoc *doc, xmlNode *after, const char *name);
/* An attribute of a device's child, for xmlFree(), or NULL. */
char *device_attr(xmlNode *node, const char *child, const char *attr);
/* The disk whose target or source it is, or NULL. */
xmlNode *device_find_disk(xmlDoc *doc, const char *path);
/* A device alone, as a document for free(). */
char *device_text(xmlDoc *doc, xmlNode *node);
/* The flags, and the definition they mean; NULL: the error was printed. */
xmlDoc *device_begin(struct shell *sh, const struct args *args, uint32_t *flags);
/* Runs it, or prints its document. xml is freed. */
bool device_finish(struct shell *sh, const struct args *args, char *xml, device_fn run,
                   uint32_t flags, const char *failed, const char *done);

/* commands/device.c */
bool cmd_attach_device(struct shell *sh, const struct args *args);
extern const struct opt attach_device_opts[];
bool cmd_detach_device(struct shell *sh, const struct args *args);
extern const struct opt detach_device_opts[];
bool cmd_update_device(struct shell *sh, const struct args *args);
extern const struct opt update_device_opts[];
bool cmd_detach_device_alias(struct shell *sh, const struct args *args);
extern const struct opt detach_device_alias_opts[];

/* commands/attach.c */
bool cmd_attach_disk(struct shell *sh, const struct args *args);
extern const struct opt attach_disk_opts[];
bool cmd_attach_interface(struct shell *sh, const struct args *args);
extern const struct opt attach_interface_opts[];

/* commands/detach.c */
bool cmd_detach_disk(struct shell *sh, const struct args *args);
extern const struct opt detach_disk_opts[];
bool cmd_detach_interface(struct shell *sh, const struct args *args);
extern const struct opt detach_interface_opts[];

/* commands/media.c */
bool cmd_change_media(struct shell *sh, const struct args *args);
extern const struct opt change_media_opts[];

/* commands/memory-device.c */
bool cmd_update_memory_device(struct shell *sh, const struct args *args);
extern const struct opt update_memory_device_opts[];

/* commands/size.c */
bool cmd_setmem(struct shell *sh, const struct args *args);
extern const struct opt setmem_opts[];
bool cmd_setmaxmem(struct shell *sh, const struct args *args);
extern const struct opt setmaxmem_opts[];
bool cmd_setvcpus(struct shell *sh, const struct args *args);
extern const struct opt setvcpus_opts[];
bool cmd_setvcpu(struct shell *sh, const struct args *args);
extern const struct opt setvcpu_opts[];
bool cmd_inject_nmi(struct shell *sh, const struct args *args);
extern const struct opt inject_nmi_opts[];

/* commands/diskerror.c */
bool cmd_domblkerror(struct shell *sh, const struct args *args);
extern const struct opt domblkerror_opts[];
bool cmd_domblkthreshold(struct shell *sh, const struct args *args);
extern const struct opt domblkthreshold_opts[];

/* commands/display.c */
bool cmd_domdisplay(struct shell *sh, const struct args *args);
extern const struct opt domdisplay_opts[];
bool cmd_vncdisplay(struct shell *sh, const struct args *args);
bool cmd_ttyconsole(struct shell *sh, const struct args *args);
extern const struct opt display_opts[]; /* of both */

/* commands/stats.c */
bool cmd_domstats(struct shell *sh, const struct args *args);
extern const struct opt domstats_opts[];
bool cmd_domblkstat(struct shell *sh, const struct args *args);
extern const struct opt domblkstat_opts[];
bool cmd_domblkinfo(struct shell *sh, const struct args *args);
extern const struct opt domblkinfo_opts[];
bool cmd_domblklist(struct shell *sh, const struct args *args);
extern const struct opt domblklist_opts[];
bool cmd_domiflist(struct shell *sh, const struct args *args);
extern const struct opt domiflist_opts[];
bool cmd_domifstat(struct shell *sh, const struct args *args);
extern const struct opt domifstat_opts[];
bool cmd_dommemstat(struct shell *sh, const struct args *args);
extern const struct opt dommemstat_opts[];
bool cmd_domif_getlink(struct shell *sh, const struct args *args);
extern const struct opt domif_getlink_opts[];

/* commands/guestnet.c */
bool cmd_domifaddr(struct shell *sh, const struct args *args);
extern const struct opt domifaddr_opts[];
bool cmd_domiftune(struct shell *sh, const struct args *args);
extern const struct opt domiftune_opts[];
bool cmd_domif_setlink(struct shell *sh, const struct args *args);
extern const struct opt domif_setlink_opts[];

#endif
