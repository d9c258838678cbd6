/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's agent that lies: what it answers is any text.
 *
 *     fuzz-agent SEED COUNT | --write DIR | FILE
 *
 * An input is a byte, which says the command to begin with, and lines. The session's beginning is
 * answered as it should be, each command after it with the next line. When there are none left the
 * agent is gone. With the byte's highest bit set all comes at once, before anything was asked. What
 * fails must have a reason.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmgr/vmgr.h>

#include "agent/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAW 0x80 /* of the first byte */

/* ---- the agent ---- */

struct liar {
    int fd;
    bool raw;
    const char *text; /* what is left of it */
    size_t left;
};

static bool say(const struct liar *l, const char *text, size_t size)
{
    return send(l->fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* The input's next line; false: there is none. */
static bool say_line(struct liar *l)
{
    const char *end = memchr(l->text, '\n', l->left);
    const size_t size = end ? (size_t)(end - l->text) + 1 : l->left;
    const bool said = size && say(l, l->text, size) && (end || say(l, "\n", 1));

    l->text += size;
    l->left -= size;
    return said;
}

static bool answer(struct liar *l, const char *command)
{
    const char *id = strstr(command, "\"id\":");
    char text[100];
    int n;

    if (l->raw) { /* all of it, and gone */
        say(l, l->text, l->left);
        return false;
    }
    if (!id || !strstr(command, "guest-sync-delimited"))
        return say_line(l);
    n = snprintf(text, sizeof(text), "\xff{\"return\":%lld}\n", strtoll(id + 5, NULL, 10));
    return say(l, text, (size_t)n);
}

static void *lie(void *data)
{
    struct liar *l = data;
    g_autoptr(GString) in = g_string_new(NULL);
    char buf[4096];
    bool more = true;
    ssize_t n;

    while (more && (n = recv(l->fd, buf, sizeof(buf), 0)) > 0) {
        const char *end;

        g_string_append_len(in, buf, n);
        while (more && (end = memchr(in->str, '\n', in->len))) {
            g_autofree char *line = g_strndup(in->str, (gsize)(end - in->str));

            g_string_erase(in, 0, end - in->str + 1);
            more = answer(l, line);
        }
    }
    shutdown(l->fd, SHUT_RDWR);
    return NULL;
}

/* ---- commands, and what is done with answers ---- */

static int freeze(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_freeze(a, NULL, 0, err);
}

static int thaw(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_thaw(a, err);
}

static int trim(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_trim(a, 0, err);
}

static int fs_info(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    int r = vmgr__agent_get_fs_info(a, disks, list, err);

    g_ptr_array_add(list, NULL);
    vmgr_fs_infos_free((struct vmgr_fs_info **)g_ptr_array_free(g_steal_pointer(&list), FALSE));
    return r;
}

static int get_time(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    int64_t seconds;
    uint32_t nanoseconds;
    int r = vmgr__agent_get_time(a, &seconds, &nanoseconds, err);

    (void)disks;
    if (r == 0 && nanoseconds >= 1000000000)
        abort();
    return r;
}

static int hostname(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    char *name = NULL;
    int r = vmgr__agent_get_hostname(a, &name, err);

    (void)disks;
    if (r == 0 && !g_utf8_validate(name, -1, NULL))
        abort();
    free(name);
    return r;
}

static int keys(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free);

    (void)disks;
    return vmgr__agent_get_keys(a, "u", list, err);
}

static int vcpus(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    GArray *list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    int r = vmgr__agent_get_vcpus(a, list, err);

    (void)disks;
    vmgr_stats_free((struct vmgr_stat *)(void *)g_array_free(list, FALSE));
    return r;
}

static int set_vcpus(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_set_vcpus(a, "0-2", false, err);
}

static int resize(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_resize_vcpus(a, 2, err);
}

static int info(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    GArray *list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    int r = vmgr__agent_get_info(a, disks, 0, list, err);

    vmgr_stats_free((struct vmgr_stat *)(void *)g_array_free(list, FALSE));
    return r;
}

static void see(void *data, const char *name, const char *hwaddr, const char *address,
                unsigned prefix, bool ipv6)
{
    size_t *sum = data;

    *sum += strlen(name) + (hwaddr ? strlen(hwaddr) : 0) + (address ? strlen(address) : 0) +
            prefix + ipv6;
}

static int interfaces(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    size_t sum = 0;

    (void)disks;
    return vmgr__agent_interfaces(a, see, &sum, err);
}

static int text(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    g_autofree char *said = NULL;

    (void)disks;
    return vmgr__agent_text(a, "{\"execute\":\"guest-ping\"}", 1, &said, err);
}

static int leave(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err)
{
    (void)disks;
    return vmgr__agent_shutdown(a, "powerdown", err);
}

static int (*const commands[])(struct vmgr__agent *a, GArray *disks, struct vmgr_error **err) = {
    fs_info, info, interfaces, vcpus, keys,   hostname,  get_time,
    trim,    text, freeze,     thaw,  resize, set_vcpus, leave,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char serial[] = "S1", target[] = "vda";
    struct vmgr__agent_disk disk = { .has_pci = true, .serial = serial, .target = target };
    g_autoptr(GArray) disks = g_array_new(FALSE, TRUE, sizeof(disk));
    struct vmgr_error *err = NULL;
    struct vmgr__agent *a;
    struct liar liar;
    pthread_t thread;
    int fds[2];

    if (size < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return 0;
    g_array_append_val(disks, disk);
    liar = (struct liar){ fds[1], data[0] & RAW, (const char *)data + 1, size - 1 };
    if (pthread_create(&thread, NULL, lie, &liar) != 0)
        abort();
    a = vmgr__agent_new(fds[0], 1, &err);
    if (!a != (err != NULL))
        abort();
    for (size_t i = 0; a && !err && i < G_N_ELEMENTS(commands); i++) {
        const int r = commands[((data[0] & ~RAW) + i) % G_N_ELEMENTS(commands)](a, disks, &err);

        if ((r < 0) != (err != NULL))
            abort();
        if (err && vmgr_error_get_code(err) != VMGR_ERR_AGENT_UNRESPONSIVE)
            err = vmgr_error_free(err);
    }
    vmgr_error_free(err);
    if (!a)
        shutdown(fds[1], SHUT_RDWR);
    vmgr__agent_free(a);
    pthread_join(thread, NULL);
    close(fds[1]);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static const char *const seeds[] = {
    ("[{\"name\":\"vda1\",\"mountpoint\":\"/"
     "\",\"type\":\"ext4\",\"total-bytes\":100,\"used-bytes\":7,"
     "\"disk\":[{\"serial\":\"S1\",\"bus-type\":\"virtio\",\"dev\":\"/dev/"
     "vda1\",\"pci-controller\":"
     "{\"domain\":0,\"bus\":0,\"slot\":0,\"function\":0}}]}]"),
    "[{\"user\":\"u\",\"login-time\":1.5,\"domain\":\"d\"}]",
    "{\"id\":\"debian\",\"name\":\"Debian\",\"version-id\":\"12\",\"kernel-release\":\"6\"}",
    "{\"zone\":\"CET\",\"offset\":3600}",
    "{\"host-name\":\"h\"}",
    ("[{\"name\":\"/dev/vda\",\"partition\":false,\"dependencies\":[\"/dev/x\"],\"alias\":\"a\","
     "\"address\":{\"serial\":\"S1\",\"bus-type\":\"virtio\",\"pci-controller\":{\"domain\":0,"
     "\"bus\":0,"
     "\"slot\":0,\"function\":0}}}]"),
    ("[{\"name\":\"eth0\",\"hardware-address\":\"52:54:00:00:00:01\",\"ip-addresses\":["
     "{\"ip-address-type\":\"ipv4\",\"ip-address\":\"127.0.0.1\",\"prefix\":8},"
     "{\"ip-address-type\":\"ipv6\",\"ip-address\":\"::1\",\"prefix\":128}]}]"),
    ("[{\"logical-id\":0,\"online\":true,\"can-offline\":false},"
     "{\"logical-id\":3,\"online\":true,\"can-offline\":true}]"),
    "{\"keys\":[\"ssh-rsa A\",\"ssh-rsa B\"]}",
    "1700000000000000007",
    "3",
    "{}",
};

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % limit);
}

/* Lines, in the order in which they are asked for or any. */
static GString *make_input(bool spoilt)
{
    static const char *const values[] = { "null",       "-1",   "[]",
                                          "{}",         "\"\"", "99999999999999999999",
                                          "1e400",      "true", "\"\\ud800\"",
                                          "\"\\u0000\"" };
    GString *s = g_string_new(NULL);

    g_string_append_c(s, (char)(below(G_N_ELEMENTS(commands)) | (below(16) == 0 ? RAW : 0)));
    for (uint32_t i = 0; i < 16; i++) {
        g_autoptr(GString) line = g_string_new(seeds[below(G_N_ELEMENTS(seeds))]);

        for (uint32_t k = spoilt ? below(4) : 0; k; k--) {
            const char *colon = strchr(line->str + below((uint32_t)line->len), ':');
            const gssize at = colon ? colon + 1 - line->str : (gssize)below((uint32_t)line->len);

            if (below(3)) {
                g_string_erase(line, at, (gssize)strcspn(line->str + at, ",]}"));
                g_string_insert(line, at, values[below(G_N_ELEMENTS(values))]);
            } else {
                line->str[at] = (char)(1 + below(255));
            }
            if (!line->len)
                break;
        }
        g_string_append_printf(s, "{\"return\":%s}\n", line->str);
    }
    return s;
}

int main(int argc, char **argv)
{
    const bool writes = argc == 3 && strcmp(argv[1], "--write") == 0;
    const unsigned count = writes ? 30 : argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    g_autofree char *content = NULL;
    gsize size;

    if (argc == 2 && g_file_get_contents(argv[1], &content, &size, NULL))
        return LLVMFuzzerTestOneInput((const uint8_t *)content, size);
    if (!count) {
        fprintf(stderr, "usage: fuzz-agent SEED COUNT | --write DIR | FILE\n");
        return 2;
    }
    state = (writes ? 1 : strtoull(argv[1], NULL, 10)) * 0x9e3779b97f4a7c15u | 1;
    for (unsigned i = 0; i < count; i++) {
        g_autoptr(GString) input = make_input(!writes);
        g_autofree char *path = writes ? g_strdup_printf("%s/seed-%u", argv[2], i) : NULL;

        if (!writes)
            LLVMFuzzerTestOneInput((const uint8_t *)input->str, input->len);
        else if (!g_file_set_contents(path, input->str, (gssize)input->len, NULL))
            return 1;
    }
    return 0;
}

#endif
