/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of vemu-nbd: one table, with qemu-nbd's names.
 *
 * An option that qemu-nbd has and vemu-nbd does not is refused by name. The manual page's list is
 * checked against the table by a test.
 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vemu/vm.h>

#include "report.h"

struct option_row {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* how it is shown; NULL: takes none */
    bool (*handle)(struct options *o, const char *value);
    const char *help; /* for an option that is refused: why */
    bool lists;       /* -L has a use for it */
};

static bool refuse(struct options *o, const char *value)
{
    return false;
}

static bool parse_number(const char *option, const char *text, unsigned long long max,
                         unsigned long long *ret)
{
    char *end;
    *ret = strtoull(text, &end, 0);
    if (text[0] >= '0' && text[0] <= '9' && !*end && *ret <= max)
        return true;
    report("--%s: '%s' is not a number up to %llu", option, text, max);
    return false;
}

/* --- handlers --------------------------------------------------------------------------------- */

static bool opt_port(struct options *o, const char *value)
{
    unsigned long long number;
    o->port = value;
    return parse_number("port", value, 65535, &number);
}

static bool opt_bind(struct options *o, const char *value)
{
    o->host = value;
    return true;
}

static bool opt_socket(struct options *o, const char *value)
{
    o->socket = value;
    return true;
}

static bool opt_shared(struct options *o, const char *value)
{
    unsigned long long number;
    bool ok = parse_number("shared", value, 4096, &number);
    o->max_clients = number ? (uint32_t)number : 4096;
    return ok;
}

static bool opt_persistent(struct options *o, const char *value)
{
    o->persistent = true;
    return true;
}

static bool opt_name(struct options *o, const char *value)
{
    o->name = value;
    return true;
}

static bool opt_description(struct options *o, const char *value)
{
    o->description = value;
    return true;
}

static bool opt_read_only(struct options *o, const char *value)
{
    o->read_only = true;
    return true;
}

static bool opt_format(struct options *o, const char *value)
{
    o->open.format = value;
    return true;
}

static bool opt_offset(struct options *o, const char *value)
{
    unsigned long long number;
    o->offset = (struct vemu_property){ "offset", value };
    return parse_number("offset", value, INT64_MAX, &number);
}

static bool opt_snapshot(struct options *o, const char *value)
{
    static const char prefix[] = "snapshot.", id[] = "snapshot.id=", name[] = "snapshot.name=";
    if (!strncmp(value, id, strlen(id)))
        value += strlen(id);
    else if (!strncmp(value, name, strlen(name)))
        value += strlen(name);
    if (!strncmp(value, prefix, strlen(prefix))) {
        report("--load-snapshot: '%s' is neither snapshot.id= nor snapshot.name=", value);
        return false;
    }
    o->snapshot = value;
    o->read_only = true;
    return true;
}

static bool opt_bitmap(struct options *o, const char *value)
{
    if (o->bitmap_count == BITMAPS_MAX) {
        report("--bitmap: more than %d", BITMAPS_MAX);
        return false;
    }
    o->bitmaps[o->bitmap_count++] = value;
    return true;
}

static bool opt_allocation_depth(struct options *o, const char *value)
{
    o->allocation_depth = true;
    return true;
}

static bool opt_cache(struct options *o, const char *value)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } modes[] = {
        { "none", VEMU_IMAGE_DIRECT },
        { "off", VEMU_IMAGE_DIRECT },
        { "writeback", 0 },
        { "writethrough", VEMU_IMAGE_WRITE_THROUGH },
        { "directsync", VEMU_IMAGE_DIRECT | VEMU_IMAGE_WRITE_THROUGH },
        { "unsafe", VEMU_IMAGE_NO_FLUSH },
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (!strcmp(modes[i].name, value)) {
            o->open.flags &= ~(VEMU_IMAGE_DIRECT | VEMU_IMAGE_WRITE_THROUGH | VEMU_IMAGE_NO_FLUSH);
            o->open.flags |= modes[i].flags; /* the last one counts */
            return true;
        }
    report("--cache: '%s' is none of none, writeback, writethrough, directsync, unsafe", value);
    return false;
}

static bool opt_nocache(struct options *o, const char *value)
{
    return opt_cache(o, "none");
}

static bool opt_discard(struct options *o, const char *value)
{
    if (!strcmp(value, "unmap") || !strcmp(value, "on")) {
        o->open.flags |= VEMU_IMAGE_UNMAP;
        return true;
    }
    if (!strcmp(value, "ignore") || !strcmp(value, "off")) {
        o->open.flags &= ~VEMU_IMAGE_UNMAP;
        return true;
    }
    report("--discard: '%s' is neither ignore nor unmap", value);
    return false;
}

static bool opt_fork(struct options *o, const char *value)
{
    o->daemonize = true;
    return true;
}

static bool opt_pid_file(struct options *o, const char *value)
{
    o->pid_file = value;
    return true;
}

static bool opt_list(struct options *o, const char *value)
{
    o->list = true;
    return true;
}

