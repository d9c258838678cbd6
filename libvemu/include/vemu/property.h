/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties: the named, typed settings of devices and back-ends.
 */
#ifndef VEMU_PROPERTY_H
#define VEMU_PROPERTY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct vemu_property - one setting given to vemu_vm_add_device() or vemu_vm_add_chardev()
 * @name: as the class declares it, for example "iobase"
 * @value: text; converted to the declared type: on/off, numbers (decimal, 0x hexadecimal), sizes
 *         with suffix K, M, G, T, names of other objects
 */
struct vemu_property {
    const char *name;
    const char *value;
};

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
