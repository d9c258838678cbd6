#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest whose NUMA cells have pages of different sizes: those of one are huge, and taken from the host's while
# it runs; more than there are make the start fail. Needs huge pages, which are given back at the end.
set -u
. "$TOP/tests/lib/asserts.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/guests.sh"
. "$TOP/tests/lib/users.sh"
system_guests huge-pages
pool=/sys/kernel/mm/hugepages/hugepages-2048kB
[ -w "$pool/nr_hugepages" ] || { echo "no huge pages of 2 MiB"; exit 77; }
before=$(cat "$pool/nr_hugepages")
trap 'remove_work "$work"; echo "$before" >"$pool/nr_hugepages"' EXIT
used() { # in use or promised
    echo $(($(cat "$pool/nr_hugepages") - $(cat "$pool/free_hugepages") + $(cat "$pool/resv_hugepages")))
}
others=$(used)
echo $((before + 16)) >"$pool/nr_hugepages"
[ $(($(cat "$pool/nr_hugepages") - others)) -ge 16 ] || { echo "the host has no 16 huge pages to spare"; exit 77; }
free=$(($(cat "$pool/nr_hugepages") - others))
mkdir -p "$root/etc/vmgr"
cp "$kernel" "$work/kernel"
chmod 755 "$work"; chmod 644 "$work/kernel"
document() { # NAME MIB-OF-CELL-1
    cat >"$work/$1.xml" <<XML
<domain type='qemu'>
  <name>$1</name><memory unit='MiB'>$((128 + $2))</memory>
  <memoryBacking><hugepages><page size='2' unit='M' nodeset='1'/></hugepages></memoryBacking>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>$work/kernel</kernel></os>
  <cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/><cell id='1' memory='$2' unit='MiB'/></numa></cpu>
  <devices><memballoon model='none'/></devices>
</domain>
XML
    sh define "$work/$1.xml" || fail "define $1"
}
for way in own caller; do
    printf '[vemu]\nguests_as=%s\n' $way >"$root/etc/vmgr/vemu.conf"
    document $way 32
    sh start $way --paused || fail "start $way"
    huge=$(awk '$1 == "Size:" { size = $2 } $1 == "KernelPageSize:" && $2 == 2048 { print size }' "/proc/$(pid $way)/smaps")
    [ "$huge" = 32768 ] || fail "of huge pages are: $huge"
    [ "$(used)" = $((others + 16)) ] || fail "$(used) pages are used, not $((others + 16))"
    sh destroy $way || fail "destroy $way"
    [ "$(used)" = "$others" ] || fail "$(used) pages are used afterwards, $others were before"
done
document more $((2 * free + 2))
refused "Cannot allocate memory" sh start more --paused
document odd 33
refused "is not a multiple of 2097152" sh start odd --paused
[ "$(used)" = "$others" ] || fail "$(used) pages are used in the end"
echo ok