static bool opt_verbose(struct options *o, const char *value)
{
    o->verbose = true;
    return true;
}

static bool opt_tls_creds(struct options *o, const char *value)
{
    o->tls_creds = value;
    return true;
}

/* tls-creds-x509,id=ID,dir=DIR[,endpoint=server|client][,verify-peer=on|off] */
static bool object_item(struct tls_object *object, char *item)
{
    char *value = strchr(item, '=');
    if (value)
        *value++ = '\0';
    if (value && !strcmp(item, "id"))
        object->id = value;
    else if (value && !strcmp(item, "dir"))
        object->dir = value;
    else if (value && !strcmp(item, "verify-peer") &&
             (!strcmp(value, "on") || !strcmp(value, "yes")))
        object->verify_peer = true;
    else if (value && !strcmp(item, "verify-peer") &&
             (!strcmp(value, "off") || !strcmp(value, "no")))
        object->verify_peer = false;
    else if (value && !strcmp(item, "endpoint") &&
             (!strcmp(value, "server") || !strcmp(value, "client")))
        object->endpoint = value;
    else {
        report("--object: '%s%s%s' is not supported (id, dir, endpoint, verify-peer)", item,
               value ? "=" : "", value ? value : "");
        return false;
    }
    return true;
}

static bool opt_object(struct options *o, const char *value)
{
    struct tls_object *object = &o->objects[o->object_count];
    char *rest = (char *)value, *class_ = strsep(&rest, ","), *item;
    if (strcmp(class_, "tls-creds-x509")) {
        report("--object: '%s' is not supported (tls-creds-x509 is)", class_);
        return false;
    }
    if (o->object_count == OBJECTS_MAX) {
        report("--object: more than %d", OBJECTS_MAX);
        return false;
    }
    object->verify_peer = true;
    while ((item = strsep(&rest, ",")))
        if (!object_item(object, item))
            return false;
    if (!object->id || !object->dir) {
        report("--object: tls-creds-x509 needs id= and dir=");
        return false;
    }
    o->object_count++;
    return true;
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
    { "port", 'p', "PORT", opt_port, "TCP port (10809)", true },
    { "bind", 'b', "ADDRESS", opt_bind, "address to listen at (all of the host)", true },
    { "socket", 'k', "PATH", opt_socket, "listen at a Unix socket instead", true },
    { "shared", 'e', "NUM", opt_shared, "clients at once (1); 0: as many as come" },
    { "persistent", 't', NULL, opt_persistent, "do not end with the last client" },
    { "verbose", 'v', NULL, opt_verbose, "say where the server listens" },
    { "export-name", 'x', "NAME", opt_name, "name of the export (empty)" },
    { "description", 'D', "TEXT", opt_description, "what the export is, for people" },
    { "bitmap", 'B', "NAME", opt_bitmap, "offer a dirty bitmap of the image" },
    { "allocation-depth", 'A', NULL, opt_allocation_depth, "offer which layer has what" },
    { "tls-creds", 0, "ID", opt_tls_creds, "clients must use TLS; an --object, or a directory",
      true },
    { "object", 0, "tls-creds-x509,id=ID,dir=DIR[,verify-peer=off]", opt_object,
      "certificates for --tls-creds", true },
    { "fork", 0, NULL, opt_fork, "go on in the background when clients can come" },
    { "pid-file", 0, "PATH", opt_pid_file, "write the process id" },
    { "offset", 'o', "BYTES", opt_offset, "where a raw image begins" },
    { "format", 'f', "FORMAT", opt_format, "raw, qcow2 ...; without: found by content" },
    { "read-only", 'r', NULL, opt_read_only, "clients cannot write" },
    { "load-snapshot", 'l', "SNAPSHOT", opt_snapshot, "an internal snapshot, for reading" },
    { "nocache", 'n', NULL, opt_nocache, "the same as --cache=none" },
    { "cache", 0, "MODE", opt_cache,
      "none, writeback (default), writethrough, directsync, unsafe" },
    { "discard", 0, "MODE", opt_discard, "ignore (default), unmap" },
    { "list", 'L', NULL, opt_list, "show what another server offers", true },
};

static const struct option_row refused[] = {
    { "snapshot", 's', NULL, refuse, "make an overlay with vemu-img create -b" },
    { "partition", 'P', "NUM", refuse, "use --offset" },
    { "connect", 'c', "DEV", refuse, "use nbd-client" },
    { "disconnect", 'd', "DEV", refuse, "use nbd-client -d" },
    { "aio", 0, "MODE", refuse, "there is one way" },
    { "detect-zeroes", 0, "MODE", refuse, "clients send zeros as such" },
    { "image-opts", 0, NULL, refuse, "write the filename as json:{...}" },
    { "tls-authz", 0, "ID", refuse, "verify-peer=on accepts what the authority signed" },
    { "tls-hostname", 0, "NAME", refuse, "address the server by that name" },
    { "selinux-label", 0, "LABEL", refuse, "use runcon" },
    { "trace", 'T', "SPEC", refuse, "use strace or perf" },
};
#define ROWS    (sizeof(rows) / sizeof(rows[0]))
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

