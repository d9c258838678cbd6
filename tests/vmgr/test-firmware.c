/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware of guests over an emulator without a machine: which image descriptors lead to, the file
 * with its variables from the first start to the domain's end, and what is refused.
 */
#include <errno.h>
#include <sys/stat.h>

#include "vemu-domain.h"

#define MACHINE "<type arch='x86_64' machine='q35'>hvm</type>"
#define DOMAIN(os, parts)                                                                          \
    "<domain type='vemu'><name>v</name><uuid>" UUID_V "</uuid><memory unit='MiB'>64</memory>"      \
    "<os" os "</os>" parts "</domain>"
#define ACPI   "<features><acpi/></features>"
#define EFI(o) DOMAIN(" firmware='efi'>" MACHINE o, ACPI)
/* A path below the scratch directory stands behind each '@'. */
#define MANUAL(more)                                                                               \
    DOMAIN(">" MACHINE "<loader readonly='yes' type='pflash'>@code</loader>" more, ACPI)

static char text_of_file[65536];

static const char *at(const char *name)
{
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_root, name);
    return path;
}

static const char *read_text(const char *name)
{
    FILE *f = fopen(at(name), "re");
    size_t n = f ? fread(text_of_file, 1, sizeof(text_of_file) - 1, f) : 0;

    if (f)
        fclose(f);
    text_of_file[n] = '\0';
    return f ? text_of_file : NULL;
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "we");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static bool exists(const char *name)
{
    return access(at(name), F_OK) == 0;
}

/* The text with the scratch directory in place of '@'; of the two last calls. */
static const char *expand(const char *text)
{
    static char results[2][4000];
    static int next;
    char *to = results[next++ % 2], *begin = to;

    for (; *text; text++) {
        if (*text == '@')
            to += sprintf(to, "%s/", scratch_root);
        else
            *to++ = *text;
        ck_assert_int_lt(to - begin, 3500);
    }
    *to = '\0';
    return begin;
}

static void write_descriptor(const char *name, const char *kind, const char *machines,
                             const char *features, const char *mapping)
{
    char path[100], text[1500];

    snprintf(path, sizeof(path), "etc/qemu/firmware/%s.json", name);
    snprintf(text, sizeof(text),
             "{\"interface-types\": [\"%s\"], \"mapping\": {%s}, \"targets\": [{\"architecture\": "
             "\"x86_64\", \"machines\": [%s]}], \"features\": [%s], \"tags\": []}",
             kind, mapping, machines, features);
    write_text(path, expand(text));
}

#define FLASH(code, vars)                                                                          \
    "\"device\": \"flash\", \"executable\": {\"filename\": \"@" code "\", \"format\": \"raw\"}, "  \
    "\"nvram-template\": {\"filename\": \"@" vars "\", \"format\": \"raw\"}"
#define Q35 "\"pc-q35-*\""

/* What packages of this host describe is hidden: an empty file of the administrator's does that. */
static void hide_packages(void)
{
    DIR *dir = opendir("/usr/share/qemu/firmware");
    const struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char path[300];

        snprintf(path, sizeof(path), "etc/qemu/firmware/%s", e->d_name);
        if (e->d_name[0] != '.')
            write_text(path, "");
    }
    if (dir)
        closedir(dir);
}

static void setup_firmware(void)
{
    static const char *const dirs[] = { "etc", "etc/qemu", "etc/qemu/firmware" };

    setup();
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        ck_assert(mkdir(at(dirs[i]), 0700) == 0 || errno == EEXIST);
    hide_packages();
    write_text("code", "CODE");
    write_text("vars", "VARS");
    write_text("other", "OTHER");
    write_descriptor("50-x", "uefi", Q35, "\"acpi-s3\"", FLASH("code", "vars"));
}

static struct vmgr_domain *define(const char *text)
{
    return define_v(expand(text));
}

static bool shows(struct vmgr_domain *dom, uint32_t flags, const char *words)
{
    return sandbox_shows(dom, flags, expand(words));
}

static bool ran_with(const char *words)
{
    return sandbox_ran_with("v", expand(words));
}

static void run_once(struct vmgr_domain *dom, uint32_t flags)
{
    OK(vmgr_domain_start(dom, flags, &err));
    OK(vmgr_domain_destroy(dom, 0, &err));
}

#define VARS "var/lib/vmgr/nvram/v_VARS.fd"

