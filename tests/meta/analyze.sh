#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cppcheck has nothing to say about the libraries and programs, but for what cppcheck.supp lists.
set -u
command -v cppcheck >/dev/null || { echo "cppcheck is not installed"; exit 77; }
cd "$TOP" || exit 1
nice cppcheck -q -j "$(nproc)" --enable=warning,performance,portability --error-exitcode=1 \
    --std=c11 --inline-suppr --suppressions-list=tests/meta/cppcheck.supp \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    -D_GNU_SOURCE -D__x86_64__ -D__OPTIMIZE__ "-DG_GNUC_PRINTF(a,b)=" \
    -Ilibvkvm/include -Ilibvkvm/src -Ilibvemu/include -Ilibvemu/src -Ilibvmgr/include -Ilibvmgr/src \
    libvkvm libvemu libvmgr tools
