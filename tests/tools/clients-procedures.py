# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-procedures.py BUILD WORK TOP: every procedure of the protocol that virsh, virt-install, virt-manager and
virt-viewer live on, asked by the distribution's own virsh (and python3-libvirt for what virsh never asks) of vmgrd and
a real guest.

STEPS is a story, told in order: what is asked, which procedures that has to reach, and what the answer says. That they
were reached is in the client library's own log of what it sent; a procedure of TIERS that no step names, or that
libvmgr/docs/procedures.md does not list, fails the test. VMGR_UPDATE_DOCS=1 writes that page.

A step whose function has none of ours beside it in libvmgr/docs/functions.md has to be refused by the procedure's name; when
the function comes, the step's own answer is what counts."""
import os
import re
import shlex
import struct
import subprocess
import sys
import time

from vmgrd_daemon import UUID, Daemon, Raw, check, string

BUILD, WORK, TOP = sys.argv[1:4]
PAGE = os.path.join(TOP, "libvmgr/docs/procedures.md")
TITLES = {
    "1a": "Handshake and identity", "1b": "Domains: life cycle and questions", "1c": "Events",
    "1d": "Saving, snapshots, devices, sizes", "2": "Storage", "2b": "Networks", "3": "virt-manager and virt-viewer",
    "4": "Ports, channels, looking into guests",
}
TIERS = {
    "1a": """auth_list connect_open connect_close connect_supports_feature connect_register_close_callback
        connect_unregister_close_callback connect_get_type connect_get_version connect_get_lib_version
        connect_get_hostname connect_get_uri connect_is_secure connect_get_capabilities connect_get_domain_capabilities
        connect_get_max_vcpus node_get_info node_get_cpu_map""",
    "1b": """connect_list_all_domains domain_lookup_by_name domain_lookup_by_uuid domain_lookup_by_id domain_define_xml
        domain_define_xml_flags domain_undefine domain_undefine_flags domain_create domain_create_with_flags
        domain_create_xml domain_destroy domain_destroy_flags domain_shutdown domain_shutdown_flags domain_reboot
        domain_reset domain_suspend domain_resume domain_get_state domain_get_info domain_get_os_type
        domain_get_xml_desc domain_is_active domain_is_persistent domain_is_updated domain_get_autostart
        domain_set_autostart domain_has_managed_save_image node_get_security_model domain_get_security_label
        domain_get_messages domain_open_console connect_get_all_domain_stats domain_get_vcpus domain_get_vcpus_flags
        domain_get_max_vcpus domain_get_max_memory domain_memory_stats domain_block_stats domain_block_stats_flags
        domain_get_block_info domain_interface_stats domain_get_job_info domain_get_job_stats
        domain_get_control_info""",
    "1c": """connect_domain_event_callback_register_any connect_domain_event_callback_deregister_any""",
    "1d": """domain_save domain_save_flags domain_restore domain_restore_flags domain_save_image_get_xml_desc
        domain_managed_save domain_managed_save_remove domain_snapshot_create_xml domain_list_all_snapshots
        domain_snapshot_num domain_snapshot_lookup_by_name domain_snapshot_get_xml_desc domain_snapshot_current
        domain_has_current_snapshot domain_snapshot_is_current domain_snapshot_has_metadata domain_snapshot_get_parent
        domain_snapshot_num_children domain_snapshot_list_all_children domain_revert_to_snapshot
        domain_snapshot_delete domain_attach_device domain_attach_device_flags domain_detach_device_flags
        domain_update_device_flags domain_set_memory_flags domain_set_memory domain_set_max_memory
        domain_set_vcpus_flags domain_set_vcpus domain_screenshot domain_send_key domain_inject_nmi domain_core_dump
        domain_core_dump_with_format domain_get_metadata domain_set_metadata domain_pin_vcpu domain_get_vcpu_pin_info
        domain_get_emulator_pin_info domain_get_iothread_info domain_add_iothread domain_del_iothread
        domain_get_disk_errors domain_interface_addresses domain_abort_job domain_rename domain_block_resize""",
    "2": """connect_list_all_storage_pools storage_pool_define_xml storage_pool_undefine storage_pool_build
        storage_pool_create storage_pool_destroy storage_pool_delete storage_pool_set_autostart
        storage_pool_get_autostart storage_pool_get_xml_desc storage_pool_get_info storage_pool_is_active
        storage_pool_is_persistent storage_pool_lookup_by_name storage_pool_lookup_by_uuid
        storage_pool_lookup_by_volume storage_pool_lookup_by_target_path storage_pool_list_all_volumes
        storage_pool_num_of_volumes storage_pool_list_volumes storage_pool_refresh storage_vol_lookup_by_name
        storage_vol_lookup_by_key storage_vol_lookup_by_path storage_vol_get_xml_desc storage_vol_get_info
        storage_vol_get_info_flags storage_vol_get_path storage_vol_create_xml storage_vol_create_xml_from
        storage_vol_delete storage_vol_resize storage_vol_upload storage_vol_download
        connect_get_storage_pool_capabilities""",
    "2b": """connect_num_of_networks connect_list_all_networks network_lookup_by_name network_lookup_by_uuid
        network_define_xml network_undefine network_create network_create_xml network_destroy network_update
        network_get_xml_desc network_get_bridge_name network_get_autostart network_set_autostart network_is_active
        network_is_persistent network_get_dhcp_leases""",
    "3": """connect_network_event_register_any connect_network_event_deregister_any
        connect_storage_pool_event_register_any connect_storage_pool_event_deregister_any
        connect_node_device_event_register_any connect_node_device_event_deregister_any domain_open_graphics_fd
        domain_open_graphics node_num_of_devices node_list_devices connect_list_all_node_devices
        node_device_get_xml_desc node_device_is_active node_device_is_persistent node_device_get_autostart
        node_device_lookup_by_name node_device_get_parent""",
    "4": """network_list_all_ports network_port_lookup_by_uuid network_port_create_xml network_port_delete
        network_port_get_xml_desc network_port_get_parameters network_port_set_parameters domain_open_channel
        domain_block_peek domain_memory_peek""",
}
NET_UUID = "00000000-0000-4000-8000-0000000000e1"
PORT_UUID = "00000000-0000-4000-8000-0000000000e3"
PORT = f"conn.networkLookupByName('n').portLookupByUUIDString('{PORT_UUID}')"
POOL_UUID = "00000000-0000-4000-8000-0000000000e2"
MAC = "52:54:00:00:00:e1"