START_TEST(test_choice)
{
    struct vmgr_domain *dom = define(EFI(""));

    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(shows(dom, 0,
                    "  <os>\n    " MACHINE "\n"
                    "    <loader readonly='yes' type='pflash'>@code</loader>\n"
                    "    <nvram template='@vars'>@" VARS "</nvram>\n"));
    ck_assert(shows(dom, VMGR_DOMAIN_XML_INACTIVE,
                    "  <os firmware='efi'>\n    " MACHINE "\n    <boot dev='hd'/>\n"));
    ck_assert(ran_with("-machine q35,pflash0=libvirt-pflash0-format,"
                       "pflash1=libvirt-pflash1-format -m "));
    ck_assert(ran_with("-blockdev raw,node-name=libvirt-pflash0-format,read-only=on,"
                       "file.driver=file,file.filename=@code,file.read-only=on "
                       "-blockdev raw,node-name=libvirt-pflash1-format,read-only=off,"
                       "file.driver=file,file.filename=@" VARS ",file.read-only=off "));
    ck_assert_str_eq(read_text(VARS), "VARS");
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    dom = define(EFI("<kernel>@other</kernel><cmdline>one two</cmdline>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(ran_with(" -kernel @other -append 'one two' "));
    ck_assert(ran_with("-machine q35,pflash0=libvirt-pflash0-format,"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

/* Each of these would be better by its name, and is not taken. */
START_TEST(test_passed_over)
{
    static const char junk[] = "{\"mapping\": [1, {\"device\": 3}], \"targets\": \"x\"";
    struct vmgr_domain *dom;

    write_descriptor("10-smm", "uefi", Q35, "\"secure-boot\", \"requires-smm\"",
                     FLASH("other", "vars"));
    write_descriptor("11-bios", "bios", Q35, "", FLASH("other", "vars"));
    write_descriptor("12-machine", "uefi", "\"pc-i440fx-*\", \"q35\", 7", "", FLASH("none", "x"));
    write_descriptor("13-gone", "uefi", Q35, "", FLASH("gone", "vars"));
    write_descriptor("14-keys", "uefi", Q35, "\"enrolled-keys\"", FLASH("other", "vars"));
    write_descriptor("15-stateless", "uefi", Q35, "",
                     "\"mode\": \"stateless\", " FLASH("other", "vars"));
    write_descriptor("16-qcow2", "uefi", Q35, "",
                     "\"device\": \"flash\", \"executable\": {\"filename\": \"@other\", "
                     "\"format\": \"qcow2\"}, \"nvram-template\": {\"filename\": \"@vars\", "
                     "\"format\": \"qcow2\"}");
    write_descriptor("17-mode", "uefi", Q35, "", "\"mode\": \"combined\", " FLASH("other", "vars"));
    write_descriptor("18-kernel", "uefi", Q35, "",
                     "\"device\": \"kernel\", \"filename\": \"@other\"");
    write_text("etc/qemu/firmware/19-junk.json", junk);
    write_text("etc/qemu/firmware/20-list.json", "[1, 2]");
    write_text("etc/qemu/firmware/21-empty.json", "");
    write_text("etc/qemu/firmware/22-text", "");
    dom = define(EFI("<firmware><feature enabled='no' name='enrolled-keys'/></firmware>"));
    run_once(dom, 0);
    ck_assert(ran_with("file.filename=@code,"));
    vmgr_domain_unref(dom);

    dom = define(EFI("<loader stateless='yes'/>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(ran_with("-machine q35,pflash0=libvirt-pflash0-format -m "));
    ck_assert(shows(dom, 0,
                    "<loader readonly='yes' type='pflash' stateless='yes'>@other</loader>\n"
                    "    <boot "));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);

    dom = define(EFI(""));
    run_once(dom, 0);
    ck_assert(ran_with("file.filename=@other,"));
    unlink(at("etc/qemu/firmware/15-stateless.json"));
    vmgr_domain_unref(dom);
    dom = define(EFI("<loader stateless='yes'/>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Unable to find any firmware to satisfy 'efi'");
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_rom)
{
    struct vmgr_domain *dom = define(DOMAIN(">" MACHINE "<loader>@code</loader>", ""));

    run_once(dom, 0);
    ck_assert(ran_with("-machine q35 -m size=65536k -bios @code -accel "));
    vmgr_domain_unref(dom);
    write_descriptor("10-bios", "bios", Q35, "",
                     "\"device\": \"memory\", \"filename\": \"@other\"");
    dom = define(DOMAIN(" firmware='bios'>" MACHINE, ""));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(ran_with("-bios @other "));
    ck_assert(shows(dom, 0, "<loader type='rom'>@other</loader>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
}
END_TEST

/* An image that is named: where its variables are is written down, and how they begin is found. */
START_TEST(test_manual)
{
    struct vmgr_domain *dom = define(MANUAL(""));

    ck_assert(shows(dom, 0, "<nvram>@" VARS "</nvram>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(shows(dom, 0, "<nvram template='@vars'>@" VARS "</nvram>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    ck_assert(shows(dom, 0, "<nvram>@" VARS "</nvram>"));
    OK(vmgr_domain_undefine(dom, VMGR_DOMAIN_UNDEFINE_NVRAM, &err));
    vmgr_domain_unref(dom);

    dom = define(MANUAL("<nvram template='@other'>@mine</nvram>"));
    run_once(dom, 0);
    ck_assert_str_eq(read_text("mine"), "OTHER");
    vmgr_domain_unref(dom);
    dom = define(MANUAL("<nvram type='file' template='@other'><source file='@mine2'/></nvram>"));
    ck_assert(shows(dom, 0,
                    "    <nvram template='@other' type='file'>\n"
                    "      <source file='@mine2'/>\n    </nvram>\n"));
    run_once(dom, 0);
    ck_assert_str_eq(read_text("mine2"), "OTHER");
    vmgr_domain_unref(dom);

    unlink(at("etc/qemu/firmware/50-x.json"));
    dom = define(MANUAL(""));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_OPERATION_FAILED,
          expand("operation failed: unable to find any master var store for loader: @code"));
    expect_state(dom, "shut off (failed)");
    write_text(VARS, "there");
    run_once(dom, 0);
    vmgr_domain_unref(dom);
    dom = define(MANUAL("<nvram template='@none'>@new</nvram>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_SYSTEM_ERROR,
          expand("Failed to open file '@none': No such file or directory"));
    vmgr_domain_unref(dom);
    dom = define(MANUAL("<nvram template='@etc'>@new</nvram>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_INTERNAL_ERROR,
          expand("internal error: '@etc' is not a regular file"));
    vmgr_domain_unref(dom);
    dom = define(MANUAL("<nvram template='@vars'>@none/new</nvram>"));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_SYSTEM_ERROR,
          expand("Failed to create file '@none/new.new': No such file or directory"));
    ck_assert(!exists("new") && !exists("new.new"));
    vmgr_domain_unref(dom);
}
END_TEST

/* The guest's from the first start on. */
START_TEST(test_variables)
{
    struct vmgr_domain *dom = define(EFI(""));
    struct stat st;

    run_once(dom, 0);
    ck_assert_int_eq(stat(at(VARS), &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
    write_text(VARS, "changed");
    run_once(dom, 0);
    ck_assert_str_eq(read_text(VARS), "changed");
    run_once(dom, VMGR_DOMAIN_START_RESET_NVRAM);
    ck_assert_str_eq(read_text(VARS), "VARS");
    /* what somebody who was killed at it has left */
    unlink(at(VARS));
    write_text(VARS ".new", "a longer text than that, and half of it");
    run_once(dom, 0);
    ck_assert_str_eq(read_text(VARS), "VARS");
    ck_assert(!exists(VARS ".new"));

    FAILS(vmgr_domain_undefine(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot undefine domain with nvram");
    FAILS(vmgr_domain_undefine(dom, VMGR_DOMAIN_UNDEFINE_NVRAM | VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM,
                               &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot both keep and delete nvram");
    OK(vmgr_domain_undefine(dom, VMGR_DOMAIN_UNDEFINE_KEEP_NVRAM, &err));
    ck_assert(exists(VARS));
    vmgr_domain_unref(dom);
    dom = define(EFI(""));
    OK(vmgr_domain_start(dom, 0, &err));
    FAILS(vmgr_domain_undefine(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot undefine domain with nvram");
    OK(vmgr_domain_undefine(dom, VMGR_DOMAIN_UNDEFINE_NVRAM, &err));
    ck_assert(!exists(VARS));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    dom = define(EFI(""));
    OK(vmgr_domain_undefine(dom, 0, &err)); /* it never had one */
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_rename)
{
    struct vmgr_domain *dom = define(EFI(""));

    OK(vmgr_domain_rename(dom, "w", 0, &err));
    ck_assert(shows(dom, 0, "<os firmware='efi'>\n    " MACHINE "\n    <boot "));
    OK(vmgr_domain_rename(dom, "v", 0, &err));
    run_once(dom, 0);
    write_text(VARS, "changed");
    OK(vmgr_domain_rename(dom, "w", 0, &err));
    ck_assert(shows(dom, 0, "<os firmware='efi'>\n    " MACHINE "\n    <nvram>@" VARS "</nvram>"));
    run_once(dom, 0);
    ck_assert_str_eq(read_text(VARS), "changed");
    ck_assert(!exists("var/lib/vmgr/nvram/w_VARS.fd"));
    FAILS(vmgr_domain_undefine(dom, 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: cannot undefine domain with nvram");
    OK(vmgr_domain_undefine(dom, VMGR_DOMAIN_UNDEFINE_NVRAM, &err));
    ck_assert(!exists(VARS));
    vmgr_domain_unref(dom);
}
END_TEST

/* The rest of <os> that firmware is told. */
START_TEST(test_menu)
{
    struct vmgr_domain *dom =
        define(DOMAIN(">" MACHINE "<boot dev='cdrom'/><bootmenu enable='yes' timeout='3000'/>"
                      "<bios rebootTimeout='5000'/>",
                      ""));

    run_once(dom, 0);
    ck_assert(ran_with("-boot order=d,menu=on,splash-time=3000,reboot-timeout=5000 "));
    vmgr_domain_unref(dom);
    dom = define(DOMAIN(">" MACHINE "<bootmenu enable='no' timeout='3000'/>"
                        "<bios useserial='x' rebootTimeout='-1'/>",
                        ""));
    ck_assert(shows(dom, 0,
                    "    <bootmenu enable='no'/>\n"
                    "    <bios useserial='no' rebootTimeout='-1'/>\n"));
    run_once(dom, 0);
    ck_assert(ran_with("-boot order=c,menu=off,reboot-timeout=-1 "));
    vmgr_domain_unref(dom);
}
END_TEST

START_TEST(test_no_definition)
{
#define PFLASH(more) "<loader readonly='yes' type='pflash'>/x</loader>" more
    static const struct {
        const char *attr, *os;
        int code;
        const char *words;
    } rows[] = {
        { " firmware='zork'", "", VMGR_ERR_XML_ERROR, "XML error: unknown firmware value zork" },
        { " firmware='none'", "", VMGR_ERR_XML_ERROR, "XML error: unknown firmware value none" },
        { " firmware='efi'", "<loader>/x</loader>", VMGR_ERR_XML_DETAIL,
          "loader attribute 'type' cannot be specified when firmware autoselection is enabled" },
        { " firmware='efi'", "<loader readonly='yes'/>", VMGR_ERR_XML_DETAIL,
          "loader attribute 'readonly' cannot be specified when firmware autoselection is "
          "enabled" },
        { " firmware='efi'", "<loader secure='no'/>", VMGR_ERR_XML_DETAIL,
          "loader attribute 'secure' cannot be specified when firmware autoselection is enabled" },
        { " firmware='efi'", "<nvram template='/x'/>", VMGR_ERR_XML_DETAIL,
          "nvram attribute 'template' cannot be specified when firmware autoselection is "
          "enabled" },
        { " firmware='efi'",
          "<firmware><feature enabled='yes' name='enrolled-keys'/>"
          "<feature enabled='no' name='secure-boot'/></firmware>",
          VMGR_ERR_XML_DETAIL,
          "firmware feature 'enrolled-keys' cannot be enabled when firmware feature 'secure-boot' "
          "is disabled" },
        { " firmware='efi'", "<firmware><feature name='secure-boot'/></firmware>",
          VMGR_ERR_XML_ERROR,
          "XML error: Missing required attribute 'enabled' in element 'feature'" },
        { " firmware='efi'", "<firmware><feature enabled='no'/></firmware>", VMGR_ERR_XML_ERROR,
          "XML error: Missing required attribute 'name' in element 'feature'" },
        { " firmware='efi'", "<firmware><feature enabled='no' name='zork'/></firmware>",
          VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'name' in element 'feature': 'zork'." },
        { "", "<firmware><feature enabled='no' name='secure-boot'/></firmware>",
          VMGR_ERR_XML_DETAIL,
          "cannot use feature-based firmware autoselection when firmware autoselection is "
          "disabled" },
        { "", "<loader type='rom'/>", VMGR_ERR_XML_DETAIL,
          "no loader path specified and firmware auto selection disabled" },
        { "", "<nvram>/x</nvram>", VMGR_ERR_XML_DETAIL,
          "no loader path specified and firmware auto selection disabled" },
        { "", "<loader type='zork'>/x</loader>", VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'type' in element 'loader': 'zork'." },
        { "", "<loader readonly='zork'>/x</loader>", VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'readonly' in element 'loader': 'zork'." },
        { "", "<loader type='pflash' stateless='yes'>/x</loader><nvram>/x</nvram>",
          VMGR_ERR_XML_DETAIL, "NVRAM is not permitted when loader is stateless" },
        { "", "<loader type='pflash' stateless='yes'>/x</loader><nvram template='/x'/>",
          VMGR_ERR_XML_DETAIL, "NVRAM template is not permitted when loader is stateless" },
        { "", "<bootmenu enable='zork'/>", VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'enable' in element 'bootmenu': 'zork'." },
        { "", "<bootmenu enable='yes' timeout='-3'/>", VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'timeout' in element 'bootmenu': '-3'. Expected "
          "non-negative integer value" },
        { "", "<bootmenu enable='yes' timeout='65536'/>", VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: invalid value for boot menu timeout, must be in range "
          "[0,65535]" },
        { "", "<bios rebootTimeout='65536'/>", VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: invalid value for rebootTimeout, must be in range "
          "[-1,65535]" },
        { "", "<bios rebootTimeout='1s'/>", VMGR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'rebootTimeout' in element 'bios': '1s'. "
          "Expected integer value" },
        { "", "<bios useserial='yes'/>", VMGR_ERR_XML_ERROR,
          "XML error: need at least one serial port to use BIOS serial output" },
    };
    struct vmgr_domain *none = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char xml[1000];

        snprintf(xml, sizeof(xml), DOMAIN("%s>" MACHINE "%s", ACPI), rows[i].attr, rows[i].os);
        FAILS(vmgr_domain_define_xml(conn, xml, 0, &none, &err), rows[i].code, rows[i].words);
    }
    FAILS(vmgr_domain_define_xml(conn, DOMAIN(" firmware='efi'>" MACHINE, ""), 0, &none, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: UEFI requires ACPI on this architecture");
    FAILS(vmgr_domain_create_xml(conn, DOMAIN(">" MACHINE PFLASH(""), ""), 0, &none, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: UEFI requires ACPI on this architecture");
}
END_TEST

START_TEST(test_no_start)
{
    static const struct {
        const char *attr, *os, *words;
    } rows[] = {
        { " firmware='efi'",
          MACHINE "<firmware><feature enabled='yes' name='secure-boot'/></firmware>",
          "secure boot needs system management mode (SMM), which is not supported by the vemu "
          "driver yet" },
        { " firmware='efi'",
          MACHINE "<firmware><feature enabled='yes' name='enrolled-keys'/></firmware>",
          "secure boot needs system management mode (SMM), which is not supported by the vemu "
          "driver yet" },
        { "", MACHINE "<loader readonly='yes' secure='yes' type='pflash'>/x</loader>",
          "secure boot needs system management mode (SMM), which is not supported by the vemu "
          "driver yet" },
        { " firmware='bios'", MACHINE "<kernel>/k</kernel>",
          "a <kernel> that BIOS firmware starts is not supported by the vemu driver: without "
          "firmware='bios' it is started directly" },
        { "", MACHINE "<kernel>/k</kernel><bootmenu enable='yes'/>",
          "<bootmenu> of a domain with a <kernel> is not supported by the vemu driver: no firmware "
          "runs" },
        { " firmware='efi'", "<type machine='microvm'>hvm</type>",
          "machine 'microvm' has no firmware: <os firmware='...'> needs machine 'q35'" },
        { "", "<type machine='microvm'>hvm</type>" PFLASH(""),
          "machine 'microvm' has no firmware: <loader> needs machine 'q35'" },
        { "", MACHINE "<kernel>/k</kernel><bios rebootTimeout='1'/>",
          "<bios> of a domain with a <kernel> is not supported by the vemu driver: no firmware "
          "runs" },
        { "", "<type machine='microvm'>hvm</type><kernel>/k</kernel><bios rebootTimeout='1'/>",
          "machine 'microvm' has no firmware: <bios> needs machine 'q35'" },
        { "", MACHINE "<loader readonly='yes' type='pflash'>x</loader>",
          "the path of <loader> must be absolute: 'x'" },
        { "", MACHINE "<loader format='qcow2' type='pflash'>/x</loader>",
          "<loader> in format 'qcow2' is not supported by the vemu driver yet" },
        { "", MACHINE "<loader readonly='no' type='rom'>/x</loader>",
          "a <loader> of type 'rom' cannot be written to" },
        { "", MACHINE "<loader type='rom'>/x</loader><nvram>/y</nvram>",
          "<nvram> needs a <loader> of type 'pflash'" },
        { "", MACHINE PFLASH("<nvram>y</nvram>"), "the path of <nvram> must be absolute: 'y'" },
        { "", MACHINE PFLASH("<nvram template='y'/>"),
          "the path of the template of <nvram> must be absolute: 'y'" },
        { "", MACHINE PFLASH("<nvram format='qcow2'>/y</nvram>"),
          "<nvram> in format 'qcow2' is not supported by the vemu driver yet" },
        { "", MACHINE PFLASH("<nvram type='network'><source protocol='nbd'/></nvram>"),
          "<nvram> of type 'network' is not supported by the vemu driver yet" },
        { "", MACHINE PFLASH("<nvram type='file'><source file='/x'><seclabel/></source></nvram>"),
          "elements in <source> of <nvram> are not supported by the vemu driver yet" },
    };
    struct vmgr_domain *dom;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char xml[1000], message[300];

        snprintf(xml, sizeof(xml), DOMAIN("%s>%s", ACPI), rows[i].attr, rows[i].os);
        snprintf(message, sizeof(message), "unsupported configuration: %s", rows[i].words);
        dom = define_v(xml);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
        vmgr_domain_unref(dom);
    }
    dom = define_v(DOMAIN(">" MACHINE "<bios useserial='yes'/>", PTY));
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: attribute 'useserial' of <bios> is not supported by the vemu "
          "driver yet");
    vmgr_domain_unref(dom);
}
END_TEST

/* What a host offers is what a start would take. */
START_TEST(test_capabilities)
{
    struct vmgr_hypervisor hv = VMGR_HYPERVISOR_INIT;
    char *xml = NULL;

    hv.machine = "q35";
    write_descriptor("10-smm", "uefi", Q35, "\"requires-smm\"", FLASH("other", "vars"));
    OK(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "      <value>efi</value>\n    </enum>\n"));
    ck_assert_ptr_nonnull(strstr(xml, expand("    <loader supported='yes'>\n"
                                             "      <value>@code</value>\n"
                                             "      <enum name='type'>\n"
                                             "        <value>rom</value>\n"
                                             "        <value>pflash</value>\n"
                                             "      </enum>\n"
                                             "      <enum name='readonly'>\n"
                                             "        <value>yes</value>\n"
                                             "        <value>no</value>\n"
                                             "      </enum>\n"
                                             "      <enum name='secure'>\n"
                                             "        <value>no</value>\n"
                                             "      </enum>\n")));
    free(xml);
    unlink(at("etc/qemu/firmware/50-x.json"));
    OK(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err));
    ck_assert_ptr_null(strstr(xml, "<value>efi</value>"));
    free(xml);
    hv.machine = "microvm";
    OK(vmgr_conn_get_domain_capabilities(conn, &hv, 0, &xml, &err));
    ck_assert_ptr_nonnull(strstr(xml, "    <enum name='firmware'/>\n"
                                      "    <loader supported='no'/>\n"));
    free(xml);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("firmware");
    TCase *t = tcase_create("vemu");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup_firmware, teardown);
    tcase_add_test(t, test_choice);
    tcase_add_test(t, test_passed_over);
    tcase_add_test(t, test_rom);
    tcase_add_test(t, test_manual);
    tcase_add_test(t, test_variables);
    tcase_add_test(t, test_rename);
    tcase_add_test(t, test_menu);
    tcase_add_test(t, test_no_definition);
    tcase_add_test(t, test_no_start);
    tcase_add_test(t, test_capabilities);
    suite_add_tcase(s, t);
    return run_suite(s);
}
