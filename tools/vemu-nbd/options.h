/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of vemu-nbd.
 */
#ifndef VEMU_NBD_TOOL_OPTIONS_H
#define VEMU_NBD_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <vemu/image.h>
#include <vemu/nbd.h>

#define BITMAPS_MAX 32
#define OBJECTS_MAX 8

struct tls_object {
    const char *id, *dir;
    const char *endpoint; /* NULL: either */
    bool verify_peer;
};

struct options {
    const char *filename;
    /* the image */
    struct vemu_image_open_options open;
    struct vemu_property offset;
    const char *snapshot;
    bool read_only;
    /* the export */
    const char *name, *description;
    const char *bitmaps[BITMAPS_MAX];
    size_t bitmap_count;
    bool allocation_depth;
    /* the server */
    const char *socket, *host, *port;
    uint32_t max_clients;
    bool persistent;
    struct tls_object objects[OBJECTS_MAX];
    unsigned object_count;
    const char *tls_creds;
    const struct tls_object *tls; /* what tls_creds names */
    struct tls_object tls_directory;
    /* the program */
    bool daemonize, verbose, list;
    const char *serving; /* an option that -L has no use for; NULL: none */
    const char *pid_file;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_ERROR };
/* Texts are borrowed from argv, which is changed. */
enum options_result options_parse(struct options *o, int argc, char **argv);

/* vemu-nbd -L. The program's exit status. */
int list_exports(const struct options *o);

#endif
