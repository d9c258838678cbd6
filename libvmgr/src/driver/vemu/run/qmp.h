/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Monitors of guests.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_QMP_H
#define VMGR_SRC_DRIVER_VEMU_RUN_QMP_H

#include "../vemu.h"

struct vemu_qmp;
/* Connects to a monitor in a run's directory and negotiates. pidfd: give up when it ends (-1:
 * none). */
struct vemu_qmp *vmgr__qmp_open(const char *run_path, int pidfd, int timeout_ms,
                                struct vmgr_error **err);
/* Whether the other end of a connection is who made the socket `name` of directory `dir`: a guest
 * that broke out of its emulator may have put a link to another's there. */
bool vmgr__socket_is_of(int fd, int dir, const char *name);
struct vemu_qmp *vmgr__qmp_close(struct vemu_qmp *q);
/* Runs a command. args is taken over (NULL: none). ret may be NULL; else for json_object_put(). */
int vmgr__qmp_execute(struct vemu_qmp *q, const char *command, struct json_object *args,
                      struct json_object **ret, struct vmgr_error **err);
/* The same with a descriptor beside it, which stays the caller's; what it returns is not told. */
int vmgr__qmp_execute_with_fd(struct vemu_qmp *q, const char *command, struct json_object *args,
                              int fd, struct vmgr_error **err);
/* Hands a descriptor over, under a name that commands of this connection may use. */
int vmgr__qmp_send_fd(struct vemu_qmp *q, const char *name, int fd, struct vmgr_error **err);
/* Runs a command as text, a JSON object; *ret is the whole answer, for g_free(). */
int vmgr__qmp_text(struct vemu_qmp *q, const char *text, char **ret, struct vmgr_error **err);
/* Waits until the device with this id has told its end (DEVICE_DELETED), if it is not known
 * already. */
bool vmgr__qmp_await_deleted(struct vemu_qmp *q, const char *id, int timeout_ms);
/* query-status: enum vmgr_domain_state and reason; prelaunch is paused (starting up). */
int vmgr__qmp_state(struct vemu_qmp *q, int *ret_state, int *ret_reason, struct vmgr_error **err);

#endif
