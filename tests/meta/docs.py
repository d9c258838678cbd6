#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs.py TOP: what libvkvm's public headers say about each function.

Every function stands under a doc comment, its own or that of the group it follows without a blank
line. One that returns int names its errors, there or for all of the header in the comment at its
top. A comment that names an ioctl gives its section of the kernel's API document, the right one,
and the capability it needs if it is not always there. docs-ioctls.txt has the facts.
"""
import re
import sys
from pathlib import Path

top = Path(sys.argv[1])
facts = {}
for line in (top / "tests/meta/docs-ioctls.txt").read_text().splitlines():
    if not line.startswith("#"):
        name, section, cap = line.split()
        facts[name] = (section, cap)

# Calls that only touch memory of the process: nothing to fail with but what they return.
ERRORS = re.compile(r"-E[A-Z0-9]{2,}|[Ee]rrors|cannot fail|[Nn]ever fails|-errno|snprintf\(3\)|"
                    r"Returns 0,? or (?:what )?vkvm_\w+\(\)")
NO_ERRORS = re.compile(r"_(get_fd|count)$")
PROTOTYPE = re.compile(r"^(?P<type>[a-z][\w\s*]*?)\b(?P<name>vkvm_\w+)\((?P<args>[^;]*)\);",
                       re.M | re.S)
bad = []


def blocks(text):
    """Pairs of a doc comment and the code up to the next blank line or comment."""
    for m in re.finditer(r"/\*\*(?P<doc>.*?)\*/(?P<code>.*?)(?=\n[ \t]*\n|/\*|\Z)", text, re.S):
        yield m.start("code"), m.group("doc"), m.group("code")


def sections_of(doc):
    found = set()
    for bracket in re.findall(r"\[([^\]]*)\]", doc):
        for first, last in re.findall(r"(\d+\.\d+)(?: to (\d+\.\d+))?", bracket):
            found.add(first)
            if last:
                major = first.split(".")[0]
                found |= {f"{major}.{n}" for n in range(int(first.split(".")[1]),
                                                        int(last.split(".")[1]) + 1)}
    return found


def check(where, names, doc, preamble, returns_int):
    doc = re.sub(r"\s*\n\s*\*\s?", " ", doc)
    if returns_int and not ERRORS.search(doc) and not ERRORS.search(preamble):
        bad.append(f"{where}: names no errors")
    # the ioctl a comment is about is the one it begins with
    about = re.match(r"[\s(]*(?:vkvm_\w+\(\)[\s,-]+)*"
                     r"((?:KVM_[A-Z0-9_]+)(?:(?:, | and | / |/)KVM_[A-Z0-9_]+)*)", doc)
    for ioctl in re.findall(r"KVM_[A-Z0-9_]+", about.group(1)) if about else []:
        if ioctl not in facts:
            continue
        section, cap = facts[ioctl]
        have = sections_of(doc) | sections_of(preamble)
        if section not in have:
            bad.append(f"{where}: {ioctl} is section {section}, not {sorted(have) or 'given'}")
        if cap != "-" and cap not in doc and cap not in preamble:
            bad.append(f"{where}: {ioctl} needs {cap}, which is not said")


functions = 0
for path in sorted((top / "libvkvm/include/vkvm").rglob("*.h")):
    text = path.read_text()
    short = path.relative_to(top / "libvkvm/include")
    preamble = re.sub(r"\s*\n\s*\*\s?", " ", re.findall(r"/\*.*?\*/", text, re.S)[1])
    documented = {}
    before = ""
    for start, doc, code in blocks(text):
        prototypes = list(PROTOTYPE.finditer(code))
        for p in prototypes:
            documented[p.group("name")] = doc
        if prototypes and re.search(r"\b[Tt]he same\b|\bas above\b|siblings", doc):
            doc = doc + before  # "the same for ...": what holds for the one before, too
        if prototypes:
            before = doc
            check(f"{short}: {prototypes[0].group('name')}()",
                  [p.group("name") for p in prototypes], doc, preamble,
                  any(p.group("type").strip() == "int" and not NO_ERRORS.search(p.group("name"))
                      for p in prototypes))
    bare = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    for p in PROTOTYPE.finditer(bare):
        functions += 1
        if p.group("name") not in documented:
            bad.append(f"{short}: {p.group('name')}() has no doc comment")

print("\n".join(bad))
print(f"{functions} functions, {len(bad)} complaints")
sys.exit(bool(bad) or functions < 90)
