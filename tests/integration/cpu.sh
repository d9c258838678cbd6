#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CPU models and several vCPUs on the software CPU, with Debian's kernel: eight vCPUs, all at work at
# once; what the guest sees of a model; -cpu's errors. Models one by one: VEMU_TEST_SOAK=1.
set -u
. "$TOP/tests/lib/packages.sh"
vemu=$BUILD/tools/vemu/vemu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

verdict() { # WHAT GOOD
    if [ "$2" = 0 ]; then
        echo "ok      $1"
    else
        failures=$((failures + 1))
        echo "FAILED  $1"
    fi
}

refused() { # MODEL WORDS
    timeout 20 "$vemu" -accel soft -cpu "$1" -nodefaults \
        -kernel "$BUILD/tests/guests/payloads/hello.elf" >"$work/out" 2>&1 </dev/null
    [ $? = 1 ] && grep -qF "$2" "$work/out" || { cat "$work/out"; false; }
    verdict "-cpu $1" $?
}
refused pentium "known are: max, host"
refused max,+avx3 "'+avx3'"
refused max,smap=maybe "'smap=maybe'"
refused x86-64-v3,enforce "does not have"
refused max,kvm=maybe "'kvm=maybe'"
refused max,phys-bits=53 "'phys-bits=53'"
refused max,phys-bits=40,host-phys-bits "exclude each other"
refused max,hv-relaxed,hv-spinlocks=0x1fff "accelerator soft has no Hyper-V enlightenments"
refused max,hv-synic "requires Hyper-V VP_INDEX MSR (hv-vpindex)"
refused max,hv-spinlocks=8 "'hv-spinlocks=8'"
refused_room() { # MODEL MEMORY WORDS
    timeout 20 "$vemu" -accel soft -machine q35 -cpu "$1" -m "$2" -nodefaults \
        -kernel "$BUILD/tests/guests/payloads/hello.elf" >"$work/out" 2>&1 </dev/null
    [ $? = 1 ] && grep -qF "$3" "$work/out" || { cat "$work/out"; false; }
    verdict "-cpu $1 -m $2" $?
}
refused_room max,phys-bits=35 64M "end at 0x1000000000, which physical addresses of 35 bits do not reach"
refused_room max,phys-bits=36 64M,maxmem=64G,slots=1 "of 36 bits do not reach"
refused_room max 64M,maxmem=1T,slots=1 "of 40 bits do not reach"
"$vemu" -cpu help >"$work/help"
for model in max host base qemu64 x86-64-v1 x86-64-v2 x86-64-v3; do
    grep -q "^  $model\b" "$work/help" || { echo "-cpu help lacks $model"; false; }
    verdict "-cpu help, $model" $?
done

kernel=$(find_kernel)
[ -n "$kernel" ] || { echo "there is no kernel in /boot"; [ $failures = 0 ] && exit 77; exit 1; }
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "FLAGS $(sed -n 's/^flags[^:]*://p' /proc/cpuinfo | head -n 1) "
echo "SIZES $(sed -n 's/^address sizes[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "CPUS $(nproc) $(grep -c ^processor /proc/cpuinfo)"
# all at the same time; who had to do with it says /proc/stat
n=0
while [ $n -lt "$(nproc)" ]; do
    sh -c 'i=0; while [ $i -lt 8000 ]; do i=$((i + 1)); done; echo $i >>/sums' &
    n=$((n + 1))
done
wait
echo "SUMS $(sort /sums | uniq -c | tr -s ' ' | tr '\n' ' ')"
echo "BUSY $(awk '/^cpu[0-9]/ && $2 > 0' /proc/stat | wc -l)"
poweroff -f
INIT
"$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init"

boot() { # MODEL VCPUS
    timeout -k 5 120 "$vemu" -accel soft -machine q35 -cpu "$1" -smp "$2" -m 256M -nodefaults \
        -serial stdio -kernel "$kernel" -initrd "$work/initramfs" -no-reboot \
        -append "console=ttyS0 quiet cryptomgr.notests" >"$work/guest" 2>"$work/messages" </dev/null
    local status=$?
    tr -d '\r' <"$work/guest" >"$work/text"
    [ $status = 0 ] && [ ! -s "$work/messages" ] && return
    echo "vemu ended with $status"
    tail -n 20 "$work/text" "$work/messages"
    return 1
}

flags() { # WITH... -- WITHOUT...: of the guest's /proc/cpuinfo
    local want=1 flag bad=0
    for flag; do
        [ "$flag" = -- ] && { want=0; continue; }
        grep -q "^FLAGS.* $flag " "$work/text"
        [ $? = $want ] && { echo "flag $flag: not as expected"; bad=1; }
    done
    return $bad
}

boot x86-64-v2,+smap,+rdtscp,-hypervisor,phys-bits=37 8
verdict "boot with eight vCPUs" $?
grep -q '^CPUS 8 8$' "$work/text" && grep -q '^SUMS  8 8000 $' "$work/text" &&
    grep -q '^BUSY 8$' "$work/text" || { tail -n 5 "$work/text"; false; }
verdict "all of them work" $?
flags ssse3 sse4_1 sse4_2 popcnt cx16 smap rdtscp x2apic -- hypervisor smep pcid abm fsgsbase
verdict "the guest sees the model" $?

grep -q '^SIZES 37 bits physical, 48 bits virtual' "$work/text" || { grep ^SIZES "$work/text"; false; }
verdict "the guest sees the width of addresses" $?

if [ "${VEMU_TEST_SOAK:-0}" = 1 ]; then
    for model in max host qemu64 x86-64-v1 x86-64-v2 max,-x2apic,-tsc-deadline max,-pcid,-smep,-smap; do
        boot "$model" 2 && grep -q '^SUMS' "$work/text"
        verdict "boot with -cpu $model" $?
    done
else
    echo "skip    models one by one: only with VEMU_TEST_SOAK=1"
fi
[ $failures = 0 ]
