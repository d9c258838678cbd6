/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recording and replaying what the KVM accelerator asks the kernel: -accel kvm,record=FILE and
 * -accel kvm,replay=FILE[,strict=off]; both together record a replay.
 *
 * A replay needs the same machine and guest image. The guest itself does not run, so guest memory
 * stays as the loader left it: devices that read from it what the guest wrote see nothing.
 */
#ifndef VEMU_ACCEL_KVM_SESSION_H
#define VEMU_ACCEL_KVM_SESSION_H

#include <stdbool.h>
#include <vkvm/syscalls.h>

#include "accel/accel.h"

struct kvm_session;

/* From the options behind the accelerator's name; NULL or "": *ret_session is NULL. -EINVAL for an
 * unknown option; otherwise why the file cannot be used. */
int kvm__session_new(const struct vemu_accel_config *config, struct kvm_session **ret_session,
                     struct vemu_error **err);
/* Completes the file, or says how the replay went. After everything made with its calls is closed.
 */
void kvm__session_free(struct kvm_session *session);
/* NULL (the real ones) for a NULL session. */
const struct vkvm_syscalls *kvm__session_syscalls(const struct kvm_session *session);
/* kvm__host_is_pvm(), or at replay what it was. */
bool kvm__session_host_is_pvm(struct kvm_session *session);

#endif
