#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh-interactive.py VMSH FAKE-VEMU: the shell on a terminal: prompt, editing, history, Tab, edit, and that it
leaves the terminal as it was."""
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from vmsh_pty import Terminal

VMSH, FAKE_VEMU = map(os.path.abspath, sys.argv[1:3])
TAB, CTRL_C, CTRL_D, CTRL_RIGHT, UP = '\t', '\x03', '\x04', '\x1d', '\x1b[A'
XML = """<domain type='test'>
  <name>{name}</name>
  <memory>65536</memory>
  <os><type>hvm</type></os>
</domain>
"""


class Shell(Terminal):
    def __init__(self, home, *args, prompt='vmsh # ', **env):
        keep = {'HOME': home, 'TMPDIR': home, 'XDG_CACHE_HOME': home + '/cache', 'LC_ALL': 'C',
                'VISUAL': '', 'EDITOR': ''}
        super().__init__([VMSH, '-c', 'test:///default', *args], {**keep, **env}, home)
        self.prompt = prompt
        self.presses = 0

    def ready(self):
        return self.expect(self.prompt)

    def run(self, line):
        """Types a line at the prompt; what it prints, until the next prompt."""
        self.send(line + '\n')
        text = self.expect(self.prompt)
        return re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', text).replace('\r', '')

    def leave(self, how='quit\n'):
        self.editing()
        self.send(how)
        # a key that came between two modes of the terminal may be lost: press it again
        while how == CTRL_D and not self.gone(2) and self.presses < 5:
            self.presses += 1
            self.send(how)
        assert self.wait() == 0, self.status
        assert self.modes() == self.before, 'the terminal is not as it was'
        self.close()
        return self.rest().replace('\r', '')


def prompt_and_errors(home):
    """banner, prompt, errors that do not end it, both ends"""
    sh = Shell(home)
    assert sh.ready().replace('\r', '') == (
        'Welcome to vmsh, the virtualization interactive terminal.\n\n'
        "Type:  'help' for help with commands\n       'quit' to quit\n\n"), sh.seen
    assert "error: unknown command: 'nosuch'\n" in sh.run('nosuch')
    assert "error: failed to get domain 'x'\n" in sh.run('dominfo x')
    assert 'error: missing "\n' in sh.run('echo "a')
    assert 'a b\n' in sh.run('echo "a b"')
    assert 'test:///default\n\nb' in sh.run('uri; echo b')
    sh.run('')
    sh.send('destroy te')
    sh.editing()
    sh.send(CTRL_C) # ends it as it ends virsh
    assert sh.wait() == -signal.SIGINT, sh.status
    assert sh.modes() == sh.before, 'the terminal is not as it was'
    sh.close()
    sh = Shell(home)
    sh.ready()
    assert sh.leave(CTRL_D).endswith('\n')
    sh = Shell(home, '-r', prompt='vmsh > ')
    sh.ready()
    assert 'error: operation forbidden: read only access' in sh.run('destroy test')
    sh.leave('exit\n')


def history(home):
    """kept between runs, limited, private"""
    path = os.path.join(home, 'cache/vmsh/history')
    if os.path.exists(path):
        os.remove(path)
    sh = Shell(home)
    sh.ready()
    sh.run('uri')
    sh.run('echo first')
    sh.leave()
    with open(path, encoding='utf-8') as f:
        text = f.read()
    assert text.endswith('uri\necho\\040first\nquit\n') or text.endswith(
        'uri\necho first\nquit\n'), text
    assert os.stat(path).st_mode & 0o077 == 0, oct(os.stat(path).st_mode)
    sh = Shell(home)
    sh.ready()
    sh.send(UP + UP)
    assert 'first\n' in sh.run('')
    sh.leave()
    sh = Shell(home, VMSH_HISTSIZE='2')
    sh.ready()
    for i in range(5):
        sh.run(f'echo {i}')
    sh.leave()
    with open(path, encoding='utf-8') as f:
        lines = [x for x in f.read().splitlines() if not x.startswith('_HiStOrY')]
    assert len(lines) == 2 and lines[-1] == 'quit', lines


def completion(home):
    """commands, options, domains by state, files, values"""
    for name in ('alpha', 'alpine', 'zed'):
        with open(os.path.join(home, name + '.xml'), 'w', encoding='utf-8') as f:
            f.write(XML.format(name=name))
    os.makedirs(os.path.join(home, 'folder'), exist_ok=True)
    sh = Shell(home)
    sh.ready()
    sh.run('define alpha.xml; define alpine.xml; define zed.xml')

    def completed(typed, line):
        # what stands there after Tab is echoed
        out = sh.run(typed + TAB + '\x01echo -- ')
        assert f'\n{line}\n' in out, (typed, out)

    completed('domu', 'domuuid')
    assert "command 'domuuid' requires <domain>" in sh.run('uri; domu' + TAB)
    completed('list --ina', 'list --inactive')
    completed('dominfo z', 'dominfo zed')
    completed('start ze', 'start zed')
    completed('destroy t', 'destroy test')
    completed('define fol', 'define folder/')
    completed('define ze', 'define zed.xml')
    completed('shutdown test --mode ac', 'shutdown test --mode acpi')
    completed('shutdown --mode ac', 'shutdown --mode acpi')
    completed('event --event life', 'event --event lifecycle')
    completed('help domu', 'help domuuid')
    completed('dominfo --dom', 'dominfo --domain')
    completed('dominfo --domain ze', 'dominfo --domain zed')
    # the common part, then the choices
    completed('start al', 'start alp')
    out = sh.run('start al' + TAB + TAB + TAB + '\x01echo -- ')
    assert re.search(r'alpha +alpine', out), out
    # nothing fits: nothing is added
    sh.send('start nosuch' + TAB + '\n')
    sh.expect("failed to get domain 'nosuch'")
    sh.ready()
    sh.leave()


def editor(home, *commands):
    """A program that does the commands, one each time it is called, with the file as $1."""
    path = os.path.join(home, 'editor')
    count = os.path.join(home, 'count')
    if os.path.exists(count):
        os.remove(count)
    cases = ''.join(f'{n}) {c} ;;\n' for n, c in enumerate(commands, 1))
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f'#!/bin/sh\necho x >>{count}\ncase $(wc -l <{count}) in\n{cases}esac\n')
    os.chmod(path, 0o755)
    return path


def edit(home):
    """edit: changed, unchanged, wrong and asked what to do; desc --edit"""
    wrong = "sed -i s/hvm/foo/ $1"
    ask = 'Failed. Try again? [y,n,f,?]: '
    sh = Shell(home, EDITOR=editor(home, 'sed -i s/8388608/4194304/ $1'))
    sh.ready()
    assert "Domain 'test' XML configuration edited.\n" in sh.run('edit test')
    assert "<memory unit='KiB'>4194304</memory>" in sh.run('dumpxml test --inactive')
    assert "Domain 'test' XML configuration not changed.\n" in sh.run('edit test')
    sh.leave()
    # an error, edited again from what was typed, and then right
    sh = Shell(home, VISUAL=editor(home, wrong, 'sed -i "s/foo/hvm/; s/8388608/1048576/" $1'))
    sh.ready()
    sh.send('edit test\n')
    sh.expect("error: unsupported configuration: unknown OS type 'foo'")
    sh.expect(ask)
    sh.send('?')
    sh.expect('y - yes, start editor again\r\nn - no, throw away my changes\r\n'
              'f - force, try to redefine again\r\n? - print this help\r\n')
    sh.expect(ask)
    sh.send('f')
    sh.expect("error: unsupported configuration: unknown OS type 'foo'")
    sh.expect(ask)
    sh.send('xy')
    sh.expect("Domain 'test' XML configuration edited.")
    sh.ready()
    assert "<memory unit='KiB'>1048576</memory>" in sh.run('dumpxml test --inactive')
    sh.leave()
    # given up; the status says so
    sh = Shell(home, 'edit test', EDITOR=editor(home, wrong))
    sh.expect(ask)
    sh.send('n')
    assert sh.wait() == 1
    assert sh.modes() == sh.before, 'the terminal is not as it was'
    sh.close()
    sh = Shell(home, EDITOR=editor(home, 'echo "from the editor" >$1', 'echo A title >$1'))
    sh.ready()
    assert 'Domain description updated successfully' in sh.run('desc test --edit')
    assert 'from the editor\n' in sh.run('desc test')
    assert 'Domain title updated successfully' in sh.run('desc test --title --edit')
    assert ' 1    test   running   A title\n' in sh.run('list --title')
    sh.leave()
    # Ctrl-C is the editor's
    wait = 'trap "sed -i s/8388608/2097152/ $1; exit 0" INT; echo waiting; while :; do sleep 0.05; done'
    sh = Shell(home, EDITOR=editor(home, wait))
    sh.ready()
    sh.send('edit test\n')
    sh.expect('waiting')
    sh.send(CTRL_C)
    sh.expect("Domain 'test' XML configuration edited.")
    sh.ready()
    assert "<memory unit='KiB'>2097152</memory>" in sh.run('dumpxml test --inactive')
    sh.leave()
    left = [x for x in os.listdir(home) if x.startswith('vmsh')]
    assert not left, left


def event(home):
    """event is ended by Ctrl-C, not the shell"""
    sh = Shell(home)
    sh.ready()
    sh.send('event --all --loop\n')
    for _ in range(1000): # until it waits: at the prompt Ctrl-C ends the shell
        with open(f'/proc/{sh.pid}/status', encoding='ascii') as f:
            if int(re.search(r'^SigBlk:\s*(\w+)', f.read(), re.M).group(1), 16) & 2:
                break
        time.sleep(0.01)
    sh.send(CTRL_C)
    sh.expect('event loop interrupted')
    sh.expect('events received: 0')
    sh.ready()
    sh.leave()


def deaf_guest(home):
    """what a guest does not take keeps nobody in its console"""
    vmsh = [VMSH, '-c', 'vemu:///system?emulator=' + FAKE_VEMU, '--root', home + '/root']
    path = os.path.join(home, 'deaf.xml')
    with open(path, 'w', encoding='ascii') as f:
        f.write("<domain type='vemu'><name>deaf</name><memory>65536</memory><os><type>hvm</type>"
                "<kernel>/dev/null</kernel></os><devices><serial type='pty'/></devices></domain>")
    subprocess.run([*vmsh, 'create', path], check=True, stdout=subprocess.DEVNULL, timeout=60)
    try:
        with Terminal([*vmsh, 'console', 'deaf']) as console:
            console.expect('Escape character is ^] (Ctrl + ])')
            console.editing()
            with open(home + '/root/run/vmgr/domains/deaf.d/status.xml', encoding='utf-8') as f:
                os.kill(int(re.search(r" pid='(\d+)'", f.read()).group(1)), signal.SIGSTOP)
            os.set_blocking(console.fd, False)
            left = b'x' * 300000 + CTRL_RIGHT.encode() # more than terminals keep
            while left and select.select([], [console.fd], [], 20)[1]:
                left = left[os.write(console.fd, left[:1000]):]
            assert not left, f'{len(left)} bytes were not taken'
            assert console.wait() == 0
    finally:
        subprocess.run([*vmsh, 'destroy', 'deaf'], check=True, stdout=subprocess.DEVNULL, timeout=60)


def full_disk(home):
    """what cannot be written is said once, and the status tells"""
    for words in (['list', '--all'], ['list; version; list'], ['help'], ['--help'], ['--version'],
                  ['--complete', 'dom'], ['nosuch'], []):
        with open('/dev/full', 'w', encoding='ascii') as full:
            r = subprocess.run([VMSH, '-c', 'test:///default', *words], stdout=full, timeout=60,
                               stderr=subprocess.PIPE, input='list\nlist\n', text=True, cwd=home,
                               check=False)
        lost = r.stderr.count('error: cannot write to standard output: No space left on device\n')
        assert (r.returncode, lost) == (1, words != ['nosuch']), (words, r)


def main():
    for step in (prompt_and_errors, history, completion, edit, event, deaf_guest, full_disk):
        print(f'{step.__name__}: {step.__doc__}', flush=True)
        with tempfile.TemporaryDirectory(prefix='vmsh-test-') as home:
            step(home)


main()
