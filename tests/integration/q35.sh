#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Machine q35 with an unmodified Debian cloud kernel on the software CPU: what the guest finds on its
# PCI bus, interrupts by MSI-X, tables, memory above 4 GiB, where CPUs sit, NUMA nodes, HPET; reboot,
# hot-plug, generation ID, a dump of its memory, power button; SeaBIOS.
set -u
. "$TOP/tests/lib/packages.sh"
kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
modules=/lib/modules/${kernel#/boot/vmlinuz-}/kernel/drivers
[ -e "$modules/virtio/virtio_pci.ko" ] || { echo "no modules for $kernel"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
say() { echo "T: $*"; }
cd /sys/bus/pci/devices || exit
modules=/lib/modules/$(uname -r)/kernel/drivers
insmod_all() { for m in "$@"; do insmod "$modules/$m.ko"; done; }
insmod_all virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev \
    virtio/virtio_pci_modern_dev virtio/virtio_pci acpi/button char/hw_random/virtio-rng
functions() { for d in *; do say "pci ${d#0000:} $(cat "$d/vendor") $(cat "$d/device") $(cat "$d/class")"; done; }
functions
rng_bytes() { dd if=/dev/hwrng bs=1 count="$1" 2>/dev/null | wc -c; }
say "rng $(cat /sys/class/misc/hw_random/rng_current) $(rng_bytes 512)"
grep -E 'PCI-MSI.*virtio' /proc/interrupts | awk '{ n = 0; for (i = 2; i <= 7; i++) n += $i; print "T: msi", (n > 0), $NF }'
say "tables $(ls /sys/firmware/acpi/tables | grep -v -e data -e dynamic | tr '\n' ' ')"
say "dmi $(cat /sys/class/dmi/id/product_name), $(cat /sys/class/dmi/id/product_uuid)"
say "config $(wc -c <0000:00:00.0/config) $(grep -c MMCONFIG /proc/iomem)"
say "slots $(ls /sys/bus/pci/slots)"
cpu_place() { echo "$(cat physical_package_id) $(cat die_id) $(cat core_id) $(cat thread_siblings_list)"; }
for d in /sys/devices/system/cpu/cpu[0-9]*; do say "place ${d##*/} $(cd "$d/topology" && cpu_place)"; done
for d in /sys/devices/system/node/node[0-9]*; do
    say "node ${d##*/} cpus $(cat "$d/cpulist") distance $(cat "$d/distance") memory $(awk '/MemTotal/ { print int($4 / 262144 + 0.5) * 256 }' "$d/meminfo")"
done
clock=/sys/devices/system/clocksource/clocksource0
if grep -q hpet $clock/available_clocksource; then
    echo hpet >$clock/current_clocksource
    before=$(date +%s)
    sleep 2
    took=$(($(date +%s) - before))
    say "clock $(cat $clock/current_clocksource) $((took == 2 || took == 3)) $(grep -c 'Clock Event Device: hpet' /proc/timer_list)"
fi
say "high $(grep -c '1[0-9a-f]*-13fffffff : System RAM' /proc/iomem)"
command -v lspci >/dev/null && say "lspci $(lspci -vvnns 00:03.0 2>/dev/null | grep -c -e 'MSI-X: Enable+ Count=2' -e 'Root Complex Integrated')"
case "$(cat /proc/cmdline)" in
*then=reboot*) reboot -f ;;
*then=qmp*)
    say "ready"
    until [ -e 0000:01:00.0/driver ]; do sleep 0.1; done
    say "plugged $(cat 0000:01:00.0/vendor) $(cat 0000:01:00.0/virtio*/device)"
    while [ -e 0000:01:00.0 ]; do sleep 0.1; done
    say "unplugged"
    gpe=/sys/firmware/acpi/interrupts/gpe05
    say "genid $(cat /sys/bus/acpi/devices/VEMU0001:00/path) $(for at in 0 4 8 12; do devmem $((0xfed70000 + at)); done | tr '\n' ' ')"
    until grep -q '^ *1 ' $gpe; do sleep 0.1; done
    word=in-the-memory-of
    export MARK="vemu-dump-$word-the-guest"
    say "genid $(for at in 0 4 8 12; do devmem $((0xfed70000 + at)); done | tr '\n' ' ')"
    until grep -q '^ *1 ' /sys/firmware/acpi/interrupts/ff_pwr_btn; do sleep 0.1; done
    say "button"
    poweroff -f ;;
