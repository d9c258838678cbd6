/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about statistics, boot times, trace events, actions, options, memory files.
 */
#include "../devices/suite.h"
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct client c;

static struct json_object *stat(struct json_object *o, const char *name)
{
    struct json_object *list = at(o, "stats");

    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (!strcmp(string_at(json_object_array_get_idx(list, i), "name"), name))
            return at(json_object_array_get_idx(list, i), "value");
    return NULL;
}

START_TEST(test_stats)
{
    struct json_object *o;

    client_init(&c);
    o = client_ok(&c, "query-stats", "{'target':'vm'}");
    ck_assert_ptr_nonnull(stat(at(o, "0"), "exits-io"));
    o = client_ok(&c, "query-stats", "{'target':'vcpu'}");
    ck_assert_int_gt(json_object_get_int64(stat(at(o, "0"), "cpu-time")), 0);
    board_config_write(&c.board, 1u << 3, 0x10, 4, 0xd0000000);
    board_config_write(&c.board, 1u << 3, 0x04, 2, 2);
    board_read(&c.board, 0xd0000000, 4);
    board_write(&c.board, 0xd0000000, 4, 1);
    board_write(&c.board, 0xd0000000, 4, 1);
    o = client_ok(&c, "query-stats", "{'target':'device','devices':['f']}");
    ck_assert_uint_eq(json_object_array_length(o), 1);
    ck_assert_int_eq(json_object_get_int64(stat(at(o, "0"), "reads")), 1);
    ck_assert_int_eq(json_object_get_int64(stat(at(o, "0"), "writes")), 2);
    ck_assert_ptr_null(stat(at(o, "0"), "notifications"));
    o = client_ok(&c, "query-stats",
                  "{'target':'device',"
                  "'devices':['/machine/peripheral/rng'],"
                  "'providers':[{'provider':'vemu','names':['resets']}]}");
    ck_assert_uint_eq(json_object_array_length(at(o, "0.stats")), 1);
    o = client_ok(&c, "query-stats", "{'target':'vm','providers':[{'provider':'kvm'}]}");
    ck_assert_uint_eq(json_object_array_length(o), 0);
    client_fails(&c, "query-stats", "GenericError", "does not accept", "{'target':'cat'}");
    o = client_ok(&c, "query-stats-schemas", NULL);
    ck_assert_uint_eq(json_object_array_length(o), 3);
    o = client_ok(&c, "query-stats-schemas", "{'provider':'x'}");
    ck_assert_uint_eq(json_object_array_length(o), 0);
    client_fini(&c);
}
END_TEST

START_TEST(test_times)
{
    struct json_object *o;

    client_init(&c);
    o = client_ok(&c, "query-boot-times", NULL);
    ck_assert_int_gt(int_at(o, "realized"), 0);
    ck_assert_ptr_null(qmp_get(o, "started"));
    client_ok(&c, "cont", NULL);
    vemu_vm_report_progress(c.board.vm, 2);
    vemu_vm_report_progress(c.board.vm, 1);
    vemu_vm_report_progress(c.board.vm, 2);
    o = client_ok(&c, "query-boot-times", NULL);
    ck_assert_int_ge(int_at(o, "started"), int_at(o, "realized"));
    ck_assert_uint_eq(json_object_array_length(at(o, "codes")), 2);
    ck_assert_int_eq(int_at(o, "codes.0.code"), 2);
    ck_assert_int_ge(int_at(o, "codes.1.time"), int_at(o, "codes.0.time"));
    client_fini(&c);
}
END_TEST

START_TEST(test_trace)
{
    struct json_object *o;

    client_init(&c);
    o = client_ok(&c, "trace-event-get-state", "{'name':'pci_config_*'}");
    ck_assert_uint_eq(json_object_array_length(o), 2);
    ck_assert_str_eq(string_at(o, "0.state"), "disabled");
    client_ok(&c, "trace-event-set-state", "{'name':'pci_config_read','enable':true}");
    o = client_ok(&c, "trace-event-get-state", "{'name':'pci_config_read'}");
    ck_assert_str_eq(string_at(o, "0.state"), "enabled");
    board_config_read(&c.board, 1u << 3, 0, 4);
    client_ok(&c, "trace-event-set-state", "{'name':'*','enable':false}");
    client_ok(&c, "trace-event-set-state", "{'name':'no*','enable':false}");
    client_ok(&c, "trace-event-set-state",
              "{'name':'none','enable':true,'ignore-unavailable':true}");
    client_fails(&c, "trace-event-set-state", "GenericError", "'none'",
                 "{'name':'none','enable':true}");
    client_fails(&c, "trace-event-get-state", "GenericError", "none", "{'name':'none'}");
    client_fails(&c, "trace-event-get-state", "GenericError", "vcpu", "{'name':'*','vcpu':0}");
    client_fini(&c);
}
END_TEST

