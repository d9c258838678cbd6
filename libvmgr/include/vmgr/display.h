/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one would do at a guest's screen and keyboard: pictures, keys, signals.
 *
 * The numbers are those of the libvirt protocol. Unless a function says otherwise: Returns 0, or -1
 * and *err. Context: any. Since 0.1. Errors also: VMGR_ERR_OPERATION_INVALID (the domain does not
 * run), and those of domain.h.
 */
#ifndef VMGR_DISPLAY_H
#define VMGR_DISPLAY_H

#include <vmgr/domain.h>
#include <vmgr/stream.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vmgr_domain_screenshot() - a picture of what a guest's display shows
 * @screen: number of the display, in the order of the definition's <video>
 * @flags: none yet
 * @ret_mime: what the bytes are, "image/png"; for free()
 * @ret_stream: gives them; for vmgr_stream_finish() and vmgr_stream_unref()
 *
 * Errors also: VMGR_ERR_INVALID_ARG (no such display), VMGR_ERR_INTERNAL_ERROR (the emulator cannot
 * make one).
 */
int vmgr_domain_screenshot(struct vmgr_domain *domain, uint32_t screen, uint32_t flags,
                           char **ret_mime, struct vmgr_stream **ret_stream,
                           struct vmgr_error **err);

/** What the numbers of keys mean. */
enum vmgr_keycode_set {
    VMGR_KEYCODE_LINUX = 0, /* linux/input-event-codes.h */
    VMGR_KEYCODE_XT = 1,     /* as ATSET1 */
    VMGR_KEYCODE_ATSET1 = 2, /* scan codes; 0xe0xx behind a prefix */
    VMGR_KEYCODE_ATSET2 = 3,
    VMGR_KEYCODE_ATSET3 = 4, /* this and the next two are for servers that know them */
    VMGR_KEYCODE_OSX = 5,
    VMGR_KEYCODE_XT_KBD = 6,
    VMGR_KEYCODE_USB = 7, /* usage page 7 of HID */
    VMGR_KEYCODE_WIN32 = 8,
    VMGR_KEYCODE_QNUM = 9, /* XT, extended ones with bit 7 */
    VMGR_KEYCODE_SETS = 10,
};
#define VMGR_KEYS_MAX 16

/**
 * vmgr_domain_send_key() - presses keys at once, and releases them
 * @codeset: enum vmgr_keycode_set
 * @holdtime_ms: how long they are held, 0: as long as the emulator thinks right
 * @keycodes: @count of them, 1 to VMGR_KEYS_MAX. @flags: none yet.
 *
 * Returns when the emulator has taken them. Errors also: VMGR_ERR_INVALID_ARG (a code that is no
 * key's), VMGR_ERR_OPERATION_UNSUPPORTED (a set that the driver does not know).
 */
int vmgr_domain_send_key(struct vmgr_domain *domain, uint32_t codeset, uint32_t holdtime_ms,
                         const uint32_t *keycodes, uint32_t count, uint32_t flags,
                         struct vmgr_error **err);
/** The code of a key by its name ("KEY_LEFTCTRL", "VK_CONTROL"); -1: there is none in that set. */
int vmgr_keycode_find(int codeset, const char *name);
/** The name of a set ("linux"), or NULL. Static. */
const char *vmgr_keycode_set_name(int codeset);

/**
 * vmgr_domain_send_process_signal() - a signal for a process in the guest
 * @pid: its number there, or below 0 a group's; not 0
 * @signum: number of the libvirt protocol, which is Linux's; 0 tells whether it is there. @flags:
 *          none yet.
 */
int vmgr_domain_send_process_signal(struct vmgr_domain *domain, int64_t pid, uint32_t signum,
                                    uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
