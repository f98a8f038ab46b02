#!/usr/bin/env python3
"""Writes docs/reference/ from the comments of the SDK's headers.

    python3 sdk/tools/reference.py            writes the pages
    python3 sdk/tools/reference.py --check    compares them and changes nothing; exit code 1: run it without --check
    python3 sdk/tools/reference.py --missing  lists what has no comment; exit code 1: there is something

The headers are the one source. What a page says about a function is the comment at its declaration: in front of it, or behind
it on the same line. A comment behind the opening brace speaks for the whole table.
"""
import argparse
import pathlib
import re
import sys

from reference_c import Header
from reference_cpp import classes_of, macros_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "sdk/include/sluice"
PAGES = ROOT / "docs/reference"

NOTE = "<!-- Written by sdk/tools/reference.py from {source}. Change the comments there, then run it. -->\n\n"
THREADS = {
    "load": "the thread that builds or ends a generation; one call at a time",
    "worker": "the thread of the event loop that owns the exchange or worker; must not block",
    "pool": "a thread of the gateway's pool; may block",
    "any": "any thread, concurrently",
    "log": "the logging thread; may block",
}
LIFETIMES = {
    "exchange": "until `on_done` of the exchange",
    "stable": "the plugin promises that the text lives as long as the exchange",
}


def marks(text, marker):
    found = []
    for m in re.finditer(r"\[(\w+)\]", text):
        if m.group(1) in marker and m.group(1) not in found:
            found.append(m.group(1))
    return found


def prose(text):
    """A comment as Markdown: its own line breaks do not count, except in front of what is indented."""
    out = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if any(re.match(r"\s{2,}\S", line) for line in lines[1:]) and re.search(r"\S  +\S", paragraph):
            # A small table, such as what each answer means: kept as it is written.
            head = [line for line in lines if not line.startswith("  ")]
            split = next(i for i, line in enumerate(lines) if line.startswith("  "))
            rest = len(lines)
            while rest > split and not lines[rest - 1].startswith("  "):
                rest -= 1
            if split:
                out.append(escape(" ".join(lines[:split])))
            out.append("```\n" + "\n".join(line[2:] for line in lines[split:rest]) + "\n```")
            if rest < len(lines):
                out.append(escape(" ".join(lines[rest:])))
            del head
        else:
            out.append(escape(" ".join(line.strip() for line in lines)))
    return "\n\n".join(out)


def escape(text):
    """For Markdown, except what stands in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p.replace("|", "\\|") if p.startswith("`") else
                   p.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for p in parts)


def code(text):
    return "`" + text.replace("|", "\\|") + "`"


def without_marks(text):
    """The comment without its [worker] and [exchange], which are shown in a line of their own."""
    text = re.sub(r"\s*\[(?:%s)\]" % "|".join([*THREADS, *LIFETIMES]), "", text)
    return re.sub(r"^[\s,;.:]+|\s+$", "", text)


def sentence(text):
    """With a capital letter, unless it begins with a name."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,:;.]", text) else text


def thread_of(field, table):
    own = marks(field.comment, THREADS)
    if own:
        return own
    whole = marks(table.comment, THREADS)
    # "[worker] except intern": what is excepted has a mark of its own.
    return whole[:1]


def with_cost_last(comment):
    """What a table costs stands in front of it or within; readers first want to know what it is."""
    parts = re.split(r"\n\s*\n", comment)
    return "\n\n".join([p for p in parts if not p.startswith("Cost:")] + [p for p in parts if p.startswith("Cost:")])


def write_table(out, s):
    if s.comment:
        out.append(sentence(re.sub(r"\\?\[(\w+)\\?\]", r"**\1**", prose(with_cost_last(s.comment)))) + "\n")
    functions = [f for f in s.fields if f.is_function]
    data = [f for f in s.fields if not f.is_function and f.names != ["size"]]
    if data:
        out.append("| field | meaning |\n|---|---|")
        for f in data:
            out.append(f"| {code(f.signature)} | {' '.join(prose(without_marks(f.comment)).split())} |")
        out.append("")
    for f in functions:
        tags = thread_of(f, s)
        out.append(f"#### {f.names[0]}\n\n```c\n{f.signature}\n```\n")
        line = []
        if tags:
            line.append("Thread: " + ", ".join(f"**{t}**" for t in tags))
        lives = marks(f.comment, LIFETIMES)
        if lives:
            line.append("Views: " + "; ".join(LIFETIMES[t] for t in lives))
        if line:
            out.append(". ".join(line) + ".\n")
        text = without_marks(f.comment)
        if text:
            out.append(sentence(prose(text)) + "\n")


