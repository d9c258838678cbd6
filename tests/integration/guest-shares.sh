#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a guest that is a user of its own shares with its host: directories (9p) that it reads and writes
# and that are as before when it has ended, sockets (vsock) both ways, the number of its generation. Of an
# end in order and of one by force, and what cannot be shared, which is refused by name.
set -u
export PATH=$PATH:/usr/sbin:/sbin
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/modules.sh"
. "$TOP/tests/lib/guests.sh"
[ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
for tool in setpriv gcc python3 busybox; do command -v $tool >/dev/null || { echo "no $tool"; exit 77; }; done
kernel= # the cloud kernel has no 9p
for file in $(ls -v /boot/vmlinuz-* 2>/dev/null); do
    modinfo -k "${file#*vmlinuz-}" 9p >/dev/null 2>&1 && kernel=$file
done
[ -n "$kernel" ] || { echo "no kernel with 9p in /boot (linux-image-amd64)"; exit 77; }
modules=$(find_modules "$kernel" virtio_pci 9pnet_virtio 9p vmw_vsock_virtio_transport)
work=$(mktemp -d /tmp/guest-shares-XXXXXX)
peer=
end() {
    [ -z "$peer" ] || kill "$peer" 2>/dev/null
    remove_work "$work"
}
trap end EXIT
root=$work/root run=$work/root/run/vmgr/domains/g.d
export VMGR_EMULATOR=$BUILD/tools/vemu/vemu
sh() { "$BUILD/tools/vmsh/vmsh" -q -c vemu:///system --root "$root" "$@"; }
fail() { echo "FAILED: $*"; tail -n 30 "$work/console" "$root"/log/vmgr/* 2>/dev/null; exit 1; }
said() { grep -qxF -- "T: $1" <(tr -d '\r' <"$work/console"); }
uid() { sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$(pid)/status"; }
pid() { sed -n "s/.*<domstatus.* pid='\([0-9]*\)'.*/\1/p" "$run/status.xml"; }
# Owner, mode, and whether anybody is named in a list of the file's.
state() {
    python3 - "$@" <<'PY'
import os, sys
for path in sys.argv[1:]:
    st = os.lstat(path)
    lists = [a for a in os.listxattr(path, follow_symlinks=False) if a.startswith("system.posix_acl")]
    print(path.split("/")[-1], st.st_uid, st.st_gid, oct(st.st_mode), *lists)
PY
}

# --- what the guest does ---
cat >"$work/probe.c" <<'PROBE'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

int main(int argc, char **argv)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
    char text[100];
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    ssize_t n;

    a.svm_port = (unsigned)atoi(argv[2]);
    if (strcmp(argv[1], "listen") == 0) {
        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
            return perror("listen"), 1;
        fd = accept(fd, NULL, NULL);
    } else {
        a.svm_cid = VMADDR_CID_HOST;
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
            return perror("connect"), 1;
        if (write(fd, "guest", 5) != 5)
            return 1;
    }
    n = read(fd, text, sizeof(text));
    printf("%.*s\n", (int)(n < 0 ? 0 : n), text);
    return write(fd, text, (size_t)n) < 0;
}
PROBE
gcc -O1 -static -o "$work/probe" "$work/probe.c" || fail "no probe"
cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
say() { echo "T: $*"; }
mkdir /a /b /c
mount -t 9p -o trans=virtio,version=9p2000.L plain /a || say "no plain"
mount -t 9p -o trans=virtio,version=9p2000.L mapped /b || say "no mapped"
mount -t 9p -o trans=virtio,version=9p2000.L,ro closed /c || say "no closed"
say "host $(cat /a/from-host) $(cat /a/deep/er/file)"
[ ! -e /a/made ] || say "again $(cat /a/made) $(cat /b/file) $(stat -c '%a %u:%g' /b/file)"
echo "of the guest" >/a/made
echo "more" >>/a/from-host
mkdir -p /a/new/deeper
echo "inside" >/a/new/deeper/file
cp /bin/busybox /a/new/suid && chmod 4755 /a/new/suid
echo "text" >/b/file; chown 77:88 /b/file; chmod 640 /b/file
say "mapped $(stat -c '%a %u:%g' /b/file)"
say "closed $(cat /c/file)"
touch /c/new 2>/dev/null && say "written to read-only"
say "generation $(ls /sys/bus/acpi/devices | grep -c VEMU0001)"
sync
/probe listen 1000 >/listener &
say "ready"
wait
say "listener $(cat /listener)"
say "vsock $(/probe connect 50 2>&1)"
while [ ! -e /a/later ]; do sleep 0.2; done
say "later $(cat /a/later)"
umount /a /b /c && say "done"
poweroff -f
INIT
make_initramfs "$work" "$modules" >/dev/null || fail initramfs
mkdir "$work/extra" && cp "$work/probe" "$work/extra/"
(cd "$work/extra" && echo probe | cpio --quiet -o -H newc -R 0:0) >>"$work/initramfs"

# --- what it gets ---
mkdir -p "$root/etc/vmgr" "$work/private/plain/deep/er" "$work/private/mapped" "$work/private/closed"
(
    umask 077
    cd "$work/private" || exit 1
    echo "words" >plain/from-host
    echo "below" >plain/deep/er/file
    echo "read me" >closed/file
    echo "secret" >secret
    ln -s ../secret plain/up
    mkfifo plain/pipe
)
chmod 700 "$work" "$work/private" "$work/private/plain/deep/er" "$work/private/mapped" "$work/private/closed"
chown 1234:5678 "$work/private/plain"
printf '[vemu]\nguests_as=own\n' >"$root/etc/vmgr/vemu.conf"
before=$(state "$work/private"/{,plain,plain/deep,plain/deep/er,plain/deep/er/file,plain/from-host,plain/pipe,mapped,closed,closed/file,secret})
python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.probe", b"1")' "$work/private/mapped/../secret" ||
    { echo "no extended attributes in /tmp"; exit 77; }
define() { # MORE
    cat >"$work/g.xml" <<XML
<domain type='qemu'>
  <name>g</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e7a01</uuid><genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$kernel</kernel><initrd>$work/initramfs</initrd>
    <cmdline>console=ttyS0 quiet panic=-1</cmdline></os>
  <devices>
    <filesystem type='mount' accessmode='squash'><source dir='$work/private/plain'/><target dir='plain'/></filesystem>
    <filesystem type='mount' accessmode='mapped'><source dir='$work/private/mapped'/><target dir='mapped'/></filesystem>
    <filesystem type='mount'><source dir='$work/private/closed'/><target dir='closed'/><readonly/></filesystem>
    <vsock model='virtio'/>
    <serial type='file'><source path='$work/console'/></serial>
    $1
  </devices>
</domain>
XML
    sh define "$work/g.xml" || fail "define"
}
define ""
sh start g || fail start
sh dumpxml g | grep -q "<cid auto='yes' address='3'/>" || fail "no address: $(sh dumpxml g)"
sh qemu-monitor-command g '{"execute":"query-vm-generation-id"}' |
    grep -q 43dc0cf8-809b-4adb-9bea-a9abb5f3d90e || fail "another generation"
user=$(uid)
[ "$user" -ge 1900000000 ] || fail "runs as $user"
reaches() { setpriv --reuid "$user" --regid "$user" --clear-groups head -c 1 "$1" >"$work/byte" 2>/dev/null && [ -s "$work/byte" ]; }
writes() { setpriv --reuid "$user" --regid "$user" --clear-groups dd if=/dev/zero of="$1" bs=1 count=0 conv=notrunc 2>/dev/null; }
reaches "$work/private/plain/deep/er/file" || fail "its own file"
reaches "$work/private/secret" && fail "a file beside what is shared"
writes "$work/private/closed/file" && fail "a file that is to be read only"
reaches "$work/private/closed/file" || fail "a file to be read"

# --- what it says; our end of vsock, where everybody may connect ---
until_ok said "ready"
said "host words below" || fail "what the host wrote"
said "mapped 640 77:88" || fail "mapped owners"
said "closed read me" || fail "the read-only share"
said "written to read-only" && fail "it wrote what is to be read only"
said "generation 1" || fail "no generation in ACPI"
cat >"$work/peer.py" <<'PEER'
import os, socket, sys, time
os.chdir(sys.argv[1])
server = socket.socket(socket.AF_UNIX)
server.bind("vsock.sock_50")
os.chmod("vsock.sock_50", 0o777)
server.listen()
while True:
    client = socket.socket(socket.AF_UNIX)
    client.connect("vsock.sock")
    client.sendall(b"CONNECT 1000\n")
    if client.makefile("rb", buffering=0).readline().startswith(b"OK "):
        break
    time.sleep(0.1)
client.sendall(b"host")
print("echo", client.recv(100), flush=True)
client.close()
peer, _ = server.accept()
print("asked", peer.recv(100), flush=True)
peer.sendall(b"answer")
peer.recv(100)
PEER
python3 "$work/peer.py" "$run" >"$work/peer.log" 2>&1 &
peer=$!
until_ok said "vsock answer"
said "listener host" || fail "the guest's port"
grep -q "echo b'host'" "$work/peer.log" && grep -q "asked b'guest'" "$work/peer.log" || fail "peer: $(cat "$work/peer.log")"
wait $peer
peer=
(umask 022; echo "made meanwhile" >"$work/private/plain/.later" && mv "$work/private/plain/.later" "$work/private/plain/later")
until_ok said "done"
said "later made meanwhile" || fail "what the host made meanwhile"
until_ok eval '[ "$(sh domstate g)" = "shut off" ]'

# --- as it was, and what the guest made belongs to whom the directory does ---
now=$(state "$work/private"/{,plain,plain/deep,plain/deep/er,plain/deep/er/file,plain/from-host,plain/pipe,mapped,closed,closed/file,secret})
[ "$now" = "$before" ] || fail "not as before: $(diff <(echo "$before") <(echo "$now"))"
[ "$(cat "$work/private/plain/from-host")" = "$(printf 'words\nmore')" ] || fail "what it appended"
for made in plain/made plain/new plain/new/deeper plain/new/deeper/file plain/new/suid; do
    case $(state "$work/private/$made") in *" 1234 5678 "*posix_acl*) fail "lists are left: $made" ;; *" 1234 5678 "*) ;; *) fail "owner: $(state "$work/private/$made")" ;; esac
