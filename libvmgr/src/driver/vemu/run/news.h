/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What emulators tell by themselves.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_NEWS_H
#define VMGR_SRC_DRIVER_VEMU_RUN_NEWS_H

#include "../vemu.h"

struct vemu_listener;
/* Connects to what the emulator of a run tells; NULL: it is not there. d->lock is held. */
struct vemu_listener *vmgr__vemu_listener_new(struct vemu *d, const char *name);
struct vemu_listener *vmgr__vemu_listener_free(struct vemu_listener *l);
/* It has one of these numbers. */
bool vmgr__vemu_listener_is(const struct vemu_listener *l, const uint64_t *numbers, size_t n);
/* Takes what has come, without waiting. d->lock is held. */
void vmgr__vemu_listener_read(struct vemu *d, const struct vmgr__domobj *obj,
                              struct vemu_listener *l);
/* record.c: lets the listeners with these numbers read. d->lock is held. */
void vmgr__vemu_listen_locked(struct vemu *d, const uint64_t *numbers, size_t n);
/* Asks a run that is only listened to from now on what happened before: whether its guest stands
 * still, which of its channels are open. d->lock is held. */
void vmgr__vemu_ask_soon(struct vemu *d, const char *name);
/* Writes what listeners heard into the status of their runs. */
void vmgr__vemu_apply_news(struct vemu *d);
/* A guest that may stop without ending (on_poweroff or on_crash "preserve") does so unseen where
 * nobody listens: its monitor knows. Nobody waits for that long, or for a lock. */
void vmgr__vemu_ask_guest(struct vemu *d, const char *name);
void vmgr__vemu_news_free(void *news);

#endif
