/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest shares with its host: file systems, sockets, the number of its generation. The words
 * for the emulator, and what definitions of domains and of runs say.
 */
#include "driver/vemu/device/usernet.h"
#include "parts-of.h"
#include "vemu-domain.h"

#define FS(attrs, inside) "<filesystem " attrs ">" inside "<alias name='fs0'/></filesystem>"
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
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=passthrough,writeout=immediate "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=tag" },
        { MOUNT("accessmode='mapped' fmode='644' dmode='00755'", ""), "q35",
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=mapped-xattr,fmode=0644,dmode=0755 "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=tag" },
        { MOUNT("fmode='0'", ""), "q35",
          "-fsdev local,id=fsdev-fs0,path=/srv,security_model=passthrough "
          "-device virtio-9p-pci,id=fs0,fsdev=fsdev-fs0,mount_tag=tag" },
        { MOUNT("fmode='644'", ""), "q35",
          "unsupported configuration: fmode and dmode must be used with accessmode=mapped" },
        { MOUNT("accessmode='squash' dmode='755'", ""), "q35",
          "unsupported configuration: fmode and dmode must be used with accessmode=mapped" },
        { MOUNT("accessmode='mapped' dmode='7777'", ""), "q35",
          "XML error: invalid dmode: '07777'" },
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

/* ---- interfaces ---- */

#define CARD(type, source, driver)                                                                 \
    "<interface type='" type "'><mac address='52:54:00:00:00:01'/>" source                         \
    "<model type='virtio'/>" driver "<alias name='net0'/></interface>"

