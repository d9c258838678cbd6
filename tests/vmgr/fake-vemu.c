/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An emulator without a machine: takes vemu's command line, speaks its QMP, behaves as -append
 * tells.
 *
 *   die=TEXT      writes TEXT to stderr and exits before the monitor opens
 *   mute          opens the monitor but never greets
 *   stubborn      ignores SIGTERM
 *   slow-start    waits 200 ms before the monitor opens
 *
 * Commands beyond vemu's: x-panic (the guest panics), x-port (it opens or closes the channel "id"),
 * x-event (its arguments are told as an event; or, as "raw", a string that is none), x-sleep (it
 * suspends to memory).
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-memory.h"

#define DRIVE "sata0-0-0"

static struct {
    const char *append, *exit_file, *uuid;
    char qmp_path[108];             /* of the last -qmp */
    char events_path[108];          /* of the one before */
    int events_listener, events[8]; /* -1: none */
    bool paused, no_reboot, panic_pause, shutdown_pause;
    const char *status;
    int64_t balloon;
    char medium[64]; /* the node in DRIVE; "": none that was put in */
    struct {
        char id[32];
        char path[64];
        int master;
    } ptys[4];
    int pty_count;
    struct {
        char id[32];
        bool open;
    } ports[4]; /* other character devices */
    int port_count;
    struct {
        char id[64];
        bool there;
    } devices[64]; /* and nodes and networks: what has a name can be taken away */
} vm = {
    .append = "",
    .status = "running",
    .events_listener = -1,
    .events = { -1, -1, -1, -1, -1, -1, -1, -1 },
};

static void finish(const char *cause)
{
    if (vm.exit_file) {
        FILE *f = fopen("exit.tmp", "w");

        if (f) {
            fprintf(f, "{\"cause\": \"%s\", \"code\": 0, \"status\": 0}\n", cause);
            fclose(f);
            rename("exit.tmp", vm.exit_file);
        }
    }
    exit(0);
}

static void add_chardev(const char *text)
{
    const char *id = strstr(text, "id=");
    struct termios raw;
    int slave;

    if (strncmp(text, "socket,", 7) == 0 && id && vm.port_count < 4)
        snprintf(vm.ports[vm.port_count++].id, sizeof(vm.ports[0].id), "%.*s",
                 (int)strcspn(id + 3, ","), id + 3);
    if (strncmp(text, "pty,", 4) != 0 || !id || vm.pty_count == 4)
        return;
    snprintf(vm.ptys[vm.pty_count].id, sizeof(vm.ptys[0].id), "%.31s", id + 3);
    if (openpty(&vm.ptys[vm.pty_count].master, &slave, vm.ptys[vm.pty_count].path, NULL, NULL) < 0)
        exit(1);
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    /* an echo that nobody reads is dropped */
    fcntl(vm.ptys[vm.pty_count].master, F_SETFL, O_NONBLOCK);
    vm.pty_count++; /* the slave stays open, so that the master never hangs up */
}

/* Devices, nodes and networks by name. */
static int find_device(const char *id)
{
    for (int i = 0; i < 64; i++) {
        if (vm.devices[i].there && strcmp(vm.devices[i].id, id) == 0)
            return i;
    }
    return -1;
}

static void add_device(const char *id)
{
    for (int i = 0; i < 64; i++) {
        if (!vm.devices[i].there) {
            vm.devices[i].there = true;
            snprintf(vm.devices[i].id, sizeof(vm.devices[i].id), "%s", id);
            return;
        }
    }
}

static const char *text_of(struct json_object *args, const char *key)
{
    struct json_object *value;

    return args && json_object_object_get_ex(args, key, &value) ? json_object_get_string(value)
                                                                : NULL;
}

/* An object can be taken away by its name. */
static void add_object(const char *text)
{
    const char *id = strstr(text, ",id="), *path = strstr(text, ",mem-path=");
    char name[64];

    if (path && !fake_memory_make_file(path + strlen(",mem-path="))) {
        fprintf(stderr, "fake-vemu: -object %s: no such file\n", text);
        exit(1);
    }
    if (!id)
        return;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(id + 4, ","), id + 4);
    add_device(name);
}

