#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh-golden.py VMSH [FILE...]: runs the transcripts; VMSH_GOLDEN_UPDATE=1 rewrites them. VMSH_GOLDEN_EVERY=N runs
one case of N: a program with sanitizers takes six times as long to start."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import vmsh_transcript as transcript


def run(program, case):
    env, args = case.words()
    with transcript.Sandbox() as box:
        return box.run(program, args, case.stdin, env)


def main():
    program, files = os.path.abspath(sys.argv[1]), sys.argv[2:] or transcript.names()
    update = os.environ.get('VMSH_GOLDEN_UPDATE') == '1'
    every = 1 if update else int(os.environ.get('VMSH_GOLDEN_EVERY', '1'))
    total = bad = 0
    for path in files:
        cases, tail = transcript.load(path)
        cases = cases[::every]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda case: run(program, case), cases))
        for case, got in zip(cases, results):
            total += 1
            if got == case.expected:
                continue
            if update and got[2] in (0, 1):
                case.expected = got
                continue
            bad += 1
            print(f'{case.where()}: {case.command}')
            print('\n'.join(transcript.show('expected', case.expected) +
                            transcript.show('got', got)))
        if update:
            transcript.save(path, cases, tail)
    print(f'{total} cases, {bad} differ')
    return 1 if bad or not total else 0


sys.exit(main())
