/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What SMBIOS and fw_cfg tell a guest: from <smbios> and <sysinfo> to the emulator's words, or a
 * refusal.
 */
#include <stdlib.h>

#include "driver/vemu/device/parts.h"
#include "driver/vemu/run/fwcfg.h"
#include "driver/vemu/run/smbios.h"
#include "harness.h"

/* The words, or the error. */
static char *words_of(const char *machine, const char *mode, const char *sysinfo)
{
    g_autofree char *xml =
        g_strdup_printf("<domain type='vemu'><name>t</name><memory>65536</memory>"
                        "<os><type arch='x86_64' machine='%s'>hvm</type>%s</os>%s</domain>",
                        machine, mode, sysinfo);
    struct vmgr_error *err = NULL;
    struct vmgr__domain_def *def = vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, 0, &err);
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    char *text;

    ck_assert_msg(def != NULL, "%s: %s", xml, vmgr_error_get_message(err));
    if (vmgr__vemu_smbios_check(def, &err) == 0 && vmgr__vemu_fwcfg_check(def, &err) == 0) {
        vmgr__vemu_smbios_argv(def, args);
        vmgr__vemu_fwcfg_argv(def, args);
        g_ptr_array_add(args, NULL);
        text = g_strjoinv(" ", (char **)args->pdata);
    } else {
        text = g_strdup(vmgr_error_get_message(err));
    }
    vmgr_error_free(err);
    g_ptr_array_unref(args);
    vmgr__domain_def_free(def);
    return text;
}

static void becomes(const char *machine, const char *mode, const char *sysinfo, const char *want)
{
    g_autofree char *text = words_of(machine, mode, sysinfo);

    ck_assert_str_eq(text, want);
}

#define MODE(mode)        "<smbios mode='" mode "'/>"
#define SYSINFO(inside)   "<sysinfo type='smbios'>" inside "</sysinfo>"
#define ENTRY(name, text) "<entry name='" name "'>" text "</entry>"
#define REFUSED           "unsupported configuration: "

START_TEST(given)
{
    becomes("q35", MODE("sysinfo"),
            SYSINFO("<bios>" ENTRY("vendor", "A, B") ENTRY(
                "release",
                "1.2") "</bios>"
                       "<system>" ENTRY("serial", "ds=nocloud")
                           ENTRY("family",
                                 "") "</system>"
                                     "<baseBoard>" ENTRY(
                                         "asset",
                                         "7") "</baseBoard>"
                                              "<chassis>" ENTRY(
                                                  "sku",
                                                  "x y") "</chassis>"
                                                         "<oemStrings><entry>one</"
                                                         "entry><entry>two,2</entry></oemStrings>"),
            "-smbios type=0,vendor=A,, B,release=1.2 -smbios type=1,serial=ds=nocloud "
            "-smbios type=2,asset=7 -smbios type=3,sku=x y -smbios type=11,value=one,value=two,,2");
    becomes("q35", MODE("sysinfo"), SYSINFO(""), "");
}
END_TEST

/* What no mode asks for is not told, on any machine. */
START_TEST(not_given)
{
    static const char serial[] = SYSINFO("<system>" ENTRY("serial", "1") "</system>");

    becomes("q35", "", serial, "");
    becomes("q35", MODE("emulate"), serial, "");
    becomes("microvm", MODE("emulate"), serial, "");
    becomes("q35", "", "", "");
}
END_TEST

