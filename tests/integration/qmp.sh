#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The QMP monitor: negotiation, commands, events, and input that is wrong in every way.
exec /usr/bin/python3 "$TOP/tests/integration/qmp.py"