class Step:
    """kind: "virsh" (a command), "python" (an expression), "wire" (a bare call). during: commands that make happen what
    the step waits for. needs: the libvirt function without which it is refused, by the name of what it reaches or, where
    clients then try an older procedure, of that one (then)."""

    def __init__(self, kind, ask, reaches, says, needs=None, then=None, fails=False, during=(), payload=b""):
        self.kind, self.ask, self.reaches, self.says = kind, ask, reaches.split(), says
        self.needs, self.refused_as = needs, [*self.reaches, *([then] if then else [])]
        self.fails, self.during, self.payload = fails, during, payload


def v(ask, reaches, says, **more):
    return Step("virsh", ask, reaches, says, **more)


def p(ask, reaches, says, **more):
    return Step("python", ask, reaches, says, **more)


DOMAIN = string("d") + bytes.fromhex(UUID.replace("-", "")) + struct.pack(">i", -1)


def snapshot_call(procedure, needs):
    """Clients have no snapshot to ask about while none can be made."""
    return Step("wire", procedure, procedure, "", needs=needs, payload=string("s") + DOMAIN + struct.pack(">I", 0))


def graphics_call(procedure, needs):
    """Clients ask where descriptors are passed."""
    return Step("wire", procedure, procedure, "no graphic", needs=needs, fails=True,
                payload=DOMAIN + struct.pack(">II", 0, 0))


