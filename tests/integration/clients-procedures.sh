#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every procedure that unmodified clients live on, asked by virsh and python3-libvirt of vmgrd with a guest that runs,
# in namespaces of their own (the guest is on a network). What is asked, and the answers, are in the Python part.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/namespaces.sh"
if [ "${1:-}" != inside ]; then
    /usr/bin/python3 -c 'import libvirt' 2>/dev/null || { echo "no python3-libvirt"; exit 77; }
    [ -c /dev/net/tun ] || { echo "no /dev/net/tun"; exit 77; }
    enter_namespaces "$0" 280 virsh
fi
work=$2
check_namespaces
mount -t sysfs none /sys || { echo "no /sys of these namespaces"; exit 77; }
ip tuntap add check mode tap && ip link del check || { echo "no taps here"; exit 77; }
ip link set lo up
export PYTHONDONTWRITEBYTECODE=1
mkdir "$work/run"
/usr/bin/python3 "$TOP/tests/tools/clients-procedures.py" "$BUILD" "$work/run" "$TOP"
