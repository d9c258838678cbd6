#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What of the host a guest may use: limits of its control group, pins of its threads and limits of
# its disks, at its start and while it runs; virsh and vmsh say the same of them; what the host
# cannot do is refused by name; nothing is left at the end.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
[ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
work=$(mktemp -d /tmp/resources-XXXXXX)
root=$work/root
daemon=
end() {
    [ -z "$daemon" ] || kill -9 "$daemon"
    remove_work "$work"
}
trap end EXIT
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
socket=$root/run/vmgr/libvirt-sock
sh() { "$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$root" "$@"; }
remote() { "$BUILD/tools/vmsh/vmsh" -c "vemu+unix:///system?socket=$socket" "$@"; }
virsh() { command virsh -c "qemu:///system?socket=$socket" "$@"; }
fail() { echo "FAILED: $*"; tail -n 2 "$root"/log/vmgr/* | cut -c 1-300; exit 1; }
# same COMMAND...: both clients, over the daemon, print the same
same() {
    virsh "$@" >"$work/virsh" 2>&1
    remote "$@" >"$work/vmsh" 2>&1
    cmp -s "$work/virsh" "$work/vmsh" || { diff "$work/virsh" "$work/vmsh"; fail "$* differs"; }
}
value() { virsh "$1" a ${3:+"$3"} | sed -n "s/^$2 *: *//p"; } # COMMAND NAME [DISK]
status() { sed -n "s/.*<domstatus.* $1='\([^']*\)'.*/\1/p" "$root/run/vmgr/domains/a.d/status.xml"; }
affinity() { # of the threads whose name matches
    for task in /proc/"$(status pid)"/task/*; do
        grep -q "$1" "$task/comm" && sed -n 's/^Cpus_allowed_list:\t//p' "$task/status"
    done | sort -u | xargs
}
policy() { # of the threads whose name matches: 3 batch, 5 idle (proc_pid_stat(5), policy)
    for task in /proc/"$(status pid)"/task/*; do
        grep -q "$1" "$task/comm" && sed 's/.*) //' "$task/stat" | cut -d ' ' -f 39
    done | sort -u | xargs
}
groups() { # are limits to be had here?
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        version=2 cpu=/sys/fs/cgroup memory=/sys/fs/cgroup
        grep -q cpu /sys/fs/cgroup/cgroup.controllers && grep -q memory /sys/fs/cgroup/cgroup.controllers
    else
        version=1 cpu=/sys/fs/cgroup/cpu memory=/sys/fs/cgroup/memory
        [ -e $cpu/cpu.shares ] && [ -e $memory/memory.limit_in_bytes ]
    fi && mkdir "$cpu/vmgr-check-$$" 2>/dev/null && rmdir "$cpu/vmgr-check-$$"
}

mkdir -p "$root"
truncate -s 1M "$work/disk"
"$BUILD/tools/vemu-img/vemu-img" create -q -f qcow2 "$work/disk.qcow2" 1M || fail vemu-img
cat >"$work/a.xml" <<XML
<domain type='qemu'>
  <name>a</name><memory unit='MiB'>128</memory>
  <memoryBacking><nosharepages/><source type='memfd'/><access mode='shared'/></memoryBacking>
  <vcpu>2</vcpu>
  <iothreads>1</iothreads>
  <cputune><vcpupin vcpu='1' cpuset='0'/><emulatorpin cpuset='0'/><iothreadpin iothread='1' cpuset='0'/>
    <vcpusched vcpus='1' scheduler='idle'/><iothreadsched iothreads='1' scheduler='idle'/>
    <emulatorsched scheduler='batch'/></cputune>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$kernel</kernel></os>
  <devices>
    <disk type='file'><driver type='raw' iothread='1'/><source file='$work/disk'/><target dev='vda' bus='virtio'/>
      <iotune><read_iops_sec>100</read_iops_sec></iotune></disk>
    <disk type='file'><driver type='qcow2'/><source file='$work/disk.qcow2'/><target dev='vdb' bus='virtio'/></disk>
    <memballoon model='virtio'/>
  </devices>
</domain>
XML
sh define "$work/a.xml" || fail define
"$BUILD/tools/vmgrd/vmgrd" --root "$root" >"$work/vmgrd.log" 2>&1 &
daemon=$!
until_ok remote list
queries() {
    same schedinfo a; same memtune a; same blkiotune a; same numatune a; same vcpupin a; same emulatorpin a
    same iothreadinfo a; same blkdeviotune a vda; same schedinfo a --config; same vcpuinfo a --pretty
}
queries
sh start a --paused || fail start
queries

# --- where threads run, what memory is ---
[ "$(affinity 'vcpu-1\|CPU 1\|vcpu1')" = 0 ] || fail "vCPU 1 runs on '$(affinity .)': $(cat /proc/"$(status pid)"/task/*/comm | xargs)"
virsh vcpupin a 0 0 --live --config || fail vcpupin
[ "$(affinity .)" = 0 ] || fail "a thread runs on $(affinity .)"
[ "$(policy 'vcpu-1\|CPU 1\|vcpu1') $(policy '^IO iothread1$')" = "5 5" ] || fail "schedulers: $(policy .)"
[ "$(policy 'vcpu-0\|CPU 0\|vcpu0')" = 0 ] || fail "vCPU 0 has a scheduler: $(policy 'CPU 0')"
[ "$(policy '^vemu$')" = 3 ] || fail "the emulator's scheduler: $(policy '^vemu$')"
virsh dumpxml a --inactive | grep -q "<vcpupin vcpu='0' cpuset='0'/>" || fail "no pin in the definition"
grep -q 'memfd:' "/proc/$(status pid)/maps" || fail "memory is no memfd"
refused "exceed the maxcpu" remote vcpupin a 0 9999
refused "vcpu 2 is out of range" virsh vcpupin a 2 0
for client in virsh remote; do
    refused "cannot find IOThread '7'" $client iothreaddel a 7
    refused "figures of single host CPUs are not kept" $client cpu-stats a
    $client cpu-stats a --total | grep -q 'cpu_time .* seconds' || fail "cpu-stats of $client"
done

# --- IOThreads ---
[ "$(affinity '^IO iothread1$')" = 0 ] || fail "IOThread 1 runs on '$(affinity '^IO iothread1$')'"
[ -z "$(affinity '^io-')" ] || fail "the disk has a thread of its own"
refused "used by disk 'vda'" remote iothreaddel a 1
remote iothreadadd a 2 || fail iothreadadd
[ -n "$(affinity '^IO iothread2$')" ] || fail "no IOThread 2"
refused "already using iothread_id '2'" virsh iothreadadd a 2
virsh iothreadpin a 2 0 || fail iothreadpin
[ "$(affinity '^IO iothread2$')" = 0 ] || fail "IOThread 2 is not pinned"
refused "iothread 3 not found" virsh iothreadpin a 3 0
virsh iothreadset a 2 --poll-max-ns 4000 --poll-grow 3 --thread-pool-max 5 || fail iothreadset
same iothreadinfo a; same domstats a --iothread
virsh domstats a --iothread | grep -q 'iothread.2.poll-max-ns=4000' || fail "iothreadset did nothing"
refused "must be less than or equal to" virsh iothreadset a 2 --poll-grow 4294967295
refused "persistent polling" remote iothreadset a 1 --poll-grow 4 --config
virsh iothreaddel a 2 || fail iothreaddel
[ -z "$(affinity '^IO iothread2$')" ] || fail "IOThread 2 is still there"
virsh dumpxml a | grep -q iothread2 && fail "the definition of the run has it still"

# --- what goes wrong with disks, and what might soon ---
same domblkerror a
[ "$(remote domblkerror a | head -1)" = "No errors found" ] || fail domblkerror
refused "vdz" virsh domblkthreshold a vdz 1
virsh event a --event block-threshold --timeout 60 >"$work/event.virsh" 2>&1 & listener=$!
remote event a --event block-threshold --timeout 60 >"$work/event.vmsh" 2>&1 & other=$!
until_ok sh -c "ls -l /proc/$listener/fd /proc/$other/fd | grep -c socket: | grep -qv '^[01]$'"; sleep 1
virsh domblkthreshold a vdb 100 || fail domblkthreshold
remote blockresize a vdb 16M || fail blockresize # a qcow2 image: its tables are written
wait $listener || fail "no event: $(cat "$work/event.virsh")"
wait $other || fail "no event: $(cat "$work/event.vmsh")"
grep -q "event 'block-threshold' for domain 'a': dev: vdb($work/disk.qcow2) 100 [1-9]" "$work/event.virsh" ||
    fail "another event: $(cat "$work/event.virsh")"
cmp "$work/event.virsh" "$work/event.vmsh" || fail "events differ"

# --- single vCPUs, the balloon's figures ---
refused "vcpu '1' is already in requested state" virsh setvcpu a 1 --enable
refused "vcpu '0' can't be unplugged" remote setvcpu a 0 --disable
refused "vCPU '0' can't be modified" virsh setvcpu a 0 --disable --config
virsh setvcpu a 1 --disable --config || fail setvcpu
virsh dumpxml a --inactive | grep -q "current='1'>2<" || fail "setvcpu did nothing"
remote setvcpu a 1 --enable --config || fail setvcpu
virsh dommemstat a --period 3 --live --config || fail "dommemstat --period"
virsh dumpxml a | grep -q "<stats period='3'/>" || fail "no period"
virsh qemu-monitor-command a '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/balloon0","property":"guest-stats-polling-interval"}}' |
    grep -q '"return":3' || fail "the balloon does not know the period"
remote dommemstat a --period 0 --config --live || fail "dommemstat --period 0"
virsh dumpxml a --inactive | grep -q "<stats" && fail "the period is still there"

# --- what is told of pins and limits, to the daemon's client and to one without a daemon ---
stdbuf -oL virsh -c "qemu:///system?socket=$socket" event a --event tunable --loop >"$work/tuned.virsh" 2>&1 &
listener=$!
"$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$root" event a --event tunable --loop >"$work/tuned.vmsh" 2>&1 &
other=$!
tuned() { # TEXT, with \n and \t: both have been told it
    text=$(printf '%b' "$1")
    for file in "$work/tuned.virsh" "$work/tuned.vmsh"; do
        until_ok eval '[[ $(<"$file") == *"$text"* ]]'
    done
}
both_listen() {
    virsh emulatorpin a 0-1 --live && virsh emulatorpin a 0 --live && [ -s "$work/tuned.virsh" ] && [ -s "$work/tuned.vmsh" ]
}
until_ok both_listen
tuned "event 'tunable' for domain 'a':\n\tcputune.emulatorpin: 0\n"
virsh vcpupin a 1 0-1 --live || fail vcpupin
tuned "event 'tunable' for domain 'a':\n\tcputune.vcpupin1: 0-1\n"
remote iothreadpin a 1 0-1 --live || fail iothreadpin
tuned "\n\tcputune.iothreadpin1: 0-1\n"
sh blkdeviotune a vda --read-iops-sec 90 --size-iops-sec 4096 --live || fail blkdeviotune
tuned "\n\tblkdeviotune.disk: vda\n\tblkdeviotune.read_iops_sec: 90\n\tblkdeviotune.size_iops_sec: 4096\n"
virsh blkdeviotune a vda --read-iops-sec 100 --size-iops-sec 0 --live || fail blkdeviotune
tuned "blkdeviotune.size_iops_sec: 0"
kill $listener $other
wait $listener $other 2>/dev/null

# --- limits of disks ---
[ "$(value blkdeviotune read_iops_sec vda)" = 100 ] || fail "the disk's limit"
virsh blkdeviotune a vda --total-bytes-sec 1000000 --total-bytes-sec-max 2000000 --live || fail blkdeviotune
remote blkdeviotune a vda --write-iops-sec 50 --group-name g --config >/dev/null || fail "blkdeviotune --config"
same blkdeviotune a vda; same blkdeviotune a vda --config
[ "$(value blkdeviotune total_bytes_sec_max vda)" = 2000000 ] || fail "the disk's new limit"
refused "cannot be set at the same time" virsh blkdeviotune a vda --total-iops-sec 5 --read-iops-sec 7
refused "invalid path vdz" remote blkdeviotune a vdz

# --- limits of the control group ---
version=0
if groups; then
    virsh schedinfo a --live cpu_shares=300 vcpu_quota=50000 >/dev/null || fail schedinfo
    virsh memtune a --live --hard-limit 900M || fail memtune
    queries
    group=$(status cgroup)
    [ -n "$group" ] || fail "no group in the status"
    if [ $version = 1 ]; then
        [ "$(cat "$cpu$group/cpu.shares")" = 300 ] || fail "cpu.shares"
        [ "$(cat "$cpu$group/vcpu1/cpu.cfs_quota_us")" = 50000 ] || fail "the quota of vCPU 1"
        [ "$(wc -l <"$cpu$group/vcpu1/tasks")" = 1 ] || fail "threads of vCPU 1"
        [ "$(cat "$memory$group/memory.limit_in_bytes")" = 943718400 ] || fail "memory.limit_in_bytes"
    else
        [ "$(cat "$cpu$group/cpu.weight")" = 300 ] || fail "cpu.weight"
        [ "$(cat "$cpu$group/vcpu1/cpu.max")" = "50000 100000" ] || fail "the quota of vCPU 1"
        [ "$(cat "$memory$group/memory.max")" = 943718400 ] || fail "memory.max"
    fi
    remote schedinfo a --live vcpu_quota=-1 >/dev/null || fail "no quota"
    grep -q -e -1 -e max "$cpu$group/vcpu1/"cpu.{cfs_quota_us,max} 2>/dev/null || fail "the quota stays"
    [ "$(value schedinfo cpu_shares)" = 300 ] && [ "$(value memtune hard_limit)" = 921600 ] || fail "what is said"
    kill -9 "$(status pid)"
    until_ok eval '[ "$(sh domstate a)" = "shut off" ]'
    until_ok eval '[ ! -e "$cpu$group" ] && [ ! -e "$memory$group" ]'
else
    refused 'control groups\|cgroup' virsh schedinfo a --live cpu_shares=300
    [ "$(value schedinfo cpu_shares)" = 0 ] || fail "a limit that is none"
    sh destroy a || fail destroy
fi
virsh schedinfo a --config cpu_shares=1 >"$work/out" 2>&1 && fail "a share that cannot be"
virsh schedinfo a --config cpu_shares=200 >/dev/null || fail "schedinfo --config"
virsh dumpxml a | grep -q '<shares>200</shares>' || fail "no shares in the definition"
refused "there is none\|none of this number" eval 'virsh numatune a --config --nodeset 900 && sh start a'
echo "resources: control groups of version $version"
