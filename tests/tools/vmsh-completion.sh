#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmsh-completion.sh VMSH COMPLETION: what bash offers after Tab.
set -u
vmsh=$(realpath "$1")
export VIRSH_DEFAULT_CONNECT_URI=test:///default
unset VMSH_DEFAULT_CONNECT_URI VMGR_DEFAULT_URI LIBVIRT_DEFAULT_URI
. "$2"
complete -p vmsh | grep -q -- '-F _vmsh vmsh' || { echo "nothing is registered for vmsh"; exit 1; }
compopt() { :; } # only there while bash completes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir folder
touch file.xml 'with blank.xml'
bad=0
cases=0
# offers EXPECTED WORD...: the last word is the one being completed.
offers() {
    local expected=$1
    shift
    COMP_LINE="$vmsh $*"
    COMP_POINT=${#COMP_LINE}
    COMPREPLY=()
    _vmsh
    cases=$((cases + 1))
    local found
    found=$(printf '%s\n' "${COMPREPLY[@]-}" | LC_ALL=C sort | tr '\n' ' ')
    [ "$found" = "$expected " ] && return
    echo "vmsh $*: offers '$found', expected '$expected'"
    bad=1
}
offers domuuid domu
offers 'reset resume' res
offers '' nosuch
offers '--inactive' list --ina
offers '--id --name --table --uuid' list --all --autostart --no-autostart --persistent --transient \
    --title --managed-save --inactive --with-snapshot --without-snapshot --with-checkpoint \
    --without-checkpoint --state-running --state-paused --state-shutoff --state-other \
    --with-managed-save --without-managed-save --
offers test dominfo t
offers test dominfo ''
offers test dominfo --domain te
offers '' start te
offers test destroy te
offers '' destroy test ''
offers 'file.xml folder/' define f
offers acpi shutdown test --mode ac
offers 'lifecycle reboot' event --event ''
offers test dominfo --domain=te
offers '' list --all=
offers test shutdown --mode=acpi te
offers 'with\ blank.xml' define w
offers 'event events' help ev
offers '--quiet' --q
offers '--connect --escape --help --keepalive-count --keepalive-interval --quiet --readonly --root --timing --version' --
offers domuuid -c test:///default domu
offers test -q -c test:///default dominfo te
offers domuuid --connect=test:///default domu
offers '' -c nosuch:///x dominfo te
# names that depend on the one before, of a state directory of our own
sh() { "$vmsh" -q -c vemu:///system --root "$work/root" "$@" >/dev/null; }
uuid=00000000-0000-4000-8000-0000000000a1
cat >net <<'XML'
<network><name>n</name><forward mode='bridge'/><bridge name='lo'/></network>
XML
cat >port <<XML
<networkport><uuid>$uuid</uuid><owner><name>g</name><uuid>$uuid</uuid></owner><mac address='52:54:00:00:00:01'/>
</networkport>
XML
cat >guest <<XML
<domain type='vemu'><name>g</name><uuid>$uuid</uuid><memory>65536</memory><os><type>hvm</type><kernel>/k</kernel></os>
<devices><disk type='file'><driver type='qcow2'/><source file='$work/d'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>
XML
cat >point <<XML
<domaincheckpoint><name>before</name><creationTime>1</creationTime><disks><disk name='vda' checkpoint='bitmap'/></disks>
$(cat guest)
</domaincheckpoint>
XML
mkdir root
sh define guest && sh checkpoint-create g point --redefine && sh net-create net && sh net-port-create n port || exit 1
own=(-c vemu:///system --root "$work/root")
offers before "${own[@]}" checkpoint-dumpxml g ''
offers before "${own[@]}" checkpoint-delete --domain g --checkpointname bef
offers before "${own[@]}" checkpoint-info --domain=g --checkpointname=b
offers '' "${own[@]}" checkpoint-dumpxml nobody ''
offers "$uuid" "${own[@]}" net-port-dumpxml n ''
offers "$uuid" "${own[@]}" net-port-delete --network=n 0000
offers '' "${own[@]}" net-port-delete nothing ''
sh net-destroy n
echo "$cases cases"
exit $bad