done
[ -u "$work/private/plain/new/suid" ] && fail "a set-user-ID bit is left"
reaches "$work/private/plain/from-host" && fail "its user can read it still"

# --- the next run, another user, has what the last one made; it ends by force ---
rm "$work/console"
sh start g || fail "start again"
[ "$(uid)" != "$user" ] || fail "the same user again"
until_ok said "ready"
said "again of the guest text 640 77:88" || fail "what the last run left"
user=$(uid)
kill -9 "$(pid)"
until_ok eval '[ "$(sh domstate g)" = "shut off" ]'
now=$(state "$work/private"/{,plain,plain/deep,plain/deep/er,plain/deep/er/file,plain/from-host,plain/pipe,mapped,closed,closed/file,secret})
[ "$now" = "$before" ] || fail "not as before a kill: $(diff <(echo "$before") <(echo "$now"))"
[ -e "$run/rights" ] && fail "a record is left"
sh start g --paused || fail "a socket of the last run is in the way"
sh destroy g || fail destroy

# --- what cannot be ---
define "<filesystem type='mount'><source dir='$work/none'/><target dir='x'/></filesystem>"
refused "Cannot access directory '$work/none': No such file" sh start g
define "<filesystem type='mount'><source dir='$work/init'/><target dir='x'/></filesystem>"
refused "Cannot access directory '$work/init': Not a directory" sh start g
define "<filesystem type='mount'><source dir='/'/><target dir='x'/></filesystem>"
refused "'/' cannot be shared" sh start g
define "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/><target dir='x'/></filesystem>"
refused "driver 'virtiofs' of <filesystem> is not supported" sh start g
now=$(state "$work/private"/{,plain,plain/deep,plain/deep/er,plain/deep/er/file,plain/from-host,plain/pipe,mapped,closed,closed/file,secret})
[ "$now" = "$before" ] || fail "not as before a refusal: $(diff <(echo "$before") <(echo "$now"))"
echo "guests share directories, sockets and their generation"