def is_table(s):
    """The table of its id, and not a struct that its functions take."""
    return s.name.endswith("_api") or (s.id[0].startswith("SLC_IFACE") and s.id[1].split(".")[1].split("/")[0].replace("-", "_") == s.name[4:])


def c_pages(h):
    services = [s for s in h.structs if s.name.endswith("_api") and s.id]
    kinds = [s for s in h.structs if s.id and s.id[0].startswith("SLC_IFACE") and is_table(s)]
    special = [s for s in h.structs if s.name in ("slc_host", "slc_entry", "slc_binding", "slc_lifecycle")]
    others = [s for s in h.structs if s not in services and s not in kinds and s not in special]

    def page(title, source, lead, tables):
        out = [f"# {title}\n\n" + NOTE.format(source=source) + lead + "\n"]
        if tables:
            out.append("| id | table |\n|---|---|")
            for s in tables:
                out.append(f"| [`{s.id[1]}`](#{anchor(s.id[1])}) | `{s.name}` |")
            out.append("")
        for s in tables:
            out.append(f"## {s.id[1]}\n\n`{s.id[0]}`, `{s.name}`\n")
            write_enums(out, [e for e in h.enums if e[2] == s.id])  # what stands in front of a table explains it
            write_table(out, s)
            for o in others:
                if o.id == s.id:
                    out.append(f"### {o.name}\n")
                    write_table(out, o)
            write_typedefs(out, [t for t in h.typedefs if t[2] == s.id])
        return "\n".join(out).rstrip() + "\n"

    threads = "Threads: " + "; ".join(f"**{k}** is {v}" for k, v in THREADS.items()) + ".\n"
    pages = {
        "services.md": page("Services of the gateway", "sluice/plugin.h",
                            "What a plugin may ask the gateway for: `host->service(host, id)` gives the table, or `NULL` when this gateway has none.\n"
                            "In C++ the wrapper has asked already: [cpp.md](cpp.md).\n\n" + threads, services),
        "interfaces.md": page("Interfaces of plugins", "sluice/plugin.h",
                              "What a plugin may offer: `entry->get_interface(id, binding)` gives the table.\n\n" + threads, kinds),
    }
    out = ["# Entry, bindings, types\n\n" + NOTE.format(source="sluice/plugin.h")]
    out.append("```text\n" + h.intro + "\n```\n")
    for s in special:
        out.append(f"## {s.name}\n")
        write_table(out, s)
    out.append("## Types\n")
    for o in others:
        if not o.id:
            out.append(f"### {o.name}\n")
            write_table(out, o)
    write_typedefs(out, [t for t in h.typedefs if t[2] is None])
    out.append("## Values\n")
    write_enums(out, [e for e in h.enums if e[2] is None or e[2][0] == "SLC_IFACE_LOG_SINK"])
    out.append("## Macros\n\n| macro | value | meaning |\n|---|---|---|")
    for name, value, comment in h.defines:
        if name not in ("SLC_NOEXCEPT", "SLC_BUILD_FLAGS", "SLC_ENTRY_SYMBOL"):
            out.append(f"| {code(name)} | {code(value)} | {' '.join(prose(comment).split())} |")
    out.append("| `SLC_ENTRY_SYMBOL` | `slc_plugin_entry` | the entry's name; `-DSLC_ENTRY_SYMBOL=…` links several plugins into one test binary |")
    out.append("| `SLC_BUILD_FLAGS` | `SLC_BUILT_…` | what the compiler's flags say about sanitizers; belongs into `slc_entry.flags` |")
    pages["types.md"] = "\n".join(out).rstrip() + "\n"
    return pages


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def write_enums(out, enums):
    for values, comment, _ in enums:
        if comment:
            out.append(prose(comment) + "\n")
        out.append("| name | value | meaning |\n|---|---|---|")
        for name, value, text in values:
            out.append(f"| `{name}` | {value} | {' '.join(prose(text).split())} |")
        out.append("")


def write_typedefs(out, typedefs):
    rows = [(t, c) for t, c, _ in typedefs if not t.startswith("extern")]
    if not rows:
        return
    out.append("| type | meaning |\n|---|---|")
    for text, comment in rows:
        out.append(f"| {code(text.rstrip(';'))} | {' '.join(prose(comment).split())} |")
    out.append("")


# What authors of plugins and tests have no use for.
PLUMBING = {"FakeServices", "FakeReport", "JsonService", "JsonBuilder"}