esac
INIT
lspci=$(command -v lspci)
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init" ${lspci:+"$lspci"} \
    "$modules"/virtio/virtio{,_ring,_pci,_pci_legacy_dev,_pci_modern_dev}.ko \
    "$modules/acpi/button.ko" "$modules/char/hw_random/virtio-rng.ko"
bad=0
log=$work/log
timeout 100 "$BUILD/tools/vemu/vemu" -accel soft -machine q35,hpet=on -m 3G -kernel "$kernel" \
    -initrd "$work/initramfs" -append "console=ttyS0 quiet then=reboot" -nographic -no-reboot -nic none \
    -uuid 12345678-9abc-def0-1234-56789abcdef0 -device virtio-rng-pci,addr=3 \
    -device pcie-root-port,id=rp1,addr=4 -smp 6,sockets=2,cores=3 \
    -object memory-backend-ram,id=m0,size=1G -object memory-backend-memfd,id=m1,size=2G \
    -numa node,cpus=0-2,memdev=m0 -numa node,cpus=3-5,memdev=m1 -numa dist,src=0,dst=1,val=21 \
    </dev/null >"$log" 2>&1
status=$?
[ $status -eq 0 ] || { echo "status $status"; tail -n 30 "$log"; bad=1; }
expect() { # LINE: the guest said it
    tr -d '\r' <"$log" | grep -qxF "T: $1" && return
    echo "the guest did not say '$1' but:"
    grep -a '^T: ' "$log"
    bad=1
}
expect "pci 00:00.0 0x8086 0x29c0 0x060000"
expect "pci 00:03.0 0x1af4 0x1044 0x00ff00"
expect "pci 00:04.0 0x1b36 0x000c 0x060400"
expect "pci 00:1f.0 0x8086 0x2918 0x060100"
expect "rng virtio_rng.0 512"
expect "msi 1 virtio0-input"
expect "tables APIC DSDT FACP FACS HPET MCFG SLIT SRAT "
for cpu in 0 1 2 3 4 5; do expect "place cpu$cpu $((cpu / 3)) 0 $((cpu % 3)) $cpu"; done
expect "node node0 cpus 0-2 distance 10 21 memory 1024"
expect "node node1 cpus 3-5 distance 21 10 memory 2048"
expect "clock hpet 1 1"
expect "dmi Standard PC (Q35 + ICH9, 2009), 12345678-9abc-def0-1234-56789abcdef0"
expect "config 4096 1"
expect "slots 32"
expect "high 1"
[ -z "$lspci" ] || expect "lspci 2"

python3 "$TOP/tests/integration/q35.py" "$BUILD/tools/vemu/vemu" "$kernel" "$work/initramfs" || bad=1

# SeaBIOS boots GRUB from a virtio disk; GRUB looks at the bus and powers off by what the DSDT says.
# Where GRUB's image cannot be made, SeaBIOS at least says that there is nothing to boot.
bios() { # WORDS ARGUMENT...
    local words=$1
    shift
    timeout 60 "$BUILD/tools/vemu/vemu" -accel soft -machine pc-q35-7.2 -m 128M -nographic \
        -no-reboot "$@" </dev/null >"$work/bios" 2>&1 &
    for _ in $(seq 300); do
        grep -aq "$words" "$work/bios" && break
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    grep -aq "$words" "$work/bios" && return
    echo "SeaBIOS:"
    cat "$work/bios"
    bad=1
}
if [ ! -e /usr/share/seabios/bios-256k.bin ]; then
    echo "SeaBIOS is not installed"
elif command -v grub-mkrescue xorriso mformat >/dev/null && [ -d /usr/lib/grub/i386-pc ]; then
    mkdir -p "$work/iso/boot/grub"
    printf '%s\n' 'serial --unit=0' 'terminal_output serial' 'echo "GRUB-IS-HERE"' 'lspci' 'halt' \
        >"$work/iso/boot/grub/grub.cfg"
    grub-mkrescue -o "$work/grub.iso" "$work/iso" >/dev/null 2>&1 || { echo "grub-mkrescue"; bad=1; }
    bios '00:1f.0 8086:2918' -drive "file=$work/grub.iso,format=raw,if=none,id=d" \
        -device virtio-blk-pci,drive=d
    wait $! || { echo "GRUB did not power off"; bad=1; }
    grep -aq GRUB-IS-HERE "$work/bios" || { cat "$work/bios"; bad=1; }
else
    bios 'No bootable device' -device virtio-rng-pci
    kill %% 2>/dev/null
    wait
fi
exit $bad
