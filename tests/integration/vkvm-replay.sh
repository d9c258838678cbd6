#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Recorded sessions replay with identical exits and no /dev/kvm: payloads, a Linux boot as far as it
# comes, and the recordings in the tree, which also run where there is no KVM.
#
#   VEMU_TEST_REFRESH=1    record tests/vkvm/recordings anew (needs /dev/kvm)
set -u
vemu=$BUILD/tools/vemu/vemu
trace=$BUILD/tools/vkvm-trace/vkvm-trace
elves=$BUILD/tests/guests/payloads
kept=$TOP/tests/vkvm/recordings
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED  $*"
    failures=$((failures + 1))
}

# Nothing under /dev but the basics: a program that opened /dev/kvm would fail. Where namespaces are
# not allowed, strace tells whether it tried.
without_kvm() {
    if unshare --user --map-root-user --mount true 2>/dev/null; then
        # shellcheck disable=SC2016
        unshare --user --map-root-user --mount sh -c '
            [ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm || exit 99
            exec "$@"' sh "$@"
    elif unshare --mount true 2>/dev/null; then
        # shellcheck disable=SC2016
        unshare --mount sh -c '
            [ ! -e /dev/kvm ] || mount --bind /dev/null /dev/kvm || exit 99
            exec "$@"' sh "$@"
    else
        strace -f -q -e trace=openat,open -o "$work/strace" "$@"
        local status=$?
        grep -q /dev/kvm "$work/strace" && return 98
        return $status
    fi
}

# payload NAME ACCEL TEXT [OPTIONS...]
payload() {
    local name=$1 accel=$2 text=$3
    shift 3
    ${wrap:-} timeout 60 "$vemu" -accel "$accel" -machine microvm -m 8M -kernel "$elves/$name.elf" \
        -no-reboot -nodefaults -serial null -chardev "file,id=text,path=$text" \
        -device isa-debugcon,chardev=text -device isa-debug-exit -d info "$@" \
        >"$work/messages" 2>&1 </dev/null
}

smp_of() { [ "$1" = smp ] && echo "-smp 2"; }

# exits FILE: of each vCPU. Several end a run at the same moment, and kicks are no exits of the guest.
exits() {
    "$trace" --exits "$1" | sort -s -k 1,1 | grep -v '^[0-9]* intr$'
}

# replay NAME FILE EXPECTED-TEXT EXPECTED-STATUS [OPTION]: recorded once more, to compare.
replay() {
    local name=$1 file=$2 text=$3 want=$4 option=${5:-} status
    # shellcheck disable=SC2046
    wrap=without_kvm payload "$name" "kvm,replay=$file,record=$work/again.vkvm$option" "$work/again.txt" \
        $(smp_of "$name")
    status=$?
    [ $status = "$want" ] || { fail "$name: replay ended with $status, not $want"; cat "$work/messages"; return; }
    cmp -s "$text" "$work/again.txt" || { fail "$name: another text at replay"; return; }
    [ -n "$option" ] ||
        grep -q 'replayed with 0 divergences; 0 calls, 0 exits left' "$work/messages" ||
        { fail "$name: diverged"; cat "$work/messages"; return; }
    diff <(exits "$file") <(exits "$work/again.vkvm") >"$work/diff" ||
        { fail "$name: other exits at replay"; head -n 5 "$work/diff"; return; }
    echo "ok      $name: $("$trace" --exits "$file" | wc -l) exits the same"
}

# --- what is refused -----------------------------------------------------------------------------
refuse() { # TEXT ACCEL-OPTIONS
    "$vemu" -accel "kvm,$2" -kernel "$elves/hello.elf" -nodefaults >"$work/messages" 2>&1 </dev/null &&
        fail "$2 is taken"
    grep -qF -- "$1" "$work/messages" || { fail "$2: not '$1'"; cat "$work/messages"; }
}
refuse "replay= needs a file" replay=
refuse "cannot replay '/nowhere,x': No such file" replay=/nowhere,,x
refuse "'/etc/passwd' is not a recorded session" replay=/etc/passwd
refuse "strict=x: not on or off" strict=x
refuse "strict= is for replay=" strict=off
refuse "unknown option 'bogus'" "replay=$kept/hello.vkvm,bogus=1"
refuse "cannot record to '/nowhere/x'" "replay=$kept/hello.vkvm,record=/nowhere/x"
"$trace" --bogus 2>/dev/null && fail "vkvm-trace takes --bogus"
"$trace" /etc/passwd 2>"$work/messages"
[ $? = 3 ] && grep -q 'not a recorded session' "$work/messages" || fail "vkvm-trace /etc/passwd"
head -c 5000 "$kept/hello.vkvm" >"$work/cut.vkvm"
"$trace" "$work/cut.vkvm" >"$work/cut.txt" 2>"$work/messages"
[ $? = 1 ] && [ "$(wc -l <"$work/cut.txt")" -gt 50 ] && grep -q 'cut off' "$work/messages" ||
    fail "vkvm-trace does not read a cut file"
cmp -s "$work/cut.txt" <("$trace" "$kept/hello.vkvm" | head -n "$(wc -l <"$work/cut.txt")") ||
    fail "a cut file reads otherwise"
"$trace" --bytes "$kept/hello.vkvm" | grep -q 'out0+0 ' || fail "--bytes shows none"
[ "$("$trace" --handle 3 "$kept/hello.vkvm" | grep -vc ' h3 ')" = 0 ] || fail "--handle"
"$trace" --info "$kept/hello.vkvm" | grep -qx 'end           complete' || fail "--info"

# --- here: recorded now --------------------------------------------------------------------------
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    for name in hello user serial mmio smp; do
        # shellcheck disable=SC2046
        payload $name "kvm,record=$work/$name.vkvm" "$work/$name.txt" $(smp_of $name)
        status=$?
        [ "$("$trace" --exits "$work/$name.vkvm" | wc -l)" -gt 50 ] ||
            { fail "$name: nothing recorded"; cat "$work/messages"; continue; }
        replay $name "$work/$name.vkvm" "$work/$name.txt" $status
        [ "${VEMU_TEST_REFRESH:-0}" = 1 ] && [ -e "$kept/$name.vkvm" ] &&
            cp "$work/$name.vkvm" "$kept/$name.vkvm"
    done
else
    echo "skip    recording: /dev/kvm is not usable here"
fi

# --- anywhere: recorded before -------------------------------------------------------------------
# vemu asks KVM for more with time, so only exits count. When that is not enough: VEMU_TEST_REFRESH.
for file in "$kept"/*.vkvm; do
    name=$(basename "$file" .vkvm)
    sed '/^status /d' "$TOP/tests/guests/payloads/$name.expected" >"$work/expected.txt"
    status=$(sed -n 's/^status //p' "$TOP/tests/guests/payloads/$name.expected")
    replay "$name" "$file" "$work/expected.txt" "${status:-0}" ,strict=off
done

# --- Linux, until the recorder is killed ---------------------------------------------------------
linux() { # ACCEL TEXT: the options
    options=(-accel "$1" -machine microvm -m 128M -kernel "$kernel" -no-reboot
        -append "console=ttyS0 earlyprintk=serial panic=-1" -nodefaults
        -chardev "file,id=con,path=$2" -serial chardev:con -d info)
}
kernel=$(ls /boot/vmlinuz-*-cloud-amd64 2>/dev/null | tail -n 1)
if [ -w /dev/kvm ] && [ -r "${kernel:-/none}" ]; then
    linux "kvm,record=$work/linux.vkvm" "$work/linux.txt"
    "$vemu" "${options[@]}" >"$work/messages" 2>&1 </dev/null &
    child=$!
    for _ in $(seq 480); do
        sleep 0.25
        kill -0 $child 2>/dev/null || break
        [ "$("$trace" --exits "$work/linux.vkvm" 2>/dev/null | head -n 2000 | wc -l)" -ge 2000 ] && break
    done
    kill -9 $child 2>/dev/null
    wait $child 2>/dev/null
    "$trace" --exits "$work/linux.vkvm" >"$work/linux.exits" 2>/dev/null
    [ -s "$work/linux.exits" ] || { fail "linux: no exits in two minutes"; cat "$work/messages"; }
    linux "kvm,replay=$work/linux.vkvm,record=$work/again.vkvm" "$work/again.txt"
    without_kvm timeout 150 "$vemu" "${options[@]}" >"$work/messages" 2>&1 </dev/null
    "$trace" --exits "$work/again.vkvm" >"$work/again.exits"
    # past the last recorded exit, KVM_RUN fails
    sed -i '$ { /failed = ENODATA/d }' "$work/again.exits"
    if ! grep -q ' 0 exits left' "$work/messages" || ! grep -q 'with 0 divergences' "$work/messages"; then
        fail "linux: diverged"
        cat "$work/messages"
    elif ! diff "$work/linux.exits" "$work/again.exits" >"$work/diff"; then
        fail "linux: other exits at replay"
        head -n 5 "$work/diff"
    else
        echo "ok      linux: $(wc -l <"$work/linux.exits") exits the same"
    fi
else
    echo "skip    linux: needs /dev/kvm and Debian's cloud kernel"
fi
exit $((failures > 0))
