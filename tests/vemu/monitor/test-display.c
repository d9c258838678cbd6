/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about displays and input.
 */
#include "../devices/suite.h"
#include "client.h"

#include <stdlib.h>
#include <unistd.h>

static struct client c;

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property i8042[] = { { "addr", "7" } };
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu_vm_add_device(vm, "bochs-display", "vga", NULL, 0, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "virtio-keyboard-pci", "kbd", i8042, 1, &err), 0);
    ck_assert_int_eq(vemu_vm_add_device(vm, "virtio-tablet-pci", "tab", NULL, 0, &err), 0);
}

START_TEST(test_screendump)
{
    char path[] = "/tmp/vemu-screen-XXXXXX";
    struct json_object *o;
    gchar *text;
    gsize size;

    client_init(&c);
    ck_assert_uint_eq(json_object_array_length(client_ok(&c, "query-displays", NULL)), 0);
    client_fails(&c, "screendump", "GenericError", "no display", "{'filename':'/tmp/x'}");
    client_fini(&c);
    client_init_with(&c, add, NULL);
    o = client_ok(&c, "query-displays", NULL);
    ck_assert_str_eq(string_at(o, "0.device"), "vga");
    close(mkstemp(path));
    client_ok(&c, "screendump", "{'filename':'%s'}", path);
    ck_assert(g_file_get_contents(path, &text, &size, NULL));
    ck_assert_uint_eq(size, 15 + 640 * 480 * 3);
    ck_assert_mem_eq(text, "P6\n640 480\n255\n", 15);
    g_free(text);
    client_ok(&c, "screendump", "{'filename':'%s','device':'vga','head':0,'format':'png'}", path);
    ck_assert(g_file_get_contents(path, &text, &size, NULL));
    ck_assert_mem_eq(text, "\211PNG", 4);
    g_free(text);
    client_fails(&c, "screendump", "DeviceNotFound", "'x'", "{'filename':'/tmp/x','device':'x'}");
    client_fails(&c, "screendump", "GenericError", "one head", "{'filename':'/tmp/x','head':1}");
    client_fails(&c, "screendump", "GenericError", "does not accept",
                 "{'filename':'/tmp/x',"
                 "'format':'gif'}");
    client_fails(&c, "screendump", "GenericError", "/no/such", "{'filename':'/no/such/place'}");
    unlink(path);
    client_fini(&c);
}
END_TEST

START_TEST(test_input)
{
    struct json_object *o;

    client_init_with(&c, add, NULL);
    o = client_ok(&c, "query-mice", NULL);
    ck_assert_str_eq(string_at(o, "0.name"), "tab");
    client_fails(&c, "send-key", "GenericError", "VM not running",
                 "{'keys':[{'type':'qcode','data':'a'}]}");
    client_ok(&c, "cont", NULL);
    client_ok(&c, "send-key",
              "{'keys':[{'type':'qcode','data':'ctrl'},"
              "{'type':'number','data':30}],'hold-time':1}");
    client_ok(&c, "send-key", "{'keys':[]}");
    client_fails(&c, "send-key", "GenericError", "no key 'nope'",
                 "{'keys':[{'type':'qcode','data':'nope'}]}");
    client_fails(&c, "send-key", "GenericError", "no key '70000'",
                 "{'keys':[{'type':'number','data':70000}]}");
    client_fails(&c, "send-key", "GenericError", "expected: integer",
                 "{'keys':[{'type':'number','data':'a'}]}");
    client_fails(&c, "send-key", "GenericError", "hold-time", "{'keys':[],'hold-time':-1}");
    client_ok(&c, "input-send-event",
              "{'events':[{'type':'abs','data':{'axis':'x','value':100}},"
              "{'type':'btn','data':{'button':'left','down':true}},"
              "{'type':'btn','data':{'button':'wheel-up','down':true}},"
              "{'type':'btn','data':{'button':'wheel-up','down':false}},"
              "{'type':'key','data':{'key':{'type':'qcode','data':'a'},'down':true}}]}");
    client_ok(&c, "input-send-event", "{'device':'tab','events':[]}");
    client_fails(&c, "input-send-event", "DeviceNotFound", "'x'", "{'device':'x','events':[]}");
    client_fails(&c, "input-send-event", "GenericError", "event type rel",
                 "{'events':[{'type':'rel','data':{'axis':'x','value':1}}]}");
    client_fails(&c, "input-send-event", "GenericError", "right 'axis'",
                 "{'events':[{'type':'rel','data':{'axis':'z','value':1}}]}");
    client_fails(&c, "input-send-event", "GenericError", "right 'value'",
                 "{'events':[{'type':'abs','data':{'axis':'x'}}]}");
    client_fails(&c, "input-send-event", "GenericError", "is not one",
                 "{'events':[{'type':'abs','data':{'axis':'x','value':99999999999}}]}");
    client_fails(&c, "input-send-event", "GenericError", "right 'button'",
                 "{'events':[{'type':'btn','data':{'button':'fire','down':true}}]}");
    client_fails(&c, "input-send-event", "GenericError", "right 'key'",
                 "{'events':[{'type':'key','data':{'down':true}}]}");
    client_fini(&c);
}
END_TEST

START_TEST(test_human)
{
    struct json_object *o;

    client_init_with(&c, add, NULL);
    o = client_ok(&c, "human-monitor-command", "{'command-line':'info status'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "prelaunch"));
    o = client_ok(&c, "human-monitor-command", "{'command-line':'  info qtree'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "id \"vga\""));
    o = client_ok(&c, "human-monitor-command", "{'command-line':'info mtree'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "(ram): ram"));
    o = client_ok(&c, "human-monitor-command", "{'command-line':'info registers -a'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "RIP="));
    vemu_dma_write(c.board.vm, 0x1000, "\1\2\3\4\5\6\7\10", 8);
    o = client_ok(&c, "human-monitor-command", "{'command-line':'xp/2xh 0x1000'}");
    ck_assert_str_eq(json_object_get_string(o), "0000000000001000: 0x0201 0x0403\n");
    o = client_ok(&c, "human-monitor-command", "{'command-line':'xp/1000000000xg 0x7fffffff0000'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "(no memory)"));
    o = client_ok(&c, "human-monitor-command", "{'command-line':'cont'}");
    ck_assert_str_eq(json_object_get_string(o), "");
    o = client_ok(&c, "human-monitor-command", "{'command-line':'sendkey ctrl-alt-f1'}");
    ck_assert_str_eq(json_object_get_string(o), "");
    o = client_ok(&c, "human-monitor-command", "{'command-line':'sendkey nothing'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "Error: there is no key"));
    o = client_ok(&c, "human-monitor-command", "{'command-line':'savevm x'}");
    ck_assert_ptr_nonnull(strstr(json_object_get_string(o), "unknown command"));
    for (const char *const *line =
             (const char *const[]){ "", "help", "info", "info pci", "info block", "info cpus",
                                    "info mice", "xp", "xp/ 1", "xp/0 1", "xp/x nope", "sendkey",
                                    "stop", NULL };
         *line; line++)
        client_ok(&c, "human-monitor-command", "{'command-line':'%s'}", *line);
    client_fini(&c);
}
END_TEST

SUITE_MAIN("monitor-display", test_screendump, test_input, test_human)
