# SPDX-License-Identifier: LGPL-2.1-or-later
"""Transcripts of vmsh: reading, running and writing them.

A transcript (vmsh/*.test) is a list of cases:

    # a comment
    $ list --all            arguments as a POSIX shell would split them; VAR=value in front: environment
    + more                  another line of the arguments
    < uri                   a line of standard input
    >  Id   Name   State    a line of standard output; `$` ends it if it ends in a blank or in `$`
    ! error: ...            a line of standard error
    ? 1                     exit status, if not 0

A case that starts with `% ` instead of `$ ` is one where vmsh differs from virsh on purpose, or that virsh
cannot run; the comment above it says why. All others give the same on both, which vmsh-oracle.py proves.
`>\\` or `!\\` at the end of a block: its last line has no newline.
"""
import os
import re
import shlex
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, 'vmsh')

# What changes from run to run.
VOLATILE = [
    (re.compile(r'^\(Time: \d+\.\d{3} ms\)$', re.M), '(Time: N ms)'),
    (re.compile(r'^(CPU time: +)\d+\.\ds$', re.M), r'\1N'),
    (re.compile(r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: ', re.M), 'WHEN: '),
    (re.compile(r'/HOME/(vir|vm)sh\w{6}\.'), '/HOME/TEMPORARY.'),
]
MADE_UUID = re.compile(r'\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b')


class Case:
    """One command line and what it gives."""

    def __init__(self, file, line, shared, command):
        self.file, self.line, self.shared, self.command = file, line, shared, command
        self.lead, self.stdin, self.expected = [], '', None

    def where(self):
        return f'{os.path.basename(self.file)}:{self.line}'

    def words(self):
        """Environment additions, arguments."""
        env, args = {}, shlex.split(self.command)
        while args and re.match(r'[A-Z_]+=', args[0]):
            name, _, value = args.pop(0).partition('=')
            env[name] = value
        return env, args


def line_in(text):
    return text[:-1] if text.endswith('$') else text


def line_out(text):
    return text + '$' if text.endswith(('$', ' ', '\t')) else text


def block(lines):
    if lines and lines[-1] == '\\':
        return '\n'.join(lines[:-1])
    return ''.join(x + '\n' for x in lines)


def unblock(mark, text):
    if not text:
        return []
    lines = text.split('\n')
    ended = lines[-1] == ''
    out = [(mark + ' ' + line_out(x)).rstrip(' ') for x in (lines[:-1] if ended else lines)]
    return out if ended else out + [mark + '\\']


def load(path):
    """The cases of a transcript, and what stands after the last."""
    cases, lead, case, out, err, status = [], [], None, [], [], 0

    def close():
        if case:
            case.expected = (block(out), block(err), status)

    for number, line in enumerate(open(path, encoding='utf-8').read().split('\n')[:-1], 1):
        mark, text = line[:1], line[2:]
        if mark in ('$', '%'):
            close()
            case, out, err, status = Case(path, number, mark == '$', text), [], [], 0
            case.lead, lead = lead, []
            cases.append(case)
        elif mark in ('#', ''):
            lead.append(line)
        elif mark == '+':
            case.command += '\n' + text
        elif mark == '<':
            case.stdin += line_in(text) + '\n'
        elif mark in ('>', '!'):
            (out if mark == '>' else err).append('\\' if line[1:] == '\\' else line_in(text))
        elif mark == '?':
            status = int(text)
        else:
            raise SystemExit(f'{path}:{number}: cannot understand: {line}')
    close()
    return cases, lead


def save(path, cases, tail):
    with open(path, 'w', encoding='utf-8') as f:
        for case in cases:
            out, err, status = case.expected
            lines = case.lead + [(('$ ' if case.shared else '% ') + case.command).replace('\n', '\n+ ')
                                 .rstrip(' ')]
            lines += [('< ' + line_out(x)).rstrip(' ') for x in case.stdin.split('\n')[:-1]]
            lines += unblock('>', out) + unblock('!', err)
            if status:
                lines.append(f'? {status}')
            f.write('\n'.join(lines) + '\n')
        f.write(''.join(x + '\n' for x in tail))


def names():
    return sorted(os.path.join(FOLDER, x) for x in os.listdir(FOLDER) if x.endswith('.test'))


def environment(home):
    keep = {k: v for k, v in os.environ.items()
            if k in ('PATH', 'LD_LIBRARY_PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS')}
    return dict(keep, HOME=home, TMPDIR=home, XDG_CACHE_HOME=home + '/cache',
                XDG_CONFIG_HOME=home + '/config', XDG_RUNTIME_DIR=home + '/run', TZ='UTC',
                LC_ALL='C', VIRSH_DEFAULT_CONNECT_URI='test:///default')


class Sandbox:
    """A directory in which programs run, with those documents that the arguments name."""

    def __init__(self, documents=FOLDER + '/xml'):
        self.documents = documents

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix='vmsh-test-')
        self.cwd = os.path.join(self.home, 'cwd')
        os.mkdir(self.cwd)
        os.mkdir(os.path.join(self.home, 'run'), 0o700)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, program, args, stdin='', env=None):
        for name in os.listdir(self.documents):
            if any(name in x for x in (stdin, *args)):
                shutil.copy(os.path.join(self.documents, name), self.cwd)
        try:
            done = subprocess.run([program, *args], input=stdin.encode(), capture_output=True,
                                  cwd=self.cwd, env=dict(environment(self.home), **(env or {})),
                                  timeout=30, check=False)
        except subprocess.TimeoutExpired:
            return ('', 'did not end within 30 s\n', 124)
        texts = []
        for raw in (done.stdout, done.stderr):
            text = raw.decode('utf-8', 'backslashreplace').replace(self.home, '/HOME')
            for pattern, to in VOLATILE:
                text = pattern.sub(to, text)
            seen = []
            for uuid in MADE_UUID.findall(text):
                if uuid not in seen and '-4000-' not in uuid:
                    seen.append(uuid)
                    text = text.replace(uuid, f'UUID-{len(seen)}')
            texts.append(text)
        return (texts[0], texts[1], done.returncode)


def show(title, result):
    out, err, status = result
    return [f'--- {title}'] + unblock('>', out) + unblock('!', err) + [f'? {status}']
