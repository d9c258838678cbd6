#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The real gdb debugs a payload, a guest with two vCPUs and the Linux kernel over the server, on the
# software CPU and on KVM; then the guest goes on. What gdb prints is compared.
set -u
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/sockets.sh"
command -v gdb >/dev/null || install_missing gdb || { echo "there is no gdb here"; exit 77; }
vemu=$BUILD/tools/vemu/vemu
elves=$BUILD/tests/guests/payloads
work=$(mktemp -d)
vemu_pid=
cleanup() {
    [ -n "$vemu_pid" ] && kill "$vemu_pid" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
failures=0

accels=(soft)
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    accels+=(kvm)
else
    echo "skip    kvm: /dev/kvm is not usable here"
fi

verdict() { # WHAT GOOD
    if [ "$2" = 0 ]; then
        echo "ok      $1"
    else
        failures=$((failures + 1))
        echo "FAILED  $1"
    fi
}

start() { # OPTIONS...: vemu in the background, waiting for gdb at $work/gdb
    rm -f "$work/gdb"
    : >"$work/messages"
    timeout --foreground -k 5 400 "$vemu" -nodefaults -gdb "unix:$work/gdb" "$@" \
        >"$work/messages" 2>&1 <"${input:-/dev/null}" &
    vemu_pid=$!
    for _ in $(seq 100); do
        listens "$work/gdb" && return
        sleep 0.1
    done
    cat "$work/messages"
}

finish() { # STATUS...: vemu has to end with one of them
    wait "$vemu_pid"
    local status=$?
    vemu_pid=
    case " $* " in *" $status "*) return 0 ;; esac
    echo "vemu ended with $status"
    cat "$work/messages"
    return 1
}

debug() { # [FILE]: gdb with the commands of standard input; what they echo goes to $work/said
    { echo "set pagination off"; echo "set confirm off"; echo "set architecture i386:x86-64"
      cat; } >"$work/commands"
    timeout 300 gdb -nx -batch -x "$work/commands" "$@" >"$work/gdb.log" 2>&1 </dev/null
    local status=$?
    [ $status = 0 ] || echo "gdb ended with $status"
    sed -n 's/^SAYS //p' "$work/gdb.log" >"$work/said"
}

said() { # compares with standard input
    diff -u - "$work/said" && return 0
    tail -n 30 "$work/gdb.log"
    return 1
}

# --- a payload: every kind of point, steps, registers, memory, user mode -------------------------

payload() {
    rm -f "$work/text"
    start -accel "$1" -m 8M -kernel "$elves/gdb.elf" -S -chardev "file,id=text,path=$work/text" \
        -device isa-debugcon,chardev=text -device isa-debug-exit
    debug "$elves/gdb.elf" <<GDB
target remote $work/gdb
break gdb_work
continue
printf "SAYS breakpoint %d, argument %d\n", \$rip == (long)gdb_work, \$rdi
printf "SAYS cs %x, cr0.PG %d, efer %x\n", \$cs, (\$cr0 >> 31) & 1, \$efer & 0xd00
x/2xb gdb_work
delete
watch *(unsigned long *)&gdb_counter
continue
continue
printf "SAYS watched %d\n", *(long *)&gdb_counter
delete
rwatch *(unsigned long *)&gdb_user_at
awatch *(unsigned long *)&gdb_traps
break gdb_steps
continue
printf "SAYS steps at %d\n", \$rip - (long)gdb_steps
stepi
printf "SAYS stepi %d, eax %d\n", \$rip - (long)gdb_steps, \$eax
stepi
printf "SAYS stepi %d, eax %d\n", \$rip - (long)gdb_steps, \$eax
stepi
stepi
printf "SAYS stepi %d, ecx %d\n", \$rip - (long)gdb_steps, \$ecx
set \$xmm3.v2_int64[1] = 0x1122334455667788
printf "SAYS xmm3 %lx\n", \$xmm3.v2_int64[1]
set \$r13 = 0x123456789abcdef
printf "SAYS r13 %lx\n", \$r13
continue
printf "SAYS awatch %d\n", *(long *)&gdb_traps
delete
hbreak gdb_last
continue
printf "SAYS own breakpoint %d, at %d\n", *(long *)&gdb_traps, \$rip == (long)gdb_last
break **(long **)&gdb_user_at
continue
stepi
printf "SAYS user cs %x, ebx %x\n", \$cs, \$ebx
stepi
printf "SAYS user rbx %x\n", \$rbx
set \$rbx = 0x77
set var *(long *)&gdb_counter = 99
monitor help
detach
GDB
    said <<'SAID'
breakpoint 1, argument 0
cs 8, cr0.PG 1, efer d00
watched 1
steps at 0
stepi 5, eax 1
stepi 8, eax 3
stepi 10, ecx 3
xmm3 1122334455667788
r13 123456789abcdef
awatch 0
own breakpoint 1, at 1
user cs 2b, ebx 1234
user rbx 1235
SAID
    verdict "payload on $1" $?
    grep -q '^system_reset' "$work/gdb.log"
    verdict "monitor command on $1" $?
    finish 1 && diff -u - "$work/text" <<'TEXT'
user: #UD
counter 99, traps 1, rdi 77
TEXT
    verdict "payload goes on, on $1" $?
}

