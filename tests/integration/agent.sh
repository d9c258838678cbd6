#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's own qemu-guest-agent in a guest: what it tells and does, through vmsh without a daemon and
# through virsh on vmgrd, which must print the same.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/namespaces.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
for tool in qemu-ga mke2fs cpio busybox; do
    command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done
modules=$(find_modules "$kernel" virtio_pci virtio_console virtio_blk ext4)
[ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
work=$(mktemp -d /tmp/agent-XXXXXX)
vmsh=$BUILD/tools/vmsh/vmsh
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu TZ=UTC LC_ALL=C
sh() { timeout 100 "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
v() { timeout 100 virsh -q -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
daemon= watcher= second=
end() {
    [ -z "$watcher" ] || kill "$watcher"
    [ -z "$second" ] || kill "$second"
    [ -z "$daemon" ] || kill "$daemon"
    sh destroy g >/dev/null 2>&1
    rm -rf "$work"
}
trap end EXIT
fail() { echo "FAILED: $*"; tail -n 20 "$work/console" "$work"/root/log/vmgr/*; exit 1; }
refused() { # MESSAGE COMMAND...
    local message=$1; shift
    "$@" >"$work/out" 2>&1 && fail "not refused: $*"
    grep -q -e "$message" "$work/out" || fail "another error: $(cat "$work/out")"
}
shows() { # PATTERN COMMAND...
    local pattern=$1; shift
    "$@" >"$work/out" 2>&1 || fail "$*: $(cat "$work/out")"
    grep -qE -e "$pattern" "$work/out" || fail "$* printed: $(cat "$work/out")"
}

cat >"$work/init" <<'INIT'
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
mkdir -p /run /var /mnt /root
ln -s /run /var/run
hostname agenthost
echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
echo 'root:*:19000:0:99999:7:::' >/etc/shadow
cat >/sbin/shutdown <<'SCRIPT'
#!/bin/sh
echo "T: shutdown $*" >/dev/console
case "$*" in *-r*) exec reboot -f ;; *) exec poweroff -f ;; esac
SCRIPT
cat >/sbin/chpasswd <<'SCRIPT'
#!/bin/sh
echo "T: chpasswd $* $(cat)" >/dev/console
SCRIPT
chmod +x /sbin/shutdown /sbin/chpasswd
mount -t ext4 /dev/vda /mnt || echo "T: no disk"
ip link set lo up
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] && path=/dev/${port##*/}
done
echo "T: agent on $path"
exec qemu-ga -m virtio-serial -p "$path" -t /run
INIT
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules "$(command -v qemu-ga)" ||
    fail "initramfs"
(cd "$work" && printf 'modules\n' | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"
truncate -s 16M "$work/disk" && mke2fs -q -t ext4 "$work/disk" || fail mke2fs
touch "$work/console"
cat >"$work/g.xml" <<XML
<domain type='qemu'><name>g</name>
<uuid>6695eb01-f6a4-8304-79aa-97f2502e7007</uuid><memory unit='MiB'>256</memory><vcpu>2</vcpu>
<os><type machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os>
<devices><serial type='file'><source path='$work/console'/></serial>
<disk type='file'><driver name='qemu' type='raw'/><source file='$work/disk'/>
<target dev='vda' bus='virtio'/><serial>DISK1</serial></disk>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
</devices></domain>
XML
mkdir "$work/root"
sh define "$work/g.xml" || fail define
watch() { # FILE COMMAND...: events of the guest; ready when it has told one
    local file=$1; shift
    "$@" event --domain g --all --loop >"$file" 2>&1 &
    watcher=$!
    hears() { sh define "$work/g.xml" && grep -q "'lifecycle' for domain 'g': Defined" "$file"; }
    until_ok 60 hears || fail "no events are told: $(cat "$file")"
}
unwatch() {
    kill "$watcher"
    wait "$watcher" 2>/dev/null
    watcher=
}
watch "$work/events" "$vmsh" -q -c vemu:///system --root "$work/root"
refused "domain is not running" sh domhostname g
sh start g || fail start
shows "<source mode='bind' path='$work/root/run/vmgr/domains/g.d/channel0.sock'/>" sh dumpxml g
sh dumpxml g --inactive | grep -q 'channel0.sock' && fail "the path of a run is in the definition"
answers() { sh qemu-agent-command g '{"execute":"guest-ping"}'; }
until_ok 200 answers || fail "no agent answers"
connected() { sh dumpxml g | grep -q "name='org.qemu.guest_agent.0' state='$1'"; }
until_ok 60 connected connected || fail "$(sh dumpxml g)"
grep -q "'agent-lifecycle' for domain 'g': state: 'connected' reason: 'channel event'" \
    "$work/events" || fail "$(cat "$work/events")"

# --- the emulator's monitor, as it is ---
shows '^\{"return":\{.*"status":"running".*\},"id":"libvirt-[0-9]+"\}$' \
    sh qemu-monitor-command g '{"execute":"query-status"}'
shows '^\{.*"status":"running".*\}$' sh qemu-monitor-command g --return-value '{"execute":"query-status"}'
shows '"error":\{"class":"CommandNotFound"' sh qemu-monitor-command g '{"execute":"zork"}'
shows 'running' sh qemu-monitor-command g --hmp info status
refused "the command is no JSON object" sh qemu-monitor-command g zork

# --- what it tells ---
shows '^\{"return":\{\}\}$' sh qemu-agent-command g '{"execute":"guest-ping"}'
shows '^agenthost$' sh domhostname g
shows '^Time: [0-9]{10}$' sh domtime g
sh domtime g --time 1700000000 || fail "domtime --time"
shows '^Time: 2023-11-14 22:' sh domtime g --pretty
shows '^ */mnt +vda +ext4 +vda *$' sh domfsinfo g
shows '^hostname *: agenthost$' sh guestinfo g --hostname
shows '^os.kernel-release *: ' sh guestinfo g --os
shows '^disk.0.alias *: vda$' sh guestinfo g --disk
shows '^if.0.name *: lo$' sh guestinfo g --interface
shows '^ *lo +00:00:00:00:00:00 +ipv4 +127\.0\.0\.1/8$' sh domifaddr g --source agent
shows '^fs.0.mountpoint *: /mnt$' sh guestinfo g
# --- what it does ---
shows '^Froze 1 filesystem' "$vmsh" -c vemu:///system --root "$work/root" domfsfreeze g
refused "unable to execute QEMU agent command 'guest-fstrim'.*disabled" sh domfstrim g
shows '^Thawed 1 filesystem' "$vmsh" -c vemu:///system --root "$work/root" domfsthaw g
shows '^online *: 0-1$' sh guestvcpus g
sh guestvcpus g --disable --cpulist 1 || fail "guestvcpus --disable"
shows '^online *: 0$' sh guestvcpus g
shows '^1$' sh vcpucount g --guest
sh setvcpus g 2 --guest || fail "setvcpus --guest"
shows '^2$' sh vcpucount g --guest
sh set-user-password g root secret || fail set-user-password
grep -q 'T: chpasswd  *root:secret' "$work/console" || fail "no password was set"
echo 'ssh-rsa AAAA test' >"$work/key"
sh set-user-sshkeys g root --file "$work/key" || fail set-user-sshkeys
shows '^ssh-rsa AAAA test$' sh get-user-sshkeys g root
sh set-user-sshkeys g root --remove --file "$work/key" || fail "set-user-sshkeys --remove"
sh get-user-sshkeys g root | grep -q . && fail "the key is still there"
refused "the command is no JSON object" sh qemu-agent-command g nonsense
shows 'CommandNotFound' sh qemu-agent-command g '{"execute":"zork"}' --timeout 5
sh guest-agent-timeout g --timeout 20 || fail guest-agent-timeout

# --- the same through the distribution's virsh ---
if command -v virsh >/dev/null; then
    "$BUILD/tools/vmgrd/vmgrd" --root "$work/root" >"$work/vmgrd.log" 2>&1 &
    daemon=$!
    until_ok 30 v uri || fail "vmgrd does not serve: $(cat "$work/vmgrd.log")"
    r() { timeout 100 "$vmsh" -q -c "qemu+unix:///system?socket=$work/root/run/vmgr/libvirt-sock" "$@"; }
    for words in "domhostname g" "domfsinfo g" "domifaddr g --source agent" "guestinfo g --os --timezone --disk --filesystem" \
        "guestvcpus g" "get-user-sshkeys g root" "domfsthaw g" "vcpucount g --guest" \
        "domfsfreeze g --mountpoint /mnt" "domfsthaw g" "set-user-password g root x" \
        "domtime g --time 1600000000" "guest-agent-timeout g --timeout 30"; do
        v $words >"$work/virsh" 2>&1 || fail "virsh $words: $(cat "$work/virsh")"
        case $words in domfs[ft]*) ;; *)
            r $words >"$work/vmsh" 2>&1 || fail "vmsh $words: $(cat "$work/vmsh")"
            cmp "$work/virsh" "$work/vmsh" || fail "$words: $(cat "$work/virsh" "$work/vmsh")" ;;
        esac
    done
    for c in v r; do
        { $c qemu-agent-command g --pretty '{"execute":"guest-get-timezone"}' &&
            $c qemu-monitor-command g --pretty '{"execute":"query-status"}' &&
            $c qemu-monitor-command g --return-value '{"execute":"query-version"}' &&
            $c qemu-monitor-command g --return-value --pretty '{"execute":"query-cpus-fast"}' &&
            $c qemu-monitor-command g --hmp info version; } >"$work/monitor.$c" || fail "monitor ($c)"
    done
    cmp "$work/monitor.v" "$work/monitor.r" || fail "$(cat "$work"/monitor.*)"
else
    echo "no virsh: vmgrd is not tested"
fi

# --- reboot and shutdown; the daemon, if there is one, and a second listener hear what the first did ---
unwatch
if [ -n "$daemon" ]; then
    watch "$work/events2" "$vmsh" -q -c "qemu+unix:///system?socket=$work/root/run/vmgr/libvirt-sock"
else
    watch "$work/events2" "$vmsh" -q -c vemu:///system --root "$work/root"
fi
# a second one beside it hears the same
"$vmsh" -q -c vemu:///system --root "$work/root" event --domain g --all --loop >"$work/events3" 2>&1 &
second=$!
second_hears() { sh define "$work/g.xml" && grep -q "'lifecycle' for domain 'g': Defined" "$work/events3"; }
until_ok 60 second_hears || fail "the second listener hears nothing: $(cat "$work/events3")"
told() { grep -q "$1" "$work/events2"; }

# --- sleep: what the agent does, and the monitor undoes; the state is there for a daemon that begins later ---
slept() { # HOW-OFTEN RUN...: sleeps and is woken by these commands
    local times=$1
    shift
    shows "^Domain 'g' successfully suspended" "$@" dompmsuspend g mem
    shows '^pmsuspended \(unknown\)' "$@" domstate g --reason
    refused "domain is pmsuspended" "$@" suspend g
    refused "domain is pmsuspended" "$@" resume g
    refused "domain is not running" "$@" domhostname g
    shows "^Domain 'g' successfully woken up" "$@" dompmwakeup g
    shows '^running \(event wakeup\)' "$@" domstate g --reason
    refused "Unable to wake up: guest is not in suspended state" "$@" dompmwakeup g
    until_ok 100 answers || fail "no agent after the sleep"
    for words in "'pm-suspend' for domain 'g'" "'pm-wakeup' for domain 'g'" \
        "'lifecycle' for domain 'g': PMSuspended Memory" "'lifecycle' for domain 'g': Started Event wakeup"; do
        until_ok 60 told_so_often "$times" "event $words" || fail "$words: $(cat "$work/events2")"
    done
}
told_so_often() { [ "$(grep -c "$2" "$work/events2")" = "$1" ]; }
refused "Duration not supported. Use 0 for now" sh dompmsuspend g mem --duration 5
refused "Invalid target" sh dompmsuspend g bed
slept 1 "$vmsh" -c vemu:///system --root "$work/root"
if [ -n "$daemon" ]; then
    slept 2 virsh -c "qemu:///system?socket=$work/root/run/vmgr/libvirt-sock"
    slept 3 "$vmsh" -c "qemu+unix:///system?socket=$work/root/run/vmgr/libvirt-sock"
fi

sh reboot g --mode agent || fail "reboot --mode agent"
rebooted() { grep -q 'T: shutdown.*-r' "$work/console" && [ "$(grep -c 'T: agent on' "$work/console")" = 2 ]; }
until_ok 200 rebooted || fail "the guest does not reboot"
until_ok 100 answers || fail "no agent after the reboot"
until_ok 60 told "event 'reboot' for domain 'g'" || fail "$(cat "$work/events2")"
until_ok 60 told "'agent-lifecycle' for domain 'g': state: 'disconnected'" || fail "$(cat "$work/events2")"
told_too() { grep -q "event 'reboot' for domain 'g'" "$work/events3"; }
until_ok 60 told_too || fail "the second listener: $(cat "$work/events3")"
until_ok 60 connected connected || fail "$(sh dumpxml g)"
sh shutdown g --mode agent || fail "shutdown --mode agent"
off() { sh domstate g | grep -q 'shut off'; }
until_ok 100 off || fail "the guest does not go"
shows 'shut off \(shutdown\)' sh domstate g --reason
echo "the agent of a guest answers"
