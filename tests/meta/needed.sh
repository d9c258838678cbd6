#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Libraries and programs link what their layer may link, and nothing else.
set -u
bad=0
check() { # FILE ALLOWED
    [ -e "$1" ] || { echo "$1 is missing"; bad=1; return; }
    local needed
    for needed in $(readelf -d "$1" | grep -oP 'NEEDED.*\[\K[^]]+'); do
        echo "$needed" | grep -qE "^($2)\.so" || { echo "$(basename "$1") needs $needed"; bad=1; }
    done
}
base='libc|libpthread|libm|ld-linux-x86-64|libasan|libubsan'
check "$BUILD/libvkvm/libvkvm.so" "$base"
check "$BUILD/libvemu/libvemu.so" \
    "$base|libvkvm|libglib-2.0|libjson-c|libz|libbz2|liblzma|liblz4|libzstd|liburing"
check "$BUILD/libvmgr/libvmgr.so" \
    "$base|libvemu|libglib-2.0|libxml2|libjson-c|libnl-3|libnl-route-3|libsasl2"
check "$BUILD/tools/vemu/vemu" "$base|libvemu"
check "$BUILD/tools/vemu-img/vemu-img" "$base|libvemu"
# Only where libslirp and libseccomp are installed.
[ ! -e "$BUILD/tools/vemu-slirp" ] || ! grep -q vemu-slirp "$BUILD/build.ninja" ||
    check "$BUILD/tools/vemu-slirp/vemu-slirp" "$base|libslirp|libseccomp|libglib-2.0"
# Only where GnuTLS and libseccomp are installed.
[ ! -e "$BUILD/tools/vemu-tls" ] || ! grep -q vemu-tls "$BUILD/build.ninja" ||
    check "$BUILD/tools/vemu-tls/vemu-tls" "$base|libgnutls|libseccomp"
check "$BUILD/tools/vemu-nbd/vemu-nbd" "$base|libvemu"
check "$BUILD/tools/vkvm-info/vkvm-info" "$base|libvkvm|libjson-c"
check "$BUILD/tools/vmsh/vmsh" "$base|libvmgr|libedit|libbsd|libxml2"
exit $bad
