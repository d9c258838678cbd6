# SPDX-License-Identifier: LGPL-2.1-or-later
# What has to be installed on Debian 12, and installing it.

# To build.
packages_build="gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libxml2-dev libjson-c-dev
    libnl-3-dev libnl-route-3-dev zlib1g-dev libbz2-dev liblzma-dev liblz4-dev libzstd-dev
    liburing-dev libslirp-dev libseccomp-dev libgnutls28-dev libsasl2-dev libedit-dev check"
# To run a guest.
packages_guest="linux-image-cloud-amd64 busybox-static cpio"
# To test.
packages_test="clang lld libclang-rt-14-dev cppcheck g++ binutils file procps util-linux python3 perl gdb openssl gzip
    acpica-tools e2fsprogs kmod qemu-system-x86 qemu-utils libvirt-clients python3-libvirt libxml2-utils bash man-db
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    linux-image-amd64 xorriso mtools fdisk grub-pc-bin grub-efi-amd64-bin grub-common seabios ovmf
    ethtool gnutls-bin libnbd-bin nbdkit dmidecode pciutils fio iperf3 iproute2
    libvirt-daemon libsasl2-modules sasl2-bin dnsmasq-base nftables passt qemu-guest-agent
    virtinst osinfo-db libvirt-dbus dbus-daemon libglib2.0-bin"
# For the soaks.
packages_soak="clang-tidy valgrind grub-rescue-pc memtest86+ debian-installer-12-netboot-amd64"

# Installs those of the named packages that are missing. Asks nothing.
install_missing() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null; then
            local as_root=sudo
        else
            echo "not root; install first: apt-get install ${missing[*]}" >&2
            return 1
        fi
    fi
    echo "installing: ${missing[*]}"
    ${as_root:-} apt-get update -q </dev/null >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive ${as_root:-} apt-get install -y -q --no-install-recommends \
        "${missing[@]}" </dev/null >/tmp/vemu-apt.$$.log 2>&1 ||
        { tail -n 15 /tmp/vemu-apt.$$.log; rm -f /tmp/vemu-apt.$$.log; return 1; }
    rm -f /tmp/vemu-apt.$$.log
}

# For tests/run.
install_packages() {
    local soak=
    [ "${VEMU_TEST_SOAK:-0}" = 1 ] && soak=$packages_soak
    install_missing $packages_build $packages_guest $packages_test $soak
}

# The newest installed Debian cloud kernel, or the newest of any kind.
find_kernel() {
    ls -v /boot/vmlinuz-*-cloud-amd64 2>/dev/null | tail -n 1 | grep . ||
        ls -v /boot/vmlinuz-* 2>/dev/null | tail -n 1
}
