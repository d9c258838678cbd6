# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libFuzzer targets of a build, and what they run in."""
import glob
import os
import sys


def targets(build, names):
    found = {}
    for pattern in ("libfuzzer-*", "*-fuzzer"):
        for path in glob.glob(f"{build}/tests/fuzz/**/{pattern}", recursive=True):
            if os.access(path, os.X_OK) and os.path.isfile(path):
                found[os.path.basename(path).removeprefix("libfuzzer-").removesuffix("-fuzzer")] = path
    missing = [n for n in names if n not in found]
    if missing:
        sys.exit(f"no such target: {' '.join(missing)} (there are: {' '.join(sorted(found))})")
    return {n: found[n] for n in (names or sorted(found))}


def environment():
    """ASan keeps 256 MiB that were freed, and several times that with what lies between: it hides what inputs take.
    GLib 2.74 keeps what threads freed in slices, which looks like a leak while a thread ends."""
    return {**os.environ, "G_SLICE": "always-malloc",
            "ASAN_OPTIONS": f"quarantine_size_mb=32:{os.environ.get('ASAN_OPTIONS', '')}"}
