/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defines a domain with libvmgr, starts it, and waits until its guest has powered off.
 *
 *     gcc example-domain.c $(pkg-config --cflags --libs libvmgr)
 *     ./a.out STATE-DIRECTORY /boot/vmlinuz-... initramfs
 */
#include <poll.h>
#include <stdio.h>
#include <vmgr/vmgr.h>

static const char format[] = "<domain type='vemu'>"
                             "  <name>example</name>"
                             "  <memory unit='MiB'>256</memory>"
                             "  <vcpu>1</vcpu>"
                             "  <os>"
                             "    <type arch='x86_64' machine='microvm'>hvm</type>"
                             "    <kernel>%s</kernel><initrd>%s</initrd>"
                             "    <cmdline>console=ttyS0 cryptomgr.notests</cmdline>"
                             "  </os>"
                             "  <devices><serial type='pty'/></devices>"
                             "</domain>";

static void on_event(struct vmgr_conn *conn, struct vmgr_domain *domain,
                     const struct vmgr_domain_event *event, void *data)
{
    (void)conn;
    printf("%s: %s (%s)\n", vmgr_domain_get_name(domain), vmgr_domain_event_type_name(event->type),
           vmgr_domain_event_detail_name(event->type, event->detail));
    if (event->type == VMGR_DOMAIN_EVENT_STOPPED)
        *(int *)data = 1;
}

static int run(struct vmgr_conn *conn, const char *xml, struct vmgr_error **err)
{
    struct vmgr_domain *domain = NULL;
    int stopped = 0, state, reason;
    if (vmgr_conn_add_domain_event(conn, NULL, VMGR_DOMAIN_EVENT_LIFECYCLE, on_event, &stopped,
                                   NULL, err) < 0 ||
        vmgr_domain_define_xml(conn, xml, 0, &domain, err) < 0)
        return -1;
    int r = vmgr_domain_start(domain, 0, err);
    struct pollfd fd = { .fd = vmgr_conn_get_event_fd(conn, NULL), .events = POLLIN };
    while (r >= 0 && !stopped) {
        poll(&fd, 1, 1000);
        r = vmgr_conn_dispatch(conn, err);
    }
    if (r >= 0)
        r = vmgr_domain_get_state(domain, 0, &state, &reason, err);
    if (r >= 0)
        printf("%s: %s\n", vmgr_domain_get_name(domain), vmgr_domain_state_name(state));
    vmgr_domain_unref(domain);
    return r;
}

int main(int argc, char **argv)
{
    struct vmgr_conn_options options = VMGR_CONN_OPTIONS_INIT;
    struct vmgr_conn *conn = NULL;
    struct vmgr_error *err = NULL;
    char xml[4096];
    if (argc != 4) {
        fprintf(stderr, "usage: %s STATE-DIRECTORY KERNEL INITRD\n", argv[0]);
        return 2;
    }
    options.uri = "vemu:///session";
    options.root = argv[1];
    snprintf(xml, sizeof(xml), format, argv[2], argv[3]);
    int r = vmgr_conn_open_with(&options, &conn, &err);
    if (r >= 0)
        r = run(conn, xml, &err);
    if (r < 0)
        fprintf(stderr, "error: %s\n", vmgr_error_get_message(err));
    vmgr_error_free(err);
    vmgr_conn_unref(conn);
    return r < 0;
}