STEPS = [
    # --- who is there ---
    v("uri", "auth_list connect_open connect_close connect_supports_feature connect_register_close_callback "
      "connect_unregister_close_callback", r"^qemu\+unix:///system\?socket="),
    v("version --daemon", "connect_get_version connect_get_lib_version", "Running hypervisor: QEMU 7.2.0"),
    v("hostname", "connect_get_hostname", rf"^{re.escape(os.uname().nodename)}"),
    v("capabilities", "connect_get_capabilities", "<machine.*>q35</machine>"),
    v("domcapabilities --virttype qemu --machine q35", "connect_get_domain_capabilities", "<machine>.*q35.*</machine>"),
    v("maxvcpus --type qemu", "connect_get_domain_capabilities", r"^\d+\n"),
    v("nodeinfo", "node_get_info", "CPU model: +x86_64"),
    v("nodecpumap", "node_get_cpu_map", r"CPU map: +y+"),
    p("conn.getType()", "connect_get_type", "^QEMU$"),
    p("conn.isSecure()", "connect_is_secure", "^1$"),
    p("conn.getMaxVcpus('qemu')", "connect_get_max_vcpus", r"^\d+$"),
    Step("wire", "connect_get_uri", "connect_get_uri", r"qemu:///system"),
    # --- a pool and volumes ---
    v("pool-define W/pool.xml", "storage_pool_define_xml", "Pool p defined from"),
    v("pool-build p", "storage_pool_lookup_by_name storage_pool_build", "^Pool p built"),
    v("pool-start p", "storage_pool_create", "^Pool p started"),
    v("pool-autostart p", "storage_pool_set_autostart", "^Pool p marked as autostarted"),
    v("pool-list --details", "connect_list_all_storage_pools storage_pool_is_persistent storage_pool_get_info",
      r" p +running +yes +yes +\d"),
    v("pool-info p", "storage_pool_get_info storage_pool_is_persistent storage_pool_get_autostart",
      r"Autostart: +yes\nCapacity: +\d"),
    v("pool-dumpxml p", "storage_pool_get_xml_desc", f"<uuid>{POOL_UUID}</uuid>"),
    v(f"pool-name {POOL_UUID}", "storage_pool_lookup_by_uuid", "^p\n"),
    v("vol-create-as p disk 8M --format raw", "storage_vol_create_xml", "^Vol disk created"),
    v("vol-list p --details", "storage_pool_list_all_volumes storage_vol_get_path storage_vol_get_info",
      r" disk +W/pool/disk +file +8\.00 MiB"),
    v("vol-info disk --pool p", "storage_pool_is_active storage_vol_lookup_by_name storage_vol_get_info",
      r"Capacity: +8\.00 MiB"),
    v("vol-info disk --pool p --physical", "storage_vol_get_info_flags", r"Physical: +8\.00 MiB"),
    v("vol-dumpxml disk --pool p", "storage_vol_get_xml_desc", "<key>W/pool/disk</key>"),
    v("vol-path disk --pool p", "storage_vol_get_path", "^W/pool/disk\n"),
    v("vol-name W/pool/disk", "storage_vol_lookup_by_key", "^disk\n"),
    v("vol-pool W/pool/disk", "storage_pool_lookup_by_volume", "^p\n"),
    p("conn.storageVolLookupByPath('W/pool/disk').name()", "storage_vol_lookup_by_path", "^disk$"),
    p("conn.storagePoolLookupByTargetPath('W/pool').name()", "storage_pool_lookup_by_target_path", "^p$"),
    p("conn.storagePoolLookupByName('p').numOfVolumes()", "storage_pool_num_of_volumes", "^1$"),
    p("conn.storagePoolLookupByName('p').listVolumes()", "storage_pool_list_volumes", r"^\['disk'\]$"),
    v("vol-clone disk more --pool p", "storage_vol_create_xml_from", "^Vol more cloned from disk"),
    v("vol-resize more 16M --pool p", "storage_vol_resize", "^Size of volume 'more' successfully changed to 16M"),
    v("vol-upload more W/data --pool p", "storage_vol_upload", "^\n$"),
    v("vol-download more W/back --pool p --length 5", "storage_vol_download", "^\n$"),
    p("open('W/back').read()", "", "^hello$"),
    v("vol-delete more --pool p", "storage_vol_delete", "^Vol more deleted"),
    v("pool-refresh p", "storage_pool_refresh", "^Pool p refreshed"),
    v("pool-capabilities", "connect_get_storage_pool_capabilities", "<pool type='dir' supported='yes'>"),
    v("pool-event --event lifecycle --timeout 60",
      "connect_storage_pool_event_register_any connect_storage_pool_event_deregister_any",
      "event 'lifecycle' for storage pool p: Defined\nevents received: 1", during=["pool-define W/pool.xml"]),
    # --- a network ---
    v("net-define W/net.xml", "network_define_xml", "^Network n defined from"),
    v("net-start n", "network_lookup_by_name network_create", "^Network n started"),
    v("net-list --all", "connect_list_all_networks network_is_active network_get_autostart", r" n +active +no +yes"),
    v("net-autostart n", "network_set_autostart", "^Network n marked as autostarted"),
    v("net-info n", "network_is_active network_is_persistent network_get_autostart network_get_bridge_name",
      "Autostart: +yes\nBridge: +vtp0\n"),
    v("net-dumpxml n", "network_get_xml_desc", "<bridge name='vtp0'"),
    v(f"net-name {NET_UUID}", "network_lookup_by_uuid", "^n\n"),
    v(f"net-update n add ip-dhcp-host \"<host mac='{MAC}' ip='10.98.0.9'/>\" --live --config", "network_update",
      "^Updated network n persistent config and live state"),
    v("net-dhcp-leases n", "network_get_dhcp_leases", "Expiry Time +MAC address"),
    p("conn.numOfNetworks()", "connect_num_of_networks", "^1$"),
    v("net-port-create n W/port.xml", "network_port_create_xml", f"^Network port {PORT_UUID} created from"),
    v("net-port-list n", "network_list_all_ports", f"\n {PORT_UUID}\n"),
    p(f"{PORT}.setParameters({{'outbound.average': 5}})", "network_port_set_parameters", "^0$"),
    p(f"{PORT}.parameters()", "network_port_get_parameters", "'outbound.average': 5"),
    v(f"net-port-dumpxml n {PORT_UUID}", "network_port_lookup_by_uuid network_port_get_xml_desc",
      "<outbound average='5'/>\n  </bandwidth>\n  <plug type='network' bridge='vtp0'/>"),
    v(f"net-port-delete n {PORT_UUID}", "network_port_delete", f"^Network port {PORT_UUID} deleted"),
    v("net-create W/transient.xml", "network_create_xml", "^Network t created from"),
    v("net-destroy t", "network_destroy", "^Network t destroyed"),
    v("net-event --event lifecycle --timeout 60",
      "connect_network_event_register_any connect_network_event_deregister_any",
      "event 'lifecycle' for network t: (Defined|Undefined)\nevents received: 1",
      during=["net-define W/transient.xml", "net-undefine t"]),
    v("net-list --all --name", "connect_list_all_networks", "^n\n"),
    # --- a guest ---
    v("define W/d.xml", "domain_define_xml", "^Domain 'd' defined from"),
    p("conn.defineXMLFlags(open('W/d.xml').read(), 0).name()", "domain_define_xml_flags", "^d$"),
    v("define W/d.xml --validate", "domain_define_xml_flags", "validation against a schema is not available",
      fails=True),
    v("start d", "domain_lookup_by_name domain_create", "^Domain 'd' started"),
    v("list --all", "connect_list_all_domains", r" 1 +d +running"),
    v("domname 1", "domain_lookup_by_id", "^d\n"),
    v(f"domname {UUID}", "domain_lookup_by_uuid", "^d\n"),
    v("dominfo d", "domain_get_os_type domain_get_info domain_is_persistent domain_get_autostart "
      "domain_has_managed_save_image node_get_security_model domain_get_security_label domain_get_messages",
      r"OS Type: +hvm\nState: +running\nCPU\(s\): +1\nCPU time: +[\d.]+s\nMax memory: +65536 KiB"),
    v("domstate d --reason", "domain_get_state", r"^running \(booted\)\n"),
    v("dumpxml d", "domain_get_xml_desc", "^<domain type='qemu' id='1'>\n  <name>d</name>"),
    v("autostart d", "domain_set_autostart", "^Domain 'd' marked as autostarted"),
    v("vcpuinfo d", "domain_get_vcpus", r"^VCPU: +0\nCPU: +\d+\nState: +running"),
    v("vcpucount d", "domain_get_vcpus_flags domain_is_active", r"current +live +1\n"),
    v("domstats d", "connect_get_all_domain_stats", r"state.state=1\n(.*\n)*  block.count=2\n"),
    v("dommemstat d", "domain_memory_stats", "^actual 65536\n"),
    v("domblkstat d vda", "domain_block_stats_flags", r"^vda rd_req \d+\nvda rd_bytes \d+\n"),
    v("domblkinfo d vda", "domain_get_block_info", "^Capacity: +8388608\n"),
    v("domifstat d vtp-tap", "domain_interface_stats", r"^vtp-tap rx_bytes \d+\n"),
    v("domcontrol d", "domain_get_control_info", "^ok\n", needs="virDomainGetControlInfo"),
    v("domjobinfo d", "domain_get_job_stats", "^Job type: +None", needs="virDomainGetJobStats",
      then="domain_get_job_info"),
    p("dom.jobInfo()[0]", "domain_get_job_info", "^0$", needs="virDomainGetJobInfo"),
    p("dom.isUpdated()", "domain_is_updated", "^[01]$"),
    p("dom.maxVcpus()", "domain_get_max_vcpus", "^2$"),
    p("dom.maxMemory()", "domain_get_max_memory", "^65536$"),
    p("dom.blockStats('vda')", "domain_block_stats", r"^\(\d+, \d+, \d+, \d+, -?\d+\)$"),
    p("dom.openConsole(None, conn.newStream(0), 0)", "domain_open_console", "^0$"),
    p("dom.openChannel('org.example.0', conn.newStream(0), libvirt.VIR_DOMAIN_CHANNEL_FORCE)",
      "domain_open_channel", "^0$"),
    p("dom.openChannel('org.example.1', conn.newStream(0), 0)", "domain_open_channel",
      "cannot find channel org.example.1", fails=True),
    v("net-port-list n --uuid", "network_list_all_ports", "^[0-9a-f-]{36}\n\n$"),
    p("dom.blockPeek('vda', 4096, 3)", "domain_block_peek", r"^b'\\x00\\x00\\x00'$"),
    p("dom.blockPeek('vdz', 0, 3)", "domain_block_peek", "invalid path: vdz", fails=True),
    p("b'RSD PTR ' in dom.memoryPeek(0, 1 << 20, libvirt.VIR_MEMORY_PHYSICAL)", "domain_memory_peek", "^True$"),
    p("dom.memoryPeek(1 << 40, 16, libvirt.VIR_MEMORY_PHYSICAL)", "domain_memory_peek", "internal error", fails=True),
    v("suspend d", "domain_suspend", "^Domain 'd' suspended"),
    v("domstate d", "domain_get_state", "^paused\n"),
    v("resume d", "domain_resume", "^Domain 'd' resumed"),
    v("reset d", "domain_reset", "^Domain 'd' was reset"),
    v("event --domain d --event lifecycle --timeout 60",
      "connect_domain_event_callback_register_any connect_domain_event_callback_deregister_any",
      "event 'lifecycle' for domain 'd': (Suspended Paused|Resumed Unpaused)\nevents received: 1",
      during=["suspend d", "resume d"]),
    # --- its devices and sizes ---
    p("dom.attachDevice(open('W/vdb.xml').read())", "domain_attach_device", "^0$"),
    v("domblklist d", "domain_get_xml_desc", r" vdb +W/more"),
    v("attach-disk d W/extra vdc --config --subdriver raw", "domain_attach_device_flags", "^Disk attached successfully"),
    v("detach-disk d vdc --config", "domain_detach_device_flags", "^Disk detached successfully"),
    v("update-device d W/cdrom.xml --live", "domain_update_device_flags", "^Device updated successfully"),
    v("blockresize d vda 16M", "domain_block_resize", "^Block device 'vda' is resized"),
    v("setmem d 32M --live", "domain_set_memory_flags", "^\n$"),
    p("dom.setMemory(65536)", "domain_set_memory", "^0$"),
    v("setvcpus d 2 --config", "domain_set_vcpus_flags", "^\n$"),
    v("setvcpus d 1", "domain_set_vcpus", "^\n$"),
    v("metadata d http://example.org/x --key x --set <e/> --config", "domain_set_metadata",
      "^Metadata modified"),
    v("metadata d http://example.org/x --config", "domain_get_metadata", "^<e/?>"),
    v("vcpupin d", "domain_get_vcpu_pin_info", r" 0 +\d"),
    v("vcpupin d 0 0", "domain_pin_vcpu", "^\n$"),
    v("emulatorpin d", "domain_get_emulator_pin_info", r" +\*: +\d"),
    v("iothreadinfo d", "domain_get_iothread_info", "No IOThreads found for the domain"),
    v("iothreadadd d 1 --config", "domain_add_iothread", r"^\n$|there are no IOThreads", fails=None),
    v("iothreaddel d 1 --config", "domain_del_iothread", r"^\n$|cannot find IOThread", fails=None),
    v("domifaddr d --source arp", "domain_interface_addresses", "Name +MAC address +Protocol +Address"),
    v("domblkerror d", "domain_get_disk_errors", "^No errors found", needs="virDomainGetDiskErrors"),
    v("inject-nmi d", "domain_inject_nmi", "^\n$"),
    v("send-key d KEY_A", "domain_send_key", "^\n$", needs="virDomainSendKey"),
    v("screenshot d W/shot", "domain_screenshot", "Screenshot saved|no (screen|display|graphic)", fails=None,
      needs="virDomainScreenshot"),
    v("dump d W/core --memory-only", "domain_core_dump", "dumped to", needs="virDomainCoreDump"),
    v("dump d W/core --memory-only --format kdump-zlib", "domain_core_dump_with_format", "dumped to|kdump", fails=None,
      needs="virDomainCoreDumpWithFormat"),
    v("domjobabort d", "domain_abort_job", "no job is active", fails=True, needs="virDomainAbortJob"),
    graphics_call("domain_open_graphics_fd", "virDomainOpenGraphicsFD"),
    graphics_call("domain_open_graphics", "virDomainOpenGraphics"),
    # --- states that are kept: not there ---
    v("save d W/state", "domain_save", "saved to", needs="virDomainSave"),
    v("save d W/state --bypass-cache", "domain_save_flags", "saved to", needs="virDomainSaveFlags"),
    v("restore W/state", "domain_restore", "restored from", needs="virDomainRestore"),
    v("restore W/state --bypass-cache", "domain_restore_flags", "restored from", needs="virDomainRestoreFlags"),
    v("save-image-dumpxml W/state", "domain_save_image_get_xml_desc", "<domain", needs="virDomainSaveImageGetXMLDesc"),
    v("managedsave d", "domain_managed_save", "saved by libvirt", needs="virDomainManagedSave"),
    p("dom.managedSaveRemove(0)", "domain_managed_save_remove", "^0$", needs="virDomainManagedSaveRemove"),
    v("snapshot-create d", "domain_snapshot_create_xml", "created", needs="virDomainSnapshotCreateXML"),
    v("snapshot-list d", "domain_list_all_snapshots", "Creation Time", needs="virDomainListAllSnapshots",
      then="domain_snapshot_num"),
    p("dom.snapshotNum(0)", "domain_snapshot_num", "^0$", needs="virDomainSnapshotNum"),
    v("snapshot-current d", "domain_has_current_snapshot", "<domainsnapshot", needs="virDomainHasCurrentSnapshot"),
    v("snapshot-info d s", "domain_snapshot_lookup_by_name", "Name: +s", needs="virDomainSnapshotLookupByName"),
    p("dom.snapshotCurrent().getName()", "domain_snapshot_current", "^s$", needs="virDomainSnapshotCurrent"),
    snapshot_call("domain_snapshot_get_xml_desc", "virDomainSnapshotGetXMLDesc"),
    snapshot_call("domain_snapshot_is_current", "virDomainSnapshotIsCurrent"),
    snapshot_call("domain_snapshot_has_metadata", "virDomainSnapshotHasMetadata"),
    snapshot_call("domain_snapshot_get_parent", "virDomainSnapshotGetParent"),
    snapshot_call("domain_snapshot_num_children", "virDomainSnapshotNumChildren"),
    snapshot_call("domain_snapshot_list_all_children", "virDomainSnapshotListAllChildren"),
    snapshot_call("domain_revert_to_snapshot", "virDomainRevertToSnapshot"),
    snapshot_call("domain_snapshot_delete", "virDomainSnapshotDelete"),
    # --- the host's devices ---
    v("nodedev-list", "connect_list_all_node_devices", r"^(.*\n)*computer\n"),
    v("nodedev-dumpxml computer", "node_device_lookup_by_name node_device_get_xml_desc", "<name>computer</name>"),
    v("nodedev-info computer", "node_device_get_parent node_device_is_active node_device_is_persistent "
      "node_device_get_autostart", "^Name: +computer\nParent: *\nActive: +yes"),
    p("conn.numOfDevices(None, 0) >= 1", "node_num_of_devices", "^True$"),
    p("'computer' in conn.listDevices(None, 0)", "node_list_devices", "^True$"),
    v("nodedev-event --event lifecycle --timeout 60",
      "connect_node_device_event_register_any connect_node_device_event_deregister_any",
      r"event 'lifecycle' for node device net_vtp1_[0-9a-f_]+: (Created|Deleted)\nevents received: 1",
      during=["!ip tuntap add vtp1 mode tap; sleep 0.5", "!ip link del vtp1; sleep 0.5"]),
    # --- a secret, defined by another process ---
    v("secret-event --event lifecycle --timeout 60",
      "connect_secret_event_register_any connect_secret_event_deregister_any",
      r"event 'lifecycle' for secret [0-9a-f-]+: (Defined|Undefined)\nevents received: 1",
      during=["!$VMSH secret-define $WORK/secret.xml", f"!$VMSH secret-undefine {UUID}"]),
    # --- the end ---
    v("shutdown d", "domain_shutdown", "^Domain 'd' is being shutdown"),
    v("shutdown d --mode acpi", "domain_shutdown_flags", "^Domain 'd' is being shutdown"),
    v("reboot d", "domain_reboot", "^Domain 'd' is being rebooted"),
    v("destroy d", "domain_destroy", "^Domain 'd' destroyed"),
    p("dom.setMaxMemory(131072)", "domain_set_max_memory", "^0$"),
    v("domrename d e", "domain_rename", "^Domain successfully renamed"),
    v("domrename e d", "domain_rename", "^Domain successfully renamed"),
    v("start d --paused", "domain_create_with_flags", "^Domain 'd' started"),
    v("destroy d --graceful", "domain_destroy_flags", "^Domain 'd' destroyed"),
    v("undefine d --nvram", "domain_undefine_flags", "^Domain 'd' has been undefined"),
    v("create W/d.xml", "domain_create_xml", "^Domain 'd' created from"),
    v("destroy d", "domain_destroy", "^Domain 'd' destroyed"),
    v("define W/d.xml", "domain_define_xml", "^Domain 'd' defined from"),
    p("dom.undefine()", "domain_undefine", "^0$"),
    v("net-destroy n", "network_destroy", "^Network n destroyed"),
    v("net-undefine n", "network_undefine", "^Network n has been undefined"),
    v("vol-delete disk --pool p", "storage_vol_delete", "^Vol disk deleted"),
    v("pool-destroy p", "storage_pool_destroy", "^Pool p destroyed"),
    v("pool-delete p", "storage_pool_delete", "^Pool p deleted"),
    v("pool-undefine p", "storage_pool_undefine", "^Pool p has been undefined"),
]
PYTHON = """import libvirt
libvirt.registerErrorHandler(lambda *_: None, None)
conn = libvirt.open({uri!r})
dom = conn.lookupByName('d') if 'dom.' in {ask!r} else None
try:
    print({ask})
except libvirt.libvirtError as error:
    print(error)
    raise SystemExit(1)
"""


