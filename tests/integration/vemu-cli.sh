#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vemu's command line: what it refuses and how it says so, exit statuses, pid and exit files, background.
set -u
vemu=$BUILD/tools/vemu/vemu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() { echo "FAILED: $*"; bad=1; }

link=(gcc -m32 -nostdlib -static -Wl,--build-id=none "-Wl,-T,$TOP/tests/bench/payload.ld")
"${link[@]}" -o exit7 "$TOP/tests/bench/payload.S" 2>/dev/null || exit 1
"${link[@]}" -DIDLE -o idle "$TOP/tests/bench/payload.S" 2>/dev/null || exit 1

# refuse TEXT ARGS...: status 1, one line on stderr that contains TEXT.
refuse() {
    local text=$1
    shift
    timeout 20 "$vemu" "$@" </dev/null >out 2>err
    local status=$?
    [ $status -eq 1 ] || fail "$*: status $status"
    grep -qF -- "$text" err || fail "$*: says '$(cat err)', expected '$text'"
    [ "$(wc -l <err)" -eq 1 ] || fail "$*: $(wc -l <err) lines"
}
refuse "-bogus: unknown option" -bogus
refuse "cannot open 'disk.img': No such file or directory" -M q35 disk.img
refuse "cannot open 'disk.img': No such file or directory" -M q35 -hdb disk.img
for option in incoming rtc; do
    refuse "-$option: not supported yet" -$option x
done
refuse "only machine q35 starts with firmware" -bios x
refuse "only machine q35 starts with firmware" -boot order=c
refuse "machine 'microvm' has no fw_cfg" -machine microvm -kernel idle -fw_cfg opt/x,string=y
refuse "a name and either string= or file= are wanted" -machine q35 -kernel idle -fw_cfg opt/x
refuse "a name and either string= or file= are wanted" -machine q35 -kernel idle -fw_cfg opt/x,string=a,file=b
refuse "names of fw_cfg files begin with opt/" -machine q35 -kernel idle -fw_cfg etc/e820,string=x
refuse "a name of more than 55 bytes" -machine q35 -kernel idle -fw_cfg "opt/$(printf %052d 0),string=x"
refuse "is there already" -machine q35 -kernel idle -fw_cfg opt/a,string=x -fw_cfg opt/a,string=y
refuse "cannot open 'nowhere': No such file" -machine q35 -kernel idle -fw_cfg opt/a,file=nowhere
refuse "'/' is not a file of at most 64 MiB" -machine q35 -kernel idle -fw_cfg opt/a,file=/
refuse "more than 32 files" -machine q35 -kernel idle $(printf -- '-fw_cfg opt/%d,string=x ' $(seq 33))
refuse "only machine q35 starts with firmware or has its tables" -smbios type=11,value=x
refuse "-smbios: type '4' is not 0 (BIOS), 1 (system)" -smbios type=4,version=x
refuse "-smbios: parameter 'product' is not supported" -smbios product=x
refuse "-smbios: parameter 'uefi' is not supported" -smbios type=0,uefi=on
refuse "-smbios type=11: no value" -smbios type=11
refuse "-smbios: a value has a line break" -smbios $'type=11,value=a\nb'
refuse "smbios.system.uuid: 'x' is not a UUID" -machine q35 -kernel idle -smbios type=1,uuid=x
refuse "smbios.bios.release: '1.256' is not two numbers" -machine q35 -kernel idle -smbios type=0,release=1.256
refuse "smbios.chassis.asset has a control character" -machine q35 -kernel idle -smbios $'type=3,asset=a\tb'
refuse "smbios.oem has an empty string" -machine q35 -kernel idle -smbios type=11,value=
refuse "-drive x: parameter 'file' is missing" -drive x
refuse "-blockdev x: parameter 'node-name' is missing" -blockdev x
refuse "-netdev x: parameter 'id' is missing" -netdev x
refuse "-nic x: netdev class 'x' is not known" -nic x
refuse "-fsdev x: parameter 'id' is missing" -fsdev x
refuse "-fsdev x,id=a: fsdev class 'x' is not known" -fsdev x,id=a
refuse "security_model 'mapped-file' is not supported" -fsdev local,id=a,path=/,security_model=mapped-file
refuse "parameter 'mount_tag' is missing" -virtfs local,path=/,security_model=none
refuse "cannot open directory '/nowhere'" -virtfs local,path=/nowhere,mount_tag=t,security_model=none
refuse "-add-fd set=1: parameter 'fd' is missing" -kernel idle -add-fd set=1
refuse "-add-fd fd=3: parameter 'set' is missing" -kernel idle -add-fd fd=3
refuse "-add-fd: parameter 'x' is not supported" -kernel idle -add-fd fd=3,set=1,x=1
for number in 2 -1 x 3x 99999999999; do
    refuse "'fd=$number' is no number from 3 on" -kernel idle -add-fd "fd=$number,set=1"