START_TEST(refused)
{
    becomes("q35", MODE("sysinfo"), "", REFUSED "Domain 't' sysinfo are not available");
    becomes("microvm", MODE("sysinfo"), SYSINFO(""),
            REFUSED "machine 'microvm' has no SMBIOS for <smbios mode='sysinfo'>");
    becomes("microvm", MODE("host"), "",
            REFUSED "machine 'microvm' has no SMBIOS for <smbios mode='host'>");
    becomes("q35", MODE("sysinfo"), SYSINFO("<system>" ENTRY("colour", "x") "</system>"),
            REFUSED "entry 'colour' of <system> is not supported by the vemu driver yet");
    becomes("q35", MODE("sysinfo"), SYSINFO("<bios>" ENTRY("vendor version", "x") "</bios>"),
            REFUSED "entry 'vendor version' of <bios> is not supported by the vemu driver yet");
    becomes("q35", MODE("sysinfo"), SYSINFO("<bios>" ENTRY("vendor", "a&#10;b") "</bios>"),
            REFUSED "an entry of <bios> has a control character");
    becomes("q35", MODE("sysinfo"), SYSINFO("<baseBoard/><baseBoard/>"),
            REFUSED "more than one <baseBoard> is not supported by the vemu driver yet");
}
END_TEST

/* The host's words, but for its UUID. */
START_TEST(of_host)
{
    g_autofree char *root = g_dir_make_tmp("smbios-XXXXXX", NULL);
    g_autofree char *dir = g_build_filename(root, "class/dmi/id", NULL);
    g_autofree char *vendor = g_build_filename(dir, "sys_vendor", NULL);
    g_autofree char *uuid = g_build_filename(dir, "product_uuid", NULL);
    g_autofree char *remove = g_strdup_printf("rm -r '%s'", root);

    ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
    ck_assert(g_file_set_contents(vendor, "Us\n", -1, NULL));
    ck_assert(g_file_set_contents(uuid, "00010203-0405-0607-0809-0a0b0c0d0e0f\n", -1, NULL));
    g_setenv("VMGR_SYSFS", root, TRUE);
    becomes("q35", MODE("host"), "", "-smbios type=1,manufacturer=Us");
    g_unsetenv("VMGR_SYSFS");
    ck_assert_int_eq(system(remove), 0);
}
END_TEST

#define FWCFG(inside) "<sysinfo type='fwcfg'>" inside "</sysinfo>"

START_TEST(fwcfg)
{
    becomes("q35", "", FWCFG(ENTRY("opt/a", "x, y") "<entry name='opt/b,c' file='/d,e'/>"),
            "-fw_cfg name=opt/a,string=x,, y -fw_cfg name=opt/b,,c,file=/d,,e");
    becomes("q35", MODE("sysinfo"),
            FWCFG(ENTRY("opt/a", "x")) SYSINFO("<system>" ENTRY("sku", "y") "</system>"),
            "-smbios type=1,sku=y -fw_cfg name=opt/a,string=x");
    becomes("q35", "", FWCFG(""), "");
    becomes("microvm", "", FWCFG(ENTRY("opt/a", "x")), REFUSED "machine 'microvm' has no fw_cfg");
    becomes("q35", "", FWCFG("<entry>x</entry>"),
            "XML error: Firmware entry is missing 'name' attribute");
    becomes("q35", "", FWCFG("<entry name='opt/a'/>"),
            "XML error: Firmware entry must have either value or 'file' attribute");
    becomes("q35", "", FWCFG(ENTRY("etc/a", "x")), REFUSED "Invalid firmware name");
    becomes("q35", "", FWCFG(ENTRY("opt/ovmf/a", "x")), REFUSED "That firmware name is reserved");
    becomes("q35", "", FWCFG("<entry name='opt/a' file='/b'>x</entry>"),
            REFUSED "fw_cfg entry 'opt/a' has both a value and a file");
    becomes("q35", "", FWCFG("<entry name='opt/a' file='b'/>"),
            REFUSED "the file of fw_cfg entry 'opt/a' must be absolute: 'b'");
    becomes("q35", "", FWCFG("<system/>"),
            REFUSED "<system> of <sysinfo> is not supported by the vemu driver yet");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("smbios");
    TCase *c = tcase_create("smbios");

    tcase_add_test(c, given);
    tcase_add_test(c, not_given);
    tcase_add_test(c, refused);
    tcase_add_test(c, of_host);
    tcase_add_test(c, fwcfg);
    suite_add_tcase(s, c);
    return run_suite(s);
}
