#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's kernel with its own drivers shares with the host: directories over 9p (a file-tree test by
# the guest, checked on the host), sockets over vsock in both directions; on q35 and microvm.
set -u
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/modules.sh"
export PATH=$PATH:/usr/sbin:/sbin
# The cloud kernel has no 9p.
kernel=
for file in $(ls -v /boot/vmlinuz-* 2>/dev/null); do
    modinfo -k "${file#*vmlinuz-}" 9p >/dev/null 2>&1 && kernel=$file
done
[ -n "$kernel" ] || { echo "no kernel with 9p in /boot (linux-image-amd64)"; exit 77; }
modules=$(find_modules "$kernel" virtio_pci virtio_mmio 9pnet_virtio 9p vmw_vsock_virtio_transport)
work=$(mktemp -d)
peer=
trap '[ -n "$peer" ] && kill "$peer" 2>/dev/null; rm -rf "$work"' EXIT

cat >"$work/probe.c" <<'PROBE'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

/* Everything that comes goes back; the number of bytes. */
static long echo(int fd)
{
    static char buf[65536];
    long sum = 0;
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0)
        for (ssize_t at = 0, m; at < n; at += m, sum += m)
            if ((m = write(fd, buf + at, (size_t)(n - at))) <= 0)
                return -1;
    shutdown(fd, SHUT_WR);
    return sum;
}

/* Sends from a child, so that both directions are full at a time; the bytes that came back right. */
static long ask(int fd, long size)
{
    unsigned char buf[5000];
    long at = 0;
    ssize_t n;

    if (fork() == 0) {
        for (; at < size; at += n) {
            for (int i = 0; i < 5000; i++)
                buf[i] = (unsigned char)((at + i) * 7 >> 5);
            n = write(fd, buf, (size_t)(size - at < 5000 ? size - at : 5000));
            if (n <= 0)
                break;
        }
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        for (int i = 0; i < n; i++, at++)
            if (buf[i] != (unsigned char)(at * 7 >> 5))
                return -at;
    return n < 0 ? -1 : at;
}

/* Messages of these sizes come back as they went. */
static int messages(int fd)
{
    static const ssize_t sizes[] = { 1, 5000, 100000, 3 };
    static char to[100000], from[200000];

    memset(to, 'm', sizeof(to));
    for (int i = 0; i < 4; i++)
        if (send(fd, to, (size_t)sizes[i], 0) != sizes[i])
            return perror("send"), 1;
    for (int i = 0; i < 4; i++) {
        ssize_t n = recv(fd, from, sizeof(from), 0);

        printf("%zd%s", n, i < 3 ? " " : "\n");
        if (n <= 0 || memcmp(from, to, (size_t)n) != 0)
            return 1;
    }
    return 0;
}

/* Whether a lock could be had: by us, by another process, by that one after we let go. */
static int locks(const char *path)
{
    struct flock l = { .l_type = F_WRLCK };
    int fd = open(path, O_RDWR), status, first = fcntl(fd, F_SETLK, &l) < 0, second, third;

    if (fork() == 0)
        _exit(fcntl(open(path, O_RDWR), F_SETLK, &l) < 0);
    wait(&status);
    second = WEXITSTATUS(status);
    l.l_type = F_UNLCK;
    third = fcntl(fd, F_SETLK, &l) < 0;
    if (fork() == 0)
        _exit(flock(open(path, O_RDWR), LOCK_EX | LOCK_NB) < 0);
    wait(&status);
    printf("%d %d %d\n", first, second, third || WEXITSTATUS(status));
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
    char value[100];
    int fd;

    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "set") == 0)
        return setxattr(argv[2], argv[3], argv[4], strlen(argv[4]), 0) < 0 ? perror("set"), 1 : 0;
    if (strcmp(argv[1], "get") == 0) {
        ssize_t n = getxattr(argv[2], argv[3], value, sizeof(value));

        printf("%.*s\n", (int)(n < 0 ? 0 : n), value);
        return n < 0;
    }
    if (strcmp(argv[1], "lock") == 0)
        return locks(argv[2]);
    fd = socket(AF_VSOCK, strcmp(argv[1], "messages") ? SOCK_STREAM : SOCK_SEQPACKET, 0);
    a.svm_port = (unsigned)atoi(argv[2]);
    if (strcmp(argv[1], "listen") == 0) {
        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
            return perror("listen"), 1;
        printf("echoed %ld\n", echo(accept(fd, NULL, NULL)));
        return 0;
    }
    a.svm_cid = 2;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return perror("connect"), 1;
    if (strcmp(argv[1], "messages") == 0)
        return messages(fd);
    printf("got back %ld\n", ask(fd, atol(argv[3])));
    return 0;
}
PROBE
gcc -O1 -static -o "$work/probe" "$work/probe.c" || exit 1