/* What <driver> says of the card; queues are the number of descriptors. */
START_TEST(cards)
{
    static const char user[] = "-netdev user,id=hostnet0 -device virtio-net-pci,id=net0,"
                               "netdev=hostnet0,mac=52:54:00:00:00:01";
    static const char card[] = " -device virtio-net-pci,id=net0,netdev=hostnet0,"
                               "mac=52:54:00:00:00:01";
    static const char tap[] = "-netdev tap,id=hostnet0 -device virtio-net-pci,id=net0,"
                              "netdev=hostnet0,mac=52:54:00:00:00:01";
    static const struct {
        const char *xml, *before, *want;
    } rows[] = {
        { CARD("user", "", "<driver name='qemu' rx_queue_size='512' tx_queue_size='64'/>"), user,
          ",rx_queue_size=512,tx_queue_size=64" },
        { CARD("user", "", "<driver event_idx='off' packed='on'/>"), user,
          ",event_idx=off,packed=on" },
        { CARD("user", "",
               "<driver><host csum='off' gso='off' tso4='off' tso6='on' ecn='off' ufo='off' "
               "mrg_rxbuf='off'/></driver>"),
          user,
          ",csum=off,gso=off,host_tso4=off,host_tso6=on,host_ecn=off,host_ufo=off,mrg_rxbuf=off" },
        { CARD("user", "",
               "<driver><guest csum='off' tso4='off' tso6='off' ecn='off' ufo='on'/></driver>"),
          user, ",guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=on" },
        { CARD("direct", "<source dev='eth0' mode='bridge'/>", "<driver queues='4'/>"), tap, "" },
        { CARD("user", "", "<driver queues='1'/>"), user, "" },
        { CARD("server", "<source address='127.0.0.1' port='5558'/>", ""),
          "-netdev socket,id=hostnet0,listen=127.0.0.1:5558", card },
        { CARD("server", "<source port='5558'/>", ""), "-netdev socket,id=hostnet0,listen=:5558",
          card },
        { CARD("client", "<source address='::1' port='5558'/>", "<driver event_idx='off'/>"),
          "-netdev socket,id=hostnet0,connect=[::1]:5558",
          " -device virtio-net-pci,id=net0,netdev=hostnet0,mac=52:54:00:00:00:01,event_idx=off" },
        { CARD("udp",
               "<source address='127.0.0.1' port='5558'><local address='127.0.0.2' port='5559'/>"
               "</source>",
               ""),
          "-netdev socket,id=hostnet0,udp=127.0.0.1:5558,localaddr=127.0.0.2:5559", card },
        { CARD("user", "<ip address='172.17.2.0' prefix='25'/><ip family='ipv6' address='fd00::'/>",
               ""),
          "-netdev user,id=hostnet0,net=172.17.2.0/25,ipv6-net=fd00::/64", card },
        { CARD("user", "<ip address='172.17.2.9'/>", ""),
          "-netdev user,id=hostnet0,net=172.17.2.9/24", card },
        { CARD("user", "<ip address='1.2.3.4'/><ip address='1.2.3.5'/>", ""), "",
          "unsupported configuration: Only one IPv4 address per interface is allowed" },
        { CARD("user", "<ip address='1.2.3.4' peer='1.2.3.5'/>", ""), "",
          "unsupported configuration: Invalid attempt to set peer IP for guest" },
        { CARD("user", "<ip address='1.2.3.4' prefix='3'/>", ""), "",
          "XML error: invalid prefix, must be in range of 4-27" },
        { CARD("user", "<ip family='ipv6' address='1.2.3.4'/>", ""), "",
          "XML error: Invalid address '1.2.3.4' in <ip>" },
        { CARD("user", "<ip prefix='8'/>", ""), "", "XML error: Missing required address in <ip>" },
        { CARD("user", "<ip address='fd00::1' prefix='65'/>", ""), "",
          "unsupported configuration: unsupported IPv6 address prefix='65' - must be 64" },
        { CARD("user", "<backend type='passt'/><source dev='eth0'/>", ""),
          "-netdev socket,id=hostnet0", card },
        { CARD("user", "<backend type='zork'/>", ""), "",
          "XML error: Invalid value for attribute 'type' in element 'backend': 'zork'." },
        { CARD("user", "<backend logFile='/l'/>", ""), "",
          "unsupported configuration: <backend> of <interface type='user'> needs <backend "
          "type='passt'/>" },
        { CARD("bridge", "<source bridge='b'/><backend type='passt'/>", ""), "",
          "unsupported configuration: <backend> of <interface> is not supported by the vemu driver "
          "yet" },
        { CARD("ethernet", "<target dev='a' managed='no'/><script path=''/>", ""), tap, "" },
        { CARD("ethernet", "<script path='/u'/><downscript path='/d'/>", ""), tap, "" },
        { CARD("ethernet", "<downscript path='d'/>", ""), "",
          "unsupported configuration: the path of <downscript> must be absolute: 'd'" },
        { CARD("bridge", "<source bridge='b'/><script path='/u'/>", ""), "",
          "unsupported configuration: <script> of <interface> is not supported by the vemu driver "
          "yet" },
        { CARD("bridge", "<source bridge='b'/><port isolated='yes'/>", ""), tap, "" },
        { CARD("network", "<source network='n'/><port isolated='no'/>", ""), tap, "" },
        { CARD("ethernet", "<port isolated='yes'/>", ""), "",
          "unsupported configuration: interface 52:54:00:00:00:01 - <port isolated='yes'/> is not "
          "supported for network interfaces with type='ethernet'" },
        { CARD("bridge", "<source bridge='b'/><vlan><tag id='5'/></vlan>", ""), "",
          "unsupported configuration: <vlan> of <interface> is not supported by the vemu driver "
          "yet" },
        { CARD("bridge", "<source bridge='b'/><coalesce><rx><frames max='7'/></rx></coalesce>", ""),
          "",
          "unsupported configuration: <coalesce> of <interface> is not supported by the vemu "
          "driver yet" },
        { CARD("bridge", "<source bridge='b'/><teaming type='persistent'/>", ""), "",
          "unsupported configuration: <teaming> of <interface> is not supported by the vemu driver "
          "yet" },
        { "<interface type='direct' trustGuestRxFilters='yes'><source dev='e'/></interface>", "",
          "unsupported configuration: trustGuestRxFilters='yes' of <interface> is not supported by "
          "the vemu driver yet" },
        { CARD("mcast", "<source address='230.0.0.1' port='5558'/>", ""), "",
          "unsupported configuration: interface type 'mcast' is not supported by the vemu driver "
          "yet" },
        { CARD("client", "<source address='example.org' port='5558'/>", ""), "",
          "unsupported configuration: address 'example.org' of <source> is not a numeric address "
          "or "
          "localhost" },
        { CARD("client", "<source address='::1' port='65536'/>", ""), "",
          "unsupported configuration: port '65536' of <source> is not the number of a port" },
        { CARD("client", "<source address='::1' port='1'/><target dev='x'/>", ""), "",
          "unsupported configuration: <target> of <interface> is not supported by the vemu driver "
          "yet" },
        { CARD("client", "<source port='1'/>", ""), "",
          "XML error: Missing required attribute 'address' in element 'source'" },
        { CARD("udp", "<source address='::1' port='1'/>", ""), "",
          "XML error: '<local>' element missing for 'udp' socket interface" },
        { CARD("user", "", "<driver name='vhost'/>"), "",
          "unsupported configuration: vhost-net was requested for an interface, but is "
          "unavailable" },
        { CARD("user", "", "<driver name='zork'/>"), "",
          "XML error: Invalid value for attribute 'name' in element 'driver': 'zork'." },
        { CARD("user", "", "<driver queues='2'/>"), "",
          "unsupported configuration: interface 52:54:00:00:00:01 - multiqueue is not supported "
          "for "
          "network interfaces of type user" },
        { CARD("bridge", "<source bridge='b'/>", "<driver queues='17'/>"), "",
          "unsupported configuration: more than 16 queues of <interface> are not supported" },
        { CARD("bridge", "<source bridge='b'/>", "<driver queues='0'/>"), "",
          "XML error: Invalid value for attribute 'queues' in element 'driver': '0'. Expected "
          "integer value greater than 0" },
        { CARD("user", "", "<driver rx_queue_size='100'/>"), "",
          "unsupported configuration: rx_queue_size has to be a power of two" },
        { CARD("user", "", "<driver tx_queue_size='2048'/>"), "",
          "unsupported configuration: tx_queue_size '2048' is not between 64 and 1024" },
        { CARD("user", "", "<driver tx_queue_size='x'/>"), "",
          "XML error: Invalid value for attribute 'tx_queue_size' in element 'driver': 'x'. "
          "Expected non-negative integer value" },
        { CARD("user", "", "<driver event_idx='maybe'/>"), "",
          "XML error: Invalid value for attribute 'event_idx' in element 'driver': 'maybe'." },
        { CARD("user", "", "<driver txmode='timer'/>"), "",
          "unsupported configuration: attribute 'txmode' of <driver> is not supported by the vemu "
          "driver yet" },
        { CARD("user", "", "<driver><guest gso='on'/></driver>"), "",
          "unsupported configuration: attribute 'gso' of <guest> is not supported by the vemu "
          "driver yet" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = parts_of(rows[i].xml, "q35");
        g_autofree char *want = g_strconcat(rows[i].before, rows[i].want, NULL);

        ck_assert_msg(strcmp(got, want) == 0, "%s: %s", rows[i].xml, got);
    }
}
END_TEST

/* ---- passt ---- */

#define PASST(inside)                                                                              \
    "<interface type='user'><mac address='52:54:00:00:00:01'/><backend type='passt' "              \
    "logFile='/l'/>" inside "</interface>"
#define FORWARD(attrs, inside) PASST("<portForward " attrs ">" inside "</portForward>")

/* What passt is told, or the error; for g_free(). */
static char *passt_of(const char *xml)
{
    struct vmgr_error *error = NULL;
    struct vmgr__device *dev = vmgr__device_parse(xml, &vmgr__vemu_defaults, 0, &error);
    xmlDoc *doc = dev ? vmgr__device_doc(dev) : NULL;
    GPtrArray *args = doc ? vmgr__vemu_passt_args(xmlDocGetRootElement(doc), &error) : NULL;
    char *text;

    if (args)
        g_ptr_array_add(args, NULL);
    text = args ? g_strjoinv(" ", (char **)args->pdata) : g_strdup(vmgr_error_get_message(error));
    vmgr_error_free(error);
    if (args)
        g_ptr_array_unref(args);
    xmlFreeDoc(doc);
    if (dev)
        vmgr__device_free(dev);
    return text;
}

START_TEST(passt)
{
    static const char plain[] = "--mac-addr 52:54:00:00:00:01 --log-file /l";
    static const struct {
        const char *xml, *before, *want;
    } rows[] = {
        { PASST(""), plain, "" },
        { PASST("<ip address='172.17.2.4' prefix='24'/><ip family='ipv6' address='fd00::20'/>"),
          plain, " --address 172.17.2.4 --address fd00::20 --netmask 24" },
        { PASST("<source dev='eth0'/><mtu size='1400'/>"), "",
          "--mac-addr 52:54:00:00:00:01 --mtu 1400 --interface eth0 --log-file /l" },
        { FORWARD("proto='tcp'", ""), plain, " --tcp-ports all" },
        { FORWARD("proto='tcp' address='2001:db8::1'", "<range start='2022' to='22'/>"), plain,
          " --tcp-ports 2001:db8::1/2022:22" },
        { FORWARD("proto='udp' address='1.2.3.4' dev='eth0'",
                  "<range start='5000' end='5020' to='6000'/>"
                  "<range start='5010' end='5015' exclude='yes'/><range start='7' exclude='no'/>"),
          plain, " --udp-ports 1.2.3.4%eth0/5000-5020:6000-6020,~5010-5015,7" },
        { FORWARD("proto='tcp'", "<range end='9'/>"), "",
          "XML error: Missing required attribute 'start' in element 'range'" },
        { FORWARD("proto='tcp'", "<range start='0'/>"), "",
          "XML error: Invalid value for attribute 'start' in element 'range': Zero is not "
          "permitted" },
        { FORWARD("proto='tcp'", "<range start='x'/>"), "",
          "XML error: Invalid value for attribute 'start' in element 'range': 'x'. Expected "
          "non-negative integer value" },
        { FORWARD("proto='tcp'", "<range start='9' exclude='x'/>"), "",
          "XML error: Invalid value for attribute 'exclude' in element 'range': 'x'." },
        { FORWARD("proto='tcp'", "<range start='9' end='8'/>"), "",
          "unsupported configuration: <range start='9' end='8'> ends before it begins" },
        { FORWARD("proto='tcp'", "<range start='9' to='8' exclude='yes'/>"), "",
          "unsupported configuration: <range start='9' exclude='yes'> cannot have 'to'" },
        { FORWARD("proto='tcp'", "<range start='1' end='9' to='65528'/>"), "",
          "unsupported configuration: <range start='1' end='9' to='65528'> goes beyond port "
          "65535" },
        { FORWARD("proto='tcp' dev='eth0'", ""), "",
          "unsupported configuration: <portForward dev='eth0'> needs an address" },
        { FORWARD("proto='tcp' address='::' dev='a/b'", ""), "",
          "unsupported configuration: 'a/b' of <portForward> is not the name of an interface" },
        { FORWARD("", ""), "",
          "XML error: Missing required attribute 'proto' in element 'portForward'" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = passt_of(rows[i].xml);
        g_autofree char *want = g_strconcat(rows[i].before, rows[i].want, NULL);

        ck_assert_msg(strcmp(got, want) == 0, "%s: %s", rows[i].xml, got);
    }
}
END_TEST

/* ---- the host's end of ports ---- */

#define CHANNEL(type, source)                                                                      \
    "<channel type='" type "'>" source "<target type='virtio' name='x'/><alias "                   \
                                       "name='c'/></channel>"
#define SERIAL(type, source) "<serial type='" type "'>" source "</serial>"
#define CONSOLE(type, source)                                                                      \
    "<serial type='null'/><console type='" type "'>" source "<target type='virtio'/></console>"
#define TCP(mode, more) "<source mode='" mode "' host='127.0.0.1' service='4555'" more

/* What a definition's ports become, or the error. */
static char *ports_of(const char *devices)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='vemu'><name>p</name><memory>65536</memory><os><type machine='q35'>hvm</type>"
        "</os><devices>%s</devices></domain>",
        devices);
    struct vmgr_error *error = NULL;
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, &error);
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    struct vemu_parts parts;
    char *text;

    vmgr__vemu_parts_init(&parts);
    if (def && vmgr__vemu_serials_parts(def, &parts, &error) == 0 &&
        vmgr__vemu_consoles_parts(def, &parts, &error) == 0) {
        vmgr__vemu_parts_argv(&parts, args);
        g_ptr_array_add(args, NULL);
        text = g_strjoinv(" ", (char **)args->pdata);
    } else {
        text = g_strdup(vmgr_error_get_message(error));
    }
    vmgr_error_free(error);
    vmgr__vemu_parts_fini(&parts);
    g_ptr_array_unref(args);
    vmgr__domain_def_free(def);
    return text;
}