static void help(void)
{
    printf("Usage: vemu-nbd [OPTION]... FILE\n"
           "       vemu-nbd -L [OPTION]...\n"
           "Offer a disk image to other programs and machines by the NBD protocol.\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char text[96];
        char letter[] = { ' ',
                          ' ',
                          rows[i].letter ? '-' : ' ',
                          rows[i].letter ? rows[i].letter : ' ',
                          rows[i].letter ? ',' : ' ',
                          '\0' };
        snprintf(text, sizeof(text), "%s --%s%s%s", letter, rows[i].name,
                 rows[i].argument ? "=" : "", rows[i].argument ? rows[i].argument : "");
        printf("%-32s  %s%s\n", text,
               strlen(text) > 32 ? "\n                                  " : "", rows[i].help);
    }
    printf("   -h, --help                     this text\n"
           "   -V, --version                  the version\n\n"
           "Sockets that systemd hands over (LISTEN_FDS) are used instead of -p and -k.\n"
           "Exit status: 0 well, 1 not.\n");
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool find_tls(struct options *o)
{
    if (!o->tls_creds) {
        if (o->object_count)
            report("--object: --tls-creds=%s is missing", o->objects[0].id);
        return !o->object_count;
    }
    for (unsigned i = 0; i < o->object_count; i++)
        if (!strcmp(o->objects[i].id, o->tls_creds))
            o->tls = &o->objects[i];
    if (!o->tls && strchr(o->tls_creds, '/')) {
        o->tls_directory = (struct tls_object){ .dir = o->tls_creds, .verify_peer = true };
        o->tls = &o->tls_directory;
    }
    if (!o->tls)
        report("--tls-creds: there is no --object '%s', and it is not a directory", o->tls_creds);
    const char *needed = o->list ? "client" : "server";
    if (o->tls && o->tls->endpoint && strcmp(o->tls->endpoint, needed)) {
        report("--tls-creds: object '%s' is not of endpoint=%s", o->tls_creds, needed);
        return false;
    }
    if (o->list && o->tls && !o->tls->verify_peer) {
        report("--object: verify-peer=off is not supported with --list");
        return false;
    }
    return o->tls != NULL;
}

static bool check(struct options *o, int argc, char **argv, int first)
{
    if (o->list ? first != argc : first + 1 != argc) {
        report(o->list         ? "-L takes no file"
               : first == argc ? "no file is given"
                               : "more than one file is given");
        return false;
    }
    if (o->list && o->serving) {
        report("--%s does not go with --list", o->serving);
        return false;
    }
    o->filename = o->list ? NULL : argv[first];
    if (o->socket && (o->port || o->host)) {
        report("--socket goes with neither --port nor --bind");
        return false;
    }
    if (o->offset.name && (!o->open.format || strcmp(o->open.format, "raw"))) {
        report("--offset goes with --format=raw");
        return false;
    }
    if (o->offset.name) {
        o->open.props = &o->offset;
        o->open.prop_count = 1;
    }
    if (!o->read_only)
        o->open.flags |= VEMU_IMAGE_WRITE;
    return find_tls(o);
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    struct option longs[ROWS + REFUSED + 3] = { { 0 } };
    const struct option_row *by_value[ROWS + REFUSED];
    char letters[3 * (ROWS + REFUSED) + 4] = "hV", *l = letters + 2;
    size_t count = 0;
    int value;
    *o = (struct options){ .open = VEMU_IMAGE_OPEN_OPTIONS_INIT, .max_clients = 1 };
    for (; count < ROWS + REFUSED; count++) {
        const struct option_row *row = count < ROWS ? &rows[count] : &refused[count - ROWS];
        by_value[count] = row;
        longs[count] = (struct option){ row->name, row->argument ? required_argument : no_argument,
                                        NULL, 256 + (int)count };
        if (row->letter) {
            *l++ = row->letter;
            if (row->argument)
                *l++ = ':';
        }
    }
    longs[count++] = (struct option){ "help", no_argument, NULL, 'h' };
    longs[count] = (struct option){ "version", no_argument, NULL, 'V' };
    while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct option_row *row = NULL;
        if (value == 'h')
            help();
        if (value == 'V')
            printf("vemu-nbd %s\n", vemu_version());
        if (value == 'h' || value == 'V')
            return OPTIONS_DONE;
        if (value == '?')
            return OPTIONS_ERROR; /* getopt said it */
        for (size_t i = 0; i < ROWS + REFUSED; i++)
            if (value == 256 + (int)i || value == by_value[i]->letter)
                row = by_value[i];
        if (row->handle == refuse)
            report("--%s is not supported: %s", row->name, row->help);
        if (!row->handle(o, optarg))
            return OPTIONS_ERROR;
        if (!row->lists)
            o->serving = row->name;
    }
    return check(o, argc, argv, optind) ? OPTIONS_RUN : OPTIONS_ERROR;
}
