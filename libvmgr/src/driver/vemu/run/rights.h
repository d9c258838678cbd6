/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a guest's process runs as, and what that one may use. See docs/security.md.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_H
#define VMGR_SRC_DRIVER_VEMU_RUN_RIGHTS_H

#include "../device/parts.h"
#include "../state/status.h"

/* Nobody else's: not Debian's, not systemd's, not those of containers (systemd, UIDS-GIDS). */
#define VEMU_UID_FIRST 1900000000u
#define VEMU_UID_COUNT 240000000u

enum vemu_guests_as {
    VEMU_GUESTS_AS_CALLER, /* of whoever starts it */
    VEMU_GUESTS_AS_OWN,    /* each run is a user of its own */
    VEMU_GUESTS_AS_ONE,    /* all are one user, or this one's definition names its */
    VEMU_GUESTS_AS_ROOT,   /* this one's definition says so */
};

struct vemu_settings {
    enum vemu_guests_as way;
    uid_t uid;
    gid_t gid;
    uint32_t uid_first, uid_count;
    bool leave_files; /* of this run's definition: it gets no entries */
    bool sandbox;
    char *auto_dump_path;     /* where dumps of guests that crashed go */
    char *memory_backing_dir; /* where files that guests' memory is in are */
};

/* ---- settings.c ---- */
/* For vmgr__vemu_settings_clear(). */
int vmgr__vemu_settings_load(const struct vemu *d, struct vemu_settings *ret,
                             struct vmgr_error **err);
void vmgr__vemu_settings_clear(struct vemu_settings *s);

/* ---- rights.c ---- */
/* Chooses the user of a run that is about to start (s->user), and gives it what the definition
 * needs: the emulator, boot files, images with all behind them, sockets. The run's status is saved,
 * and nothing runs yet. */
int vmgr__vemu_rights_begin(struct vemu *d, const char *name, struct vemu_status *s,
                            struct vmgr_error **err);
/* Gives a run's user what these parts need, before they are made in the guest. */
int vmgr__vemu_rights_parts(struct vemu *d, const char *name, const struct vemu_status *s,
                            const struct vemu_parts *parts, struct vmgr_error **err);
/* Gives a run's user one file, and all that is behind an image. Nothing for runs of the caller's
 * user. Context: the domain's lock is held. */
int vmgr__vemu_rights_file(struct vemu *d, const char *name, const struct vemu_status *s,
                           const char *path, bool writable, struct vmgr_error **err);
/* Gives a run's user the way to what the driver itself has made for it. */
int vmgr__vemu_rights_way(struct vemu *d, const char *name, const struct vemu_status *s,
                          const char *path, struct vmgr_error **err);
/* Takes all of it away again. */
void vmgr__vemu_rights_end(struct vemu *d, const char *name);

#endif
