#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Python's own QMP clients, the library qemu.qmp and the program qmp-shell, drive a machine. They are
# taken from VEMU_QEMU_QMP, the folder that has qemu/qmp in it ("python" of QEMU's sources), or from
# where python finds them. No package of Debian 12 has them: a soak fetches QEMU's source package.
set -u
. "$TOP/tests/lib/sockets.sh"
fetch() { # DIR: python/qemu of the package's sources, from where this system has its packages
    local dir=$1 list
    mkdir -p "$dir"/{parts,lists/partial,cache/archives/partial}
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian*; do
        [ -s "$list" ] && sed 's/^deb /deb-src /; s/^Types: deb$/Types: deb-src/' "$list" \
            >"$dir/parts/${list##*/}"
    done
    local options=(-q -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$dir/parts"
        -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache")
    (cd "$dir" && timeout 120 apt-get "${options[@]}" update && timeout 300 apt-get "${options[@]}" \
        --tar-only --download-only source qemu && tar -xJf qemu_*.orig.tar.xz --wildcards \
        --strip-components=1 '*/python/qemu/*') >"$dir/log" 2>&1
}
if [ -n "${VEMU_QEMU_QMP:-}" ]; then
    export PYTHONPATH=$VEMU_QEMU_QMP
elif [ "${VEMU_TEST_SOAK:-0}" = 1 ] && ! python3 -c 'import qemu.qmp' 2>/dev/null; then
    sources=$(mktemp -d)
    trap 'rm -rf "$sources"' EXIT
    fetch "$sources" || tail -n 3 "$sources/log"
    export PYTHONPATH=$sources/python
fi
python3 -c 'import qemu.qmp' 2>/dev/null ||
    { echo "python's qemu.qmp is not installed (no package of Debian 12 has it; VEMU_QEMU_QMP names a copy)"; exit 77; }
work=$(mktemp -d)
trap 'kill "$vemu" 2>/dev/null; rm -rf "$work" "${sources:-}"' EXIT
"$BUILD/tools/vemu/vemu" -accel soft -machine q35 -m 64M -display none -serial null -name clients \
    -device pcie-root-port,id=rp1 -qmp "unix:$work/qmp,server=on,wait=off" </dev/null >"$work/log" 2>&1 &
vemu=$!
for _ in $(seq 100); do listens "$work/qmp" && break; sleep 0.1; done

timeout 60 python3 - "$work/qmp" <<'PYTHON' || { cat "$work/log"; exit 1; }
import asyncio
import sys

from qemu.qmp import ExecuteError, QMPClient


async def main():
    qmp = QMPClient("test")
    await qmp.connect(sys.argv[1])
    assert (await qmp.execute("query-name"))["name"] == "clients"
    schema = await qmp.execute("query-qmp-schema")
    commands = {e["name"] for e in schema if e["meta-type"] == "command"}
    assert {c["name"] for c in await qmp.execute("query-commands")} == commands
    try:
        await qmp.execute("device_del", {"id": "nobody"})
        raise SystemExit("device_del of nobody")
    except ExecuteError as error:
        assert error.error_class == "DeviceNotFound", error
    with qmp.listener("STOP") as listener:
        await qmp.execute("stop")
        await asyncio.wait_for(listener.get(), 10)
    await qmp.execute("cont")
    await qmp.disconnect()

asyncio.run(main())
PYTHON
shell=(python3 -m qemu.qmp.qmp_shell)
printf '%s\n' 'query-status' 'device_add driver=virtio-rng-pci id=r bus=rp1' \
    'qom-list path=/machine/peripheral' 'device_del id=nobody' |
    timeout 60 "${shell[@]}" "$work/qmp" >"$work/shell" 2>&1 || { cat "$work/shell"; exit 1; }
bad=0
for words in '"running"' 'child<virtio-rng-pci>' DeviceNotFound; do
    grep -qF -- "$words" "$work/shell" || { echo "qmp-shell: no $words"; bad=1; }
done
[ $bad = 0 ] || cat "$work/shell"
exit $bad
