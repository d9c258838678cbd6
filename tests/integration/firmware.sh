#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Firmware on q35: SeaBIOS boots what it is told from each kind of drive; OVMF in flash comes to the
# menu of a GRUB EFI disk and keeps its variables. firmware-soak.sh has what takes longer.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/packages.sh"
install_missing ovmf seabios grub-common grub-efi-amd64-bin mtools xorriso fdisk >/dev/null
[ -e /usr/share/seabios/bios-256k.bin ] || { echo "no SeaBIOS"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vemu=$BUILD/tools/vemu/vemu
bad=0
fail() { echo "$*"; bad=1; }
started=$SECONDS

# --- SeaBIOS: which drive comes first -------------------------------------------------------------

# A boot sector, wherever it is loaded, that writes a letter to the serial port and then powers off or
# resets the machine.
sector() { # LETTER off|reset FILE
    local end='\xba\x04\x06\xb8\x00\x20\xef' # outw(0x604, 0x2000)
    [ "$2" = reset ] && end='\x90\xba\xf9\x0c\xb0\x06\xee' # outb(0xcf9, 6)
    {
        # cld; call; pop si; add si, 26; mov dx, 0x3f8; 1: lodsb cs:; test al, al; jz 2f; out; jmp 1b
        printf '\xfc\xe8\x00\x00\x5e\x83\xc6\x1a\xba\xf8\x03\x2e\xac\x84\xc0\x74\x03\xee\xeb\xf7'
        printf "$end"'\xf4\xeb\xfd\r\n[%s]\r\n' "$1" # 2: ...; hlt
        head -c 510 /dev/zero
    } | head -c 510 >"$3"
    printf '\x55\xaa' >>"$3"
}
for disk in B S A; do
    sector $disk off "$work/$disk"
    truncate -s 1M "$work/$disk"
done
mkdir "$work/cd"
sector C reset "$work/cd/boot"
xorriso -as mkisofs -quiet -o "$work/cd.iso" -b boot -no-emul-boot -boot-load-size 1 "$work/cd" \
    2>/dev/null || fail "xorriso"

seabios() { # LETTERS ARGUMENT...: what was started, in order
    local want=$1 got
    shift
    timeout 60 "$vemu" -accel soft -machine q35 -m 64M -nographic "$@" </dev/null >"$work/log" 2>&1
    got=$(tr -d '\r' <"$work/log" | sed -n 's/^\[\([A-Z]\)\]$/\1/p' | tr -d '\n')
    [ "$got" = "$want" ] && return
    fail "SeaBIOS with $*: '$got' instead of '$want'"
    tail -c 1000 "$work/log"
}
drive() { echo "-drive file=$work/$1,format=raw,if=none,id=$1"; }
all="-cdrom $work/cd.iso -device pcie-root-port,id=rp,addr=5 -device virtio-scsi-pci,id=s
    $(drive B) $(drive S) $(drive A)"
seabios B $all -device virtio-blk-pci,drive=B,bus=rp,bootindex=0 -device scsi-hd,drive=S,scsi-id=1 \
    -device ide-hd,drive=A,bus=ide.4,bootindex=1
seabios S $all -device virtio-blk-pci,drive=B -device scsi-hd,drive=S,scsi-id=3,lun=2,bootindex=1 \
    -device ide-hd,drive=A,bus=ide.0,bootindex=2
seabios A $all -device virtio-blk-pci,drive=B,bootindex=5 -device ide-hd,drive=A,bus=ide.4,bootindex=4
seabios CB -boot once=d -cdrom "$work/cd.iso" -drive "file=$work/B,format=raw,if=virtio"

# --- OVMF -----------------------------------------------------------------------------------------

# FILE: a GPT disk whose EFI partition has GRUB with a menu.
efi_disk() {
    cat >"$work/grub.cfg" <<'CFG'
set timeout=1
menuentry "the only entry" {
    echo "GRUB-$grub_cpu-$grub_platform"
    halt
}
CFG
    grub-mkimage -O x86_64-efi -p /EFI/BOOT -o "$work/bootx64.efi" \
        normal part_gpt fat echo halt &&
        truncate -s 8M "$work/esp" && mformat -i "$work/esp" :: &&
        mmd -i "$work/esp" ::/EFI ::/EFI/BOOT &&
        mcopy -i "$work/esp" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI &&
        mcopy -i "$work/esp" "$work/grub.cfg" ::/EFI/BOOT/grub.cfg &&
        truncate -s 10M "$1" &&
        echo 'start=2048, size=16384, type=uefi' | sfdisk -q --label gpt "$1" &&
        dd if="$work/esp" of="$1" bs=1M seek=1 conv=notrunc 2>/dev/null
}
ovmf=/usr/share/OVMF
if [ ! -e $ovmf/OVMF_CODE_4M.fd ] || [ ! -d /usr/lib/grub/x86_64-efi ]; then
    echo "no OVMF or no GRUB for EFI: not tested"
elif efi_disk "$work/efi"; then
    cp $ovmf/OVMF_VARS_4M.fd "$work/vars"
    code=$(sha256sum <$ovmf/OVMF_CODE_4M.fd)
    timeout 200 "$vemu" -accel soft -machine q35 -m 256M -nographic -no-reboot \
        -drive if=pflash,unit=0,format=raw,readonly=on,file=$ovmf/OVMF_CODE_4M.fd \
        -drive "if=pflash,unit=1,format=raw,file=$work/vars" \
        -drive "file=$work/efi,format=raw,if=virtio" </dev/null >"$work/log" 2>&1
    status=$?
    if [ $status -ne 0 ] || ! grep -aq 'GRUB-x86_64-efi' "$work/log" ||
        ! grep -aq 'the only entry' "$work/log"; then
        fail "OVMF: status $status"
        tail -c 3000 "$work/log"
    fi
    cmp -s $ovmf/OVMF_VARS_4M.fd "$work/vars" && fail "OVMF kept no variables"
    # of a kernel, and an initrd that it cannot read
    kernel=$(find_kernel)
    echo nothing >"$work/initrd"
    [ -z "$kernel" ] || timeout 200 "$vemu" -accel soft -machine q35 -m 256M -nographic -no-reboot \
        -bios /usr/share/ovmf/OVMF.fd -kernel "$kernel" -initrd "$work/initrd" \
        -append "console=ttyS0 panic=-1 hello" </dev/null >"$work/log" 2>&1
    [ -z "$kernel" ] || { grep -aq "Command line: console=ttyS0 panic=-1 hello" "$work/log" &&
        grep -aq "efi: EFI v2" "$work/log" && grep -aq "Initramfs unpacking failed" "$work/log"; } ||
        { fail "UEFI did not start the kernel"; tail -c 2000 "$work/log"; }
    [ "$code" = "$(sha256sum <$ovmf/OVMF_CODE_4M.fd)" ] || fail "OVMF's code has changed"
else
    fail "the EFI disk could not be made"
fi

# --- what is refused ------------------------------------------------------------------------------

refuse() { # WORDS ARGUMENT...
    local words=$1
    shift
    "$vemu" "$@" </dev/null >"$work/refused" 2>&1 && fail "not refused: $*"
    grep -qF -- "$words" "$work/refused" || { fail "$*:"; cat "$work/refused"; }
}
flash="-drive if=pflash,format=raw,file=$work/B"
refuse "is that of" -machine q35 $all -device ide-hd,drive=A,bootindex=1 \
    -device scsi-hd,drive=S,bootindex=1
kernel=$(find_kernel)
[ -z "$kernel" ] || refuse "no firmware boots from" -machine microvm -kernel "$kernel" $(drive B) \
    -device virtio-blk,drive=B,bootindex=1
refuse "has no flash" -machine microvm $flash
refuse "from 0 to 1" -machine q35 $flash,unit=2
refuse "all 2 units" -machine q35 $flash $flash $flash
refuse "index=1 already" -machine q35 $flash,unit=1 $flash,index=1
refuse "no pflash0" -machine q35 $flash,unit=1
refuse "no drive 'x'" -machine q35,pflash0=x
refuse "from a file or from flash" -machine q35 -bios "$work/B" $flash
refuse "is not UEFI" -machine q35 -kernel "$work/B" -bios "$work/B"
refuse "is not a Linux kernel that firmware can start" -machine q35 -kernel "$work/B" $flash
: >"$work/empty"
refuse "is not a Linux kernel that firmware can start" -machine q35 -kernel "$work/empty" $flash
[ -z "$kernel" ] || refuse "cannot open initrd" -machine q35 -kernel "$kernel" -initrd "$work/none" $flash
refuse "'x' is no boot device" -machine q35 -boot x
refuse "'splash' is not supported" -machine q35 -boot splash=x
refuse "only machine q35 starts with firmware" -machine microvm -boot c
refuse "No such file" -machine q35 -bios "$work/a,,b"
echo "$((SECONDS - started)) s"
exit $bad
