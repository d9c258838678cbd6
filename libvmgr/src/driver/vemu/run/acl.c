/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rights of a single user in a file's access control list, acl(5).
 *
 * Theory of operation. The kernel gives and takes a list as the attribute system.posix_acl_access:
 * a version (2) and entries of tag, rights and id, little endian, sorted by tag and id
 * (include/uapi/linux/posix_acl_xattr.h). A list with entries for single users has a mask, which
 * bounds them and the group; the mode's group bits show it. Without such entries the mask goes, and
 * the file is what it was before. A directory may have a second list, system.posix_acl_default,
 * which new files in it begin with; without entries for single users it goes altogether.
 *
 * A list is read, changed and written: callers see to it (rights.c) that one does so at a time.
 */
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ACCESS      "system.posix_acl_access"
#define DEFAULT     "system.posix_acl_default"
#define VERSION     2u
#define ENTRIES_MAX 1024

enum { USER_OBJ = 0x01, USER = 0x02, GROUP_OBJ = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };
#define NO_ID 0xffffffffu

struct entry {
    uint16_t tag, rights;
    uint32_t id;
};

/* An O_PATH descriptor has attributes only through its link. */
struct link {
    char path[40];
};
static struct link link_of(int fd)
{
    struct link link;

    g_snprintf(link.path, sizeof(link.path), "/proc/self/fd/%d", fd);
    return link;
}

static GArray *from_mode(mode_t mode)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct entry));
    const struct entry entries[] = { { USER_OBJ, mode >> 6 & 7, NO_ID },
                                     { GROUP_OBJ, mode >> 3 & 7, NO_ID },
                                     { OTHER, mode & 7, NO_ID } };

    return g_array_append_vals(list, entries, G_N_ELEMENTS(entries));
}

/* A list of a file, or what its mode says; NULL and errno. */
static GArray *list_read(int fd, const char *attribute)
{
    const struct link link = link_of(fd);
    uint8_t raw[4 + ENTRIES_MAX * sizeof(struct entry)];
    ssize_t size = getxattr(link.path, attribute, raw, sizeof(raw));
    GArray *list;
    struct stat st;

    if (size < 0 && errno != ENODATA && errno != EOPNOTSUPP)
        return NULL;
    if (size < 4) {
        if (fstat(fd, &st) < 0)
            return NULL;
        return from_mode(st.st_mode);
    }
    list = g_array_new(FALSE, TRUE, sizeof(struct entry));
    for (size_t at = 4; at + sizeof(struct entry) <= (size_t)size; at += sizeof(struct entry)) {
        struct entry e;

        memcpy(&e, raw + at, sizeof(e));
        e = (struct entry){ le16toh(e.tag), le16toh(e.rights), le32toh(e.id) };
        g_array_append_val(list, e);
    }
    return list;
}

static int list_write(int fd, const char *attribute, const GArray *list)
{
    const struct link link = link_of(fd);
    const uint32_t version = htole32(VERSION);
    g_autoptr(GByteArray) raw = g_byte_array_new();

    g_byte_array_append(raw, (const uint8_t *)&version, sizeof(version));
    for (guint i = 0; i < list->len; i++) {
        struct entry e = g_array_index(list, struct entry, i);

        e = (struct entry){ htole16(e.tag), htole16(e.rights), htole32(e.id) };
        g_byte_array_append(raw, (const uint8_t *)&e, sizeof(e));
    }
    return setxattr(link.path, attribute, raw->data, raw->len, 0) < 0 ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct entry *find(const GArray *list, uint16_t tag, uint32_t id)
{
    for (guint i = 0; i < list->len; i++) {
        struct entry *e = &g_array_index(list, struct entry, i);

        if (e->tag == tag && (tag != USER || e->id == id))
            return e;
    }
    return NULL;
}

bool vmgr__acl_allows(int fd, uid_t user, unsigned rights)
{
    g_autoptr(GArray) list = list_read(fd, ACCESS);
    const struct entry *e, *mask;
    struct stat st;
    unsigned has;

    if (!list || fstat(fd, &st) < 0)
        return false;
    if (st.st_uid == user)
        return (st.st_mode >> 6 & rights) == rights;
    e = find(list, USER, user);
    mask = find(list, MASK, 0);
    if (e)
        has = mask ? e->rights & mask->rights : e->rights;
    else
        has = (e = find(list, OTHER, 0)) ? e->rights : 0;
    return (has & rights) == rights;
}

/* What the mask lets through: all that the entries it bounds say. */
static void update_mask(GArray *list)
{
    struct entry mask = { MASK, 0, NO_ID };
    bool needed = false;

    for (guint i = list->len; i-- > 0;) {
        const struct entry *e = &g_array_index(list, struct entry, i);

        if (e->tag == USER || e->tag == GROUP)
            needed = true;
        if (e->tag == USER || e->tag == GROUP || e->tag == GROUP_OBJ)
            mask.rights |= e->rights;
        else if (e->tag == MASK)
            g_array_remove_index(list, i);
    }
    if (needed)
        g_array_append_val(list, mask);
}

/* Rights that the mask kept from an entry are not to come back with a wider one. */
static void apply_mask(const GArray *list)
{
    const struct entry *mask = find(list, MASK, 0);

    for (guint i = 0; mask && i < list->len; i++) {
        struct entry *e = &g_array_index(list, struct entry, i);

        if (e->tag == USER || e->tag == GROUP || e->tag == GROUP_OBJ)
            e->rights &= mask->rights;
    }
}

/* Without entries for single users there is no list of new files. */
static int drop_default(int fd)
{
    const struct link link = link_of(fd);

    return removexattr(link.path, DEFAULT) < 0 && errno != ENODATA ? -errno : 0;
}

static int set(int fd, const char *attribute, uid_t user, unsigned rights, uid_t stale_first,
               uint32_t stale_count)
{
    g_autoptr(GArray) list = list_read(fd, attribute);
    const struct entry fresh = { USER, (uint16_t)rights, user };
    bool changed = rights != 0;

    if (!list)
        return -errno;
    apply_mask(list);
    for (guint i = list->len; i-- > 0;) {
        const struct entry *e = &g_array_index(list, struct entry, i);

        if (e->tag == USER && (e->id == user || e->id - stale_first < stale_count)) {
            g_array_remove_index(list, i);
            changed = true;
        }
    }
    if (!changed)
        return 0;
    if (rights)
        g_array_append_val(list, fresh);
    update_mask(list);
    if (list->len > ENTRIES_MAX)
        return -E2BIG;
    if (strcmp(attribute, DEFAULT) == 0 && !find(list, MASK, 0))
        return drop_default(fd);
    g_array_sort(list, compare);
    return list_write(fd, attribute, list);
}

int vmgr__acl_set(int fd, uid_t user, unsigned rights, uid_t stale_first, uint32_t stale_count)
{
    return set(fd, ACCESS, user, rights, stale_first, stale_count);
}

int vmgr__acl_set_default(int fd, uid_t user, unsigned rights)
{
    return set(fd, DEFAULT, user, rights, 0, 0);
}
