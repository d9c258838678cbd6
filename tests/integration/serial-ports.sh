#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Serial ports, a console on virtio and channels of a Linux guest that is a user of its own, and their
# other ends on the host: TCP both ways, UDP, FIFOs, a terminal, logs; what cannot be had, which is
# refused by name and leaves nothing behind.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
[ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
for tool in python3 busybox; do command -v $tool >/dev/null || { echo "no $tool"; exit 77; }; done
need_guest virtio_pci virtio_console
work=$(mktemp -d /tmp/serial-ports-XXXXXX)
trap 'remove_work "$work"' EXIT
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
stty -F /dev/ttyS1 raw -echo; stty -F /dev/ttyS2 raw -echo; stty -F /dev/ttyS3 raw -echo; stty -F /dev/hvc0 raw -echo
port() { # NAME: waits for a channel and what it is called
    while :; do
        for p in /sys/class/virtio-ports/*; do
            [ "$(cat "$p/name" 2>/dev/null)" = "$1" ] && { echo "/dev/${p##*/}"; return; }
        done
        sleep 0.2
    done
}
echo_lines() { # NAME PORT: one of virtio opens once, and what comes before is lost
    { : >"/open.$1"; while read -r line; do echo "$1 got $line"; done; } <>"$2" >&0
}
for device in ttyS1 ttyS2 ttyS3 hvc0; do echo_lines $device /dev/$device & done
for device in ttyS1 ttyS2 ttyS3 hvc0; do while [ ! -e /open.$device ]; do sleep 0.1; done; done
echo "T: ready"
(echo_lines pipe "$(port org.pipe)") &
(echo_lines tty "$(port org.tty)") &
while sleep 1; do :; done
INIT
make_initramfs "$work" "$modules" >/dev/null || { echo "no initramfs"; exit 1; }
PYTHONDONTWRITEBYTECODE=1 timeout 400 python3 "$TOP/tests/integration/serial-ports.py" "$BUILD" "$work" "$kernel"
