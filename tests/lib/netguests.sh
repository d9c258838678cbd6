# SPDX-License-Identifier: LGPL-2.1-or-later
# Tests of guests' interfaces: real guests in namespaces of their own. Needs packages.sh, modules.sh and namespaces.sh.

# enter_with_guests "${1:-}" SCRIPT PROGRAM...: sets kernel; outside, goes on as enter_namespaces does.
enter_with_guests() {
    local side=$1 script=$2
    shift 2
    kernel=$(find_kernel)
    [ "$side" = inside ] && return
    [ -n "$kernel" ] || { echo "no kernel in /boot"; exit 77; }
    enter_namespaces "$script" 280 cpio "$@"
}

# prepare_guests MODULE...: inside, with $work: modules for a guest, a root of our own, and sh, which is vmsh on it.
prepare_guests() {
    modules=$(find_modules "$kernel" "$@")
    [ -n "$modules" ] || { echo "no modules for $kernel"; exit 77; }
    vmsh=$BUILD/tools/vmsh/vmsh
    export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
    mkdir -p "$work/root"
}
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@"; }
emulator_of() { pgrep -f "$VMGR_EMULATOR.*guest=$1 "; }

mount_sysfs() { mount -t sysfs none /sys || { echo "no /sys of these namespaces"; exit 77; }; }
