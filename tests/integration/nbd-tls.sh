#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# NBD over TLS, with certificates that fit and such that do not: ours on both ends, nbdcopy, qemu-nbd.
set -u
. "$TOP/tests/lib/packages.sh"
install_missing libnbd-bin qemu-utils gnutls-bin >/dev/null
for program in nbdcopy qemu-nbd certtool; do
    command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
. "$TOP/tests/lib/nbd.sh"

# a program finds vemu-tls beside itself
mkdir bin && cp "$tool" "$BUILD/tools/vemu-tls/vemu-tls" bin/
tool=$work/bin/nbd-tool
export LD_LIBRARY_PATH=$BUILD/libvemu:$BUILD/libvkvm
mkdir pki other-pki
for folder in pki other-pki; do
    certtool --generate-privkey --key-type=ecdsa --outfile $folder/ca-key.pem
    printf 'cn = CA\nca\ncert_signing_key\nexpiration_days = 2\n' >template
    certtool --generate-self-signed --load-privkey $folder/ca-key.pem --template template \
        --outfile $folder/ca-cert.pem
    for role in server client; do
        certtool --generate-privkey --key-type=ecdsa --outfile $folder/$role-key.pem
        printf 'cn = localhost\ndns_name = localhost\nexpiration_days = 2\nsigning_key\ntls_www_%s\n' \
            $role >template
        certtool --generate-certificate --load-ca-certificate $folder/ca-cert.pem \
            --load-ca-privkey $folder/ca-key.pem --load-privkey $folder/$role-key.pem \
            --template template --outfile $folder/$role-cert.pem
    done
done >/dev/null 2>&1
tls() { echo "nbds+unix:///?socket=$work/$1.sock&tls-certificates=$work/$2&tls-hostname=${3:-localhost}"; }
cp disk copy
start secure "$vemu_nbd" -t -e 8 -f raw -k "$work/secure.sock" --tls-creds=t0 \
    --object=tls-creds-x509,id=t0,endpoint=server,dir="$work/pki" disk
nbdcopy "nbds+unix:///?socket=$work/secure.sock&tls-certificates=$work/pki" copy2 2>err &&
    cmp copy copy2 || fail "nbdcopy with TLS from us: $(cat err)"
truncate -s 32M copy3
"$tool" copy "$(tls secure pki)" copy3 4 && cmp copy copy3 || fail "TLS between us"
"$tool" stress "$(tls secure pki)" 1 4 || fail "stress with TLS"
"$tool" map "$(uri secure)" 2>err && fail "without TLS"
grep -q 'wants TLS' err || fail "without TLS: $(cat err)"
"$tool" map "$(tls secure other-pki)" 2>err && fail "another authority"
grep -q certificate err || fail "another authority: $(cat err)"
"$tool" map "$(tls secure pki elsewhere)" 2>err && fail "another host"
grep -q 'name in the certificate' err || fail "another host: $(cat err)"
mkdir bare && cp pki/ca-cert.pem bare/
"$tool" map "$(tls secure bare)" 2>/dev/null && fail "a client without a certificate"
stop
start qtls qemu-nbd -t -e 8 -f raw -k "$work/qtls.sock" --tls-creds t0 \
    --object tls-creds-x509,id=t0,endpoint=server,dir="$work/pki" disk
"$tool" stress "$(tls qtls pki)" 1 4 || fail "stress on qemu-nbd with TLS"
stop
exit $bad
