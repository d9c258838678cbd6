/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Machines with one device each, and their back-ends.
 */
#include "machine.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include <vemu/block.h>
#include <vemu/chardev.h>
#include <vemu/input.h>
#include <vemu/net.h>
#include <vemu/object.h>

#include "devices/virtio-balloon/balloon.h"
#include "devices/virtio-mem/mem.h"
#include "share.h"

#define RINGS "packed", "on", "in_order", "on" /* for every device; see rings[], too */

#define DISK_SIZE 65536u

static const struct vemu_property rings[] = { { "packed", "on" }, { "in_order", "on" } };

static const struct back_end *back_end;
static int cable = -1; /* net: the other end */
static char image[32]; /* of a disk */

/* --- input ------------------------------------------------------------------------------------ */

static struct guest *new_input(struct vemu_vm *vm, const char *device)
{
    g_autofree char *name = g_strconcat("virtio-", device, NULL);
    struct guest *g = guest_attach(vm, name, RINGS, NULL);

    vemu_vm_start(vm, NULL); /* nobody types into one that does not run */
    return g;
}

static void type(struct guest *g, struct program *p)
{
    const struct vemu_input_event keys[] = { { VEMU_INPUT_KEY, 1 + program_byte(p) % 88,
                                               program_byte(p) & 1 } };

    vemu_vm_send_input(g->vm, NULL, keys, 1, NULL);
}

static void move(struct guest *g, struct program *p)
{
    const struct vemu_input_event moves[] = { { VEMU_INPUT_ABS, program_byte(p) & 1,
                                                program_byte(p) } };

    vemu_vm_send_input(g->vm, NULL, moves, 1, NULL);
}

/* --- network ---------------------------------------------------------------------------------- */

static struct guest *new_net(struct vemu_vm *vm, const char *device)
{
    char number[16];
    const struct vemu_property props[] = { { "type", "dgram" }, { "fd", number } };
    struct vemu_error *err = NULL;
    int ends[2], small = 8192;

    guest_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    snprintf(number, sizeof(number), "%d", ends[0]);
    cable = ends[1];
    guest_ok(vemu_vm_add_net(vm, "socket", "cable", props, 2, &err), err);
    return guest_attach(vm, "virtio-net", "netdev", "cable", RINGS, NULL);
}

/* Neighbours send frames, and read what the guest sends or let it wait; the cable is pulled. */
static void neighbours(struct guest *g, struct program *p)
{
    uint8_t frame[2048], what = program_byte(p);

    if (what & 1) {
        memset(frame, what, sizeof(frame));
        if (what & 8)
            memset(frame, 0xff, 6);
        if (send(cable, frame, 8u * what + 1, MSG_DONTWAIT) < 0 && what & 2)
            return;
    }
    while (what & 4 && recv(cable, frame, sizeof(frame), MSG_DONTWAIT) >= 0)
        ;
    if (what > 240)
        vemu_vm_set_net_link(g->vm, "cable", what & 2, NULL);
    else if (what > 230)
        vemu_vm_announce_net(g->vm, NULL, NULL);
}

static void end_net(void)
{
    close(cable);
    cable = -1;
}

/* --- memory ----------------------------------------------------------------------------------- */

static void add_memory(struct vemu_vm *vm)
{
    const struct vemu_property props[] = { { "size", "64M" } };
    struct vemu_error *err = NULL;

    guest_ok(vemu_vm_add_object(vm, "memory-backend-memfd", "m", props, 1, &err), err);
}

static struct guest *new_mem(struct vemu_vm *vm, const char *device)
{
    add_memory(vm);
    return guest_attach(vm, "virtio-mem", "memdev", "m", "requested-size", "32M", RINGS, NULL);
}

static struct guest *new_pmem(struct vemu_vm *vm, const char *device)
{
    add_memory(vm);
    return guest_attach(vm, "virtio-pmem", "memdev", "m", RINGS, NULL);
}

static struct guest *new_plain(struct vemu_vm *vm, const char *device)
{
    g_autofree char *name = g_strconcat("virtio-", device, NULL);

    return guest_attach(vm, name, RINGS, NULL);
}

struct wish {
    struct vemu_device *dev;
    uint8_t what;
};

static int want_memory(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct wish *wish = data;

    return vemu__virtio_mem_set_requested(wish->dev, (uint64_t)(wish->what % 34) << 21, err);
}

static int want_balloon(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct wish *wish = data;

    return wish->what & 1 ? vemu__balloon_ask(wish->dev)
                          : vemu__balloon_set_size(wish->dev, (uint64_t)wish->what << 14);
}

static void resize_memory(struct guest *g, struct program *p)
{
    struct wish wish = { g->dev, program_byte(p) };
    struct vemu_error *err = NULL;

    vemu__vm_control(g->vm, vemu__balloon_is(g->dev) ? want_balloon : want_memory, &wish, &err);
    vemu_error_free(err);
}

/* --- disks ------------------------------------------------------------------------------------ */

/* Threads: taking an io_uring away takes the kernel many times longer than a program. */
static const struct vemu_property disk_props[] = { { "filename", image },
                                                   { "aio", "threads" },
                                                   { "discard", "unmap" } };

