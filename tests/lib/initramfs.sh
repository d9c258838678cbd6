#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# initramfs.sh OUTPUT INIT [FILE...]: an uncompressed initramfs with Debian's static busybox, the script
# INIT as /init, and each FILE (a program is brought with its shared libraries).
set -eu
output=$(realpath -m "$1")
init=$(realpath "$2")
shift 2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,etc,root,usr/bin,usr/sbin,lib,lib64}
busybox=$(command -v busybox)
cp "$busybox" "$root/bin/busybox"
"$busybox" --list-full | while read -r applet; do
    mkdir -p "$root/$(dirname "$applet")"
    [ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
done
install -m 755 "$init" "$root/init"
copy() { # keeps the path; a link brings its target
    local file=$1
    [ -e "$root/$file" ] && [ ! -L "$root/$file" ] && return
    mkdir -p "$root/$(dirname "$file")"
    rm -f "${root:?}/$file"
    cp -L "$file" "$root/$file"
}
for file in "$@"; do
    copy "$file"
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do copy "$library"; done || true
done
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$output"
