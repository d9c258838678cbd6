/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All of libvkvm.
 */
#ifndef VKVM_VKVM_H
#define VKVM_VKVM_H

#if defined(__aarch64__)
#include <vkvm/arm64.h>
#endif
#include <vkvm/cap.h>
#include <vkvm/coalesced.h>
#include <vkvm/device.h>
#include <vkvm/dirty.h>
#include <vkvm/error.h>
#include <vkvm/exit.h>
#include <vkvm/memory.h>
#include <vkvm/onereg.h>
#include <vkvm/record.h>
#include <vkvm/replay.h>
#include <vkvm/routing.h>
#include <vkvm/stats.h>
#include <vkvm/syscalls.h>
#include <vkvm/system.h>
#include <vkvm/trace.h>
#include <vkvm/uapi.h>
#include <vkvm/vcpu.h>
#include <vkvm/vm.h>
#if defined(__x86_64__)
#include <vkvm/x86.h>
#endif

#endif