static void add_disk(struct vemu_vm *vm)
{
    struct vemu_error *err = NULL;
    int fd;

    strcpy(image, "/tmp/vemu-fuzz-XXXXXX");
    fd = mkstemp(image);
    guest_assert(fd >= 0 && ftruncate(fd, DISK_SIZE) == 0);
    close(fd);
    guest_ok(vemu_vm_add_block(vm, "file", "disk", disk_props, 3, &err), err);
}

static struct guest *new_blk(struct vemu_vm *vm, const char *device)
{
    add_disk(vm);
    return guest_attach(vm, "virtio-blk", "drive", "disk", "num-queues", "3", RINGS, NULL);
}

static struct guest *new_scsi(struct vemu_vm *vm, const char *device)
{
    const struct vemu_property adapter[] = { rings[0], rings[1], { "num_queues", "1" } };
    const struct vemu_property disk[] = { { "drive", "disk" } }, cd[] = { { "drive", "cd" } };
    const struct vemu_property medium[] = { disk_props[0], disk_props[1], { "read-only", "on" } };
    struct vemu_error *err = NULL;

    add_disk(vm);
    guest_ok(vemu_vm_add_block(vm, "file", "cd", medium, 3, &err), err);
    guest_ok(vemu_vm_add_device(vm, "virtio-scsi", "scsi", adapter, 3, &err), err);
    guest_ok(vemu_vm_add_device(vm, "scsi-hd", NULL, disk, 1, &err), err);
    guest_ok(vemu_vm_add_device(vm, "scsi-cd", NULL, cd, 1, &err), err);
    return guest_adopt(vm, "scsi");
}

static void resize_disk(struct guest *g, struct program *p)
{
    if (program_once(p, 8))
        vemu_vm_resize_block(g->vm, "disk", DISK_SIZE + (program_byte(p) % 4u << 12), NULL);
}

static void end_disk(void)
{
    unlink(image);
}

/* --- serial ----------------------------------------------------------------------------------- */

static void take_output(void *data, const void *buf, size_t size) {}

static struct guest *new_serial(struct vemu_vm *vm, const char *device)
{
    const struct vemu_property console[] = { { "chardev", "line" } },
                               port[] = { { "chardev", "ring" }, { "name", "org.port" } };
    struct vemu_error *err = NULL;

    guest_ok(vemu_vm_add_chardev_callback(vm, "line", take_output, NULL, NULL, &err), err);
    guest_ok(vemu_vm_add_chardev(vm, "ring", "ring", NULL, 0, &err), err);
    guest_ok(vemu_vm_add_device(vm, "virtio-serial", "serial", rings, 2, &err), err);
    guest_ok(vemu_vm_add_device(vm, "virtconsole", NULL, console, 1, &err), err);
    guest_ok(vemu_vm_add_device(vm, "virtserialport", NULL, port, 2, &err), err);
    return guest_adopt(vm, "serial");
}

static void type_line(struct guest *g, struct program *p)
{
    const uint8_t what = program_byte(p);
    char text[256];

    memset(text, what, sizeof(text));
    if (what & 1)
        vemu_chardev_input(g->vm, "line", text, what);
    else
        vemu_chardev_read(g->vm, "ring", text, what);
}

/* --- shared files and sockets ----------------------------------------------------------------- */

static void share_host(struct guest *g, struct program *p)
{
    share_neighbours(p);
}

/* --- all -------------------------------------------------------------------------------------- */

static struct guest *new_echo(struct vemu_vm *vm, const char *device)
{
    return guest_attach(vm, "test-echo", RINGS, NULL);
}

static const struct back_end {
    const char *device;
    struct guest *(*new)(struct vemu_vm *vm, const char *device);
    void (*host)(struct guest *g, struct program *p); /* NULL: it does nothing */
    void (*end)(void);
} back_ends[] = {
    { "9p", share_machine, share_host, share_end },
    { "balloon", new_plain, resize_memory, NULL },
    { "blk", new_blk, resize_disk, end_disk },
    { "echo", new_echo, NULL, NULL },
    { "keyboard", new_input, type, NULL },
    { "mem", new_mem, resize_memory, NULL },
    { "net", new_net, neighbours, end_net },
    { "pmem", new_pmem, NULL, NULL },
    { "rng", new_plain, NULL, NULL },
    { "scsi", new_scsi, resize_disk, end_disk },
    { "serial", new_serial, type_line, NULL },
    { "tablet", new_input, move, NULL },
    { "vsock", share_machine, share_host, share_end },
};

struct guest *machine_new(const char *device)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(back_ends); n++)
        if (strcmp(back_ends[n].device, device) == 0)
            back_end = &back_ends[n];
    guest_assert(back_end);
    return back_end->new (guest_vm(), device);
}

void machine_host(struct guest *g, struct program *p)
{
    if (back_end->host)
        back_end->host(g, p);
}

void machine_free(struct guest *g)
{
    guest_free(g);
    if (back_end->end)
        back_end->end();
    back_end = NULL;
}
