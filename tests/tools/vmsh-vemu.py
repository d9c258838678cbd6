#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmsh-vemu.py VMSH KERNEL INITRAMFS WORK: a guest's whole life through vmsh.

The guest prints READY when its shell runs, and powers off when its power button is pressed."""
import os
import re
import signal
import subprocess
import sys
import time

from vmsh_pty import Terminal

VMSH, KERNEL, INITRAMFS, WORK = sys.argv[1:]
ROOT = os.path.join(WORK, 'root')
BASE = [VMSH, '-c', 'vemu:///system', '--root', ROOT]
CTRL = '\x1d'


def document(name, uuid_end, memory=128, kernel=KERNEL, initrd=INITRAMFS, more='',
             kind='vemu', devices=''):
    path = os.path.join(WORK, f'{name}.xml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f"""<domain type='{kind}'>
  <name>{name}</name>
  <uuid>00000000-0000-4000-8000-{uuid_end:012d}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <os>
    <type arch='x86_64' machine='microvm'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>console=ttyS0 cryptomgr.notests quiet</cmdline>
  </os>
  {more}
  <devices><serial type='pty'/>{devices}</devices>
</domain>
""")
    return path


def vmsh(*args, status=0, out=None, err=''):
    """Runs a command; compares what it prints, unless out or err is None."""
    done = subprocess.run([*BASE, *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)
    told = f'{args}: status {done.returncode}\n{done.stdout}{done.stderr}'
    assert done.returncode == status, told
    assert out is None or done.stdout == out, f'{told}expected:\n{out}'
    assert err is None or done.stderr == err, f'{told}expected:\n{err}'
    return done.stdout


def wait_state(domain, state, seconds=60):
    end = time.monotonic() + seconds
    while (now := vmsh('domstate', domain, '--reason').strip()) != state:
        assert time.monotonic() < end, f'{domain}: {now}, not {state}'
        time.sleep(0.1)


def table(*rows):
    widths = [max(len(row[i]) for row in (('Id', 'Name', 'State'), *rows)) for i in range(3)]
    lines = ['   '.join([x.ljust(w) for x, w in zip(row[:2], widths)] + [row[2]])
             for row in (('Id', 'Name', 'State'), *rows)]
    lines.insert(1, None)
    return ''.join(' ' + x + '\n' if x else '-' * (sum(widths) + 9) + '\n' for x in lines) + '\n'


def process_of(domain):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().split(b'\0')
            home = os.readlink(f'/proc/{pid}/cwd')
        except OSError:
            continue
        if f'guest={domain}'.encode() in words and home.startswith(ROOT):
            return int(pid)
    return None


def console(*args):
    terminal = Terminal([*BASE, 'console', 'life', *args])
    terminal.expect("Connected to domain 'life'\r\nEscape character is ^] (Ctrl + ])\r\n")
    return terminal


def leave(terminal):
    terminal.send(CTRL)
    assert terminal.wait() == 0
    assert terminal.modes() == terminal.before, 'the terminal is not as it was'
    terminal.close()


def life_cycle():
    """define, start, list, console, suspend, resume, reset, reboot, shutdown"""
    xml = document('life', 1)
    vmsh('define', xml, out=f"Domain 'life' defined from {xml}\n\n")
    vmsh('list', '--all', out=table(('-', 'life', 'shut off')))
    with open(os.path.join(WORK, 'events'), 'w', encoding='utf-8') as log:
        events = subprocess.Popen([*BASE, 'event', '--all', '--loop', '--timeout', '100'],
                                  stdout=log, stdin=subprocess.DEVNULL)
    time.sleep(0.3)
    vmsh('start', 'life', out="Domain 'life' started\n\n")
    vmsh('list', out=table(('1', 'life', 'running')))
    vmsh('domstate', 'life', '--reason', out='running (booted)\n\n')
    vmsh('start', 'life', status=1, out='\n', err='error: Domain is already active\n')
    info = vmsh('dominfo', 'life')
    assert re.search(r'^CPU time: +\d+\.\ds$', info, re.M), info
    assert 'Max memory:     131072 KiB\n' in info and 'Persistent:     yes\n' in info, info

    first = console()
    first.expect('READY', 60)
    first.send('echo A$((40 + 2))B\n')
    first.expect('A42B', 60)
    second = Terminal([*BASE, 'console', 'life'])
    second.expect('error: operation failed: Active console session exists for this domain')
    assert second.wait() == 1
    second.close()
    third = console('--force')
    assert first.wait() == 0
    assert first.modes() == first.before, 'the terminal is not as it was'
    first.close()

    vmsh('suspend', 'life', out="Domain 'life' suspended\n\n")
    vmsh('list', out=table(('1', 'life', 'paused')))
    vmsh('domstate', 'life', '--reason', out='paused (user)\n\n')
    third.send('echo C$((40 + 3))D\n')
    time.sleep(0.3)
    third.read(0)
    assert 'C43D' not in third.rest(), third.rest()
    vmsh('resume', 'life', out="Domain 'life' resumed\n\n")
    vmsh('domstate', 'life', '--reason', out='running (unpaused)\n\n')
    third.expect('C43D', 60)

    vmsh('reset', 'life', out="Domain 'life' was reset\n\n")
    third.expect('READY', 60)
    vmsh('reboot', 'life', out="Domain 'life' is being rebooted\n\n")
    third.expect('POWER-BUTTON', 60)
    third.expect('READY', 60)
    vmsh('list', out=table(('1', 'life', 'running')))
    vmsh('shutdown', 'life', out="Domain 'life' is being shutdown\n\n")
    third.expect('POWER-BUTTON', 60)
    assert third.wait() == 0
    assert third.modes() == third.before, 'the terminal is not as it was'
    third.close()
    wait_state('life', 'shut off (shutdown)')
    vmsh('list', out=table())
    vmsh('shutdown', 'life', status=1, out='\n',
         err="error: Failed to shutdown domain 'life'\n"
             'error: Requested operation is not valid: domain is not running\n')
    vmsh('console', 'life', status=1, out='\n', err='error: The domain is not running\n')

    events.send_signal(signal.SIGINT)
    assert events.wait(10) == 0, open(log.name, encoding="utf-8").read()
    with open(os.path.join(WORK, 'events'), encoding='utf-8') as log:
        seen = log.read()
    lines = [f"event '{e}' for domain 'life'{more}\n" for e, more in (
        ('lifecycle', ': Started Booted'), ('lifecycle', ': Suspended Paused'),
        ('lifecycle', ': Resumed Unpaused'), ('lifecycle', ': Shutdown Finished'),
        ('lifecycle', ': Stopped Shutdown'))]
    at = 0
    for line in lines:
        found = seen.find(line, at)
        assert found >= 0, f'{line} is not among\n{seen}'
        at = found + len(line)
    assert seen.rstrip().splitlines()[-2:] == ['event loop interrupted',
                                               f'events received: {seen.count("event ") - 1}'], seen


def paused_and_destroyed():
    """start --paused, destroy, --autodestroy, start --console"""
    vmsh('start', 'life', '--paused', out="Domain 'life' started\n\n")
    vmsh('domstate', 'life', '--reason', out='paused (user)\n\n')
    vmsh('destroy', 'life', out="Domain 'life' destroyed\n\n")
    vmsh('domstate', 'life', '--reason', out='shut off (destroyed)\n\n')
    vmsh('destroy', 'life', status=1, out='\n',
         err="error: Failed to destroy domain 'life'\n"
             'error: Requested operation is not valid: domain is not running\n')
    vmsh('start', 'life', '--autodestroy', out="Domain 'life' started\n\n")
    vmsh('list', '--all', out=table(('-', 'life', 'shut off')))
    with Terminal([*BASE, 'start', 'life', '--paused', '--console']) as t:
        t.expect("Domain 'life' started\r\n")
        t.expect("Connected to domain 'life'\r\n")
        t.send(CTRL)
        assert t.wait() == 0
    with console() as t: # a signal ends it as usual, but the terminal is put right first
        t.expect('')
        time.sleep(0.2)
        assert t.modes() != t.before
        os.kill(t.pid, signal.SIGTERM)
        assert t.wait() == -signal.SIGTERM
        assert t.modes() == t.before, 'the terminal is not as it was'
    with Terminal(BASE) as t: # out of a console, back to the prompt; a console that ends with its guest
        for ending in ('by key', 'by guest'):
            t.expect('vmsh # ')
            t.send('console life\n')
            t.expect('Escape character is')
            if ending == 'by key':
                t.send(CTRL)
            else:
                vmsh('destroy', 'life', '--graceful', out="Domain 'life' destroyed\n\n")
        t.expect('vmsh # ')
        t.send('quit\n')
        assert t.wait() == 0
        assert t.modes() == t.before, 'the terminal is not as it was'


def documents():
    """dumpxml round trip, autostart, undefine of a running domain"""
    again = os.path.join(WORK, 'again.xml')
    before = vmsh('dumpxml', 'life', '--inactive')
    with open(again, 'w', encoding='utf-8') as f:
        f.write(before)
    vmsh('define', again, out=f"Domain 'life' defined from {again}\n\n")
    vmsh('dumpxml', 'life', '--inactive', out=before)
    vmsh('autostart', 'life', out="Domain 'life' marked as autostarted\n\n")
    assert 'Autostart:      enable\n' in vmsh('dominfo', 'life')
    vmsh('list', '--all', '--autostart', '--name', out='life\n\n')
    vmsh('autostart', 'life', '--disable', out="Domain 'life' unmarked as autostarted\n\n")
    vmsh('list', '--all', '--autostart', '--name', out='\n')
    vmsh('start --paused life', out="Domain 'life' started\n\n")
    live = vmsh('dumpxml', 'life')
    assert re.match(r"<domain type='vemu' id='\d+'>", live), live
    assert re.search(r"<source path='/dev/pts/\d+'/>", live), live
    vmsh('dumpxml', 'life', '--inactive', out=before)
    vmsh('undefine', 'life', out="Domain 'life' has been undefined\n\n")
    vmsh('list', '--transient', '--name', out='life\n\n')
    vmsh('destroy', 'life', out="Domain 'life' destroyed\n\n")
    vmsh('list', '--all', out=table())
    vmsh('domstate', 'life', status=1, out='\n', err="error: failed to get domain 'life'\n")


def transient():
    """create"""
    xml = document('brief', 2)
    vmsh('create', xml, '--paused', out=f"Domain 'brief' created from {xml}\n\n")
    vmsh('list', '--transient', '--all', '--name', out='brief\n\n')
    vmsh('autostart', 'brief', status=1, out='\n', err=None)
    vmsh('create', xml, status=1, out='\n', err=None)
    vmsh('destroy', 'brief', out="Domain 'brief' destroyed\n\n")
    vmsh('list', '--all', out=table())


def killed():
    """A guest that is killed is seen to be off, and starts again."""
    vmsh('define', document('victim', 3), out=None)
    vmsh('start', 'victim', out=None)
    os.kill(process_of('victim'), signal.SIGKILL)
    wait_state('victim', 'shut off (crashed)', 10)
    vmsh('list', '--all', out=table(('-', 'victim', 'shut off')))
    vmsh('start', 'victim', '--paused', out=None)
    assert process_of('victim')
    vmsh('destroy', 'victim', out=None)
    assert not process_of('victim')
    vmsh('undefine', 'victim', out=None)


def two_at_once():
    """Of several that start a domain, one does; the others are told."""
    vmsh('define', document('race', 4), out=None)
    starts = [subprocess.Popen([*BASE, 'start', 'race', '--paused'], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    told = [p.communicate(timeout=60) for p in starts]
    assert sum(p.returncode == 0 for p in starts) == 1, told
    for p, (_, err) in zip(starts, told):
        assert p.returncode == 0 or 'already' in err, told
    vmsh('list', '--name', out='race\n\n')
    vmsh('destroy race; undefine race', out=None)


def refused():
    """What cannot start says why, is off afterwards and leaves no process."""
    text = os.path.join(WORK, 'text')
    with open(text, 'w', encoding='utf-8') as f:
        f.write('no kernel\n')
    for name, changes, expected in (
            ('missing', {'kernel': '/nonexistent'}, 'No such file or directory'),
            ('garbage', {'kernel': text}, text),
            ('noinitrd', {'initrd': '/nonexistent'}, 'No such file or directory'),
            ('tiny', {'memory': 2}, None),
            ('huge', {'memory': 1 << 40}, None),
            ('disk', {'devices': "<disk type='file'><source file='/x'/><target dev='vda'/></disk>"},
             "cannot open '/x': No such file or directory"),
            ('sound', {'devices': "<sound model='ich6'/>"},
             '<sound> is not supported by the vemu driver yet'),
            ('nobin', {'devices': '<emulator>/nonexistent</emulator>'},
             'Cannot check emulator binary /nonexistent: No such file or directory')):
        vmsh('define', document(name, 5, **changes), out=None)
        done = subprocess.run([*BASE, 'start', name], capture_output=True, text=True, timeout=60,
                              check=False)
        told = f'{name}: {done.returncode} {done.stdout}{done.stderr}'
        lines = done.stderr.splitlines()
        assert done.returncode == 1 and done.stdout == '\n' and len(lines) == 2, told
        assert lines[0] == f"error: Failed to start domain '{name}'", told
        assert expected is None or expected in lines[1], told
        assert 'end of file' not in lines[1].lower(), told
        print('   ', lines[1])
        assert vmsh('domstate', name) == 'shut off\n\n'
        assert not process_of(name)
        vmsh('undefine', name, out=None)
    # what nobody knows is passed over
    vmsh('define', document('odd', 6, more='<bogus/>'), out=None,
         err="warning: unknown element 'bogus' in domain\n")
    vmsh('start', 'odd', '--paused', out="Domain 'odd' started\n\n")
    vmsh('-r', 'destroy', 'odd', status=1, out='\n',
         err="error: Failed to destroy domain 'odd'\n"
             'error: operation forbidden: read only access prevents virDomainDestroy\n')
    vmsh('-r', 'list', '--name', out='odd\n\n')
    vmsh('destroy odd; undefine odd', out=None)


def main():
    for step in (life_cycle, paused_and_destroyed, documents, transient, killed, two_at_once,
                 refused):
        started = time.monotonic()
        print(f'{step.__name__}: {step.__doc__}', flush=True)
        step()
        print(f'    {time.monotonic() - started:.1f} s', flush=True)
    vmsh('list', '--all', out=table())


main()
