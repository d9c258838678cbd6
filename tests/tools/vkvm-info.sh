#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vkvm-info.sh PROGRAM COMPLETION: what it says and how it exits, on the real device where there is
# one, and in places where there is none, it is not readable, or it is something else.
set -u
info=$(realpath "$1")
completion=$(realpath "$2")
work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() { echo "FAILED: $*"; bad=1; }

# expect STATUS TEXT COMMAND...: exit status, and something standard error says.
expect() {
    local status=$1 text=$2
    shift 2
    timeout 60 "$@" >out 2>err </dev/null
    local got=$?
    [ $got -eq "$status" ] || fail "$*: status $got, expected $status: $(cat err)"
    [ -z "$text" ] || grep -qF -- "$text" err || fail "$*: says '$(cat err)', expected '$text'"
}
# json EXPRESSION...: Python expressions on the object d in `out` are true.
json() {
    python3 -c 'import json, sys
d = json.load(open("out"))
wrong = [e for e in sys.argv[1:] if not eval(e)]
sys.exit("not true: " + "; ".join(wrong) if wrong else 0)' "$@" 2>json.err ||
        fail "$(tail -n 1 json.err)"
}

# --- the command line ---
expect 0 '' "$info" --help
grep -q -- '--require LIST' out || fail "--help: $(cat out)"
expect 0 '' "$info" --version
grep -qE '^vkvm-info [0-9.]+$' out || fail "--version: $(cat out)"
expect 2 "unrecognized option '--bogus'" "$info" --bogus
expect 2 "unexpected argument 'x'" "$info" x
expect 2 "option '--device' requires an argument" "$info" --device
expect 2 '--require tells nothing' "$info" --require IRQCHIP --json
expect 2 'opens no device' "$info" --replay x --device y
expect 2 'cannot replay' "$info" --replay "$work/none"
expect 2 'it is not a recording' "$info" --replay "$0"
expect 0 '' "$info" --require help
grep -q '^  live-migration ' out || fail "--require help: $(cat out)"
expect 6 'cannot write' bash -c "exec '$info' --version >/dev/full"

# --- no KVM device, and not one ---
expect 3 'there is no such device' "$info" --device "$work/none"
expect 5 'is not a KVM device' "$info" --device /dev/null
expect 5 'is not a KVM device' "$info" --device "$work"
expect 2 "there is no 'NO_SUCH'" "$info" --device "$work/none" --require NO_SUCH
expect 3 'there is no such device' "$info" --device "$work/none" --require IRQCHIP
expect 3 'there is no such device' "$info" --device "$work/none" --json
json 'd["status"] == 3 and d["device"]["usable"] is False' \
    'd["device"]["error"]["code"] == "ENOENT"' \
    'd["uses"] is None and d["capabilities"] is None and d["kernel_mode"] is None' \
    'd["host"]["kernel"]'

# As in a container that has no /dev/kvm: a mount namespace with another /dev.
hide='mount -t tmpfs none /dev && exec "$@"'
if unshare -m true 2>/dev/null; then
    expect 3 '/dev/kvm: there is no such device' unshare -m sh -c "$hide" sh "$info"
    if ls -d /sys/module/kvm_* >/dev/null 2>&1; then
        grep -q -- '--device /dev/kvm' err || fail "no cure for containers: $(cat err)"
    fi
    expect 3 '' unshare -m sh -c "$hide" sh "$info" --json
    json 'd["device"]["path"] == "/dev/kvm" and len(d["device"]["error"]["cures"]) >= 1'
else
    echo "no mount namespaces here: /dev was not hidden"
fi

# A user who may not open it.
if [ -e /dev/kvm ] && [ "$(id -u)" -eq 0 ] && [[ $(stat -c %a /dev/kvm) == *0 ]]; then
    cp "$info" "$work/vkvm-info"
    # where the build is may be closed to others
    ldd "$info" | sed -n 's/.* => \(.*libvkvm[^ ]*\) .*/\1/p' | xargs -r -I{} cp -L {} "$work"
    nobody=(env LD_LIBRARY_PATH="$work" setpriv --reuid=65534 --regid=65534 --clear-groups)
    expect 4 'may not be opened' "${nobody[@]}" "$work/vkvm-info"
    if [[ $(stat -c %a:%G /dev/kvm) == *60:kvm ]]; then
        grep -q 'usermod -aG kvm' err || fail "no cure for the group: $(cat err)"
    else
        grep -q 'usermod\|chgrp' err || fail "no cure for permissions: $(cat err)"
    fi
    expect 4 '' "${nobody[@]}" "$work/vkvm-info" --json
    json 'd["status"] == 4 and d["device"]["error"]["code"] == "EACCES"'
else
    echo "not root, or everybody may open /dev/kvm: that it is refused was not tried"
fi

