/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzzer knows of virtio-9p and virtio-vsock.
 *
 * 9p: a directory with a link out of it; what is outside must be the same at the end. Messages are
 * made by a description of each operation's fields, so that most are well formed. vsock: a listener
 * for the guest's ports, and programs that ask for ports of the guest.
 */
#include "share.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/virtio_vsock.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <vemu/fsdev.h>

#define CLIENTS 8u

static unsigned said; /* 9p: messages of this session */
static char top[32];  /* what share_machine() made; "": nothing */
static bool is_vsock;
static int listener = -1, seq_listener = -1, clients[CLIENTS] = { -1, -1, -1, -1, -1, -1, -1, -1 };

static const char *below(const char *name)
{
    static char path[100];

    snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

/* --- the machine ------------------------------------------------------------------------------ */

static struct guest *machine_9p(struct vemu_vm *vm)
{
    static unsigned which;
    struct vemu_property props[] = { { "path", NULL }, { "security_model", NULL } };
    struct vemu_error *err = NULL;

    guest_assert(mkdir(below("share"), 0700) == 0 && mkdir(below("share/d"), 0700) == 0);
    guest_assert(g_file_set_contents(below("secret"), "secret", -1, NULL));
    guest_assert(g_file_set_contents(below("share/a"), "text", -1, NULL));
    guest_assert(symlink("../secret", below("share/b")) == 0);
    props[0].value = below("share");
    props[1].value = which++ & 1 ? "none" : "mapped-xattr";
    guest_ok(vemu_vm_add_fsdev(vm, "local", "fs", props, 2, &err), err);
    return guest_attach(vm, "virtio-9p", "fsdev", "fs", "mount_tag", "t", "packed", "on",
                        "in_order", "on", NULL);
}

static struct sockaddr_un address(const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", below(name));
    return a;
}

static struct guest *machine_vsock(struct vemu_vm *vm)
{
    struct sockaddr_un a = address("v_1"), b = address("v_2");

    is_vsock = true;
    seq_listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    guest_assert(bind(seq_listener, (struct sockaddr *)&b, sizeof(b)) == 0);
    guest_assert(listen(seq_listener, 64) == 0);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    guest_assert(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0);
    guest_assert(listen(listener, 64) == 0);
    return guest_attach(vm, "virtio-vsock", "guest-cid", "3", "uds-path", below("v"), "packed",
                        "on", "in_order", "on", NULL);
}

struct guest *share_machine(struct vemu_vm *vm, const char *device)
{
    snprintf(top, sizeof(top), "/tmp/vemu-fuzz-XXXXXX");
    guest_assert(mkdtemp(top));
    return strcmp(device, "9p") == 0 ? machine_9p(vm) : machine_vsock(vm);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void share_end(void)
{
    g_autofree char *secret = NULL;

    if (!top[0])
        return;
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i] >= 0)
            close(clients[i]);
        clients[i] = -1;
    }
    if (is_vsock) {
        close(listener);
        close(seq_listener);
    } else if (!g_file_get_contents(below("secret"), &secret, NULL, NULL) ||
               strcmp(secret, "secret") != 0) {
        abort();
    }
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    top[0] = '\0';
}

/* --- messages --------------------------------------------------------------------------------- */

static void put_name(struct program *p, struct request *r)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "..", ".", "", "a/b", "user.x" };
    const char *name = names[program_byte(p) % G_N_ELEMENTS(names)];

    request_put(r, strlen(name) + (program_byte(p) > 250), 2);
    for (; *name; name++)
        request_put(r, (uint8_t)*name, 1);
}

/* f: fid, n: name, b w i q: numbers of 1, 2, 4, 8 bytes, m: a mode with a type, N: names, V: the
 * version, F: no fid */
static const struct {
    uint8_t type;
    const char *fields;
} messages[] = {
    { 8, "f" },       { 12, "fi" },   { 14, "fniii" }, { 16, "fnni" },       { 18, "fnmiii" },
    { 20, "ffn" },    { 22, "f" },    { 24, "fq" },    { 26, "fiiiiqqqqq" }, { 30, "ffn" },
    { 32, "fnqi" },   { 40, "fqi" },  { 50, "fi" },    { 52, "fbiqqin" },    { 54, "fbqqin" },
    { 70, "ffn" },    { 72, "fnii" }, { 74, "fnfn" },  { 76, "fni" },        { 100, "iV" },
    { 104, "fFnni" }, { 108, "w" },   { 110, "ffN" },  { 116, "fqi" },       { 118, "fqiqqq" },
    { 120, "f" },     { 122, "f" },   { 110, "ffN" },  { 12, "fi" },
};

