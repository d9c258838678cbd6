# SPDX-License-Identifier: LGPL-2.1-or-later
"""xml-table.py BUILD DIRECTORY: writes the table of libvmgr/docs/xml.md to standard output. Each element
of the documents in DIRECTORY is put alone into a definition on vmgrd and started, with an emulator
that takes everything. What is refused of it is taken away until the rest starts."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from vmgrd_daemon import Daemon

BUILD, CORPUS = sys.argv[1:3]
DOMAIN = ("<domain type='qemu'><name>t</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>{top}"
          "<os><type arch='x86_64' machine='q35'>hvm</type>{os}</os>{features}"
          "<devices>{device}</devices></domain>")
ROOM = "<maxMemory slots='4' unit='GiB'>8</maxMemory>"
NO_ROW = {"name", "uuid", "memory", "vcpu", "devices"}


def subjects():
    """what a row is about, and where it goes in the document"""
    for path in sorted(glob.glob(os.path.join(CORPUS, "*.xml"))):
        for element in ET.parse(path).getroot():
            if element.tag in ("os", "features", "clock", "cpu"):
                for child in element:
                    if child.tag != "type":
                        yield f"{element.tag}/{child.tag}", element.tag, child
            elif element.tag == "devices":
                for child in element:
                    yield child.tag, "device", child
            elif element.tag not in NO_ROW:
                yield element.tag, "top", element


def name_of(path, element):
    for attribute in ("type", "model", "name", "mode", "device"):
        value = element.get(attribute)
        if value and path != "os/firmware":
            return f"`{path}` {attribute}={value}"
    return f"`{path}`"


def document(place, element):
    parts = dict.fromkeys(("top", "os", "features", "device"), "")
    text = ET.tostring(element, encoding="unicode")
    if place in ("clock", "cpu"):
        offset = " offset='utc'" if place == "clock" else " mode='host-passthrough'"
        parts["top"] = f"<{place}{offset}>{text}</{place}>"
    elif place == "features":
        parts["features"] = f"<features>{text}</features>"
    else:
        parts[place] = text
    if place == "device" and element.tag == "memory":  # is part of <memory>
        parts["top"] = ROOM
        return DOMAIN.format(**parts).replace("'MiB'>64<", "'GiB'>4<")
    return DOMAIN.format(**parts)


def try_it(uri, path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    told = ""
    for command in (["define", path], ["start", "t"]):
        done = subprocess.run(["virsh", "-q", "-c", uri, *command], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            told = done.stderr.strip().split("\n")[-1].replace("error: ", "")
            break
    for command in ("destroy", "undefine"):
        subprocess.run(["virsh", "-q", "-c", uri, command, "t"], capture_output=True, timeout=60,
                       check=False, stdin=subprocess.DEVNULL)
    return told


def without(element, told):
    """takes away what the message is about; its name, or None"""
    found = re.search(r"<(\w+)> of <(\w+)>", told)
    attribute = re.search(r"attribute '(\w+)' of <(\w+)>", told)
    if attribute:
        for node in element.iter(attribute.group(2)):
            if node.attrib.pop(attribute.group(1), None) is not None:
                return f"{node.tag}@{attribute.group(1)}"
    elif found:
        for node in element.iter(found.group(2)):
            child = node.find(found.group(1))
            if child is not None:
                node.remove(child)
                return f"{node.tag}/{child.tag}"
    return None


def row(uri, path, place, element):
    gone = []
    while True:
        told = re.sub(r"^unsupported configuration: ", "",
                      try_it(uri, path, document(place, element)))
        name = without(element, told) if told else None
        if name is None:
            break
        gone.append(f"`{name}`")
    told = re.sub(r" (is|are) not supported by the vemu driver yet$", "", told)
    if told:
        return f"no: {told}"
    return "yes, without " + ", ".join(gone) if gone else "yes"


def main():
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        daemon = Daemon(BUILD, os.path.join(work, "root"))
        uri = f"qemu:///system?socket={daemon.socket}"
        try:
            for path, place, element in subjects():
                name = name_of(path, element)
                given = row(uri, os.path.join(work, "t.xml"), place, element)
                if not rows.get(name, "no").startswith("yes"):
                    rows[name] = given
        finally:
            daemon.stop()
    print("| element | what a guest gets |\n|---|---|")
    for name in sorted(rows):
        print(f"| {name} | {rows[name]} |")


if __name__ == "__main__":
    main()
