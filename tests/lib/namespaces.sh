# SPDX-License-Identifier: LGPL-2.1-or-later
# Tests of networks: in namespaces of their own (network, processes, mounts), with a world outside.

# enter_namespaces SCRIPT SECONDS PROGRAM...: runs the script again, as "SCRIPT inside DIRECTORY". Does
# not come back. No "timeout" outside: what the inner shell starts ends with the process namespace.
enter_namespaces() {
    local script=$1 limit=$2 program
    shift 2
    for program in dnsmasq nft ip busybox unshare "$@"; do
        command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
    done
    [ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
    unshare --net --mount --pid --fork true 2>/dev/null || { echo "no namespaces here"; exit 77; }
    work=$(mktemp -d "/tmp/$(basename "$script" .sh)-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    unshare --net --mount --pid --fork --kill-child --mount-proc \
        timeout -k 5 "$limit" bash "$script" inside "$work"
    exit
}

# check_namespaces: inside, what the tests need of the kernel.
check_namespaces() {
    mount -t tmpfs none /run && mkdir /run/netns || exit 1
    ip link add check type bridge && ip link del check || { echo "no bridges here"; exit 77; }
    nft add table inet check && nft delete table inet check || { echo "no nftables here"; exit 77; }
}

# make_world DIRECTORY: a namespace "world", 10.50.0.2, to which no route leads back; it serves "hello".
make_world() {
    ip link set lo up
    ip netns add world
    ip link add w0 type veth peer name w1 netns world
    ip addr add 10.50.0.1/24 dev w0 && ip link set w0 up
    ip -n world addr add 10.50.0.2/24 dev w1 && ip -n world link set w1 up
    mkdir "$1/www" && echo hello >"$1/www/index.html"
    ip netns exec world busybox httpd -f -p 80 -h "$1/www" &
}

# until_ok SECONDS COMMAND...: waits for it to succeed
until_ok() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# kill_starters GUEST COMMAND...: vmsh is killed at some moments of the guest's start; when that has ended, the
# command succeeds. The test has its own sh and fail, and sets vmsh and work.
kill_starters() {
    local guest=$1 delay caller
    shift
    at_rest() { sh domstate "$guest" | grep -qE 'shut off|running'; }
    for delay in 0.012 0.036 0.060 0.084; do
        "$vmsh" -q -c vemu:///system --root "$work/root" start "$guest" >/dev/null 2>&1 &
        caller=$!
        sleep $delay
        kill -9 $caller 2>/dev/null
        wait $caller 2>/dev/null
        until_ok 30 at_rest || fail "not at rest"
        sh domstate "$guest" | grep -q running && { sh destroy "$guest" || fail "destroy ($delay)"; }
        until_ok 30 "$@" || fail "something is left after a start that was killed ($delay)"
    done
}
