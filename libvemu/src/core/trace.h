/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace points.
 *
 * One table lists all kinds of events: name, summary, and what its numbers are called. A trace
 * point is VEMU_TRACE(vm, EVENT, who, numbers...): a test of one byte of the VM while the event is
 * off. `who` is a device's id or another name, or NULL; there are up to four numbers. The software
 * CPU has no trace points in what it executes.
 */
#ifndef VEMU_CORE_TRACE_H
#define VEMU_CORE_TRACE_H

#include <stdatomic.h>
#include <stdint.h>

#include <vemu/trace.h>

/* X(symbol, name, summary, names of numbers) */
#define VEMU_TRACE_EVENTS(X)                                                                       \
    X(DEVICE_REALIZE, "device_realize", "a device is there", )                                     \
    X(DEVICE_UNREALIZE, "device_unrealize", "a device goes", )                                     \
    X(INPUT, "input_event", "an event for an input device", "type", "code", "value")               \
    X(IO_READ, "io_read", "a vCPU reads a port", "port", "size", "value")                          \
    X(IO_WRITE, "io_write", "a vCPU writes a port", "port", "size", "value")                       \
    X(IRQ_LINE, "irq_line", "an interrupt line changes its level", "line", "level")                \
    X(MEMORY_MAP, "memory_map", "a region appears in a space (0: memory, 1: ports)", "space",      \
      "address", "size")                                                                           \
    X(MEMORY_SLOT, "memory_slot", "the accelerator learns of memory (size 0: it is gone)", "slot", \
      "address", "size", "result")                                                                 \
    X(MEMORY_UNMAP, "memory_unmap", "a region goes from a space", "space", "address", "size")      \
    X(MMIO_READ, "mmio_read", "a vCPU reads a device's registers", "address", "size", "value")     \
    X(MMIO_WRITE, "mmio_write", "a vCPU writes a device's registers", "address", "size", "value")  \
    X(PCI_BAR, "pci_bar", "a BAR moves (all ones: nowhere)", "bar", "address")                     \
    X(PCI_CONFIG_READ, "pci_config_read", "configuration space is read", "offset", "size",         \
      "value")                                                                                     \
    X(PCI_CONFIG_WRITE, "pci_config_write", "configuration space is written", "offset", "size",    \
      "value")                                                                                     \
    X(PCI_INTX, "pci_intx", "a function's interrupt pin changes its level", "level")               \
    X(PCI_MSI, "pci_msi", "a function sends a message", "address", "data")                         \
    X(VCPU_EXIT, "vcpu_exit", "a vCPU comes back with something for the machine", "vcpu",          \
      "reason")                                                                                    \
    X(VIRTIO_BROKEN, "virtio_broken", "the guest broke a device", )                                \
    X(VIRTIO_FEATURES, "virtio_features", "a driver has chosen", "features")                       \
    X(VIRTIO_INTERRUPT, "virtio_interrupt", "a queue interrupts the driver", "queue")              \
    X(VIRTIO_NOTIFY, "virtio_notify", "a driver rings a queue's doorbell", "queue")                \
    X(VIRTIO_QUEUE, "virtio_queue", "a driver enables a queue", "queue", "size")                   \
    X(VIRTIO_STATUS, "virtio_status", "a driver sets the status", "status")                        \
    X(VM_RESET, "vm_reset", "the machine is reset", "cause")                                       \
    X(VM_STATE, "vm_state", "the machine's state changes", "state")

#define VEMU_TRACE_SYMBOL(symbol, name, summary, ...) VEMU_TRACE_##symbol,
enum vemu_trace_event { VEMU_TRACE_EVENTS(VEMU_TRACE_SYMBOL) VEMU_TRACE_COUNT };
#undef VEMU_TRACE_SYMBOL

/* In struct vemu_vm. */
struct vemu_trace {
    _Atomic uint8_t on[VEMU_TRACE_COUNT];
    vemu_trace_fn fn;
    void *data;
};

#define VEMU_TRACE_NUMBERS 4u
void vemu__trace(struct vemu_vm *vm, enum vemu_trace_event event, const char *who,
                 const uint64_t numbers[VEMU_TRACE_NUMBERS]) __attribute__((cold));

#define VEMU_TRACE(vm_, event, who, ...)                                                           \
    do {                                                                                           \
        if (__builtin_expect(atomic_load_explicit(&(vm_)->trace.on[VEMU_TRACE_##event],            \
                                                  memory_order_relaxed),                           \
                             0))                                                                   \
            vemu__trace(vm_, VEMU_TRACE_##event, who,                                              \
                        (const uint64_t[VEMU_TRACE_NUMBERS]){ __VA_ARGS__ });                      \
    } while (0)

#endif
