#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvkvm's public headers say what each function needs, and what it can fail with.
exec python3 "$TOP/tests/meta/docs.py" "$TOP"