# --- life: Ctrl-C, kill, reset, the end of the guest ----------------------------------------------

life() {
    # QMP's stop would do the same as the interrupt that a batch gdb cannot type
    start -accel "$1" -m 8M -smp 2 -kernel "$elves/smp.elf" -S
    debug "$elves/smp.elf" <<GDB
target remote $work/gdb
info threads
hbreak payload
continue
printf "SAYS thread %d\n", \$_thread
monitor system_reset
maintenance flush register-cache
printf "SAYS reset %d\n", \$rip != (long)payload
continue
printf "SAYS again %d\n", \$rip == (long)payload
thread 2
printf "SAYS thread %d\n", \$_thread
kill
GDB
    said <<'SAID'
thread 1
reset 1
again 1
thread 2
SAID
    verdict "threads, reset, kill on $1" $?
    grep -q 'Thread 2 (vCPU 1 \[waits for INIT\])' "$work/gdb.log"
    verdict "thread names on $1" $?
    finish 0
    verdict "kill ends the machine on $1" $?

    start -accel "$1" -m 8M -kernel "$elves/hello.elf" -device isa-debug-exit -S
    debug "$elves/hello.elf" <<GDB
target remote $work/gdb
continue
GDB
    grep -qE 'exited (normally|with code)' "$work/gdb.log"
    verdict "end of the guest on $1" $?
    finish 85
    verdict "exit status on $1" $?
}

# --- Linux ------------------------------------------------------------------------------------------

init_script() {
    cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
echo "ADDRESSES $(sed -n 's/ T __do_sys_getuid$//p; s/ T __x64_sys_getuid$//p' /proc/kallsyms |
    head -n 1) $(sed -n 's/ [TDRB] linux_banner$//p' /proc/kallsyms)"
until read -r -t 1 line; do id -u >/dev/null; done
echo "GUEST-WENT-ON $line"
poweroff -f
INIT
    "$TOP/tests/lib/initramfs.sh" "$work/initramfs" "$work/init"
}

linux() {
    local text banner
    rm -f "$work/console"
    mkfifo "$work/console"
    exec 3<>"$work/console"
    input=$work/console start -accel "$1" -m 256M -smp "$2" -kernel "$kernel" -initrd "$work/initramfs" \
        -append "console=ttyS0 nokaslr quiet" -serial stdio -no-reboot
    for _ in $(seq 600); do
        grep -q '^ADDRESSES [0-9a-f]\{16\} [0-9a-f]\{16\}' "$work/messages" && break # the whole line
        sleep 0.1
    done
    read -r text banner < <(tr -d '\r' <"$work/messages" | sed -n 's/^ADDRESSES //p')
    debug <<GDB
target remote $work/gdb
break *0x$text
continue
printf "SAYS at %d\n", \$rip == 0x$text
printf "SAYS banner %.13s\n", (char *)0x$banner
printf "SAYS kernel %d\n", (\$cs & 3) == 0 && \$rsp > 0xffff800000000000
set \$first = \$rip
stepi
printf "SAYS stepped %d\n", \$rip != \$first && \$rip - \$first < 16
continue
printf "SAYS again at %d\n", \$rip == 0x$text
delete
detach
GDB
    said <<'SAID'
at 1
banner Linux version
kernel 1
stepped 1
again at 1
SAID
    verdict "Linux kernel with $2 vCPUs on $1" $?
    echo done >&3
    wait "$vemu_pid"
    vemu_pid=
    exec 3>&-
    tr -d '\r' <"$work/messages" | grep -q '^GUEST-WENT-ON' "$work/messages" || { tail -n 20 "$work/messages"; false; }
    verdict "Linux goes on, on $1" $?
}

kernel=$(find_kernel)
[ -n "$kernel" ] && init_script || echo "skip    Linux: no kernel in /boot"
for accel in "${accels[@]}"; do
    payload "$accel"
    life "$accel"
    [ -z "$kernel" ] && continue
    linux "$accel" 1
    linux "$accel" 2
done
[ $failures = 0 ]
