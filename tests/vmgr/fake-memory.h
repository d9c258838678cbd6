/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices of the emulator without a machine: a guest has what is requested at once.
 */
#ifndef TESTS_VMGR_FAKE_MEMORY_H
#define TESTS_VMGR_FAKE_MEMORY_H

#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FAKE_MEMORY_BASE 0x100000000

static struct fake_memory {
    char id[32];
    bool is_dimm, is_mem;
    int64_t size;
} fake_memory[16];

/* The file of a back-end: "ram/..." up to a comma. False: it cannot be made, or is there. */
static inline bool fake_memory_make_file(const char *path)
{
    char file[256];
    int fd;

    if (!path || strncmp(path, "ram/", 4) != 0)
        return true;
    snprintf(file, sizeof(file), "%.*s", (int)strcspn(path, ","), path);
    fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd >= 0 && close(fd) == 0;
}

/* A device of any class; those that are no memory are not noted. */
static inline void fake_memory_add(const char *class_name, const char *id)
{
    const bool is_dimm = class_name && strncmp(class_name, "pc-dimm", 7) == 0;
    const bool is_mem = class_name && strncmp(class_name, "virtio-mem-", 11) == 0;

    for (size_t i = 0; i < 16 && id && (is_dimm || is_mem); i++) {
        if (fake_memory[i].id[0])
            continue;
        snprintf(fake_memory[i].id, sizeof(fake_memory[i].id), "%.*s", (int)strcspn(id, ","), id);
        fake_memory[i].is_dimm = is_dimm;
        fake_memory[i].is_mem = is_mem;
        return;
    }
}

static inline struct fake_memory *fake_memory_find(const char *id)
{
    for (size_t i = 0; i < 16; i++) {
        if (fake_memory[i].id[0] && strcmp(fake_memory[i].id, id) == 0)
            return &fake_memory[i];
    }
    return NULL;
}

static inline struct json_object *fake_memory_list(void)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < 16; i++) {
        const struct fake_memory *m = &fake_memory[i];
        struct json_object *o, *data;

        if (!m->id[0])
            continue;
        o = json_object_new_object();
        data = json_object_new_object();
        json_object_object_add(data, "id", json_object_new_string(m->id));
        json_object_object_add(data, "size", json_object_new_int64(m->size));
        if (m->is_dimm)
            json_object_object_add(data, "addr",
                                   json_object_new_int64(FAKE_MEMORY_BASE + ((int64_t)i << 30)));
        json_object_object_add(o, "type",
                               json_object_new_string(m->is_dimm ? "dimm" : "virtio-mem"));
        json_object_object_add(o, "data", data);
        json_object_array_add(list, o);
    }
    return list;
}

#endif