START_TEST(ports)
{
    static const char device[] = " -device isa-serial,chardev=charserial0,index=0";
    static const char virtio[] = " -device virtconsole,id=console1,chardev=charconsole1,"
                                 "bus=virtio-serial0.0";
    static const char null[] = "-chardev null,id=charserial0 "
                               "-device isa-serial,chardev=charserial0,index=0 ";
    static const struct {
        const char *devices, *before, *want, *after;
    } rows[] = {
        { SERIAL("tcp", TCP("bind", "/><protocol type='raw'/>")), "",
          "-chardev socket,id=charserial0,host=127.0.0.1,port=4555,server=on,wait=off", device },
        { SERIAL("tcp",
                 TCP("connect", " tls='no'><reconnect enabled='yes' timeout='3'/></source>")),
          "", "-chardev socket,id=charserial0,host=127.0.0.1,port=4555,server=off,reconnect=3",
          device },
        { SERIAL("unix", "<source mode='connect' path='/s'><reconnect enabled='no'/></source>"), "",
          "-chardev socket,id=charserial0,path=/s,server=off", device },
        { SERIAL("udp", "<source mode='bind' host='::1' service='1'/>"
                        "<source mode='connect' host='::1' service='2'/>"),
          "", "-chardev udp,id=charserial0,localaddr=::1,localport=1,host=::1,port=2", device },
        { SERIAL("pipe", "<source path='/p'/>"), "", "-chardev pipe,id=charserial0,path=/p",
          device },
        { SERIAL("dev", "<source path='/dev/ttyS9'/>"), "",
          "-chardev serial,id=charserial0,path=/dev/ttyS9", device },
        { SERIAL("file", "<source path='/f' append='on'/><log file='/l,' append='on'/>"), "",
          "-chardev file,id=charserial0,path=/f,append=on,logfile=/l,,,logappend=on", device },
        { SERIAL("pty", "<log file='/l'/>"), "", "-chardev pty,id=charserial0,logfile=/l", device },
        { CONSOLE("pty", ""), null, "-chardev pty,id=charconsole1", virtio },
        { CONSOLE("tcp", TCP("bind", "/>")), null,
          "-chardev socket,id=charconsole1,host=127.0.0.1,port=4555,server=on,wait=off", virtio },
        { SERIAL("tcp", TCP("bind", "/><protocol type='telnet'/>")), "",
          "unsupported configuration: protocol 'telnet' of <serial> is not supported by the vemu "
          "driver yet",
          "" },
        { SERIAL("tcp", TCP("bind", " tls='yes'/>")), "",
          "unsupported configuration: tls 'yes' of <serial> is not supported by the vemu driver "
          "yet",
          "" },
        { SERIAL("tcp", TCP("bind", "><reconnect enabled='yes' timeout='3'/></source>")), "",
          "unsupported configuration: chardev reconnect is possible only for connect mode", "" },
        { SERIAL("tcp", TCP("connect", "><reconnect enabled='yes'/></source>")), "",
          "unsupported configuration: reconnect timeout '' of <serial> is not supported by the "
          "vemu driver yet",
          "" },
        { SERIAL("tcp", TCP("connect", "><seclabel model='dac' relabel='no'/></source>")), "",
          "unsupported configuration: <seclabel> of <source> is not supported by the vemu driver "
          "yet",
          "" },
        { SERIAL("tcp", "<source mode='bind' host='example.org' service='1'/>"), "",
          "unsupported configuration: host 'example.org' of <serial> is not a numeric address or "
          "localhost",
          "" },
        { SERIAL("tcp", "<source mode='bind' host='127.0.0.1' service='telnet'/>"), "",
          "unsupported configuration: service 'telnet' of <serial> is not the number of a port",
          "" },
        { SERIAL("tcp", "<source mode='bind' service='1'/>"), "",
          "internal error: Missing source host attribute for char device", "" },
        { SERIAL("tcp", "<source mode='bind' host='a'/>"), "",
          "internal error: Missing source service attribute for char device", "" },
        { SERIAL("tcp", "<source host='a' service='1'/><protocol type='x'/>"), "",
          "unsupported configuration: Unknown protocol 'x'", "" },
        { SERIAL("udp", "<source mode='bind' host='a' service='1'/>"), "",
          "internal error: Missing source service attribute for char device", "" },
        { SERIAL("pipe", "<source path='p'/>"), "",
          "unsupported configuration: the path of a serial port must be absolute: 'p'", "" },
        { SERIAL("pty", "<log append='on'/>"), "",
          "unsupported configuration: the path of a serial port must be absolute: ''", "" },
        { SERIAL("spicevmc", ""), "",
          "unsupported configuration: character device type 'spicevmc' is not supported by the "
          "vemu driver yet",
          "" },
        { "<serial type='null'/><console type='pty'><target type='xen'/></console>", "",
          "unsupported configuration: <console> of type 'xen' is not supported by the vemu driver "
          "yet",
          "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = ports_of(rows[i].devices);
        g_autofree char *want = g_strconcat(rows[i].before, rows[i].want, rows[i].after, NULL);

        ck_assert_msg(strcmp(got, want) == 0, "%s: %s", rows[i].devices, got);
    }
}
END_TEST

/* Channels have the same ends. */
START_TEST(channels)
{
    static const char device[] = " -device virtserialport,id=c,chardev=charc,name=x,"
                                 "bus=virtio-serial0.0";
    static const struct {
        const char *xml, *want;
    } rows[] = {
        { CHANNEL("tcp", TCP("bind", "/>")),
          "-chardev socket,id=charc,host=127.0.0.1,port=4555,server=on,wait=off" },
        { CHANNEL("unix", "<log file='/l'/>"),
          "-chardev socket,id=charc,path=c.sock,server=on,wait=off,logfile=/l" },
        { CHANNEL("pipe", "<source path='/p'/>"), "-chardev pipe,id=charc,path=/p" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *got = parts_of(rows[i].xml, "q35");
        g_autofree char *want = g_strconcat(rows[i].want, device, NULL);

        ck_assert_msg(strcmp(got, want) == 0, "%s: %s", rows[i].xml, got);
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
    FAILS(
        vmgr_domain_define_xml(conn, Q35("i", UUID_C, "<genid>x</genid>", ""), 0, &other_dom, &err),
        VMGR_ERR_INTERNAL_ERROR, "internal error: malformed genid element");
    FAILS(
        vmgr_domain_define_xml(conn, Q35("i", UUID_C, "<genid/><genid/>", ""), 0, &other_dom, &err),
        VMGR_ERR_XML_ERROR, "XML error: element 'genid' can only appear once");
    dom =
        define_v("<domain type='vemu'><name>m</name><genid/><memory unit='MiB'>64</memory><os>"
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

/* A console on virtio brings its controller, and has a terminal of its own. */
START_TEST(consoles)
{
    struct vmgr_domain *dom = define_v(Q35("v", UUID_A, "", CONSOLE("pty", "")));
    struct vmgr_stream *stream = NULL, *second = NULL;

    ck_assert(says(dom, 0, "<controller type='virtio-serial' index='0'>"));
    OK(vmgr_domain_start(dom, 0, &err));
    ck_assert(says(dom, 0, "<console type='pty' tty='/dev/pts/"));
    ck_assert(says(dom, 0, "<alias name='console1'/>"));
    OK(vmgr_domain_open_console(dom, "console1", 0, &stream, &err));
    FAILS(vmgr_domain_open_console(dom, "console1", 0, &second, &err), VMGR_ERR_OPERATION_FAILED,
          "operation failed: Active console session exists for this domain");
    FAILS(vmgr_domain_open_console(dom, "console2", 0, &second, &err), VMGR_ERR_INTERNAL_ERROR,
          "internal error: cannot find character device console2");
    vmgr_stream_unref(stream);
    vmgr_domain_unref(dom);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("parts");
    TCase *tc = tcase_create("words");

    tcase_add_test(tc, words);
    tcase_add_test(tc, cards);
    tcase_add_test(tc, passt);
    tcase_add_test(tc, ports);
    tcase_add_test(tc, channels);
    suite_add_tcase(s, tc);
    tc = tcase_create("domains");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, generation);
    tcase_add_test(tc, addresses);
    tcase_add_test(tc, file_systems);
    tcase_add_test(tc, consoles);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