START_TEST(test_actions)
{
    client_init(&c);
    client_ok(&c, "set-action", "{'reboot':'shutdown','panic':'pause'}");
    ck_assert_uint_eq(vemu_vm_get_flags(c.board.vm), VEMU_VM_NO_REBOOT | VEMU_VM_PANIC_PAUSE);
    client_fails(&c, "set-action", "GenericError", "watchdog-set-action",
                 "{'reboot':'reset','watchdog':'pause'}");
    client_fails(&c, "set-action", "GenericError", "'none' is not supported",
                 "{'reboot':'reset','panic':'none'}");
    ck_assert_uint_eq(vemu_vm_get_flags(c.board.vm), VEMU_VM_NO_REBOOT | VEMU_VM_PANIC_PAUSE);
    client_ok(&c, "set-action", "{'reboot':'reset','panic':'shutdown','shutdown':'pause'}");
    ck_assert_uint_eq(vemu_vm_get_flags(c.board.vm), VEMU_VM_NO_SHUTDOWN);
    client_fini(&c);
}
END_TEST

START_TEST(test_options)
{
    struct json_object *o;

    client_init(&c);
    client_ok(&c, "query-command-line-options", NULL);
    o = client_ok(&c, "query-command-line-options", "{'option':'machine'}");
    ck_assert_ptr_nonnull(strstr(json_object_to_json_string(o), "\"pit\""));
    client_fails(&c, "query-command-line-options", "GenericError", "invalid option name: x",
                 "{'option':'x'}");
    client_fini(&c);
}
END_TEST

START_TEST(test_memory)
{
    char path[] = "/tmp/vemu-memsave-XXXXXX";
    gchar *text;
    gsize size;

    client_init(&c);
    close(mkstemp(path));
    vemu_dma_write(c.board.vm, 0x1fff, "hello", 5);
    client_ok(&c, "pmemsave", "{'val':8191,'size':5,'filename':'%s'}", path);
    ck_assert(g_file_get_contents(path, &text, &size, NULL));
    ck_assert_uint_eq(size, 5);
    ck_assert_mem_eq(text, "hello", 5);
    g_free(text);
    client_ok(&c, "pmemsave", "{'val':0,'size':1048576,'filename':'%s'}", path);
    client_fails(&c, "pmemsave", "GenericError", "Invalid addr",
                 "{'val':1048575,'size':2,'filename':'%s'}", path);
    client_fails(&c, "pmemsave", "GenericError", "Invalid addr",
                 "{'val':-1,'size':2,'filename':'%s'}", path);
    client_fails(&c, "pmemsave", "GenericError", "'size'", "{'val':0,'size':-2,'filename':'%s'}",
                 path);
    client_fails(&c, "pmemsave", "GenericError", "/no/such",
                 "{'val':0,'size':2,'filename':'/no/such/place'}");
    client_fails(&c, "memsave", "GenericError", "'cpu-index'",
                 "{'val':0,'size':2,'filename':'%s','cpu-index':1}", path);
    unlink(path);
    client_fini(&c);
}
END_TEST

START_TEST(test_events)
{
    struct json_object *data;

    client_init(&c);
    vemu__events_post(c.board.vm, VEMU_EVENT_PORT_CHANGED, "port", 1);
    data = client_event(&c, "VSERPORT_CHANGE");
    ck_assert_str_eq(string_at(data, "id"), "port");
    ck_assert(json_object_get_boolean(at(data, "open")));
    vemu__events_post(c.board.vm, VEMU_EVENT_NET_FILTER_CHANGED, "card", 0);
    data = client_event(&c, "NIC_RX_FILTER_CHANGED");
    ck_assert_str_eq(string_at(data, "name"), "card");
    vemu__events_post(c.board.vm, VEMU_EVENT_NET_FILTER_CHANGED, "virtio-net#1", 0);
    data = client_event(&c, "NIC_RX_FILTER_CHANGED");
    ck_assert_str_eq(string_at(data, "path"), "/machine/peripheral-anon/virtio-net#1");
    vemu__events_post(c.board.vm, VEMU_EVENT_BLOCK_ERROR, "d", 1 | ENOSPC << 8);
    data = client_event(&c, "BLOCK_IO_ERROR");
    ck_assert(json_object_get_boolean(at(data, "nospace")));
    ck_assert_str_eq(string_at(data, "operation"), "write");
    client_fini(&c);
}
END_TEST

SUITE_MAIN("monitor-stats", test_stats, test_times, test_trace, test_actions, test_options,
           test_memory, test_events)