done
refuse "'set=-1' is no number from 0 on" -kernel idle -add-fd fd=3,set=-1
refuse "descriptor 99: Bad file descriptor" -kernel idle -add-fd fd=99,set=1
refuse "-m: requires an argument" -m
refuse "is not a size" -m abc
refuse "unknown suffix 'Q'" -m 5Q
refuse "not a positive multiple" -m 0
refuse "-global: parameter 'virtio-net-pci.mac' is not supported" -global virtio-net-pci.mac=x
refuse "-global: empty parameter name in ''" -global ""
refuse "parameter 'ICH9-LPC.disable_s3' expects 'on' or 'off', not '2'" -global ICH9-LPC.disable_s3=2
refuse "only machine q35 starts with firmware or has its tables, and takes -global" -machine microvm -global ICH9-LPC.disable_s3=1 -kernel idle
refuse "not a positive multiple" -m 5001b
refuse "at most 256, and only with maxmem=" -m 1G,slots=2
refuse "at most 256, and only with maxmem=" -m 1G,slots=257,maxmem=2G
refuse "at least the size" -m 1G,maxmem=512M
refuse "maxcpus must be equal to or greater than smp: sockets (1) * dies (1) * cores (1) * threads (1) == maxcpus (1) < smp_cpus (2)" \
    -smp 2,maxcpus=1 -kernel idle
refuse "product of the hierarchy must match maxcpus: sockets (2) * dies (1) * cores (2) * threads (2) != maxcpus (4)" \
    -smp 4,sockets=2,cores=2,threads=2 -kernel idle
refuse "dies not supported by this machine's CPU topology" -machine microvm -smp 2,dies=2 -kernel idle
refuse "CPU topology parameters must be greater than zero" -smp 2,cores=0
refuse "clusters not supported" -smp 2,clusters=2
refuse "-numa: 'hmat-lb' is not supported" -machine q35 -numa hmat-lb -kernel idle
refuse "cpus=3-2 is not a range of CPUs" -machine q35 -numa node,cpus=3-2 -kernel idle
refuse "NUMA is not supported by machine 'microvm'" -machine microvm -numa node -kernel idle
refuse "parameter 'val' is missing" -machine q35 -numa dist,src=0,dst=0 -kernel idle
refuse "total memory for NUMA nodes (0x800000) should equal RAM size (0x1000000)" -machine q35 -m 16M -numa node,mem=8M -kernel idle
refuse "has no ACPI event for a generation ID" -machine microvm -device vmgenid,guid=auto -kernel idle
refuse "is not a UUID or 'auto'" -machine q35 -device vmgenid,guid=1 -kernel idle
refuse "-object x: parameter 'id' is missing" -object x
refuse "object class 'x' is not known" -object x,id=a -kernel idle
refuse "there is no memory back-end 'm'" -machine microvm,memory-backend=m -kernel idle
refuse "has 8388608 bytes, the machine 16777216" -machine microvm,memory-backend=m -m 16M -kernel idle \
    -object memory-backend-ram,id=m,size=8M
