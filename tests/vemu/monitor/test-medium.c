/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about CD-ROM drives: trays, media.
 */
#include "../devices/suite.h"
#include "client.h"

#include <stdlib.h>
#include <unistd.h>

#include <vemu/block.h>

#include "scsi/scsi.h"

static struct client c;
static char path[64];

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property file[] = { { "filename", path },
                                          { "read-only", "on" },
                                          { "aio", "threads" } };
    const struct vemu_property adapter[] = { { "addr", "5" } };
    const struct vemu_property drive[] = { { "drive", "disc" } };
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu_vm_add_block(vm, "file", "disc", file, 3, &err), 0);
    ck_assert_int_eq(vemu_vm_add_block(vm, "file", "other", file, 3, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ich9-ahci", "sata", adapter, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "ide-cd", "cd0", drive, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "virtio-scsi-pci", "scsi", NULL, 0, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "scsi-cd", "cd1", NULL, 0, &err), 0);
}

static void setup(void)
{
    strcpy(path, "/tmp/vemu-medium-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_eq(ftruncate(fd, 65536), 0);
    close(fd);
    client_init_with(&c, add, NULL);
}

static void teardown(void)
{
    client_fini(&c);
    unlink(path);
}

/* The entry of a drive in query-block. */
static struct json_object *entry(const char *id)
{
    struct json_object *list = client_ok(&c, "query-block", NULL);
    g_autofree char *qdev = g_strdup_printf("/machine/peripheral/%s", id);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (!strcmp(qmp_get_string(o, "qdev"), qdev))
            return o;
    }
    ck_abort_msg("no %s", id);
    return NULL;
}

static void moved(const char *id, bool open)
{
    struct json_object *data = client_event(&c, "DEVICE_TRAY_MOVED");
    g_autofree char *full = g_strdup_printf("/machine/peripheral/%s", id);

    ck_assert_str_eq(string_at(data, "id"), full);
    ck_assert_int_eq(json_object_get_boolean(at(data, "tray-open")), open);
}

static struct vemu_scsi_unit *unit(const char *id)
{
    return vemu__qmp_cdrom_of(vemu__vm_find_device(c.board.vm, id));
}

START_TEST(test_tray)
{
    setup();
    for (unsigned i = 0; i < 2; i++) {
        const char *id = i ? "cd1" : "cd0";

        ck_assert(json_object_get_boolean(at(entry(id), "removable")));
        ck_assert(!json_object_get_boolean(at(entry(id), "tray_open")));
        client_ok(&c, "blockdev-open-tray", "{'id':'%s'}", id);
        moved(id, true);
        client_ok(&c, "blockdev-open-tray", "{'id':'/machine/peripheral/%s'}", id);
        ck_assert(json_object_get_boolean(at(entry(id), "tray_open")));
        client_ok(&c, "blockdev-close-tray", "{'id':'%s'}", id);
        moved(id, false);
        /* The guest holds it: it is asked, unless force is used. */
        unit(id)->s.locked = 1;
        ck_assert(json_object_get_boolean(at(entry(id), "locked")));
        client_ok(&c, "blockdev-open-tray", "{'id':'%s'}", id);
        ck_assert_uint_eq(unit(id)->s.medium_event, 1);
        ck_assert(!json_object_get_boolean(at(entry(id), "tray_open")));
        client_fails(&c, "eject", "GenericError", "is locked", "{'id':'%s'}", id);
        client_ok(&c, "blockdev-open-tray", "{'id':'%s','force':true}", id);
        moved(id, true);
        client_ok(&c, "blockdev-close-tray", "{'id':'%s'}", id);
        moved(id, false);
    }
    client_fails(&c, "eject", "DeviceNotFound", "'x'", "{'id':'x'}");
    client_fails(&c, "eject", "GenericError", "not removable", "{'id':'sata'}");
    client_fails(&c, "eject", "GenericError", "is needed", "{}");
    client_fails(&c, "eject", "GenericError", "is needed", "{'id':'cd0','device':'disc'}");
    teardown();
}
END_TEST

START_TEST(test_medium)
{
    setup();
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.node-name"), "disc");
    client_fails(&c, "blockdev-remove-medium", "GenericError", "is not open", "{'id':'cd0'}");
    client_fails(&c, "blockdev-insert-medium", "GenericError", "is not open",
                 "{'id':'cd1','node-name':'other'}");
    client_fails(&c, "blockdev-del", "GenericError", "in use", "{'node-name':'disc'}");
    client_ok(&c, "eject", "{'device':'disc'}");
    moved("cd0", true);
    ck_assert_ptr_null(qmp_get(entry("cd0"), "inserted"));
    client_fails(&c, "blockdev-insert-medium", "GenericError", "'nobody' not found",
                 "{'id':'cd0','node-name':'nobody'}");
    client_ok(&c, "blockdev-insert-medium", "{'id':'cd0','node-name':'other'}");
    client_fails(&c, "blockdev-insert-medium", "GenericError", "already is a medium",
                 "{'id':'cd0','node-name':'disc'}");
    client_ok(&c, "blockdev-open-tray", "{'id':'cd1'}");
    client_fails(&c, "blockdev-insert-medium", "GenericError", "in use",
                 "{'id':'cd1','node-name':'other'}");
    client_ok(&c, "blockdev-close-tray", "{'id':'cd0'}");
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.node-name"), "other");
    client_ok(&c, "blockdev-del", "{'node-name':'disc'}");
    teardown();
}
END_TEST

START_TEST(test_change)
{
    setup();
    client_ok(&c, "blockdev-change-medium", "{'id':'cd0','filename':'%s'}", path);
    moved("cd0", true);
    moved("cd0", false);
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.file"), path);
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.node-name"), "medium0");
    client_fails(&c, "blockdev-change-medium", "GenericError", "/no/such",
                 "{'id':'cd0','filename':'/no/such'}");
    client_fails(&c, "blockdev-change-medium", "GenericError", "'bad' is not known",
                 "{'id':'cd0','filename':'%s','format':'bad'}", path);
    client_fails(&c, "blockdev-change-medium", "GenericError", "read-only",
                 "{'id':'cd0','filename':'%s','read-only-mode':'read-write'}", path);
    unit("cd0")->s.locked = 1;
    client_fails(&c, "blockdev-change-medium", "GenericError", "is locked",
                 "{'id':'cd0','filename':'%s'}", path);
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.node-name"), "medium0");
    client_ok(&c, "blockdev-change-medium",
              "{'id':'cd0','filename':'%s','force':true,"
              "'format':'raw'}",
              path);
    ck_assert_str_eq(string_at(entry("cd0"), "inserted.node-name"), "medium1");
    ck_assert_ptr_null(vemu__vm_find_block(c.board.vm, "medium0"));
    client_ok(&c, "eject", "{'id':'cd0'}");
    ck_assert_ptr_null(vemu__vm_find_block(c.board.vm, "medium1"));
    client_ok(&c, "blockdev-change-medium", "{'id':'cd1','filename':'%s'}", path);
    ck_assert_str_eq(string_at(entry("cd1"), "inserted.node-name"), "medium0");
    teardown();
}
END_TEST

SUITE_MAIN("monitor-medium", test_tray, test_medium, test_change)
