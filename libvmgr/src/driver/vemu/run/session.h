/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client at a time on a console or channel.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_SESSION_H
#define VMGR_SRC_DRIVER_VEMU_RUN_SESSION_H

#include "../vemu.h"

struct vemu_session;
/* Makes this client the holder of a lock file. force: another's session ends. what: of the message
 * that there is one. NULL and *err; else for vmgr__session_stream(). */
struct vemu_session *vmgr__session_open(const char *path, bool force, const char *what,
                                        struct vmgr_error **err);
/* The stream of a session over a descriptor; both are taken over. fd -1: the session ends, and *err
 * is set already. */
int vmgr__session_stream(struct vmgr_conn *conn, struct vemu_session *s, const char *path, int fd,
                         struct vmgr_stream **ret, struct vmgr_error **err);
void vmgr__session_free(void *session);

#endif