/* Devices that are there at the start. */
static void add_plain_device(const char *text)
{
    const char *id = strstr(text, ",id=");

    fake_memory_add(text, id ? id + 4 : NULL);
    add_object(text);
}

static void parse(int argc, char **argv)
{
    static const char *const plain[] = { "-nodefaults", "-S", "-no-reboot", NULL };
    static const char *const valued[] = {
        "-name",      "-uuid",   "-display",  "-machine", "-accel",   "-cpu",    "-m",
        "-smp",       "-kernel", "-initrd",   "-append",  "-chardev", "-device", "-qmp",
        "-exit-file", "-action", "-blockdev", "-netdev",  "-boot",    "-numa",   "-sandbox",
        "-object",    "-add-fd", "-smbios",   "-fw_cfg",  "-fsdev",   "-bios",   NULL
    };

    for (int i = 1; i < argc; i++) {
        const char *o = argv[i], *v = argv[i + 1];
        bool known = false;

        for (int k = 0; plain[k]; k++)
            known = known || strcmp(o, plain[k]) == 0;
        if (known) {
            vm.paused = vm.paused || strcmp(o, "-S") == 0;
            vm.no_reboot = vm.no_reboot || strcmp(o, "-no-reboot") == 0;
            continue;
        }
        for (int k = 0; valued[k]; k++)
            known = known || strcmp(o, valued[k]) == 0;
        if (!known || !v) {
            fprintf(stderr, "fake-vemu: %s: invalid option\n", o);
            exit(1);
        }
        i++;
        if (strcmp(o, "-append") == 0)
            vm.append = v;
        else if (strcmp(o, "-uuid") == 0)
            vm.uuid = v;
        else if (strcmp(o, "-chardev") == 0)
            add_chardev(v);
        else if (strcmp(o, "-object") == 0)
            add_object(v);
        else if (strcmp(o, "-device") == 0)
            add_plain_device(v);
        else if (strcmp(o, "-exit-file") == 0)
            vm.exit_file = v;
        else if (strcmp(o, "-action") == 0)
            vm.panic_pause |= strstr(v, "panic=pause") != NULL,
                vm.shutdown_pause |= strstr(v, "shutdown=pause") != NULL;
        else if (strcmp(o, "-qmp") == 0 && strncmp(v, "unix:", 5) == 0)
            memcpy(vm.events_path, vm.qmp_path, sizeof(vm.qmp_path)),
                snprintf(vm.qmp_path, sizeof(vm.qmp_path), "%.*s", (int)strcspn(v + 5, ","), v + 5);
    }
    if (vm.paused)
        vm.status = "prelaunch";
}

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0) {
        fprintf(stderr, "fake-vemu: cannot listen on %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

static void put(int fd, struct json_object *o)
{
    const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

    if (write(fd, text, strlen(text)) < 0 || write(fd, "\r\n", 2) < 0)
        return;
    json_object_put(o);
}

/* To all listeners, and to the client of the monitor. Takes it over. */
static void tell(int fd, struct json_object *o)
{
    for (size_t i = 0; i < sizeof(vm.events) / sizeof(vm.events[0]); i++) {
        if (vm.events[i] >= 0)
            put(vm.events[i], json_object_get(o));
    }
    put(fd, o);
}

static void event(int fd, const char *name)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "event", json_object_new_string(name));
    tell(fd, o);
}

/* Its channel's name is that of its character device behind "char". */
static void set_port(int fd, const char *id, bool open)
{
    struct json_object *o = json_object_new_object(), *data = json_object_new_object();

    for (int i = 0; i < vm.port_count; i++) {
        if (strcmp(vm.ports[i].id + strlen("char"), id) == 0)
            vm.ports[i].open = open;
    }
    json_object_object_add(data, "id", json_object_new_string(id));
    json_object_object_add(data, "open", json_object_new_boolean(open));
    json_object_object_add(o, "event", json_object_new_string("VSERPORT_CHANGE"));
    json_object_object_add(o, "data", data);
    tell(fd, o);
}

static struct json_object *chardevs(void)
{
    struct json_object *list = json_object_new_array();

