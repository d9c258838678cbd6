#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The compiler's dependency records: which part includes whose headers.
set -u
bad=0
cd "$BUILD" || exit 1
ninja -t deps >/tmp/deps.$$ 2>/dev/null
# check PART-OF-OBJECT-PATH FORBIDDEN-HEADER-REGEX
check() {
    local hits
    hits=$(awk -v part="$1" -v forbidden="$2" '
        /^[^ ]/ { object = $1; sub(/:$/, "", object); inside = object ~ part; next }
        inside && $1 ~ forbidden { print object ": " $1 }' /tmp/deps.$$)
    [ -z "$hits" ] || { echo "$hits"; bad=1; }
}
check '^libvkvm/' '(libvemu|libvmgr)/|glib|libxml|json-c'
check '^libvemu/' 'libvmgr/|libxml'
check '^libvemu/.*soft_.*' 'glib|json-c|vkvm/|linux/kvm'
check '^libvemu/.*(core|devices|machines|boot|chardev|monitor|mem)_.*' 'vkvm/|linux/kvm\.h'
check '^libvmgr/' 'vkvm/|libvemu/src'
check '^tools/vemu-img/' 'libvemu/src|libvkvm/|libvmgr/|glib|json-c'
check '^tools/vemu/' 'libvemu/src|libvkvm/|libvmgr/|glib|json-c'
check '^tools/vemu-(nbd|tls)/' 'libvemu/src|libvkvm/|libvmgr/|glib|json-c'
check '^tools/vkvm-(info|trace)/' 'libvemu|libvmgr|libvkvm/src|glib'
# the protocol knows neither drivers nor the inside of the library; the server only what is public
check '^libvmgr/libvmgr_rpc' 'libvmgr/src/(api|conf|driver|server)/|libvemu|libxml|json-c'
check '^libvmgr/libvmgr_server' 'libvmgr/src/(api|conf|driver)/|libvemu|libxml|json-c'
check '^tools/vmgrd/' 'libvmgr/src/(api|conf|driver|rpc)/|libvemu|libvkvm|libxml|json-c|server/internal\.h'
# dumpxml --xpath is libxml2's
check '^tools/vmsh/' '/(libvmgr/src|libvemu|libvkvm)/|glib|json-c'
rm -f /tmp/deps.$$

# ioctl(KVM_...) only in libvkvm
cd "$TOP" || exit 1
grep -rnE '\bioctl\s*\([^)]*KVM_' libvemu libvmgr tools --include=*.c && bad=1
exit $bad