refuse "there is no -smp maxcpus=" -device max-x86_64-cpu,core-id=1 -kernel idle
refuse "-m needs slots= and maxmem=" -object memory-backend-ram,id=m,size=128M -device pc-dimm,memdev=m -kernel idle
refuse "but the machine has acpi=off" -machine microvm,acpi=off -smp 1,maxcpus=2 -kernel idle
refuse "cpu-pm=on is not supported" -overcommit cpu-pm=on
refuse "watchdog action 'x' is not known" -watchdog-action x -kernel idle
refuse "parameter 'spawn' is 'deny' or 'allow', not 'x'" -sandbox on,spawn=x
refuse "parameter 'x' is not supported" -sandbox on,x=deny
refuse "must be greater than zero" -smp 0
refuse "parameter 'cpus' expects a number" -smp x
refuse "parameter 'books' is not supported" -smp 2,books=2
refuse "only 'none' is supported" -display gtk
refuse "there is no VGA adapter" -vga std
refuse "unknown parameter 'x'" -trace x=1
refuse "there is no trace event 'nobody'" -trace nobody -kernel idle
refuse "No such file" -trace events=/nonexistent
refuse "-trace file=/nowhere/x" -trace io_read,file=/nowhere/x -kernel idle
refuse "the machine has no fw_cfg" -device ramfb -kernel idle
refuse "not a power of two" -machine q35 -device bochs-display,vgamem=3M -kernel idle
refuse "there is no human monitor" -monitor stdio
refuse "is not a log level" -d int
refuse "unknown accelerator 'hax'" -accel hax -kernel idle
refuse "no-such-machine" -machine no-such-machine -kernel idle
refuse "bogus" -machine microvm,bogus=1 -kernel idle
refuse "pc-model" -cpu pc-model -kernel idle
refuse "no-such-device" -device no-such-device -kernel idle
refuse "bogus" -device isa-debug-exit,bogus=1 -kernel idle
refuse "iobase" -device isa-debug-exit,iobase=x -kernel idle
refuse "no-such" -serial no-such -kernel idle
refuse "parameter 'id' is missing" -chardev null -kernel idle
refuse "no-such" -chardev no-such,id=x -kernel idle
refuse "missing" -serial chardev:missing -kernel idle
refuse "not supported" -action reboot=explode
refuse "No such file" -kernel /nonexistent
refuse "No such file" -kernel idle -initrd /nonexistent
refuse "UUID" -uuid 12345 -kernel idle
printf 'this is no kernel' >garbage
refuse "it is text, not a Linux bzImage" -kernel garbage
head -c 100000 /dev/zero >zeros
refuse "it is data of no known kind" -kernel zeros
: >empty
refuse "it is empty, not a Linux bzImage" -kernel empty
kernel=$(. "$TOP/tests/lib/packages.sh"; find_kernel)
if [ -n "$kernel" ]; then
    head -c 3000000 "$kernel" >truncated
    refuse "truncated" -kernel truncated
    refuse "MiB" -kernel "$kernel" -m 16M
    head -c 200M /dev/zero >big
    refuse "initrd" -kernel "$kernel" -initrd big -m 128M
    refuse "command line" -kernel "$kernel" -append "$(head -c 5000 /dev/zero | tr '\0' x)" -m 256M
fi

# Exit statuses.
status() { # EXPECTED ARGS...
    local expected=$1
    shift
    timeout 30 "$vemu" -accel soft -m 16M -nodefaults "$@" </dev/null >out 2>err
    local got=$?
    [ $got -eq "$expected" ] || fail "$*: status $got, expected $expected: $(cat err)"
}
status 7 -device isa-debug-exit -kernel exit7
status 7 -device isa-debug-exit -kernel exit7 -exit-file last
# Where the guest's memory comes from.
for memory in ram memfd,share=on memfd,prealloc=on file,mem-path=.,merge=on file,mem-path=ram,share=on,dump=off; do
    status 7 -device isa-debug-exit -kernel exit7 -object "memory-backend-$memory,id=m,size=16M" \
        -machine microvm,memory-backend=m
done
if unshare -m mount -t tmpfs -o size=8m none "$work" 2>/dev/null; then
    full() { # ERROR BACKEND...: on a file system without room
        local text=$1; shift
        unshare -m bash -c 'mount -t tmpfs -o size=8m none /mnt && exec "$@"' . timeout 20 "$vemu" -kernel idle -m 16M \
            -machine microvm,memory-backend=m -object "memory-backend-file,id=m,size=16M,prealloc=on,$1" >out 2>err
        [ $? -eq 1 ] && grep -qF -- "$text" err || fail "a full file system: $(cat err)"
    }
    full "'/mnt/f': there is no room for 16 MiB: No space left on device" mem-path=/mnt/f,share=on
    full "cannot allocate 16 MiB: No space left on device" mem-path=/mnt/f