cat >"$work/init" <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod "$module"; done
say() { echo "T: $*"; }
check() { "$@" >/dev/null 2>&1 && say "ok $*" || say "failed $*"; }
mkdir /a /b /c
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /a || say "no share"
mount -t 9p -o trans=virtio,version=9p2000.L mapped /b || say "no mapped"
mount -t 9p -o trans=virtio,version=9p2000.L,ro closed /c || say "no closed"
/probe listen 1000 >/listener &
cd /a
say "host sum $(sha256sum <from-host)"
dd if=/dev/urandom of=big bs=65536 count=16 2>/dev/null; sync
echo "again" >>text; echo "more" >>text
say "big $(sha256sum <big)"
mkdir -p d/e; mv big d/e/big
say "moved $(sha256sum <d/e/big)"
ln d/e/big hard; ln -s d/e soft; ln -s /etc/passwd passwd
say "links $(stat -c %h hard) $(readlink soft) $(ls soft)"
chmod 2751 d; chown 12:34 text; say "mode $(stat -c '%a %u:%g' d) $(stat -c '%u:%g' text)"
mkdir many; i=0; while [ $i -lt 300 ]; do : >many/f$i; i=$((i + 1)); done
say "many $(ls many | wc -l) $(find many -type f | wc -l)"
rm -r many; check test ! -e many
truncate -s 100 d/e/big; say "cut $(stat -c %s hard)"
touch -d '2001-02-03 04:05:06' text; say "time $(stat -c %Y text)"
mkfifo fifo; say "fifo $(stat -c %F fifo)"
/probe set text user.color blue; say "xattr $(/probe get text user.color)"
exec 5>gone; rm gone; echo hello >&5; exec 5>&-
say "locks $(/probe lock text)"
echo "guest:x:0:0:::" >/etc/passwd
say "link $(cat passwd)"
cat up >/dev/null 2>&1 && say "outside was reached"
say "dots $(ls -id / /a/.. | awk '{print $1}' | uniq | wc -l) $(cd .. && ls -d a)"
cd /b
echo text >file; chown 77:88 file; chmod 4711 file; mknod disk b 8 1; ln -s file link
say "mapped $(stat -c '%a %u:%g' file) $(stat -c '%F %t' disk) $(cat link)"
cd /c
say "closed $(cat file)"
touch new 2>/dev/null && say "written to read-only"
say "df $(df -P /a | tail -n 1 | wc -w)"
cd /
say "vsock $(/probe connect 50 1000000)"
say "messages $(/probe messages 52)"
say "refused $(/probe connect 51 1 2>&1)"
wait
say "listener $(cat /listener)"
umount /a /b /c && say "unmounted"
poweroff -f
INIT
echo "$modules" >"$work/modules"
"$TOP/tests/lib/initramfs.sh" "$work/base" "$work/init" $modules
(cd "$work" && printf '%s\n' modules probe | cpio --quiet -o -H newc -R 0:0) >"$work/more"
cat "$work/base" "$work/more" >"$work/initramfs"

# Our end of vsock: an echo at port 50, and a client of the guest's port 1000.
cat >"$work/peer.py" <<'PEER'
import os, socket, sys, threading, time
path = sys.argv[1]
server = socket.socket(socket.AF_UNIX)
server.bind(path + "_50")
server.listen()
def echo():
    peer, _ = server.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
        time.sleep(0.001)
    peer.close()
def echo_messages():
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path + "_52")
    listener.listen()
    peer, _ = listener.accept()
    while data := peer.recv(1 << 20):
        peer.sendall(data)
