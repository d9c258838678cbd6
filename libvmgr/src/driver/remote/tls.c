/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Not there yet: says so. */
#include "remote.h"
int vmgr__remote_tls(struct vmgr__remote *r G_GNUC_UNUSED, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, VMGR_FROM_REMOTE, "transport tls");
}
