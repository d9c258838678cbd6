# SPDX-License-Identifier: LGPL-2.1-or-later
# Kernel modules for the initramfs of a test.

# find_modules KERNEL NAME...: the files of the modules and of what they need.
find_modules() {
    local release=${1#*vmlinuz-} name
    shift
    for name in "$@"; do
        modprobe -S "$release" --show-depends "$name" 2>/dev/null |
            sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++'
}
