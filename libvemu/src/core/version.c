/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's version.
 */
#include <vemu/vm.h>

const char *vemu_version(void)
{
    return VEMU_VERSION;
}