def numbers():
    """procedures of the main program by name"""
    found, program = {}, None
    with open(os.path.join(TOP, "libvmgr/src/rpc/protocol.wire"), encoding="utf-8") as wire:
        for line in wire:
            words = line.split()
            if line.startswith("program "):
                program = words[1]
            elif line.startswith("call ") and program == "remote":
                found[words[2]] = int(words[1])
    return found


def absent():
    """libvirt's functions that functions.md says we have not"""
    with open(os.path.join(TOP, "libvmgr/docs/functions.md"), encoding="utf-8") as page:
        return set(re.findall(r"^\| (vir\w+) \| (?!.*`vmgr_)", page.read(), re.M))


def write(name, text):
    with open(os.path.join(WORK, name), "w", encoding="utf-8") as out:
        out.write(text)


def documents():
    kernel = os.path.join(BUILD, "tests/guests/payloads/ticker.elf")
    check(os.path.exists(kernel), f"{kernel} is built")
    write("data", "hello")
    write("secret.xml", f"<secret><uuid>{UUID}</uuid><usage type='volume'><volume>/v</volume></usage></secret>")
    for name in ("more", "extra"):
        with open(os.path.join(WORK, name), "wb") as image:
            image.truncate(1 << 20)
    write("pool.xml", f"<pool type='dir'><name>p</name><uuid>{POOL_UUID}</uuid><target><path>{WORK}/pool</path></target>"
          "</pool>")
    net = ("<network><name>{0}</name>{3}<forward mode='nat'/><bridge name='{1}'/><ip address='{2}.1' "
           "netmask='255.255.255.0'><dhcp><range start='{2}.2' end='{2}.8'/></dhcp></ip></network>")
    write("net.xml", net.format("n", "vtp0", "10.98.0", f"<uuid>{NET_UUID}</uuid>"))
    write("transient.xml", net.format("t", "vtp2", "10.98.1", ""))
    write("port.xml", f"<networkport><uuid>{PORT_UUID}</uuid><owner><name>o</name><uuid>{UUID}</uuid></owner>"
          f"<mac address='{MAC}'/></networkport>")
    disk = ("<disk type='file' device='{0}'><driver name='qemu' type='raw'/><source file='{1}'/>"
            "<target dev='{2}' bus='{3}'/></disk>")
    write("vdb.xml", disk.format("disk", f"{WORK}/more", "vdb", "virtio"))
    write("cdrom.xml", disk.format("cdrom", f"{WORK}/extra", "sda", "sata"))
    write("d.xml", f"""<domain type='qemu'><name>d</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel></os><devices>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.example.0'/></channel>
<memballoon model='virtio'/>{disk.format("disk", WORK + "/pool/disk", "vda", "virtio")}
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='network'><mac address='{MAC}'/><source network='n'/><target dev='vtp-tap'/><model type='virtio'/>
</interface></devices></domain>""")