def cpp_page(title, lead, files):
    out = [f"# {title}\n\n" + NOTE.format(source=", ".join(f"sluice/{f}" for f in files)) + lead + "\n"]
    every = [c for f in files for c in classes_of(INCLUDE / f) if c.name not in PLUMBING]
    out.append("| class | |\n|---|---|")
    for c in every:
        first = re.split(r"(?<=\.)\s|\n(?=  )", c.comment)[0]
        out.append(f"| [`{c.name}`](#{c.name.lower()}) | {escape(' '.join(first.split()))} |")
    out.append("")
    for c in every:
        out.append(f"## {c.name}\n")
        if c.comment:
            out.append(prose(c.comment) + "\n")
        if any("interface_id" in member.signature for member in c.members):
            continue  # a kind of binding: the comment says what the class needs; the rest is how it is called
        group = None
        lines = []
        for member in c.members:
            if member.group != group:
                group = member.group
                if group:
                    lines.append(f"// {group}")
            if member.comment:
                lines.append("// " + member.comment)
            lines.append(member.signature + ";")
        if lines:
            out.append("```cpp\n" + "\n".join(lines) + "\n```\n")
    for f in files:
        found = macros_of(INCLUDE / f)
        if found:
            out.append("## Macros\n\n| macro | meaning |\n|---|---|")
            for name, comment in found:
                out.append(f"| {code(name)} | {escape(comment)} |")
            out.append("")
    return "\n".join(out).rstrip() + "\n"


INDEX = """# Reference of the plugin interface

{note}Generated from the comments of the headers. To learn, begin with [the guide](../plugin-guide.md).

| page | holds |
|---|---|
| [cpp.md](cpp.md) | the C++ wrapper, `sluice/plugin.hpp`: what most plugins are written with |
| [services.md](services.md) | what a plugin may ask the gateway for, in C |
| [interfaces.md](interfaces.md) | what a plugin may offer, in C |
| [types.md](types.md) | entry, bindings, types, values, and the rules of the interface |
| [testing.md](testing.md) | `sluice/testing.hpp`: the gateway that a test is |
"""


def pages():
    header = Header(INCLUDE / "plugin.h")
    out = c_pages(header)
    details = sorted(p.name for p in (INCLUDE / "detail").glob("*.hpp"))
    wrapper = [f"detail/{n}" for n in details if not n.startswith("testing")]
    testing = ["testing.hpp"] + [f"detail/{n}" for n in details if n.startswith("testing")]
    out["cpp.md"] = cpp_page("The C++ wrapper", "Header only, in namespace `sluice`. Declarations without their bodies; the kinds of bindings are the "
                             "templates (`Middleware`, `Decoder` …).\n", wrapper)
    out["testing.md"] = cpp_page("Testing without a gateway", "In namespace `sluice::testing`.\n", testing)
    out["README.md"] = INDEX.format(note=NOTE.format(source="the headers"))
    return out, header


def missing(header):
    """What has no comment: a table without a word, a service or interface without its cost, a function without a word or
    without a thread."""
    out = []
    for s in header.structs:
        if not s.comment:
            out.append(f"{s.name}: no comment")
        around = " ".join([s.comment] + [comment for _, comment, id_ in header.enums if id_ == s.id])
        if s.id and is_table(s) and not re.search(r"\bCost: \S", around):
            out.append(f"{s.name}: what does it cost?")
        said = " ".join(f.comment for f in s.fields)  # one comment may speak for two: "import_state comes after create"
        for f in s.fields:
            if not f.is_function:
                continue
            name = f.names[0]
            if not without_marks(f.comment) and not re.search(rf"\b{name}\b", said):
                out.append(f"{s.name}.{name}: no comment")
            if not thread_of(f, s) and not re.search(rf"\b{name}\b", said):
                out.append(f"{s.name}.{name}: on which thread is it called?")
    return out


def main():
    global INCLUDE, PAGES
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--missing", action="store_true", help="list what has no comment")
    parser.add_argument("--include", type=pathlib.Path, help="folder of the headers (default: the SDK's)")
    parser.add_argument("--out", type=pathlib.Path, help="folder of the pages (default: docs/reference)")
    options = parser.parse_args()
    INCLUDE = options.include or INCLUDE
    PAGES = options.out or PAGES
    texts, header = pages()
    if options.missing:
        found = missing(header)
        print("\n".join(found))
        return 1 if found else 0
    if options.check:
        stale = [name for name, text in texts.items() if not (PAGES / name).is_file() or (PAGES / name).read_text(encoding="utf-8") != text]
        stale += [p.name for p in PAGES.glob("*.md") if p.name not in texts]
        for name in sorted(stale):
            print(f"{PAGES / name} is not what the headers say; run python3 sdk/tools/reference.py")
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
