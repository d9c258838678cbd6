/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest shares with its host: file systems, sockets, the number of its generation. The words
 * for the emulator, and what definitions of domains and of runs say.
 */
#include "parts-of.h"
#include "vemu-domain.h"

#define FS(attrs, inside)                                                                          \
    "<filesystem " attrs ">" inside "<alias name='fs0'/></filesystem>"
#define MOUNT(attrs, inside)                                                                       \
    FS("type='mount' " attrs, "<source dir='/srv'/><target dir='tag'/>" inside)
#define VSOCK(cid, more) "<vsock model='virtio'>" cid "<alias name='vsock0'/>" more "</vsock>"

START_TEST(words)
{
    static const struct {
        const char *xml, *machine, *want;
    } rows[] = {
        { MOUNT("", ""), "q35",
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=passthrough "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=tag" },
        { MOUNT("accessmode='mapped'",
                "<driver type='path'/><readonly/>"
                "<address type='pci' domain='0' bus='0x03' slot='0' function='0'/>"),
          "q35",
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=mapped-xattr,readonly=on "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=tag,bus=pci.3,addr=0.0" },
        { MOUNT("accessmode='squash' multidevs='remap'", ""), "microvm",
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=none "
          "-device virtio-9p-device,id=fs0,fsdev=fsdev-fs0,mount_tag=tag" },
        { FS("", "<source dir='/a,b'/><target dir='x,y'/>"), "q35",
          "-fsdev local,id=fsdev-fs0,path=/a,,b,security_model=passthrough "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=x,,y" },
        { MOUNT("", "<driver type='virtiofs'/>"), "q35",
          "unsupported configuration: driver 'virtiofs' of <filesystem> is not supported by the "
          "vemu driver yet" },
        { MOUNT("", "<driver type='path' wrpolicy='immediate'/>"), "q35",
          "unsupported configuration: attribute 'wrpolicy' of <driver> is not supported by the "
          "vemu driver yet" },
        { MOUNT("fmode='644'", ""), "q35",
          "unsupported configuration: attribute 'fmode' of <filesystem> is not supported by the "
          "vemu driver yet" },
        { MOUNT("dmode='755'", ""), "q35",
          "unsupported configuration: attribute 'dmode' of <filesystem> is not supported by the "
          "vemu driver yet" },
        { MOUNT("multidevs='forbid'", ""), "q35",
          "unsupported configuration: multidevs 'forbid' of <filesystem> is not supported by the "
          "vemu driver yet" },
        { MOUNT("model='virtio-transitional'", ""), "q35",
          "unsupported configuration: model 'virtio-transitional' of <filesystem> is not "
          "supported by the vemu driver yet" },
        { MOUNT("", "<space_hard_limit unit='KiB'>1</space_hard_limit>"), "q35",
          "unsupported configuration: <space_hard_limit> of <filesystem> is not supported by the "
          "vemu driver yet" },
        { FS("type='mount'", "<source dir='srv'/><target dir='tag'/>"), "q35",
          "unsupported configuration: the directory of <filesystem> must be absolute: 'srv'" },
        { FS("type='ram'", "<source usage='1' units='KiB'/><target dir='tag'/>"), "q35",
          "unsupported configuration: type 'ram' of <filesystem> is not supported by the vemu "
          "driver yet" },
        { FS("type='mount'", "<source dir='/a'/><target dir=''/>"), "q35",
          "unsupported configuration: the target of <filesystem> must have 1 to 128 bytes: ''" },
        { FS("type='mount'", "<target dir='tag'/>"), "q35",
          "missing source information for device tag" },
        { FS("type='mount'", "<source dir='/a'/>"), "q35",
          "missing target information for device /a" },
        { FS("type='zork'", "<source dir='/a'/><target dir='t'/>"), "q35",
          "XML error: Invalid value for attribute 'type' in element 'filesystem': 'zork'." },
        { MOUNT("accessmode='zork'", ""), "q35",
          "XML error: Invalid value for attribute 'accessmode' in element 'filesystem': 'zork'." },
        { MOUNT("fmode='9'", ""), "q35",
          "XML error: Invalid value for attribute 'fmode' in element 'filesystem': '9'. Expected "
          "non-negative integer value" },
        { VSOCK("<cid auto='no' address='7'/>", ""), "q35",
          "-device virtio-vsock-pci,id=vsock0,guest-cid=7,uds-path=vsock.sock" },
        { VSOCK("<cid address='4294967293'/>", ""), "microvm",
          "-device virtio-vsock-device,id=vsock0,guest-cid=4294967293,uds-path=vsock.sock" },
        { VSOCK("<cid address='4294967295'/>", ""), "q35",
          "unsupported configuration: guest CIDs must be <= 4294967294" },
        { VSOCK("<cid auto='no'/>", ""), "q35",
          "unsupported configuration: <cid auto='no'> of <vsock> needs an address" },
        { VSOCK("<cid address='2'/>", ""), "q35",
          "unsupported configuration: guest CIDs must be >= 3" },
        { VSOCK("<cid address='x'/>", ""), "q35",
          "XML error: Invalid value for attribute 'address' in element 'cid': 'x'. Expected "
          "non-negative integer value" },
        { VSOCK("", "<driver iommu='on'/>"), "q35",
          "unsupported configuration: <driver> of <vsock> is not supported by the vemu driver "
          "yet" },
        { "<vsock model='virtio-transitional'/>", "q35",
          "unsupported configuration: model 'virtio-transitional' of <vsock> is not supported by "
          "the vemu driver yet" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = parts_of(rows[i].xml, rows[i].machine);

        ck_assert_msg(strcmp(got, rows[i].want) == 0, "%s: %s", rows[i].xml, got);
    }
}
END_TEST

/* ---- domains ---- */

#define Q35(name, uuid, more, devices)                                                             \
    "<domain type='vemu'><name>" name "</name><uuid>" uuid "</uuid>" more                          \
    "<memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type>"                             \
    "<kernel>/boot/vmlinuz</kernel></os><devices>" devices "</devices></domain>"
#define UUID_A "6695eb01-f6a4-8304-79aa-97f2502e7101"
#define UUID_B "6695eb01-f6a4-8304-79aa-97f2502e7102"
#define UUID_C "6695eb01-f6a4-8304-79aa-97f2502e7103"
#define GENID  "43dc0cf8-809b-4adb-9bea-a9abb5f3d90e"
#define AUTO   "<vsock model='virtio'/>"
#define AT(n)  "<vsock model='virtio'><cid address='" n "'/></vsock>"

static bool says(struct vmgr_domain *dom, uint32_t flags, const char *text)
{
    g_autofree char *xml = NULL;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    return strstr(xml, text) != NULL;
}

/* The text of <genid>; for g_free(). */
static char *genid_of(struct vmgr_domain *dom, uint32_t flags)
{
    g_autofree char *xml = NULL;
    const char *at;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    at = strstr(xml, "<genid>");
    ck_assert_ptr_nonnull(at);
    return g_strndup(at + strlen("<genid>"), VMGR_UUID_STRING_SIZE - 1);
}

START_TEST(generation)
{
    struct vmgr_domain *dom = define_v(Q35("g", UUID_A, "<genid>" GENID "</genid>", ""));
    g_autofree char *first = NULL, *live = NULL;
    struct vmgr_domain *other_dom = NULL;

    ck_assert(says(dom, 0, "<genid>" GENID "</genid>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(says(dom, 0, "<genid>" GENID "</genid>"));
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    /* one that is chosen stays */
    dom = define_v(Q35("h", UUID_B, "<genid/>", ""));
    first = genid_of(dom, 0);
    ck_assert_str_ne(first, GENID);
    OK(vmgr_domain_start(dom, 0, &err));
    live = genid_of(dom, 0);
    ck_assert_str_eq(first, live);
    OK(vmgr_domain_destroy(dom, 0, &err));
    vmgr_domain_unref(dom);
    FAILS(vmgr_domain_define_xml(conn, Q35("i", UUID_C, "<genid>x</genid>", ""), 0, &other_dom, &err),
          VMGR_ERR_INTERNAL_ERROR, "internal error: malformed genid element");
    FAILS(vmgr_domain_define_xml(conn, Q35("i", UUID_C, "<genid/><genid/>", ""), 0, &other_dom, &err),
          VMGR_ERR_XML_ERROR, "XML error: element 'genid' can only appear once");
    dom = define_v("<domain type='vemu'><name>m</name><genid/><memory unit='MiB'>64</memory><os>"
                   "<type machine='microvm'>hvm</type><kernel>/boot/vmlinuz</kernel></os></domain>");
    FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: <genid> on machine 'microvm' is not supported");
    vmgr_domain_unref(dom);
}
END_TEST

/* Each guest that runs has an address of its own. */
START_TEST(addresses)
{
    struct vmgr_domain *a = define_v(Q35("a", UUID_A, "", AUTO));
    struct vmgr_domain *b = define_v(Q35("b", UUID_B, "", AT("3")));
    struct vmgr_domain *c = define_v(Q35("c", UUID_C, "", ""));

    ck_assert(says(a, 0, "<cid auto='yes'/>") && says(b, 0, "<cid auto='no' address='3'/>"));
    OK(vmgr_domain_start(a, 0, &err));
    ck_assert(says(a, 0, "<cid auto='yes' address='3'/>") && says(a, 0, "<alias name='vsock0'/>"));
    ck_assert(says(a, VMGR_DOMAIN_XML_INACTIVE, "<cid auto='yes'/>"));
    FAILS(vmgr_domain_start(b, 0, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: guest CID 3 is in use by domain 'a'");
    /* the other connection knows it, too */
    {
        struct vmgr_domain *again = by_name(other, "b");

        FAILS(vmgr_domain_start(again, 0, &err), VMGR_ERR_OPERATION_FAILED,
              "operation failed: guest CID 3 is in use by domain 'a'");
        vmgr_domain_unref(again);
    }
    /* one that comes later gets the next */
    OK(vmgr_domain_start(c, 0, &err));
    FAILS(vmgr_domain_attach_device(c, AT("3"), VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_FAILED, "operation failed: guest CID 3 is in use by domain 'a'");
    ck_assert(!says(c, 0, "<vsock"));
    OK(vmgr_domain_attach_device(c, AUTO, VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert(says(c, 0, "<cid auto='yes' address='4'/>"));
    FAILS(vmgr_domain_attach_device(c, AUTO, VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: the domain already has a vsock device");
    FAILS(vmgr_domain_detach_device(c, AT("4"), VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_DEVICE_MISSING, "device not found: matching vsock device not found");
    OK(vmgr_domain_detach_device(c, AUTO, VMGR_DOMAIN_AFFECT_LIVE, &err));
    ck_assert(!says(c, 0, "<vsock"));
    /* it is free again */
    OK(vmgr_domain_destroy(a, 0, &err));
    OK(vmgr_domain_start(b, 0, &err));
    OK(vmgr_domain_start(a, 0, &err));
    ck_assert(says(a, 0, "<cid auto='yes' address='4'/>"));
    vmgr_domain_unref(a);
    vmgr_domain_unref(b);
    vmgr_domain_unref(c);
}
END_TEST

START_TEST(file_systems)
{
    struct vmgr_domain *dom = define_v(Q35("f", UUID_A, "", MOUNT("", "")));

    ck_assert(says(dom, 0, "<filesystem type='mount' accessmode='passthrough'>"));
    FAILS(vmgr_domain_attach_device(dom, MOUNT("", ""), 0, &err), VMGR_ERR_OPERATION_INVALID,
          "Requested operation is not valid: target already exists");
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(says(dom, 0, "<alias name='fs0'/>") && says(dom, 0, "<address type='pci'"));
    FAILS(vmgr_domain_attach_device(
              dom, FS("type='mount'", "<source dir='/other'/><target dir='other'/>"),
              VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: only virtiofs filesystems can be hotplugged");
    FAILS(vmgr_domain_detach_device(dom, MOUNT("", ""), VMGR_DOMAIN_AFFECT_LIVE, &err),
          VMGR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: only virtiofs filesystems can be hotplugged");
    OK(vmgr_domain_detach_device(dom, MOUNT("", ""), VMGR_DOMAIN_AFFECT_CONFIG, &err));
    ck_assert(!says(dom, VMGR_DOMAIN_XML_INACTIVE, "<filesystem"));
    FAILS(vmgr_domain_detach_device(dom, MOUNT("", ""), VMGR_DOMAIN_AFFECT_CONFIG, &err),
          VMGR_ERR_DEVICE_MISSING, "device not found: matching filesystem device was not found");
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("parts");
    TCase *tc = tcase_create("words");

    tcase_add_test(tc, words);
    suite_add_tcase(s, tc);
    tc = tcase_create("domains");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, generation);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, file_systems);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