fi
[ "$(stat -c %s ram)" = 16777216 ] || fail "the file of the guest's memory has $(stat -c %s ram) bytes"
status 7 -device isa-debug-exit -kernel exit7 -mem-path . -mem-prealloc
status 7 -device isa-debug-exit -kernel exit7 -m 16M,slots=1,maxmem=1G -smp 2,maxcpus=4 \
    -device max-x86_64-cpu,core-id=3 -object memory-backend-ram,id=d,size=128M -device pc-dimm,memdev=d
[ "$(ulimit -l)" != unlimited ] && [ "$(ulimit -l)" -lt 32768 ] ||
    status 7 -device isa-debug-exit -kernel exit7 -overcommit mem-lock=on
if [ "$(cat /proc/sys/vm/nr_hugepages 2>/dev/null)" = 0 ]; then
    refuse "cannot map 16 MiB: Cannot allocate memory" -kernel idle -m 16M -machine microvm,memory-backend=m \
        -object memory-backend-memfd,id=m,size=16M,hugetlb=on
fi
grep -q '"cause": "guest-debug-exit", "code": 3, "status": 7' last || fail "exit file: $(cat last)"
"$vemu" -help | grep -q -- '-kernel FILE' || fail "-help"
"$vemu" -version | grep -q '^vemu [0-9]' || fail "-version"
"$vemu" -device help | grep -q isa-serial || fail "-device help"
"$vemu" -device isa-serial,help | grep -q iobase || fail "-device isa-serial,help"
"$vemu" -object help | grep -q memory-backend-memfd || fail "-object help"
"$vemu" -chardev help | grep -q pty || fail "-chardev help"
"$vemu" -machine help | grep -q microvm || fail "-machine help"
"$vemu" -trace help | grep -q virtio_notify || fail "-trace help"
printf '%s\n' 'io_* # ports' '-io_read' >patterns
"$vemu" -accel soft -m 16M -nodefaults -vga none -device isa-debug-exit -kernel exit7 \
    -trace events=patterns,file=lines </dev/null >out 2>&1
grep -qE '^[0-9]+\.[0-9]{6} io_write port=0xf4 size=0x[14] value=0x3$' lines || fail "-trace: $(cat lines out)"
grep -q io_read lines && fail "-trace: an event that was switched off"

# An image without a name, by descriptors; the wrong ones are refused.
truncate -s 1M unnamed
exec 7<>unnamed 8<unnamed
rm unnamed
"$vemu" -accel soft -m 16M -nodefaults -device isa-debug-exit -kernel exit7 -add-fd fd=7,set=4,opaque=x -add-fd fd=8,set=4 \
    -blockdev raw,node-name=r,file.driver=file,file.filename=/dev/fdset/4 -device virtio-blk-device,drive=r \
    -drive file=/dev/fdset/4,format=raw,if=none,readonly=on,id=d </dev/null >out 2>err
[ $? -eq 7 ] || fail "-add-fd: $(cat err)"
refuse "has no descriptor for writing, opened O_RDWR without O_DIRECT" -kernel idle -add-fd fd=8,set=4 \
    -blockdev file,node-name=r,filename=/dev/fdset/4
refuse "there is no set of descriptors '/dev/fdset/5'" -kernel idle -add-fd fd=8,set=4 \
    -blockdev file,node-name=r,filename=/dev/fdset/5
exec 7>&- 8>&-

# In the background: pid file, lock, signal, exit file.
"$vemu" -accel soft -m 16M -nodefaults -kernel idle -daemonize -pidfile pid -exit-file last2 </dev/null >out 2>err ||
    fail "-daemonize: $(cat err)"
pid=$(cat pid)
kill -0 "$pid" || fail "no process $pid"
refuse "belongs to a running process" -accel soft -m 16M -kernel idle -pidfile pid
kill "$pid"
for _ in $(seq 100); do [ -e last2 ] && break; sleep 0.05; done
grep -q host-signal last2 || fail "exit file after SIGTERM: $(cat last2 2>&1)"
for _ in $(seq 100); do [ -e pid ] || break; sleep 0.05; done
[ ! -e pid ] || fail "pid file is left"
refuse "No such file" -daemonize -kernel /nonexistent

# The accelerator's choice is explained.
"$vemu" -accel auto -m 16M -nodefaults -device isa-debug-exit -kernel exit7 -d info </dev/null 2>&1 |
    grep -q 'accelerator' || fail "auto does not explain itself"
exit $bad
