#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the C structures, codec tables and procedure tables from protocol.wire.

usage: wire-gen.py protocol.wire HEADER SOURCE
"""
import re
import sys

# type: (C type, table name, bytes in memory, least bytes on the wire)
SCALARS = {
    "int": ("int32_t", "INT", 4, 4), "uint": ("uint32_t", "INT", 4, 4),
    "hyper": ("int64_t", "HYPER", 8, 8), "uhyper": ("uint64_t", "HYPER", 8, 8),
    "double": ("double", "HYPER", 8, 8), "string": ("char *", "STRING", 8, 4),
    "uuid": ("uint8_t", "UUID", 16, 16), "char": ("char", "CHAR", 1, 4),
    "opaque": ("uint8_t", "BYTE", 1, 1), "value": ("struct wire_value", "VALUE", 16, 8),
}
# What a list may ask of memory for each byte it has on the wire.
MOST_PER_BYTE = 16


class Bad(Exception):
    pass


class Struct:
    def __init__(self, name, fields):
        self.name, self.fields = name, fields
        self.least = sum(f.least for f in fields)


class Field:
    PATTERN = re.compile(r"^([a-z0-9_]+)(\?|<(\d+)>|\[(\d+)\])? ([a-z_][a-z0-9_]*)$")

    def __init__(self, text, structs):
        match = self.PATTERN.match(text)
        if not match:
            raise Bad(f"not a field: '{text}'")
        self.type, suffix, most, exact, self.name = match.groups()
        self.form = "PLAIN" if not suffix else {"?": "OPTIONAL", "<": "LIST", "[": "ARRAY"}[suffix[0]]
        self.count = int(most or exact or 0)
        self.struct = structs.get(self.type)
        if self.struct is None and self.type not in SCALARS:
            raise Bad(f"unknown type '{self.type}'")
        least = self.struct.least if self.struct else SCALARS[self.type][3]
        if self.form == "LIST" and least == 0:
            raise Bad(f"'{text}': a list of nothing")
        self.least = {"PLAIN": least, "OPTIONAL": 4, "LIST": 4, "ARRAY": least * self.count}[self.form]
        if self.form in ("OPTIONAL", "ARRAY") and not self.struct:
            if (self.form, self.type) not in (("OPTIONAL", "string"), ("ARRAY", "char")):
                raise Bad(f"'{text}': no such combination")
        if self.form == "LIST" and self.type == "uuid":
            raise Bad(f"'{text}': no such combination")

    def declare(self):
        c_type = f"struct wire_{self.type}" if self.struct else SCALARS[self.type][0]
        blank = "" if c_type.endswith("*") else " "
        if self.form == "LIST":
            return f"struct {{ uint32_t n; {c_type}{blank}*v; }} {self.name};"
        if self.form == "ARRAY":
            return f"{c_type} {self.name}[{self.count}];"
        if self.form == "OPTIONAL" and self.struct:
            return f"{c_type} *{self.name};"
        if self.type == "uuid":
            return f"{c_type} {self.name}[16];"
        return f"{c_type}{blank}{self.name};"

    def table(self, owner):
        kind = "STRUCT" if self.struct else SCALARS[self.type][1]
        sub = f"&layout_{self.type}" if self.struct else "NULL"
        return (f"    {{ offsetof(struct wire_{owner}, {self.name}), WIRE_{kind}, "
                f"WIRE_{self.form}, {self.count}, {sub} }},\n")


class Call:
    def __init__(self, number, name, kind, words, args, ret):
        self.number, self.name, self.kind = number, name, kind
        self.words, self.args, self.ret = words, args, ret


WORDS = ("read", "fast", "unauth", "stream")
FIELDS = r"\(([^()]*)\)"


class Protocol:
    def __init__(self, lines):
        self.structs, self.programs = {}, []
        for number, line in self.joined(lines):
            try:
                self.line(line)
            except Bad as bad:
                raise Bad(f"line {number}: {bad}") from None

    @staticmethod
    def joined(lines):
        whole = []
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith(" ") and whole:
                whole[-1][1] += " " + line.strip()
            elif line and not line.startswith("#"):
                whole.append([number, line])
        return whole

    def add_struct(self, name, text):
        if name in self.structs:
            raise Bad(f"struct '{name}' comes twice")
        fields = [Field(part.strip(), self.structs) for part in text.split(",") if part.strip()]
        if len({f.name for f in fields}) != len(fields):
            raise Bad(f"struct '{name}' has a field twice")
        self.structs[name] = Struct(name, fields)
        return name

    def line(self, line):
        if match := re.match(rf"^struct ([a-z0-9_]+) {FIELDS}$", line):
            self.add_struct(match[1], match[2])
        elif match := re.match(r"^program ([a-z]+) (0x[0-9a-f]+) (\d+)$", line):
            self.programs.append((match[1], match[2], int(match[3]), []))
        elif match := re.match(rf"^call (\d+) ([a-z0-9_]+)((?: [a-z]+)*) {FIELDS}(?: -> {FIELDS})?$",
                               line):
            words = match[3].split()
            for word in words:
                if word not in WORDS:
                    raise Bad(f"unknown word '{word}'")
            self.add_call("call", match[1], match[2], words, match[4], match[5])
        elif match := re.match(rf"^event (\d+) ([a-z0-9_]+) {FIELDS}$", line):
            self.add_call("event", match[1], match[2], [], match[3], None)
        else:
            raise Bad(f"cannot read '{line}'")

    def add_call(self, kind, number, name, words, args, ret):
        if not self.programs:
            raise Bad("a call before the first program")
        program, calls = self.programs[-1][0], self.programs[-1][3]
        if int(number) != len(calls) + 1:
            raise Bad(f"number {number} follows {len(calls)}")
        prefix = "" if program == "remote" else program + "_"
        suffix = "args" if kind == "call" else "msg"
        made = []
        for text, end in ((args, suffix), (ret, "ret")):
            full = f"{prefix}{name}_{end}"
            if not text:
                made.append(None)
            elif full in self.structs:  # other messages have it as a part
                fields = [Field(p.strip(), self.structs).declare() for p in text.split(",")]
                if fields != [f.declare() for f in self.structs[full].fields]:
                    raise Bad(f"struct '{full}' comes twice, differently")
                made.append(full)
            else:
                made.append(self.add_struct(full, text))
        calls.append(Call(int(number), prefix + name, kind, words, *made))

    def write_header(self, out):
        out.write("/* Made by wire-gen.py from protocol.wire. */\n#ifndef VMGR_RPC_WIRE_PROTOCOL_H\n"
                  "#define VMGR_RPC_WIRE_PROTOCOL_H\n\n#include \"codec.h\"\n\n")
        for s in self.structs.values():
            out.write(f"struct wire_{s.name} {{\n")
            out.writelines(f"    {f.declare()}\n" for f in s.fields)
            out.write("};\n")
        for name, number, version, calls in self.programs:
            upper = name.upper()
            out.write(f"\n#define WIRE_{upper}_PROGRAM {number}u\n"
                      f"#define WIRE_{upper}_VERSION {version}\n\nenum {{\n")
            out.writelines(f"    WIRE_{c.name.upper()} = {c.number},\n" for c in calls)
            out.write(f"    WIRE_{upper}_CALLS = {len(calls)},\n}};\n")
            out.write(f"extern const struct vmgr__wire_program vmgr__wire_{name};\n")
        out.write("\n/* For a value of its own: an error, a hole in a stream. */\n")
        out.writelines(f"extern const struct vmgr__wire_layout vmgr__wire_layout_{name};\n"
                       for name in EXPORTED)
        out.write("\n#endif\n")

    def write_source(self, out):
        out.write("/* Made by wire-gen.py from protocol.wire. */\n#include \"wire-protocol.h\"\n\n"
                  "#include <stddef.h>\n\n")
        for s in self.structs.values():
            if s.fields:
                out.write(f"static const struct vmgr__wire_field fields_{s.name}[] = {{\n")
                out.writelines(f.table(s.name) for f in s.fields)
                out.write("};\n")
            keyword = "" if s.name in EXPORTED else "static "
            exported = f"vmgr__wire_layout_{s.name}" if s.name in EXPORTED else f"layout_{s.name}"
            fields = f"fields_{s.name}" if s.fields else "NULL"
            if s.name in EXPORTED:
                out.write(f"#define layout_{s.name} vmgr__wire_layout_{s.name}\n")
            out.write(f"{keyword}const struct vmgr__wire_layout {exported} = {{\n"
                      f"    {fields}, {len(s.fields)}, sizeof(struct wire_{s.name}), {s.least}\n}};\n")
            for f in s.fields:
                if f.form == "LIST" and f.struct:
                    out.write(f"_Static_assert(sizeof(struct wire_{f.type}) <= "
                              f"{MOST_PER_BYTE} * {f.struct.least}, \"{f.type}\");\n")
        for name, number, version, calls in self.programs:
            out.write(f"\nstatic const struct vmgr__wire_call calls_{name}[] = {{\n")
            for c in calls:
                flags = " | ".join(f"WIRE_CALL_{w.upper()}" for w in c.words) or "0"
                if c.kind == "event":
                    flags = "WIRE_CALL_EVENT"
                layouts = [f"&layout_{s}" if s else "NULL" for s in (c.args, c.ret)]
                out.write(f"    {{ \"{c.name}\", {layouts[0]}, {layouts[1]}, {flags} }},\n")
            out.write(f"}};\nconst struct vmgr__wire_program vmgr__wire_{name} = {{\n"
                      f"    \"{name}\", {number}u, {version}, {len(calls)}, calls_{name}\n}};\n")


# Layouts that the library uses beside those of calls.
EXPORTED = ("error", "stream_hole")


def main():
    description, header, source = sys.argv[1:4]
    with open(description, encoding="utf-8") as file:
        try:
            protocol = Protocol(file)
        except Bad as bad:
            sys.exit(f"{description}: {bad}")
    with open(header, "w", encoding="utf-8") as out:
        protocol.write_header(out)
    with open(source, "w", encoding="utf-8") as out:
        protocol.write_source(out)


if __name__ == "__main__":
    main()