    for (int i = 0; i < vm.pty_count; i++) {
        struct json_object *o = json_object_new_object();
        char name[80];

        snprintf(name, sizeof(name), "pty:%s", vm.ptys[i].path);
        json_object_object_add(o, "label", json_object_new_string(vm.ptys[i].id));
        json_object_object_add(o, "filename", json_object_new_string(name));
        json_object_array_add(list, o);
    }
    for (int i = 0; i < vm.port_count; i++) {
        struct json_object *o = json_object_new_object();

        json_object_object_add(o, "label", json_object_new_string(vm.ports[i].id));
        json_object_object_add(o, "filename", json_object_new_string("unix:"));
        json_object_object_add(o, "frontend-open", json_object_new_boolean(vm.ports[i].open));
        json_object_array_add(list, o);
    }
    return list;
}

static void deleted(int fd, const char *id)
{
    struct json_object *o = json_object_new_object(), *data = json_object_new_object();

    json_object_object_add(data, "device", json_object_new_string(id));
    json_object_object_add(o, "event", json_object_new_string("DEVICE_DELETED"));
    json_object_object_add(o, "data", data);
    put(fd, o);
}

/* A slot for each of four CPUs; those that came later have a path of their own. */
static struct json_object *cpu_slots(void)
{
    struct json_object *list = json_object_new_array();

    for (int i = 0; i < 4; i++) {
        struct json_object *o = json_object_new_object(), *props = json_object_new_object();
        char path[64], id[16];

        snprintf(id, sizeof(id), "vcpu%d", i);
        snprintf(path, sizeof(path), "/machine/peripheral/%s", id);
        json_object_object_add(props, "core-id", json_object_new_int(i));
        json_object_object_add(o, "type", json_object_new_string("x86_64-cpu"));
        json_object_object_add(o, "props", props);
        if (i == 0)
            json_object_object_add(o, "qom-path",
                                   json_object_new_string("/machine/unattached/device[0]"));
        else if (find_device(id) >= 0)
            json_object_object_add(o, "qom-path", json_object_new_string(path));
        json_object_array_add(list, o);
    }
    return list;
}

/* One vCPU; its thread is the process's own. */
static struct json_object *cpus(void)
{
    struct json_object *list = json_object_new_array(), *o = json_object_new_object();

    json_object_object_add(o, "cpu-index", json_object_new_int(0));
    json_object_object_add(o, "thread-id", json_object_new_int(getpid()));
    json_object_array_add(list, o);
    return list;
}

/* The one drive that media are put into. */
static struct json_object *drives(void)
{
    struct json_object *list = json_object_new_array(), *o = json_object_new_object();
    struct json_object *medium = json_object_new_object();

    json_object_object_add(o, "qdev", json_object_new_string("/machine/peripheral/" DRIVE));
    json_object_object_add(medium, "node-name", json_object_new_string(vm.medium));
    if (vm.medium[0])
        json_object_object_add(o, "inserted", medium);
    else
        json_object_put(medium);
    json_object_array_add(list, o);
    return list;
}

static void set_memory(int fd, const char *id, int64_t size)
{
    struct json_object *o = json_object_new_object(), *data = json_object_new_object();

    if (fake_memory_find(id))
        fake_memory_find(id)->size = size;
    json_object_object_add(data, "id", json_object_new_string(id));
    json_object_object_add(data, "size", json_object_new_int64(size));
    json_object_object_add(o, "event", json_object_new_string("MEMORY_DEVICE_SIZE_CHANGE"));
    json_object_object_add(o, "data", data);
    tell(fd, o);
}

