#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmgrd over the network: TLS with client certificates, SASL; virsh and vmsh, and who is refused.
set -u
command -v virsh >/dev/null || { echo "no virsh"; exit 77; }
command -v certtool >/dev/null || { echo "no certtool (package gnutls-bin)"; exit 77; }
command -v saslpasswd2 >/dev/null || { echo "no saslpasswd2 (package sasl2-bin)"; exit 77; }
work=$(mktemp -d /tmp/vmgrd-tls-XXXXXX)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
timeout 250 /usr/bin/python3 "$TOP/tests/tools/vmgrd-tls.py" "$BUILD" "$work"
