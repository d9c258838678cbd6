# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest with Debian's tools: root on an ext4 disk, a shell on the virtio port org.test.shell.

# make_tools_guest DIR KERNEL PROGRAM...: makes DIR/initramfs, which mounts /dev/vda, and DIR/root, the disk.
make_tools_guest() {
    local dir=$1 kernel=$2 modules program files=()
    shift 2
    for program in "$@"; do
        command -v "$program" >/dev/null || { echo "no $program"; return 1; }
        files+=("$(readlink -f "$(command -v "$program")")")
    done
    modules=$(find_modules "$kernel" virtio_pci virtio_blk virtio_net virtio_console virtio_balloon virtio-rng button \
        qemu_fw_cfg)
    [ -n "$modules" ] || { echo "no modules for $kernel"; return 1; }
    cat >"$dir/init" <<'INIT'
#!/bin/sh
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
mount -t ext4 /dev/vda /root && mount --move /dev /root/dev && exec switch_root /root /init
poweroff -f
INIT
    cat >"$dir/root-init" <<'INIT'
#!/bin/sh
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
ip link set lo up
port=
until [ -n "$port" ]; do
    port=$(grep -lx org.test.shell /sys/class/virtio-ports/*/name 2>/dev/null)
done
port=${port%/name}
exec 3<>"/dev/${port##*/}"
sh <&3 >&3 2>&3
poweroff -f
INIT
    echo "$modules" >"$dir/modules"
    "$TOP/tests/lib/initramfs.sh" "$dir/base" "$dir/init" $modules || return 1
    (cd "$dir" && echo modules | cpio --quiet -o -H newc -R 0:0) >"$dir/more"
    cat "$dir/base" "$dir/more" >"$dir/initramfs"
    # The same with the tools, unpacked into a file system.
    "$TOP/tests/lib/initramfs.sh" "$dir/base" "$dir/root-init" "${files[@]}" || return 1
    mkdir "$dir/tree" && (cd "$dir/tree" && cpio --quiet -idm <"$dir/base") || return 1
    mkfs.ext4 -q -O ^has_journal -d "$dir/tree" "$dir/root" \
        "$(($(du -sm "$dir/tree" | cut -f 1) * 5 / 4 + 24))M" >/dev/null || return 1
    rm -r "$dir/tree" "$dir/base" "$dir/more"
}

# tap_possible: whether a tap interface can be made in a network namespace of its own.
tap_possible() {
    [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && [ -e /dev/net/tun ] &&
        unshare -n ip tuntap add dev probe mode tap 2>/dev/null
}
