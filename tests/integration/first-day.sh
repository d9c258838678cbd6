#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An administrator's first day, with unmodified tools and a real guest, in namespaces of their own: a NAT
# network, a pool, a volume on a base image; virt-install; the guest has its address by DHCP and reaches
# a server through NAT; it is listed with its address, gets a disk while it runs, is shut down by Debian's own
# qemu-guest-agent in it, cloned, the clone shut down by its power button (ACPI), and both undefined with their
# storage. virsh and vmsh say the same at each step.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/namespaces.sh"
kernel=$(find_kernel)
if [ "${1:-}" != inside ]; then
    [ -c /dev/net/tun ] || { echo "no /dev/net/tun"; exit 77; }
    [ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
    enter_namespaces "$0" 280 cpio qemu-img qemu-ga virsh virt-install virt-clone
fi

work=$2
check_namespaces
mount -t sysfs none /sys || { echo "no /sys of these namespaces"; exit 77; }
ip tuntap add check mode tap && ip link del check || { echo "no taps here"; exit 77; }
modules=$(find_modules "$kernel" virtio_pci virtio_net virtio_blk virtio_console button)
[ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu HOME=$work/home LC_ALL=C
export LIBVIRT_DEFAULT_URI="qemu:///system?socket=$work/root/run/vmgr/libvirt-sock"
mkdir -p /var/lib/libvirt && mount -t tmpfs none /var/lib/libvirt || exit 1
mkdir -p "$work/root" "$work/home" "$work/images" /var/lib/libvirt/boot
m() { "$BUILD/tools/vmsh/vmsh" -q "$@"; }
v() { virsh -q "$@"; }
fail() {
    echo "FAILED: $*"
    ip -br link
    tail -n 20 "$work"/*.log "$work"/console-* "$work"/root/log/vmgr/*
    exit 1
}
same() { # COMMAND...: virsh and vmsh answer the same
    v "$@" >"$work/v.out" 2>&1; local status=$?
    m "$@" >"$work/m.out" 2>&1
    [ $? = $status ] && cmp -s "$work/v.out" "$work/m.out" ||
        fail "$*: virsh and vmsh differ: $(diff "$work/v.out" "$work/m.out")"
    cat "$work/v.out"
    return $status
}
says() { grep -q "^T: $2" "$work/console-$1"; }
is() { [ "$(same domstate "$1")" = "$2" ]; }

# --- a guest's system: it tells what it sees, has an agent, and powers off when its button is pressed ---
make_world "$work"
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -n -q -t 60 -T 1 -s /udhcpc
echo "T: fetched $(wget -q -O - http://10.50.0.2/)"
(while [ ! -e /sys/block/vdb ]; do sleep 0.1; done
 echo "T: vdb $(cat /sys/block/vdb/size)") &
mkdir -p /run /var /root
ln -s /run /var/run
cat >/sbin/shutdown <<'SCRIPT'
#!/bin/sh
echo "T: shutdown $*" >/dev/console
exec poweroff -f
SCRIPT
chmod +x /sbin/shutdown
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] || continue
    echo "T: agent"
    qemu-ga -m virtio-serial -p "/dev/${port##*/}" -t /run &
done
for input in /sys/class/input/input*; do
    grep -q '^Power Button' "$input/name" || continue
    event=$(echo "$input"/event*)
    echo "T: ready"
    head -c 24 "/dev/input/${event##*/}" >/dev/null
    echo "T: button"
    poweroff -f
done
echo "T: no button"
INIT
cat >"$work/udhcpc" <<'SCRIPT'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0
ip route replace default via "${router%% *}"
echo "T: address $ip"
SCRIPT
chmod +x "$work/udhcpc"
modules="$modules $(find_modules "$kernel" evdev)"
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules "$(command -v qemu-ga)" || exit 1
(cd "$work" && printf 'modules\nudhcpc\n' | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"

"$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
until_ok 30 v uri || fail "vmgrd does not serve"

# --- a network and storage ---
cat >"$work/nat.xml" <<'XML'
<network><name>lab</name><forward mode='nat'/><bridge name='vt0' stp='off'/>
<ip address='10.99.0.1' prefix='24'><dhcp><range start='10.99.0.10' end='10.99.0.50'/></dhcp></ip>
</network>
XML
v net-define "$work/nat.xml" >/dev/null && v net-start lab >/dev/null || fail "the network"
same net-list --all | grep -Eq '^ lab +active' || fail "net-list"
v pool-define-as lab dir --target "$work/images" >/dev/null && v pool-start lab >/dev/null ||
    fail "the pool"
v vol-create-as lab base.qcow2 64M --format qcow2 >/dev/null || fail "the base image"
v vol-create-as lab one.qcow2 64M --format qcow2 --backing-vol base.qcow2 \
    --backing-vol-format qcow2 >/dev/null || fail "a volume on it"
same vol-dumpxml one.qcow2 --pool lab | grep -q "<path>$work/images/base.qcow2</path>" ||
    fail "its backing store"

# --- a guest ---
virt-install --name one --memory 256 --vcpus 1 --virt-type qemu --osinfo linux2020 --import \
    --disk vol=lab/one.qcow2 --network network=lab,mac=52:54:00:00:05:01 --graphics none \
    --serial file,path="$work/console-one" --noautoconsole \
    --boot "kernel=$kernel,initrd=$work/initramfs,kernel_args=console=ttyS0 quiet" \
    >"$work/virt-install.log" 2>&1 || fail "virt-install"
is one running || fail "it does not run"
v event --all --loop >"$work/events" 2>&1 & # as a window of virt-manager is open all day
until_ok 200 says one "fetched hello" || fail "it does not reach the server"
address=$(sed -n 's/^T: address \([0-9.]*\).*/\1/p' "$work/console-one")
[[ $address == 10.99.0.* ]] || fail "address $address"
same net-dhcp-leases lab | grep -q "52:54:00:00:05:01 *ipv4 *$address/24" || fail "no lease listed"
same domiflist one | grep -q 'network *lab *virtio *52:54:00:00:05:01' || fail "domiflist"
same list | grep -Eq '^ *[0-9]+ +one +running' || fail "list"
same domifaddr one | grep -Eq "vnet[0-9]+ +52:54:00:00:05:01 +ipv4 +$address/24" || fail "domifaddr"

# --- a disk while it runs ---
v vol-create-as lab more.raw 8M --format raw >/dev/null || fail "another volume"
v attach-disk one "$work/images/more.raw" vdb --subdriver raw --live --config >/dev/null ||
    fail "attach-disk"
until_ok 60 says one "vdb 16384" || fail "it does not see the disk"
same domblklist one | grep -q "vdb *$work/images/more.raw" || fail "domblklist"

# --- its agent tells its address and shuts it down ---
answers() { v qemu-agent-command one '{"execute":"guest-ping"}'; }
until_ok 60 answers || fail "its agent does not answer"
same domifaddr one --source agent | grep -Eq "eth0 +52:54:00:00:05:01 +ipv4 +$address/24" ||
    fail "domifaddr --source agent"
same dumpxml one | grep -q "name='org.qemu.guest_agent.0' state='connected'" || fail "the channel's state"
v shutdown one --mode agent >/dev/null || fail "shutdown --mode agent"
until_ok 60 is one "shut off" || fail "it does not shut down"
says one "shutdown .*-P" || fail "its agent was not asked"
says one button && fail "its button was pressed"
[ "$(same domstate one --reason)" = "shut off (shutdown)" ] || fail "why it is off"
told() { grep -q "event '$1' for domain 'one': $2" "$work/events"; }
until_ok 30 told lifecycle "Stopped Shutdown" || fail "its end is not told"
told device-added . && told agent-lifecycle "state: 'connected'" || fail "events of its life are not told"

# --- it is cloned; the clone has a power button ---
v detach-disk one vdb --config >/dev/null || fail "detach-disk"
virt-clone --original one --name two --auto-clone --mac 52:54:00:00:05:02 \
    --check all=off >"$work/virt-clone.log" 2>&1 || fail "virt-clone"
clone=$(v domblklist two | awk '$1 == "vda" { print $2 }')
[ -e "$clone" ] && [ "$clone" != "$work/images/one.qcow2" ] || fail "the clone's disk: $clone"
same dumpxml two | sed "s#console-one#console-two#" >"$work/two.xml"
v define "$work/two.xml" >/dev/null && v start two >/dev/null || fail "the clone does not start"
until_ok 200 says two ready || fail "the clone does not come up"
says two "fetched hello" || fail "the clone does not reach the server"
[ "$(same net-dhcp-leases lab | grep -c 52:54:00:00:05:0)" = 2 ] || fail "two leases"
second=$(same domifaddr two | awk '$2 == "52:54:00:00:05:02" { print $4 }')
[[ $second == 10.99.0.*/24 && $second != "$address/24" ]] || fail "the clone's address: $second"
m shutdown two --mode acpi >/dev/null || fail "shutdown --mode acpi"
until_ok 60 is two "shut off" || fail "the clone does not power off"
says two button || fail "its button was not pressed"

# --- nothing is left ---
v undefine two --remove-all-storage >"$work/undefine.log" 2>&1 || fail "undefine two"
[ ! -e "$clone" ] || fail "the clone's disk is left"
m undefine one --remove-all-storage >"$work/undefine.log" 2>&1 || fail "undefine one"
[ -z "$(same list --all --name)" ] || fail "guests are left"
same vol-list lab | grep -q one.qcow2 && fail "its disk is left"
same vol-list lab | grep -q base.qcow2 || fail "the base image went too"
v net-destroy lab >/dev/null && v net-undefine lab >/dev/null || fail "net-undefine"
v pool-destroy lab >/dev/null && v pool-undefine lab >/dev/null || fail "pool-undefine"
ip link show vt0 >/dev/null 2>&1 && fail "the bridge is left"
echo "a first day is over"
