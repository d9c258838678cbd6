#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh-oracle.py VMSH [FILE...]: runs the transcripts, help of every command, and the golden domain
documents through virsh and vmsh, and compares stdout, stderr and status byte for byte.

What may differ is in INTENDED, and in the transcripts' cases that begin with `%`."""
import difflib
import html
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import vmsh_transcript as transcript

# Rewritten in virsh's output: what is meant to differ.
INTENDED = [
    # its name
    (r'\bvirsh # ', 'vmsh # '),
    (r'\bvirsh > ', 'vmsh > '),
    (r'Welcome to virsh,', 'Welcome to vmsh,'),
    (r'guest when virsh disconnects', 'guest when vmsh disconnects'),
    (r'host running virsh', 'host running vmsh'),
    (r'^  (\S+) - (.*) virsh$', r'  \1 - \2 vmsh'),
    (r"^ Virsh itself \(help keyword 'virsh'\):$", " The shell itself (help keyword 'virsh'):"),
    # the library's name and version, and that of the test hypervisor
    (r'^(Compiled against|Using) library: libvirt [\d.]+$', r'\1 library: libvmgr VERSION'),
    (r'^Using API: TEST [\d.]+$', 'Using API: TEST VERSION'),
    (r'^Running hypervisor: TEST [\d.]+$', 'Running hypervisor: TEST VERSION'),
    (r'^Running against daemon: [\d.]+$', 'Running against daemon: VERSION'),
    # what the library logs of a document it takes, where ours has warnings (see below)
    (r'^\S.*: \d+: (info|warning) : .*\n', ''),
]
# Rewritten in vmsh's output.
OURS = [
    (r'^(Compiled against|Using) library: libvmgr [\d.]+$', r'\1 library: libvmgr VERSION'),
    (r'^Using API: TEST [\d.]+$', 'Using API: TEST VERSION'),
    (r'^Running hypervisor: TEST [\d.]+$', 'Running hypervisor: TEST VERSION'),
    (r'^Running against daemon: [\d.]+$', 'Running against daemon: VERSION'),
    # what the library does not know in a document is remarked upon, where virsh is silent
    (r"^warning: .*\n", ''),
]
# Commands that virsh does not have.
OWN = {'top'}
# Golden documents that are not compared, and why.
DOCUMENTS = {
    # what is not known is kept, not dropped
    'domain/bogusos.xml', 'domain/bomb.xml', 'domain/commandline.xml', 'domain/devbog.xml', 'domain/qemuns.xml',
    # devices that are only kept get no defaults
    'domain/a.xml',
    # kept, not dropped; an incomplete <bootp> and a netmask with holes are refused
    'network/unknown.xml', 'network-errors/badbootp.xml', 'network-errors/badnetmask.xml',
    'network-errors/malformed.xml', # "(null)" is not printed
    # document types are refused, wrong encodings noticed; "(null)" is not printed
    'domain-errors/dtd.xml', 'domain-errors/enc16.xml', 'domain-errors/empty.xml',
    # names with control characters or slashes are refused
    'pool-errors/dir34.xml', 'volume/volume16.xml', 'volume/volume17.xml', 'volume/volume24.xml',
}


def rewrite(text, rules):
    for pattern, to in rules:
        text = re.sub(pattern, to, text, flags=re.M)
    return text


class Pair:
    """A command line for both."""

    def __init__(self, where, args, stdin='', env=None, documents=None):
        self.where, self.args, self.stdin, self.env = where, args, stdin, env
        self.documents = documents

    def run(self, virsh, vmsh):
        """What both print, in one form, as lists of lines."""
        texts = []
        for program, rules in ((virsh, INTENDED), (vmsh, OURS)):
            with transcript.Sandbox(*([self.documents] if self.documents else [])) as box:
                out, err, status = box.run(program, self.args, self.stdin, self.env)
            texts.append(transcript.show('', (rewrite(out, rules), rewrite(err, rules), status))[1:])
        return texts


def help_of_commands(vmsh):
    with transcript.Sandbox() as box:
        out = box.run(vmsh, ['help'])[0]
    for name in re.findall(r'^    ([a-z-]+) ', out, flags=re.M):
        if name in OWN:
            continue
        yield Pair('help', ['help', name])


def shared_cases(files):
    for path in files:
        for case in transcript.load(path)[0]:
            if case.shared:
                env, args = case.words()
                yield Pair(case.where(), args, case.stdin, env)


def documents():
    """Documents, good and bad: what define says, and what dumpxml gives back."""
    golden = os.path.join(transcript.HERE, '..', 'golden')
    for folder in ('domain', 'domain-errors'):
        path = os.path.join(golden, folder)
        for file in sorted(os.listdir(path)):
            name = f'{folder}/{file}'
            if not file.endswith('.xml') or name in DOCUMENTS:
                continue
            with open(os.path.join(path, file), encoding='utf-8', errors='replace') as f:
                found = re.search('<name>([^<]*)</name>', f.read())
            domain = found.group(1) if found else 'none'
            yield Pair(name, [f"define {file}; dumpxml '{domain}'"], documents=path)
    for folder, commands in (('pool', 'pool-define {0}; pool-dumpxml a'),
                             ('volume', 'vol-create default-pool {0}; vol-dumpxml a default-pool')):
        for path in (os.path.join(golden, folder), os.path.join(golden, folder + '-errors')):
            for file in sorted(os.listdir(path)):
                name = f'{os.path.basename(path)}/{file}'
                if file.endswith('.xml') and name not in DOCUMENTS:
                    # a UUID that is made up differs
                    yield Pair(name, [commands.format(file)], documents=path)


def networks():
    """Network documents, a folder in one run: what net-define says, and what net-dumpxml gives."""
    golden = os.path.join(transcript.HERE, '..', 'golden')
    for folder in ('network', 'network-errors'):
        path = os.path.join(golden, folder)
        commands = ['net-destroy default', 'net-undefine default']
        for file in sorted(os.listdir(path)):
            if not file.endswith('.xml') or f'{folder}/{file}' in DOCUMENTS:
                continue
            with open(os.path.join(path, file), encoding='utf-8') as f:
                found = re.search('<name>([^<]*)</name>', html.unescape(f.read()))
            name = found.group(1) if found and found.group(1) else 'none'
            commands.append(f"net-define {file}; net-dumpxml '{name}'; net-undefine '{name}'")
        yield Pair(folder, ['; '.join(commands)], documents=path)


def main():
    virsh, vmsh, files = shutil.which('virsh'), os.path.abspath(sys.argv[1]), sys.argv[2:]
    if not virsh:
        print('virsh is not installed')
        return 77
    with transcript.Sandbox() as box:
        if box.run(virsh, ['-c', 'test:///default', 'uri'])[2]:
            print('virsh has no test driver here')
            return 77
    pairs = list(shared_cases(files or transcript.names()))
    if not files:
        pairs += list(help_of_commands(vmsh)) + list(documents()) + list(networks())
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda pair: pair.run(virsh, vmsh), pairs))
    bad = 0
    for pair, texts in zip(pairs, results):
        if texts[0] == texts[1]:
            continue
        bad += 1
        print(f'{pair.where}: {" ".join(pair.args)}')
        for line in difflib.unified_diff(*texts, 'virsh', 'vmsh', lineterm='', n=1):
            print('    ' + line)
    print(f'{len(pairs)} comparisons, {bad} differ')
    return 1 if bad or len(pairs) < 10 and not files else 0


sys.exit(main())
