/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of backups: <domainbackup>.
 */
#ifndef VMGR_SRC_CONF_BACKUP_H
#define VMGR_SRC_CONF_BACKUP_H

#include "def.h"

struct vmgr__backup_disk {
    char *name;
    int backup; /* tristate: 0 not said, 1 yes, 2 no; said after aligning */
    int type;   /* of the store: 0 file, 1 block */
    char *format;
    char *store; /* path: the target, or the scratch file; NULL: made up */
    char *export_name, *export_bitmap;
    char *incremental; /* a checkpoint; NULL: all is copied */
    int mode;          /* 0 not said, 1 full, 2 incremental */
    bool made;         /* the store is of this backup; kept in a run's status only */
};

struct vmgr__backup {
    bool pull;
    char *incremental; /* for disks that do not say */
    /* pull */
    bool has_server, is_unix;
    char *host, *socket;
    uint32_t port;    /* 0: one that is free */
    GPtrArray *disks; /* struct vmgr__backup_disk */
    /* kept in a run's status only */
    bool running;     /* all that makes it has been done */
    char *checkpoint; /* that begins with it; NULL: none */
};

/* A document. For vmgr__backup_free(). */
struct vmgr__backup *vmgr__backup_parse(const char *xml, struct vmgr_error **err);
/* The element of a run's status; NULL: it is damaged. */
struct vmgr__backup *vmgr__backup_read(const xmlNode *root);
void vmgr__backup_free(struct vmgr__backup *backup);
/* A disk for each of the domain's, in their order, with what is to be done. suffix: of stores that
 * are made up. Errors: disks that are not there, are named twice, or have no image. */
int vmgr__backup_align(struct vmgr__backup *b, const struct vmgr__domain_def *def,
                       const char *suffix, struct vmgr_error **err);
/* state: with what a run's status has besides. */
void vmgr__backup_write(const struct vmgr__backup *b, bool state, struct vmgr__xml_writer *w);
char *vmgr__backup_format(const struct vmgr__backup *b);

#endif
