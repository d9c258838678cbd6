/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up what a network does not need.
 */
#ifndef VEMU_SLIRP_SANDBOX_H
#define VEMU_SLIRP_SANDBOX_H

/* No privileges, no new ones, no system calls beyond sockets, memory and time; files can only be
 * read. Exits with a message when that is not possible. */
void sandbox_enter(void);

#endif