/* Commands about devices. 1: done, 0: not one of them, -1: *ret_error. */
static int run_device(int fd, const char *command, struct json_object *args, const char **ret_error)
{
    const char *id = text_of(args, "id") ? text_of(args, "id") : text_of(args, "node-name");

    if (strcmp(command, "device_add") == 0 || strcmp(command, "blockdev-add") == 0 ||
        strcmp(command, "netdev_add") == 0 || strcmp(command, "object-add") == 0) {
        *ret_error = "no such file";
        if (strstr(json_object_to_json_string(args), "/refused"))
            return -1;
        if (id && find_device(id) >= 0)
            *ret_error = "the name is taken";
        if (id && find_device(id) >= 0)
            return -1;
        *ret_error = "no room for memory";
        if (!fake_memory_make_file(text_of(args, "mem-path")))
            return -1;
        if (id)
            add_device(id);
        fake_memory_add(text_of(args, "driver"), id);
        return 1;
    }
    if (strcmp(command, "device_del") == 0 || strcmp(command, "blockdev-del") == 0 ||
        strcmp(command, "netdev_del") == 0 || strcmp(command, "object-del") == 0) {
        *ret_error = "no such device";
        if (!id || find_device(id) < 0)
            return -1;
        vm.devices[find_device(id)].there = false;
        if (fake_memory_find(id))
            fake_memory_find(id)->id[0] = '\0';
        if (strcmp(command, "device_del") == 0)
            deleted(fd, id);
        return 1;
    }
    if (strcmp(command, "qom-list") == 0) {
        const char *path = text_of(args, "path");

        *ret_error = "no such object";
        return find_device(strrchr(path, '/') + 1) >= 0 ? 1 : -1;
    }
    if (strcmp(command, "blockdev-insert-medium") == 0) {
        const char *node = text_of(args, "node-name");

        *ret_error = "no such node";
        if (!node || find_device(node) < 0)
            return -1;
        if (id && strcmp(id, DRIVE) == 0)
            snprintf(vm.medium, sizeof(vm.medium), "%s", node);
        return 1;
    }
    if (strcmp(command, "blockdev-remove-medium") == 0) {
        if (id && strcmp(id, DRIVE) == 0)
            vm.medium[0] = '\0';
        return 1;
    }
    if (strcmp(command, "balloon") == 0)
        vm.balloon = json_object_get_int64(json_object_object_get(args, "value"));
    if (strcmp(command, "qom-set") == 0 && text_of(args, "path") &&
        strcmp(text_of(args, "property"), "requested-size") == 0)
        set_memory(fd, strrchr(text_of(args, "path"), '/') + 1,
                   json_object_get_int64(json_object_object_get(args, "value")));
    if (strcmp(command, "block_set_io_throttle") == 0) { /* some limits are too much for it */
        struct json_object *bps = json_object_object_get(args, "bps");

        *ret_error = "no such limit";
        return json_object_get_int64(bps) == 4096 ? -1 : 1;
    }
    return strcmp(command, "blockdev-open-tray") == 0 ||
           strcmp(command, "blockdev-close-tray") == 0 || strcmp(command, "set_link") == 0 ||
           strcmp(command, "add-fd") == 0 || strcmp(command, "remove-fd") == 0 ||
           strcmp(command, "balloon") == 0 || strcmp(command, "inject-nmi") == 0 ||
           strcmp(command, "qom-set") == 0;
}

/* Memory, whose bytes are what was asked for: "p" by physical addresses, else "v". At address 4096
 * there is a link in its place, as a guest that broke out could make one; at 8192 it is too
 * short. */
static void save_memory(struct json_object *args, char byte)
{
    const char *path = text_of(args, "filename");
    struct json_object *value;
    int64_t start, size;
    FILE *f;

    json_object_object_get_ex(args, "val", &value);
    start = json_object_get_int64(value);
    json_object_object_get_ex(args, "size", &value);
    size = json_object_get_int64(value);
    if (start == 4096 && symlink("/etc/passwd", path) == 0)
        return;
    f = fopen(path, "w");
    for (int64_t i = start == 8192; f && i < size; i++)
        fputc(byte, f);
    if (f)
        fclose(f);
}

