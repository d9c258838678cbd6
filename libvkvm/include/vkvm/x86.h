/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All of libvkvm that is x86, one header a noun.
 */
#ifndef VKVM_X86_H
#define VKVM_X86_H

#include <vkvm/debug.h>
#include <vkvm/x86/clock.h>
#include <vkvm/x86/cpuid.h>
#include <vkvm/x86/hyperv.h>
#include <vkvm/x86/irqchip.h>
#include <vkvm/x86/lapic.h>
#include <vkvm/x86/mce.h>
#include <vkvm/x86/msr.h>
#include <vkvm/x86/nested.h>
#include <vkvm/x86/pmu.h>
#include <vkvm/x86/policy.h>
#include <vkvm/x86/registers.h>
#include <vkvm/x86/sev.h>
#include <vkvm/x86/xsave.h>

#endif
