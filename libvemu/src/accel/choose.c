/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which accelerator runs a machine.
 *
 * /dev/kvm that can be opened is not enough for `auto`: there are hosts whose KVM interprets
 * kernel-mode code at a million instructions a second, a hundred times slower than the software
 * CPU. So the probe's measured speed decides.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "core/error.h"

/* Somewhat above what the software CPU does. A KVM that executes natively has thousands. */
#define FAST_MIPS 200u

static const struct vemu_accel_ops *choose_auto(char *reason, size_t size)
{
    struct vemu_accel_probe kvm = {0};

    vemu__accel_kvm.probe(&kvm, true);
    kvm.reason[sizeof(kvm.reason) - 1] = '\0';
    if (!kvm.usable) {
        snprintf(reason, size, "soft, since kvm cannot be used: %s", kvm.reason);
        return &vemu__accel_soft;
    }
    if (kvm.kernel_mips && kvm.kernel_mips < FAST_MIPS) {
        snprintf(
            reason, size,
            "soft, since this host's kvm runs kernel code at only %u million instructions a second",
            kvm.kernel_mips);
        return &vemu__accel_soft;
    }
    if (!kvm.kernel_mips) {
        snprintf(reason, size, "soft, since the speed of this host's kvm could not be measured: %s",
                 kvm.reason);
        return &vemu__accel_soft;
    }
    snprintf(reason, size, "kvm, which runs kernel code at %u million instructions a second",
             kvm.kernel_mips);
    return &vemu__accel_kvm;
}

/* Options may follow the name. */
static bool is_named(const char *text, const char *name)
{
    size_t length = strlen(name);
    return !strncmp(text, name, length) && (!text[length] || text[length] == ',');
}

static bool is_replay(const char *options)
{
    return !strncmp(options, "replay=", 7) || strstr(options, ",replay=");
}

const char *vemu__accel_options(const char *name)
{
    const char *comma = strchr(name, ',');
    return comma ? comma + 1 : NULL;
}

const struct vemu_accel_ops *vemu__accel_choose(const char *name, char *reason, size_t reason_size,
                                                struct vemu_error **err)
{
    const struct vemu_accel_ops *ops;
    struct vemu_accel_probe probe = {0};

    const char *options = vemu__accel_options(name);
    if (is_named(name, "kvm")) {
        ops = &vemu__accel_kvm;
        if (options && is_replay(options)) { /* needs no /dev/kvm */
            snprintf(reason, reason_size, "kvm, replaying a recorded session");
            return ops;
        }
    } else if (options) {
        vemu__error_set(err, EINVAL, "accelerator %.*s: unknown option '%.*s'",
                        (int)strcspn(name, ","), name, (int)strcspn(options, ",="), options);
        return NULL;
    } else if (is_named(name, "auto")) {
        return choose_auto(reason, reason_size);
    } else if (is_named(name, "soft") || is_named(name, "tcg")) {
        ops = &vemu__accel_soft;
    } else {
        vemu__error_set(err, EINVAL, "unknown accelerator '%s' (kvm, soft or auto)", name);
        return NULL;
    }
    ops->probe(&probe, false);
    probe.reason[sizeof(probe.reason) - 1] = '\0';
    if (!probe.usable) {
        vemu__error_set(err, ENODEV, "accelerator %s cannot be used: %s", ops->name, probe.reason);
        return NULL;
    }
    snprintf(reason, reason_size, "%s, as asked: %s", ops->name, probe.reason);
    return ops;
}