/* Runs a command; what it returns, or NULL and *ret_error. */
static struct json_object *run(int fd, const char *command, struct json_object *args,
                               const char **ret_error)
{
    struct json_object *result = json_object_new_object(), *then;
    int done = run_device(fd, command, args, ret_error);

    if (done > 0)
        return result;
    if (done < 0) {
        json_object_put(result);
        return NULL;
    }

    if (strcmp(command, "query-status") == 0) {
        json_object_object_add(result, "status", json_object_new_string(vm.status));
    } else if (strcmp(command, "query-uuid") == 0) {
        json_object_object_add(result, "UUID", json_object_new_string(vm.uuid));
    } else if (strcmp(command, "query-hotpluggable-cpus") == 0) {
        json_object_put(result);
        return cpu_slots();
    } else if (strcmp(command, "query-cpus-fast") == 0) {
        json_object_put(result);
        return cpus();
    } else if (strcmp(command, "query-block") == 0) {
        json_object_put(result);
        return drives();
    } else if (strcmp(command, "query-memory-devices") == 0) {
        json_object_put(result);
        return fake_memory_list();
    } else if (strcmp(command, "query-balloon") == 0) {
        json_object_object_add(result, "actual", json_object_new_int64(vm.balloon));
    } else if (strcmp(command, "query-iothreads") == 0) {
        json_object_put(result);
        return json_object_new_array();
    } else if (strcmp(command, "query-chardev") == 0) {
        json_object_put(result);
        return chardevs();
    } else if (strcmp(command, "memsave") == 0 || strcmp(command, "pmemsave") == 0) {
        save_memory(args, *command == 'p' ? 'p' : 'v');
    } else if (strcmp(command, "stop") == 0) {
        vm.status = "paused";
        event(fd, "STOP");
    } else if (strcmp(command, "cont") == 0) {
        vm.status = "running";
        event(fd, "RESUME");
    } else if (strcmp(command, "system_reset") == 0) {
        event(fd, "RESET");
    } else if (strcmp(command, "system_powerdown") == 0) {
        if (json_object_object_get_ex(args, "then", &then))
            event(fd, "RESET");
        else if (vm.shutdown_pause)
            vm.status = "shutdown";
        else
            vm.status = "ending";
    } else if (strcmp(command, "x-panic") == 0) {
        vm.status = vm.panic_pause ? "guest-panicked" : "panicking";
        event(fd, "GUEST_PANICKED");
    } else if (strcmp(command, "x-sleep") == 0) {
        vm.status = "suspended";
        event(fd, "SUSPEND");
    } else if (strcmp(command, "system_wakeup") == 0) {
        if (strcmp(vm.status, "suspended") != 0) {
            *ret_error = "Unable to wake up: guest is not in suspended state";
            json_object_put(result);
            return NULL;
        }
        vm.status = "running";
        event(fd, "WAKEUP");
    } else if (strcmp(command, "query-current-machine") == 0) {
        json_object_object_add(result, "wakeup-suspend-support",
                               json_object_new_boolean(!strstr(vm.append, "no-s3")));
    } else if (strcmp(command, "set-action") == 0) {
        const char *action = text_of(args, "panic");

        vm.panic_pause = action ? strcmp(action, "pause") == 0 : vm.panic_pause;
    } else if (strcmp(command, "x-port") == 0) {
        set_port(fd, text_of(args, "id") ? text_of(args, "id") : "",
                 json_object_object_get_ex(args, "open", &then) && json_object_get_boolean(then));
    } else if (strcmp(command, "x-event") == 0) {
        tell(fd, text_of(args, "raw") ? json_object_new_string(text_of(args, "raw"))
                                      : json_object_get(args));
    } else if (strcmp(command, "quit") == 0) {
        vm.status = "quitting";
    } else if (strcmp(command, "qmp_capabilities") != 0 && strcmp(command, "set-action") != 0) {
        *ret_error = "The command has not been found";
        json_object_put(result);
        return NULL;
    }
    return result;
}

static void answer(int fd, const char *line)
{
    struct json_object *in = json_tokener_parse(line);
    struct json_object *out = json_object_new_object();
    struct json_object *command, *id, *result, *args = NULL;
    const char *error = "not a command";

    json_object_object_get_ex(in, "arguments", &args);
    if (json_object_object_get_ex(in, "execute", &command) &&
        (result = run(fd, json_object_get_string(command), args, &error))) {
        json_object_object_add(out, "return", result);
    } else {
        result = json_object_new_object();
        json_object_object_add(result, "class", json_object_new_string("GenericError"));
        json_object_object_add(result, "desc", json_object_new_string(error));
        json_object_object_add(out, "error", result);
    }
    if (json_object_object_get_ex(in, "id", &id))
        json_object_object_add(out, "id", json_object_get(id));
    put(fd, out);
    json_object_put(in);
    if (strcmp(vm.status, "ending") == 0)
        finish("guest-shutdown");
    if (strcmp(vm.status, "panicking") == 0)
        finish("guest-panic");
    if (strcmp(vm.status, "quitting") == 0)
        finish("host-quit");
}

