# SPDX-License-Identifier: LGPL-2.1-or-later
"""clients-matrix.py BUILD WORK: vmsh and virsh on vmgrd and libvirtd, all over test:///default.

The state is made by vmsh on one daemon and by virsh on the other, in the same steps. Then each
question goes both ways on both, and the four answers (output, errors, status) must be the same.

Not asked, since the answers differ on purpose:
- net-dumpxml --inactive: libvirtd's test hypervisor refuses the flag, ours knows it.
- net-destroy of an inactive network: libvirtd's test hypervisor does it again.
- vol-create-from out of another pool: libvirtd's test hypervisor looks in the wrong one.
- dommemstat, domblkstat, domblkinfo: figures that libvirtd's test hypervisor makes up for the older
  procedures alone; libvmgr takes all figures from one reply, where it has none.
- attach-device and its relatives without --live or --config: both do it, but a refusal names the
  function with flags, which libvmgr calls, or the one without, which virsh does.

What the two daemons' test hypervisors make up differently is asked of both clients on each daemon (EACH), and again
of a guest that runs on vmgrd: there virsh and vmsh must print the same. P0 names every query that users rely on; one
that is asked nowhere fails the test. Those that vmsh does not know yet are told at the end."""
import difflib
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from libvirtd_daemon import Libvirtd
from vmgrd_daemon import Daemon, Raw, check

BUILD, WORK = sys.argv[1:3]
VMSH = os.path.join(BUILD, "tools/vmsh/vmsh")

DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><title>T &amp; U</title>
<memory unit='MiB'>{memory}</memory><vcpu current='1'>2</vcpu><os><type>hvm</type></os>
<on_crash>restart</on_crash><devices><console type='pty'/></devices></domain>"""
UUID = "11111111-2222-3333-4444-5555555555"
NETWORK = """<network><name>{name}</name><uuid>{uuid}</uuid><forward mode='nat'/>
<bridge name='br-{name}'/><mac address='52:54:00:11:22:{number:02}'/>
<ip address='10.{number}.0.1' netmask='255.255.255.0'><dhcp><range start='10.{number}.0.2'
end='10.{number}.0.99'/></dhcp></ip></network>"""
POOL = """<pool type='dir'><name>{name}</name><uuid>{uuid}</uuid>
<target><path>/matrix/{name}</path></target></pool>"""
VOLUME = """<volume><name>{name}</name><capacity unit='MiB'>{size}</capacity>
<allocation>0</allocation><target><format type='{kind}'/></target></volume>"""

SPACE = "_"  # inside of a word of a command
STEPS = [
    "define {work}/one.xml", "define {work}/two.xml", "define {work}/three.xml",
    "start one", "suspend one", "start two", "autostart three", "create {work}/four.xml",
    "desc three --title another title", "desc three some words", "domrename three drei",
    "shutdown two", "suspend test", "resume test", "reboot test", "define {work}/two-changed.xml",
    "setmem drei 24M --config", "setmem one 8M --live", "setmaxmem drei 64M --config",
    "setvcpus drei 2 --config", "setvcpus one 2 --live", "setvcpus one 1",
    "net-define {work}/net-one.xml", "net-define {work}/net-two.xml", "net-start net-one",
    "net-autostart net-two", "net-create {work}/net-three.xml",
    "net-update net-two add ip-dhcp-host <host_mac='52:54:00:01:02:03'_ip='10.2.0.50'/>",
    "pool-define {work}/pool-one.xml", "pool-define {work}/pool-two.xml", "pool-build pool-one",
    "pool-start pool-one", "pool-autostart pool-two", "pool-create {work}/pool-three.xml",
    "pool-refresh pool-one",
    "vol-create pool-one {work}/vol-raw.xml", "vol-create pool-one {work}/vol-qcow2.xml",
    "vol-create-from pool-one {work}/vol-copy.xml vol-raw --inputpool pool-one",
    "vol-create-as pool-one made 4M", "vol-resize made 8M --pool pool-one",
    "vol-create-as pool-one gone 4M", "vol-wipe gone --pool pool-one",
    "vol-delete gone --pool pool-one",
]
QUESTIONS = [
    "uri", "hostname", "nodeinfo", "capabilities", "maxvcpus", "maxvcpus test", "version",
    "version --daemon",
    "list", "list --all", "list --all --name", "list --all --uuid", "list --all --title",
    "list --inactive", "list --state-paused", "list --persistent", "list --transient",
    "list --all --autostart", "list --all --no-autostart", "list --all --id", "list --all --table",
    *[f"{command} {domain}" for domain in ("test", "one", "two", "drei", "four")
      for command in ("dominfo", "domstate --reason", "domid", "domuuid", "domname", "dumpxml",
                      "dumpxml --inactive", "vcpucount", "vcpucount --maximum --config",
                      "desc", "desc --title")],
    "domname 1", "domname 99", "domuuid 1", "domid " + UUID + "01", "domname " + UUID + "01",
    "dumpxml --security-info one", "dumpxml --migratable test", "vcpucount one --live",
    "vcpucount drei --live", "vcpucount four --config", "dominfo nobody", "dominfo 4711",
    "dumpxml " + UUID + "77",
    "net-list", "net-list --all", "net-list --inactive --name", "net-list --all --uuid",
    "net-list --all --autostart", "net-list --transient", "net-name " + UUID + "11",
    *[f"{command} {net}" for net in ("default", "net-one", "net-two", "net-three", "nobody")
      for command in ("net-info", "net-dumpxml", "net-uuid",
                      "net-dhcp-leases")],
    "pool-list", "pool-list --all", "pool-list --all --details", "pool-list --all --name",
    "pool-list --inactive", "pool-list --all --uuid", "pool-list --type dir --autostart --all",
    *[f"{command} {pool}" for pool in ("default-pool", "pool-one", "pool-two", "pool-three",
                                       "nobody")
      for command in ("pool-info", "pool-dumpxml", "pool-uuid", "vol-list",
                      "vol-list --details")],
    "pool-name " + UUID + "21", "pool-capabilities", "find-storage-pool-sources dir",
    *[f"{command} {volume} --pool pool-one" for volume in ("vol-raw", "vol-qcow2", "made", "nil")
      for command in ("vol-info", "vol-info --physical", "vol-dumpxml",
                      "vol-path", "vol-key")],
    "vol-name /matrix/pool-one/vol-raw", "vol-pool /matrix/pool-one/vol-raw",
    "vol-info copy --pool pool-one",
    *[f"{command} {domain}" for domain in ("test", "one", "drei")
      for command in ("domblklist", "domiflist", "domstats", "domstats --state --vcpu",
                      "domstats --perf --enforce")],
]
# Every query that virsh's users rely on.
P0 = """domdisplay domid domjobinfo domname domuuid dumpxml ttyconsole vcpucount vcpuinfo vncdisplay desc
domblkinfo domblklist domblkstat domcontrol domif-getlink domifaddr domiflist domifstat dominfo dommemstat domstate
domstats list event capabilities domcapabilities freecell hostname maxvcpus nodecpustats nodeinfo nodememstats uri
version net-dhcp-leases net-dumpxml net-event net-info net-list net-name net-uuid nodedev-dumpxml nodedev-list
snapshot-current snapshot-dumpxml snapshot-info snapshot-list snapshot-parent pool-dumpxml pool-info pool-list
pool-name pool-uuid vol-dumpxml vol-info vol-key vol-list vol-name vol-path vol-pool echo help pwd""".split()
# Of those, what vmsh may not have.
NOT_YET = {"snapshot-current", "snapshot-dumpxml", "snapshot-info", "snapshot-list", "snapshot-parent"}
# Figures that test hypervisors make up, or have not: asked of a guest that runs.
OF_GUESTS = {"domblkinfo", "domblkstat", "domifstat", "dommemstat"}
# The same bytes from both clients, not from both daemons.
EACH = [
    "domcapabilities", "domcapabilities --virttype nosuch", "freecell", "freecell --all", "freecell --cellno 0",
    "freecell --cellno 99", "nodecpustats", "nodecpustats --cpu 0", "nodecpustats --cpu 4711", "nodememstats",
    "nodememstats --cell 0", "nodedev-list", "nodedev-list --tree", "nodedev-list --cap net",
    "nodedev-dumpxml computer", "nodedev-dumpxml nosuch", "event --list", "event --event nosuch",
    "event --event lifecycle --timeout 1", "net-event --list", "net-event --event lifecycle --timeout 1",
    "pwd", "echo --xml a&b", "net-list --table", "net-list --name --uuid", "vol-list nosuch",
    *[f"{command} {{domain}}" for command in (
        "domdisplay", "domjobinfo", "ttyconsole", "vcpuinfo", "vcpuinfo --pretty", "vncdisplay", "domblkinfo",
        "domblkinfo --all", "domblkstat", "domblkstat --human", "domcontrol", "domif-getlink", "domifaddr",
        "domifaddr --source lease", "domifaddr --source arp", "domifaddr --full", "domifstat", "dommemstat",
        "domstats --raw", "domstats --balloon --cpu-total", "domstats --block", "domstats --interface",
        "domstats --iothread --memory --dirtyrate --vm", "domblklist --details", "domblklist --inactive",
        "domiflist --inactive", "dumpxml --update-cpu", "dumpxml --xpath //name", "dumpxml --wrap --xpath //vcpu",
        "domstate", "domid", "domuuid", "desc", "vcpucount --active --live", "vcpucount --guest", "dominfo",
        "snapshot-list", "snapshot-current", "snapshot-parent",
    )],
    "domblkinfo {domain} vda", "domblkinfo {domain} vda --human", "domblkstat {domain} vda",
    "domblkstat {domain} vda --human", "domblkstat {domain} nosuch", "domif-getlink {domain} 52:54:00:00:00:01",
    "domif-getlink {domain} 52:54:00:00:00:01 --config", "domif-getlink {domain} nosuch",
    "domifstat {domain} 52:54:00:00:00:01", "domifstat {domain} nosuch", "snapshot-dumpxml {domain} s",
    "snapshot-info {domain} s",
]
GUEST = """<domain type='qemu'><name>g</name><uuid>{uuid}</uuid><title>T</title><description>some words</description>
<memory unit='MiB'>64</memory><vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>
<kernel>{kernel}</kernel></os><devices><console type='pty'/><memballoon model='virtio'/>
<disk type='file'><driver name='qemu' type='raw'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface></devices></domain>"""
# Refused, and nothing is changed.
REFUSALS = [
    "start one", "start four", "destroy drei", "suspend drei", "resume test", "undefine nobody",
    "define {work}/bad.xml", "define {work}/taken.xml", "domrename one two",
    "domrename drei one", "console drei", "create {work}/one.xml", "shutdown drei",
    "attach-device one {work}/disk.xml --live", "attach-device drei {work}/disk.xml --config",
    "detach-device drei {work}/disk.xml --config", "detach-device-alias one ua-x",
    "update-device drei {work}/disk.xml --config", "update-memory-device drei --requested-size 4",
    "inject-nmi one", "inject-nmi drei",
    "setmem drei 8M --live", "setmem drei 900G --config", "setvcpus drei 9 --config",
    "setvcpus drei 1 --live", "setmaxmem one 1G --live",
    "net-start net-one", "net-undefine nobody", "net-define {work}/bad.xml",
    "net-create {work}/net-taken.xml", "net-dhcp-leases net-two",
    "pool-start pool-one", "pool-destroy pool-two", "pool-undefine pool-one",
    "pool-define {work}/bad.xml", "pool-autostart pool-three", "vol-create pool-two {work}/vol-raw.xml",
    "vol-create pool-one {work}/vol-raw.xml", "vol-delete nil --pool pool-one",
    "vol-create pool-one {work}/bad.xml", "vol-resize made 1K --pool pool-one",
]
# Not of the state, or of one client's own.
REWRITE = [
    (r"(?m)^(Compiled against|Using) library: lib(virt|vmgr) [\d.]+$", r"\1 library: VERSION"),
    (r"(?m)^(Using API|Running hypervisor|Running against daemon): ([A-Z]* ?)[\d.]+$", r"\1: \2"),
    (r"(?m)^(CPU time: +)[\d.]+s$", r"\1"),
    (r"/[^ ?]*/libvirt-sock", "SOCKET"),
]
# Time goes on between two answers.
MOVING = [
    (r"(?m)^((?:user|system|idle|iowait|intr): +).*$", r"\1N"),
    (r"(?m)^((?:total|free|buffers|cached) *: +)\d+ KiB$", r"\1N KiB"),
    (r"(?m)^( *(?:\d+|Total): +)\d+ KiB$", r"\1N KiB"),
    (r"(?m)^(VCPU: +\d+\nCPU: +)\d+$", r"\1N"), (r"(?m)^(CPU time: +)[\d.]+s$", r"\1"),
    (r"((?:cpu|vcpu\.\d+)\.(?:time|user|system|wait|delay|halted|exits)=)\d+", r"\1N"), (r"(balloon.rss=|rss )\d+", r"\1N"),
    (r"(vm\.[\w.]+=)\d+", r"\1N"), (r"vda ((?:rd|wr)_\w+ )\d+", r"\1N"),
]


def run(client, daemon, command, rewritten=True, name="test+unix:///default"):
    uri = f"{name}?socket={daemon.socket}"
    done = subprocess.run([client, "-c", uri, *[word.replace(SPACE, " ") for word in
                           command.format(work=WORK).split()]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C"}, check=False)
    text = f"status {done.returncode}\n{done.stdout}--\n{done.stderr}"
    for pattern, to in REWRITE if rewritten else ():
        text = re.sub(pattern, to, text)
    return text


def compare(what, one, other, names):
    if one == other:
        return 0
    sys.stdout.writelines(difflib.unified_diff(one.splitlines(True), other.splitlines(True),
                                               f"{what} ({names[0]})", f"{what} ({names[1]})"))
    return 1


def write(name, text):
    with open(os.path.join(WORK, name + ".xml"), "w", encoding="utf-8") as out:
        out.write(text)


def documents():
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        write(name, DOMAIN.format(name=name, uuid=f"{UUID}{number:02}", memory=16 * number))
    write("two-changed", DOMAIN.format(name="two", uuid=UUID + "02", memory=512))
    write("taken", DOMAIN.format(name="one", uuid=UUID + "55", memory=16))
    for number, name in enumerate(("one", "two", "three"), 1):
        write("net-" + name, NETWORK.format(name="net-" + name, uuid=f"{UUID}1{number}",
                                            number=number))
        write("pool-" + name, POOL.format(name="pool-" + name, uuid=f"{UUID}2{number}"))
    write("net-taken", NETWORK.format(name="net-one", uuid=UUID + "19", number=9))
    for name, kind in (("vol-raw", "raw"), ("vol-qcow2", "qcow2"), ("vol-copy", "raw")):
        write(name, VOLUME.format(name=name.replace("vol-copy", "copy"), size=16, kind=kind))
    write("disk", "<disk type='file'><source file='/matrix/disk'/><target dev='vda'/></disk>")
    write("bad", "<domain type='test'><name>bad</name><memory>1</memory></domain>")


def ask(daemons, questions):
    wrong = 0
    for question in questions:
        pairs = [(name, client) for name in daemons for client in (VMSH, "virsh")]
        with ThreadPoolExecutor(len(pairs)) as pool:
            answers = list(pool.map(lambda p: run(p[1], daemons[p[0]], question), pairs))
        first = answers[pairs.index(("vmgrd", VMSH))]
        for (name, client), answer in zip(pairs, answers):
            wrong += compare(question, first, answer,
                             ("vmsh on vmgrd", f"{os.path.basename(client)} on {name}"))
    return wrong


def knows(command):
    return subprocess.run([VMSH, "help", command], capture_output=True, check=False).returncode == 0


def each(what, daemon, name, domains):
    """both clients, the same question: the same answer, but for figures that move"""
    wrong = 0
    for question in EACH:
        command = question.split()[0]
        if not knows(command) or (command in OF_GUESTS and name.startswith("test")):
            continue
        for domain in domains if "{domain}" in question else [""]:
            command = question.replace("{domain}", domain)
            with ThreadPoolExecutor(2) as pool: # a guest answers two at once
                answers = list(pool.map(lambda c, q=command: run(c, daemon, q, name=name), ("virsh", VMSH)))
            for pattern, to in MOVING:
                answers = [re.sub(pattern, to, answer) for answer in answers]
            wrong += compare(command, *answers, (f"virsh on {what}", f"vmsh on {what}"))
    return wrong


def guest():
    """A guest that runs, and one that does not."""
    disk, kernel = os.path.join(WORK, "disk.img"), os.path.join(BUILD, "tests/guests/payloads/ticker.elf")
    check(os.path.exists(kernel), f"{kernel} is built")
    with open(disk, "wb") as image:
        image.truncate(8 << 20)
    daemon = Daemon(BUILD, os.path.join(WORK, "guest"), emulator=os.path.join(BUILD, "tools/vemu/vemu"))
    name = "qemu+unix:///system"
    for number, domain in enumerate(("g", "off")):
        write(domain, GUEST.format(uuid=UUID + f"3{number}", kernel=kernel, disk=disk)
              .replace("<name>g<", f"<name>{domain}<"))
    try:
        for step in ("define {work}/g.xml", "define {work}/off.xml", "start g"):
            answer = run("virsh", daemon, step, name=name)
            check(answer.startswith("status 0"), f"{step}: {answer}")
        wrong = each("vmgrd with a guest", daemon, name, ("g", "off", "nobody"))
        answer = run(VMSH, daemon, "top --batch --count 1 --interval 1", name=name)
        check(re.search(r"(?m)^ +1 running +1 +\d+\.\d +0:\d\d:\d\d +64M +[\d.]+M +0 +0 .* g$", answer), f"top: {answer}")
        for step in ("destroy g", "undefine g", "undefine off"):
            answer = run(VMSH, daemon, step, name=name)
            check(answer.startswith("status 0"), f"{step}: {answer}")
    finally:
        daemon.stop()
    return wrong


def asked_for():
    """each query that matters is asked; returns those that vmsh does not know"""
    asked = {question.split()[0] for question in QUESTIONS + EACH}
    check(not set(P0) - asked - {"help"}, f"nobody asks {set(P0) - asked}")
    unknown = {command for command in P0 if not knows(command)}
    check(unknown <= NOT_YET, f"vmsh does not know {unknown - NOT_YET}")
    return unknown


def on_demand():
    """Clients that come at once find no daemon, and have one afterwards."""
    root = os.path.join(WORK, "demand")
    uri = f"vemu+unix:///session?root={root}&emulator={BUILD}/tests/vmgr/fake-vemu"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: subprocess.run(
            [VMSH, "-c", uri, "uri"], capture_output=True, text=True, timeout=60, check=False),
            range(4)))
    with open(os.path.join(root, "run/vmgr/vmgrd.pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGTERM)
    check(all(a.returncode == 0 and a.stdout.strip() == uri for a in answers),
          f"vmgrd is started on demand: {answers}")


def main():
    unknown = asked_for()
    on_demand()
    documents()
    wrong = guest()
    daemons = {"libvirtd": Libvirtd(os.path.join(WORK, "libvirtd")),
               "vmgrd": Daemon(BUILD, os.path.join(WORK, "vmgrd"), "--uri", "test:///default")}
    # libvirtd forgets the test hypervisor's state with its last client.
    keep = Raw(daemons["libvirtd"].socket, name="test:///default")
    try:
        for step in STEPS:
            wrong += compare(step, run("virsh", daemons["vmgrd"], step),
                             run(VMSH, daemons["libvirtd"], step),
                             ("virsh on vmgrd", "vmsh on libvirtd"))
        wrong += ask(daemons, QUESTIONS)
        wrong += ask(daemons, REFUSALS)
        wrong += ask(daemons, ["list --all --uuid"])
        for name, daemon in daemons.items():
            wrong += each(name, daemon, "test+unix:///default", ("test", "one", "drei", "nobody"))
    finally:
        keep.socket.close()
        for daemon in daemons.values():
            daemon.stop()
    print(f"{len(QUESTIONS) + len(REFUSALS) + len(EACH)} commands, {wrong} differences; "
          f"vmsh does not know {', '.join(sorted(unknown)) or 'none less'}")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