messenger = threading.Thread(target=echo_messages, daemon=True)
messenger.start()
echoer = threading.Thread(target=echo, daemon=True)
echoer.start()
while True:
    time.sleep(0.5)
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
        client.sendall(b"CONNECT 1000\n")
        line = client.makefile("rb", buffering=0).readline()
    except OSError:
        continue
    if line.startswith(b"OK "):
        break
    client.close()
sent = os.urandom(1000000)
def send():
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
got = b""
while data := client.recv(65536):
    got += data
print("same" if got == sent else f"{len(got)} bytes came back", flush=True)
echoer.join()
messenger.join()
PEER

bad=0
for machine in q35 microvm; do
    mkdir "$work/$machine"
    cd "$work/$machine" || exit 1
    mkdir share mapped closed
    head -c 1048576 /dev/urandom >share/from-host
    echo "first" >share/text
    echo "THE-HOST'S-SECRET" >secret
    ln -s ../secret share/up
    echo "read me" >closed/file
    setfattr=$(python3 -c 'import os
try: os.setxattr("mapped", "user.probe", b"1"); print(1)
except OSError: print(0)')
    python3 "$work/peer.py" "$PWD/v" >peer.log 2>&1 &
    peer=$!
    timeout 300 "$BUILD/tools/vemu/vemu" -accel soft -machine $machine -m 256M -kernel "$kernel" \
        -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" -nographic -no-reboot \
        -virtfs local,path=share,mount_tag=share,security_model=none \
        -fsdev local,id=m,path=mapped,security_model=mapped-xattr \
        -device virtio-9p,fsdev=m,mount_tag=mapped \
        -virtfs local,path=closed,mount_tag=closed,security_model=passthrough,readonly=on \
        -device virtio-vsock,guest-cid=3,uds-path=v </dev/null 2>&1 | tr -d '\r' >log
    expect() { # LINE: the guest said it
        grep -qxF -- "T: $1" log && return
        echo "$machine: the guest did not say '$1'"
        bad=1
    }
    expect "host sum $(sha256sum <share/from-host)"
    sum=$(sed -n 's/^T: big //p' log)
    expect "moved $sum"
    expect "links 2 d/e big"
    [ "$(id -u)" -eq 0 ] && expect "mode 2751 0:0 12:34"
    expect "many 300 300"
    expect "ok test ! -e many"
    expect "cut 100"
    expect "time 981173106"
    expect "fifo fifo"
    expect "locks 0 1 0"
    expect "link guest:x:0:0:::"
    [ "$setfattr" = 1 ] && expect "xattr blue"
    [ "$setfattr" = 1 ] && expect "mapped 4711 77:88 block special file 8 text"
    expect "closed read me"
    expect "df 6"
    expect "vsock got back 1000000"
    expect "messages 1 5000 100000 3"
    expect "refused connect: Connection reset by peer"
    expect "listener echoed 1000000"
    expect "unmounted"
    for never in SECRET "outside was" "written to" "^T: failed" "root:"; do
        grep -q -- "$never" log && { echo "$machine: the guest said '$never'"; bad=1; }
    done
    # The same on the host.
    [ "$(stat -c '%s %h' share/hard)" = "100 2" ] || { echo "$machine: hard link"; bad=1; }
    [ "$(cat share/text)" = "$(printf 'first\nagain\nmore')" ] || { echo "$machine: text"; bad=1; }
    [ "$(readlink share/passwd)" = /etc/passwd ] || { echo "$machine: symbolic link"; bad=1; }
    [ ! -e share/gone ] && [ -p share/fifo ] || { echo "$machine: files"; bad=1; }
    if [ "$setfattr" = 1 ]; then
        [ "$(stat -c '%a %F' mapped/file mapped/disk | sort -u | wc -l)" -le 2 ] &&
            [ -f mapped/disk ] && [ ! -L mapped/link ] && [ "$(stat -c %a mapped/file)" = 600 ] ||
            { echo "$machine: mapped files"; bad=1; }
    fi
    [ ! -e closed/new ] || { echo "$machine: read-only"; bad=1; }
    sleep 0.5
    grep -qx same peer.log || { echo "$machine: our end of vsock: $(cat peer.log)"; bad=1; }
    [ ! -e v ] || { echo "$machine: the socket was left behind"; bad=1; }
    kill $peer 2>/dev/null
    peer=
    [ $bad = 0 ] || { tail -n 50 log; break; }
done
exit $bad
