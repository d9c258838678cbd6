/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All of libvkvm.
 */
#ifndef VKVM_VKVM_H
#define VKVM_VKVM_H

#include <vkvm/cap.h>
#include <vkvm/device.h>
#include <vkvm/exit.h>
#include <vkvm/syscalls.h>
#include <vkvm/system.h>
#include <vkvm/uapi.h>
#include <vkvm/vcpu.h>
#include <vkvm/vm.h>
#include <vkvm/x86.h>

#endif
