#!/usr/bin/env python3
"""The plugin interface as a list that can be compared.

  dump.py program HEADER     a C program that prints the dump of HEADER
  dump.py asserts DUMP       a C11 and C++20 file that fails to compile where the header's layout is not the dump's

A dump has one line per fact: `struct NAME size alignment`, `  offset size NAME.field type`, `value NAME number`,
`text NAME "string"`, `type NAME what`. It holds for LP64 machines. Python's standard library only.
"""
import re
import sys


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"//[^\n]*", " ", text)


def squeeze(text):
    text = text.replace("SLC_NOEXCEPT", "")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s*([(),*;])\s*", r"\1", text)
    return text.replace(",", ", ").replace("*", "* ").replace("* )", "*)").replace("* *", "**").replace("* ,", "*,").strip()


def split_top(text, separator):
    """Splits at `separator` outside of parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({") - (c in ")}")
        if c == separator and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


def fields(body):
    """(name, type text) of each field, in order."""
    out = []
    for declaration in split_top(body, ";"):
        pointer = re.match(r"(.+?)\(\*\s*(\w+)\)\s*(\(.*\))\s*SLC_NOEXCEPT$", declaration, flags=re.S)
        if pointer:
            out.append((pointer.group(2), squeeze(pointer.group(1)) + " (*)" + squeeze(pointer.group(3))))
            continue
        base, *more = split_top(declaration, ",")
        base = re.match(r"(.*?)(\w+)$", base, flags=re.S)
        kind = squeeze(base.group(1))
        out.append((base.group(2), kind))
        stars = re.match(r"(.*?)\s*(?:\*\s*(?:const)?\s*)*$", kind).group(1)
        for name in more:  # "slc_str method, url, body;", "const char *id, *version;"
            out.append((name.replace("*", "").strip(), (stars + " *" if "*" in name else stars).replace(" *", "*").replace("*", "* ").strip()))
    return out


def parse(header):
    raw = open(header, encoding="utf-8").read()
    texts = re.findall(r'#define (SLC_(?:SVC|IFACE)_\w+) ("[^"]+")', raw)
    numbers = re.findall(r"#define (SLC_ABI_\w+) (?:0x)?[0-9a-f]+u", raw)
    code = without_comments(raw)
    code = re.sub(r"^\s*#.*?(?<!\\)$", "", code, flags=re.M | re.S)
    structs = []
    for match in re.finditer(r"(?:typedef )?struct (\w+) \{", code):
        depth, i = 1, match.end()
        while depth:
            depth += (code[i] == "{") - (code[i] == "}")
            i += 1
        structs.append((match.group(1), fields(code[match.end():i - 1])))
    enums = []
    for body in re.findall(r"enum \{(.*?)\}", code, flags=re.S):
        enums += [entry.split("=")[0].strip() for entry in split_top(body, ",")]
    types = []
    for match in re.finditer(r"typedef ([^;{}]*?)(?:\(\*(\w+)\)(\([^;]*?\)) SLC_NOEXCEPT|(\w+));", code, flags=re.S):
        if match.group(2):
            types.append((match.group(2), squeeze(match.group(1)) + " (*)" + squeeze(match.group(3))))
        else:
            types.append((match.group(4), squeeze(match.group(1))))
    return texts, numbers, structs, enums, types


def program(header):
    texts, numbers, structs, enums, types = parse(header)
    out = ["#include <stdio.h>", f'#include "{header}"', "int main(void) {"]
    for name, text in texts:
        out.append(f'  printf("text {name} \\"%s\\"\\n", {name});')
    for name in numbers:
        if name not in ("SLC_ABI_MAJOR", "SLC_ABI_MINOR"):  # they change with a version, not with the layout
            out.append(f'  printf("value {name} %lld\\n", (long long){name});')
    for name in enums:
        out.append(f'  printf("value {name} %lld\\n", (long long){name});')
    for name, what in types:
        out.append(f'  printf("type {name} {what}\\n");')
    for name, members in structs:
        out.append(f'  printf("struct {name} %zu %zu\\n", sizeof({name}), _Alignof({name}));')
        for field, what in members:
            out.append(f'  printf("  %zu %zu {name}.{field} {what}\\n", offsetof({name}, {field}), sizeof((({name}*)0)->{field}));')
    out += ["  return 0;", "}"]
    return "\n".join(out) + "\n"


def asserts(dump):
    out = ['#include "sluice/plugin.h"', "#ifdef __cplusplus", "#define CHECK(what) static_assert(what, #what)", "#else",
           "#define CHECK(what) _Static_assert(what, #what)", "#endif"]
    for line in open(dump, encoding="utf-8"):
        parts = line.split()
        if parts[0] == "struct":
            out.append(f"CHECK(sizeof({parts[1]}) == {parts[2]});")
        elif parts[0].isdigit():
            struct, field = parts[2].split(".")
            out.append(f"CHECK(offsetof({struct}, {field}) == {parts[0]});")
            out.append(f"CHECK(sizeof((({struct}*)0)->{field}) == {parts[1]});")
        elif parts[0] == "value":
            out.append(f"CHECK((long long){parts[1]} == {parts[2]});")
    out.append("extern int slc_layout_holds;  /* a file must not be empty */")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("program", "asserts"):
        sys.exit(__doc__)
    sys.stdout.write({"program": program, "asserts": asserts}[sys.argv[1]](sys.argv[2]))
