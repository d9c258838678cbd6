/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvmgr, the management library: everything.
 *
 *     struct vmgr_conn *conn = NULL;
 *     struct vmgr_error *err = NULL;
 *
 *     if (vmgr_conn_open("vemu:///system", 0, &conn, &err) < 0)
 *         fprintf(stderr, "error: %s\n", vmgr_error_get_message(err));
 *
 * Conventions: a function returns 0 (or a count, a descriptor, 0/1 for a question) and -1 on
 * failure, with *err set. `ret_x` receives a new reference or a string for free(); a plain returned
 * pointer is borrowed. Unknown flag bits are refused with VMGR_ERR_INVALID_ARG.
 */
#ifndef VMGR_VMGR_H
#define VMGR_VMGR_H

#include <vmgr/agent.h>
#include <vmgr/block.h>
#include <vmgr/checkpoint.h>
#include <vmgr/connect.h>
#include <vmgr/cpu.h>
#include <vmgr/device.h>
#include <vmgr/display.h>
#include <vmgr/domain.h>
#include <vmgr/error.h>
#include <vmgr/event.h>
#include <vmgr/files.h>
#include <vmgr/guestnet.h>
#include <vmgr/interface.h>
#include <vmgr/job.h>
#include <vmgr/monitor.h>
#include <vmgr/network-port.h>
#include <vmgr/network.h>
#include <vmgr/node.h>
#include <vmgr/nodedev.h>
#include <vmgr/nwfilter-binding.h>
#include <vmgr/nwfilter.h>
#include <vmgr/peek.h>
#include <vmgr/resources.h>
#include <vmgr/secret.h>
#include <vmgr/stats.h>
#include <vmgr/storage.h>
#include <vmgr/stream.h>
#include <vmgr/tune.h>

#endif