static void put_field(struct program *p, struct request *r, char field)
{
    unsigned count;

    switch (field) {
    case 'f': request_put(r, program_byte(p) % 6, 4); break;
    case 'F': request_put(r, UINT32_MAX, 4); break;
    case 'n': put_name(p, r); break;
    case 'b': request_put(r, program_number(p), 1); break;
    case 'w': request_put(r, program_number(p), 2); break;
    case 'i': request_put(r, program_number(p), 4); break;
    case 'q': request_put(r, program_number(p), 8); break;
    case 'm':
        request_put(r, (program_byte(p) & 1 ? S_IFREG : S_IFIFO) | program_number(p), 4);
        break;
    case 'V':
        request_put(r, 8, 2);
        for (const char *at = "9P2000.L"; *at; at++)
            request_put(r, (uint8_t)*at, 1);
        break;
    case 'N':
        count = program_byte(p) % 4;
        request_put(r, count, 2);
        while (count--)
            put_name(p, r);
        break;
    }
}

/* A session begins with its version, and with its root as the first file. */
static void put_beginning(struct request *r, unsigned n)
{
    static const char version[] = { 100, 0,   0,   0,   0x20, 0,   0,   8,  0,
                                    '9', 'P', '2', '0', '0',  '0', '.', 'L' },
                      attach[] = { 104, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0 };
    const size_t size = n ? sizeof(attach) : sizeof(version);

    request_put(r, 4 + size, 4);
    for (size_t i = 0; i < size; i++)
        request_put(r, (uint8_t)(n ? attach : version)[i], 1);
    r->in_size = 4096;
}

void share_begin_9p(void)
{
    said = 0;
}

void share_make_9p(struct program *p, struct request *r)
{
    const uint8_t which = program_byte(p) % G_N_ELEMENTS(messages), wrong = program_byte(p),
                  room = program_byte(p);
    size_t size;

    if (said < 2) {
        put_beginning(r, said++);
        return;
    }
    request_put(r, 0, 4);
    request_put(r, wrong == 255 ? program_byte(p) : messages[which].type, 1);
    request_put(r, program_byte(p), 2);
    for (const char *field = messages[which].fields; *field; field++)
        put_field(p, r, *field);
    size = r->used;
    r->used = 0;
    request_put(r,
                wrong == 254                  ? program_number(p)
                : messages[which].type == 100 ? MAX(size, 21)
                                              : size,
                4);
    r->used = size;
    r->in_size = room > 128 ? 4096 : 16u * room;
}

static void put_packet(struct program *p, struct request *r)
{
    const uint8_t wrong = program_byte(p);
    const uint32_t len = program_byte(p) & 1 ? 0 : (uint32_t)program_number(p) & 0x7ff;

    request_put(r, wrong == 255 ? program_number(p) : 3, 8);
    request_put(r, wrong == 254 ? program_number(p) : 2, 8);
    request_put(r, program_byte(p) % 4, 4);
    request_put(r, program_byte(p) & 1 ? 1 : 0x40000000u + program_byte(p) % 16, 4);
    request_put(r, len, 4);
    request_put(r, wrong == 253 ? program_number(p) : 1, 2);
    request_put(r, program_byte(p) % 9, 2);
    request_put(r, program_byte(p) % 5, 4);
    request_put(r, program_number(p) << 8, 4);
    request_put(r, wrong > 200 ? program_number(p) : 0, 4);
    for (uint32_t n = 0; n < len; n++)
        request_put(r, 0, 1);
}

void share_make_vsock(struct program *p, struct request *r)
{
    const uint8_t how = program_byte(p);

    r->queue = how < 8 ? 2 : how & 1;
    if (r->queue == 1)
        put_packet(p, r);
    else
        r->in_size = r->queue == 2 ? 4 : 16u * program_byte(p);
}

/* --- the host --------------------------------------------------------------------------------- */

static void client_step(struct program *p, int *client)
{
    uint8_t what = program_byte(p), data[4096] = { 0 };
    bool seq = what & 4;
    struct sockaddr_un a = address(seq ? "v_seqpacket" : "v");
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    ssize_t n = 0;

    if (*client < 0) {
        *client = what & 1 ? accept4(seq ? seq_listener : listener, NULL, NULL, flags)
                           : socket(AF_UNIX, (seq ? SOCK_SEQPACKET : SOCK_STREAM) | flags, 0);
        if (*client >= 0 && !(what & 1)) {
            if (connect(*client, (struct sockaddr *)&a, sizeof(a)) == 0)
                n = send(*client, what & 2 ? "CONNECT 1\n" : "CONNECT 2\nx", 10 + !(what & 2),
                         MSG_NOSIGNAL);
        }
        return;
    }
    switch (what % 8) {
    case 0: n = send(*client, data, 1 + (size_t)what * 16, MSG_NOSIGNAL); break;
    case 1:
    case 2: n = recv(*client, data, sizeof(data), 0); break;
    case 3: shutdown(*client, what & 16 ? SHUT_WR : SHUT_RD); break;
    case 4:
        close(*client);
        *client = -1;
        break;
    default: break;
    }
    (void)n; /* nobody expects anything */
}

void share_neighbours(struct program *p)
{
    if (is_vsock && top[0])
        client_step(p, &clients[program_byte(p) % CLIENTS]);
}