static void greet(int fd)
{
    static const char text[] = "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2, "
                               "\"micro\": 0}, \"package\": \"fake\"}, \"capabilities\": []}}\r\n";

    if (!strstr(vm.append, "mute") && write(fd, text, sizeof(text) - 1) < 0)
        return; /* a client that did not wait; reading tells */
}

/* Listeners come, and go; what they say is not listened to. fds: one of the socket, and one
 * each. */
static void serve_listeners(const struct pollfd *fds)
{
    const size_t most = sizeof(vm.events) / sizeof(vm.events[0]);
    char buf[256];

    for (size_t i = 0; i < most; i++) {
        if (vm.events[i] < 0 || !fds[1 + i].revents || read(vm.events[i], buf, sizeof(buf)) > 0)
            continue;
        close(vm.events[i]);
        vm.events[i] = -1;
    }
    for (size_t i = 0; i < most && fds[0].revents; i++) {
        if (vm.events[i] >= 0)
            continue;
        vm.events[i] = accept4(vm.events_listener, NULL, NULL, SOCK_CLOEXEC);
        if (vm.events[i] >= 0)
            greet(vm.events[i]);
        break;
    }
}

/* Echoes consoles, serves the monitor to one client after the other. */
static void serve(int listener, int signals)
{
    char line[65536];
    size_t used = 0;
    int client = -1;

    for (;;) {
        struct pollfd fds[15] = { { .fd = signals, .events = POLLIN },
                                  { .fd = client < 0 ? listener : client, .events = POLLIN } };
        char *end;
        ssize_t n;

        for (int i = 0; i < vm.pty_count; i++)
            fds[2 + i] = (struct pollfd){ .fd = vm.ptys[i].master, .events = POLLIN };
        for (int i = 0; i < 4 - vm.pty_count; i++)
            fds[2 + vm.pty_count + i].fd = -1;
        fds[6] = (struct pollfd){ .fd = vm.events_listener, .events = POLLIN };
        for (int i = 0; i < 8; i++)
            fds[7 + i] = (struct pollfd){ .fd = vm.events[i], .events = POLLIN };
        if (poll(fds, 15, -1) < 0)
            continue;
        if (fds[0].revents && !strstr(vm.append, "stubborn"))
            finish("host-signal");
        for (int i = 0; i < vm.pty_count; i++) {
            char buf[256];

            if (!(fds[2 + i].revents & POLLIN))
                continue;
            n = read(vm.ptys[i].master, buf, sizeof(buf));
            if (n > 0 && write(vm.ptys[i].master, buf, (size_t)n) < 0 && errno != EAGAIN)
                exit(1);
        }
        serve_listeners(fds + 6);
        if (!fds[1].revents)
            continue;
        if (client < 0) {
            client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            used = 0;
            if (client >= 0)
                greet(client);
            continue;
        }
        n = read(client, line + used, sizeof(line) - used - 1);
        if (n <= 0) {
            close(client);
            client = -1;
            continue;
        }
        used += (size_t)n;
        line[used] = '\0';
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            answer(client, line);
            used -= (size_t)(end + 1 - line);
            memmove(line, end + 1, used + 1);
        }
    }
}

int main(int argc, char **argv)
{
    const char *die;
    sigset_t set;
    int signals;

    parse(argc, argv);
    die = strstr(vm.append, "die=");
    if (die) {
        fprintf(stderr, "fake-vemu: %s\n", die + 4);
        return 1;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (strstr(vm.append, "slow-start"))
        usleep(200000);
    if (vm.events_path[0])
        vm.events_listener = listen_at(vm.events_path);
    serve(listen_at(vm.qmp_path), signals);
}