class Asker:
    def __init__(self, daemon):
        self.daemon = daemon
        self.uri = f"qemu+unix:///system?socket={daemon.socket}"
        self.log = os.path.join(WORK, "client.log")
        self.env = {**os.environ, "LC_ALL": "C", "LIBVIRT_LOG_FILTERS": "1:rpc.netclient",
                    "LIBVIRT_LOG_OUTPUTS": f"1:file:{self.log}"}
        self.numbers = numbers()
        self.wrong = []

    def argv(self, step):
        if step.kind == "virsh":
            return ["virsh", "-c", self.uri, *shlex.split(step.ask.replace("W/", WORK + "/"))]
        return ["/usr/bin/python3", "-c", PYTHON.format(uri=self.uri, ask=step.ask.replace("'W/", f"'{WORK}/"))]

    def quietly(self, command):
        own = {"VMSH": f"{BUILD}/tools/vmsh/vmsh -c vemu:///system --root {WORK}/root", "WORK": WORK}
        for name, text in own.items():
            command = command.replace("$" + name, text)
        argv = ["sh", "-c", command[1:]] if command[0] == "!" else self.argv(v(command, "", ""))
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def run(self, step):
        """status and output; for a wire step the error's text"""
        if os.path.exists(self.log):
            os.unlink(self.log)
        if step.kind == "wire":
            client = Raw(self.daemon.socket, name="qemu:///system")
            answer = client.call(self.numbers[step.ask], step.payload)
            client.socket.close()
            return (1, answer[2]) if isinstance(answer, tuple) else (0, answer.decode("latin-1"))
        with subprocess.Popen(self.argv(step), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as asked:
            end = time.monotonic() + 60
            while step.during and asked.poll() is None and time.monotonic() < end:
                for command in step.during:
                    self.quietly(command)
                time.sleep(0.1)
            try:
                output = asked.communicate(timeout=60)[0]
            except subprocess.TimeoutExpired:
                asked.kill()
                check(False, f"{step.ask} does not end")
        return asked.returncode, output

    def sent(self):
        """numbers of the main program's procedures in the client library's log"""
        if not os.path.exists(self.log):
            return set()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            found = re.findall(r"RPC_CLIENT_MSG_TX_QUEUE: .*prog=536903814 .*proc=(\d+) type=0", log.read())
        return {int(number) for number in found}

    def take(self, step, refused):
        status, output = self.run(step)
        missing = [name for name in step.reaches if step.kind != "wire" and self.numbers[name] not in self.sent()]
        says, fails = step.says.replace("W/", re.escape(WORK) + "/"), step.fails
        if refused:
            says, fails = rf"not supported by the connection driver: ({'|'.join(step.refused_as)})\b", True
        if missing:
            self.wrong.append(f"{step.ask} reaches {missing}")
        if fails is not None and (status != 0) != fails:
            self.wrong.append(f"{step.ask}: status {status}: {output}")
        elif not re.search(says, output):
            self.wrong.append(f"{step.ask} says {says}: {output}")


def page(known):
    """the documentation's page"""
    text = """# Procedures that clients live on

Who asks for each procedure of the protocol in the test `tests/integration/clients-procedures.sh`, which runs the
distribution's virsh and python3-libvirt on vmgrd with a guest that runs: every procedure that virsh, virt-install,
virt-clone, virt-xml, virt-manager and virt-viewer were seen to use. The table is written by the test
(`VMGR_UPDATE_DOCS=1`), which fails when a procedure has nobody who asks for it, when the client's log does not show that
it was asked for, or when the answer is another. Those marked with a function are refused by the procedure's name as
long as functions.md has no function of ours beside it.
"""
    for tier, title in TITLES.items():
        text += f"\n## {title}\n\n| | procedure | asked for by | |\n|---|---|---|---|\n"
        for name in sorted(TIERS[tier].split(), key=known.get):
            steps = [step for step in STEPS if name in step.reaches]
            asked = "a bare call" if steps[0].kind == "wire" else f"{steps[0].kind}: `{steps[0].ask}`"
            asked = asked.replace("W/", "").replace("|", "\\|")
            text += f"| {known[name]} | {name} | {asked} | {steps[0].needs or ''} |\n"
    return text


def main():
    known = numbers()
    wanted = {name for tier in TIERS.values() for name in tier.split()}
    check(wanted <= known.keys(), f"procedures: {wanted - known.keys()}")
    tested = {name for step in STEPS for name in step.reaches}
    check(wanted <= tested, f"nobody asks for {sorted(wanted - tested)}")
    missing, refused = absent(), 0
    documents()
    daemon = Daemon(BUILD, os.path.join(WORK, "root"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    try:
        asker = Asker(daemon)
        for step in STEPS:
            refused += step.needs in missing
            asker.take(step, step.needs in missing)
    finally:
        daemon.stop()
    check(not asker.wrong, "\n".join(asker.wrong))
    text = page(known)
    if os.environ.get("VMGR_UPDATE_DOCS") == "1":
        with open(PAGE, "w", encoding="utf-8") as out:
            out.write(text)
    with open(PAGE, encoding="utf-8") as stands:
        check(stands.read() == text, f"{PAGE} is what the test says; VMGR_UPDATE_DOCS=1 writes it")
    print(f"{len(wanted)} procedures, {len(STEPS)} steps, {refused} refused by name")


if __name__ == "__main__":
    main()
