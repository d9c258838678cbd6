#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The payload suite: small guests, one feature each (tests/guests/payloads), give the expected text
# and exit status on the software CPU and on KVM. Those that a PVM host's KVM cannot run right are
# named, with the reason, in excused.txt; they are left out on such a host only.
#
#   VEMU_TEST_REFRESH=1       write the expected texts anew, from the software CPU
#   VEMU_TEST_PAYLOADS=WORD   only payloads whose name contains the word
set -u
here=$TOP/tests/guests/payloads
elves=$BUILD/tests/guests/payloads
vemu=$BUILD/tools/vemu/vemu
only=${VEMU_TEST_PAYLOADS:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
passes=0
skips=0

accels=(soft)
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    accels+=(kvm)
else
    echo "skip    kvm: /dev/kvm is not usable here"
fi

# What a payload needs beyond the usual.
options_of() {
    case $1 in
    smp) echo "-smp 2" ;;
    syscall-smp) echo "-no-reboot -smp 2" ;;
    hypervisor) echo "-no-reboot -cpu max,kvm=off,phys-bits=36" ;;
    atomics) echo "-no-reboot -smp 4" ;;
    reset-*) ;;
    boot-multiboot32) echo "-no-reboot -append hello" ;;
    *) echo "-no-reboot" ;;
    esac
}

# run VEMU ACCEL NAME OUTPUT [OPTIONS...]: text of the debug console and the exit status.
run() {
    local program=$1 accel=$2 name=$3 output=$4 status
    shift 4
    rm -f "$output"
    timeout 60 "$program" -accel "$accel" -machine microvm -m 8M -kernel "$elves/$name.elf" \
        -nodefaults -serial null -chardev "file,id=text,path=$output" \
        -device isa-debugcon,chardev=text -device isa-debug-exit "$@" >"$work/messages" 2>&1 </dev/null
    status=$?
    echo "status $status" >>"$output"
    cat "$work/messages" >>"$output"
}

verdict() { # NAME ACCEL GOOD
    if [ "$3" = 0 ]; then
        passes=$((passes + 1))
    else
        failures=$((failures + 1))
        echo "FAILED  $1 on $2"
    fi
}

excuse() { # NAME: the reason, if this host has one
    [ -d /sys/module/kvm_pvm ] && sed -n "s/^$1  *//p" "$here/excused.txt"
}

for elf in "$elves"/*.elf; do
    name=$(basename "$elf" .elf)
    case $name in *"$only"*) ;; *) continue ;; esac
    case $name in hostile-kernel | ticker) continue ;; esac
    for accel in "${accels[@]}"; do
        reason=$(excuse "$name")
        if [ "$accel" = kvm ] && [ -n "$reason" ]; then
            echo "skip    $name on kvm: $reason"
            skips=$((skips + 1))
            continue
        fi
        # shellcheck disable=SC2046
        run "$vemu" "$accel" "$name" "$work/$name.$accel" $(options_of "$name")
        [ "${VEMU_TEST_REFRESH:-0}" = 1 ] && [ "$accel" = soft ] &&
            cp "$work/$name.soft" "$here/$name.expected"
        diff -u "$here/$name.expected" "$work/$name.$accel"
        verdict "$name" "$accel" $?
    done
done

# ends_by_signal PROGRAM...: runs it until SIGTERM after a second, with its output in the file "out". If it lives on for
# a minute, what its threads do is printed. Not by timeout(1): the SIGCONT that it sends after SIGTERM takes back the
# SIGSTOP by which LeakSanitizer stops the threads of a program that ends, and then both wait for ever.
ends_by_signal() {
    local process end=$((SECONDS + 60)) task file
    "$@" >"$work/out" 2>&1 </dev/null &
    process=$!
    sleep 1
    kill $process 2>/dev/null
    while kill -0 $process 2>/dev/null; do
        if [ $SECONDS -gt $end ]; then
            for task in /proc/"$process"/task/*; do
                for file in comm wchan syscall stack; do echo "$file: $(cat "$task/$file")"; done
            done
            kill -9 $process
            break
        fi
        sleep 0.1
    done
    wait $process
}

# Hostile guests once more: every port; random code at CPL 0, which may end in any way but a crash;
# and all of it on a build with sanitizers, if there is one.
hostile() { # VEMU WHAT SEEDS
    local program=$1 what=$2 seeds=$3 name seed status
    for name in ports mmio descriptors pagetables user; do
        run "$program" soft "hostile-$name" "$work/out" -no-reboot -append all
        diff -u "$here/hostile-$name.expected" "$work/out"
        verdict "hostile-$name" "soft, $what" $?
    done
    for seed in $(seq "$seeds"); do
        ends_by_signal "$program" -accel soft -m 8M -kernel "$elves/hostile-kernel.elf" \
            -nodefaults -serial null -append "$seed" -no-reboot
        status=$?
        # 0: the guest ended or the signal came; 1: it asked for something that ends in an error; 143: the signal came
        # before the program looked for it
        { [ $status = 0 ] || [ $status = 1 ] || [ $status = 143 ]; } &&
            ! grep -qE 'Sanitizer|runtime error' "$work/out"
        status=$?
        [ $status = 0 ] || { echo "seed $seed:"; head -n 40 "$work/out"; }
        verdict "hostile-kernel $seed" "soft, $what" $status
    done
}
case hostile in *"$only"*)
    seeds=20
    [ "${VEMU_TEST_SOAK:-0}" = 1 ] && seeds=2000
    hostile "$vemu" "plain build" $seeds
    sanitized=$(dirname "$BUILD")/sanitize/tools/vemu/vemu
    [ -x "$sanitized" ] && hostile "$sanitized" "sanitizers" $seeds
    ;;
esac

echo "$passes passed, $failures failed, $skips skipped with a reason"
[ $failures = 0 ]