# --- completion ---
. "$completion"
compopt() { :; } # only there while bash completes
offers() { # EXPECTED WORD...
    local expected=$1
    shift
    COMP_WORDS=("$info" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _vkvm_info
    [ "${COMPREPLY[*]-}" = "$expected" ] ||
        fail "completion of $*: '${COMPREPLY[*]-}', expected '$expected'"
}
complete -p vkvm-info | grep -q -- '-F _vkvm_info' || fail "nothing is registered for completion"
offers '--cpuid' --cp
offers '--json' --j
offers 'live-migration' --require live
offers 'nested,smm' --require nested,sm
touch aa-file
offers 'aa-file' --device aa

# --- the real device ---
if ! { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }; then
    echo "no /dev/kvm: the rest was not tried"
    exit $bad
fi
offers 'nested,X86_SMM' --require nested,X86_SMM
expect 0 '' "$info"
[ -s err ] && fail "complains: $(cat err)"
for text in '^Host' '^Kernel-mode guest code' '^Good for' '^Core' '^Dirty tracking' \
    '^CPUID bits that cannot be hidden' "kernel  *$(uname -r)" 'API version 12' \
    'vCPUs a machine  *[0-9]* recommended, [0-9]* at most'; do
    grep -qE -- "$text" out || fail "the summary lacks '$text'"
done
awk 'length > 80' out | grep . >long && fail "over 80 columns: $(head -n 1 long)"
expect 0 '' "$info" --caps
grep -qE '^ +3  KVM_CAP_USER_MEMORY +yes' out || fail "--caps lacks USER_MEMORY"
expect 0 '' "$info" --cpuid
# the names may go on in lines without a number
awk '/^  0x/ { here = /^  0x80000001\.0 EDX / } here' out | grep -qw lm || fail "--cpuid lacks lm"
expect 0 '' "$info" --msrs
grep -q '0x00000010  IA32_TIME_STAMP_COUNTER' out || fail "--msrs lacks the TSC"
expect 0 '' "$info" --stats
grep -qE '^  exits +[1-9]|^  not known' out || fail "--stats lacks exits"
expect 0 '' "$info" --require USER_MEMORY,machine,cpuid:lm,'NR_VCPUS>=1','IRQCHIP|SPLIT_IRQCHIP'
[ -s out ] && fail "--require prints '$(cat out)'"
expect 1 'vkvm-info: missing: MSI_DEVID, NR_VCPUS>=100000' \
    "$info" --require USER_MEMORY,MSI_DEVID,'NR_VCPUS>=100000'
expect 2 "there is no 'NO_SUCH'" "$info" --require MSI_DEVID,NO_SUCH

expect 0 '' "$info" --json
json 'd["status"] == 0 and d["device"]["usable"] and d["problems"] == []' \
    'd["device"]["api_version"] == 12 and d["device"]["error"] is None' \
    'set(d) >= {"version", "host", "kernel_mode", "uses", "capabilities", "cpuid", "msrs", "statistics"}' \
    'all(s["name"] and s["values"] for s in d["statistics"]["vcpu"] or [])' \
    'd["kernel_mode"]["mode"] in ("hardware", "emulated") and d["kernel_mode"]["mips"] > 0' \
    '(d["kernel_mode"]["mode"] == "hardware") == (d["uses"]["kernel-mode"]["status"] == "ok")' \
    'all((u["status"] == "missing") == bool(u["missing"]) for u in d["uses"].values())' \
    'all(u["status"] in ("ok", "partial", "missing") for u in d["uses"].values())' \
    'all(set(c) == {"number", "name", "group", "summary", "system", "vm"}
         for c in d["capabilities"])' \
    '[c["vm"] for c in d["capabilities"] if c["name"] == "KVM_CAP_USER_MEMORY"] == [1]' \
    'all(set(u) == {"function", "index", "register", "bits", "names"}
         for u in d["cpuid"]["unmaskable"])' \
    'any(l["function"] == "0x80000001" for l in d["cpuid"]["effective"])' \
    'any(m["name"] == "IA32_TIME_STAMP_COUNTER" for m in d["msrs"]["state"])' \
    'all(m["value"] is None or len(m["value"]) == 18 for m in d["msrs"]["features"])'
# A KVM without help of the processor interprets kernel mode and cannot hide what user mode sees.
if [ -d /sys/module/kvm_pvm ]; then
    json 'd["kernel_mode"]["mode"] == "emulated" and d["kernel_mode"]["mips"] < 20' \
        'any("popcnt" in u["names"] for u in d["cpuid"]["unmaskable"])' \
        'not any("cx16" in u["names"] for u in d["cpuid"]["unmaskable"])' \
        '"kvm_pvm" in [m["name"] for m in d["host"]["modules"]]'
    expect 1 'missing: kernel-mode' "$info" --require kernel-mode
fi
expect 0 '' "$info" --json --caps
json '"capabilities" in d and "msrs" not in d and "uses" not in d'

# A recording tells the same on a host without KVM.
expect 0 '' "$info" --json --cpuid --caps --record "$work/session"
mv out live
hidden=(sh -c 'exec "$@"' sh)
unshare -m true 2>/dev/null && hidden=(unshare -m sh -c "$hide" sh)
expect 0 '' "${hidden[@]}" "$info" --json --cpuid --caps --replay "$work/session"
json 'd["host"] is None and d["problems"] == []' \
    'all(d[k] == json.load(open("live"))[k] for k in ("capabilities", "cpuid", "device"))'
expect 0 '' "${hidden[@]}" "$info" --replay "$work/session"
grep -q 'recommended' out && ! grep -q '^  kernel ' out || fail "--replay: $(head -n 5 out)"
head -c 3000 "$work/session" >"$work/short"
expect 6 '' "$info" --replay "$work/short"
exit $bad
