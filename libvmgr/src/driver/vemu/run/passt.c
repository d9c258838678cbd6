/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * passt for a guest's interface.
 *
 * passt gets one end of a pair of sockets, the emulator the other. It goes to the background when
 * it is ready, and ends when the other end is closed: with the emulator, with the card, or with a
 * caller who dies before the emulator has it. So there is nothing to clean up, and no path that
 * somebody else could connect to.
 */
#include "passt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../network/network.h"
#include "rights.h"

/* The log is made, and the run's user may write it. */
static int give_log(struct vemu *d, const struct vemu_status *s, const struct vmgr__device *dev,
                    struct vmgr_error **err)
{
    g_autofree char *log = vmgr__vemu_passt_log(dev);
    struct vemu_parts parts;
    int r;

    if (!log)
        return 0;
    vmgr__vemu_parts_init(&parts);
    vmgr__vemu_set(vmgr__vemu_part_add(&parts, VEMU_PART_CHARDEV, "file", "passt"), "path", log);
    r = vmgr__vemu_rights_parts(d, s->def->name, s, &parts, err);
    vmgr__vemu_parts_fini(&parts);
    return r;
}

static int run(const struct vemu_status *s, const struct vmgr__device *dev, int fd,
               struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    g_autoptr(GPtrArray) args = vmgr__vemu_passt_args(xmlDocGetRootElement(doc), err);

    xmlFreeDoc(doc);
    if (!args)
        return -1;
    g_ptr_array_insert(args, 0, g_strdup("passt"));
    g_ptr_array_insert(args, 1, g_strdup("--fd"));
    g_ptr_array_insert(args, 2, g_strdup_printf("%d", fd));
    g_ptr_array_add(args, NULL);
    return vmgr__daemon_run((const char *const *)args->pdata, "passt", s->uid, s->gid, fd, err);
}

int vmgr__vemu_passt_open(struct vemu *d, const struct vemu_status *s,
                          const struct vmgr__device *dev, struct vmgr_error **err)
{
    int fds[2], mine = -1, theirs = -1;

    if (give_log(d, s, dev, err) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot make a socket for passt");
    mine = fcntl(fds[0], F_DUPFD_CLOEXEC, 3); /* the first three of a child are taken */
    theirs = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
    close(fds[0]);
    close(fds[1]);
    if (mine < 0 || theirs < 0)
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot make a socket for passt");
    else if (run(s, dev, theirs, err) == 0)
        goto out;
    if (mine >= 0)
        close(mine);
    mine = -1;
out:
    if (theirs >= 0)
        close(theirs);
    return mine;
}
