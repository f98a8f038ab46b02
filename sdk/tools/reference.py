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


# ---- plugin.h: C, written by people, so a handful of shapes ----

TOKEN = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\n|[ \t]+|\#[^\n]*(?:\\\n[^\n]*)*|[A-Za-z_0-9]+|.", re.S)


def plain(comment):
    """The text of a comment, as one paragraph per blank line or list."""
    body = comment.strip()
    body = re.sub(r"^/\*+|\*+/$", "", body)
    lines = [re.sub(r"^\s*\*? ?", "", line) if i else line.strip() for i, line in enumerate(body.split("\n"))]
    return "\n".join(line.rstrip() for line in lines).strip()


class Field:
    def __init__(self, text, comment, section=""):
        self.text = " ".join(text.split())
        self.comment = comment
        self.section = section
        m = re.search(r"\(\*\s*(\w+)\)", self.text)
        self.is_function = m is not None
        self.names = [m.group(1)] if m else [re.sub(r"\[.*\]", "", n).strip(" *").split()[-1].strip("*")
                                            for n in self.text.rstrip(";").split(",")]

    @property
    def signature(self):
        return self.text.replace(" SLC_NOEXCEPT", "").rstrip(";")


class Struct:
    def __init__(self, name, comment, fields):
        self.name, self.comment, self.fields = name, comment, fields
        self.id = None       # ("SLC_SVC_LOG", "sluice.log/1")
        self.types = []      # structs and typedefs that stand between the id and the table


def body_fields(text):
    """Fields of a struct's body, with the comments in front of or behind them; first the comment of the struct itself."""
    struct_comment, fields, waiting, current, line_has_field = "", [], [], "", False
    depth = 0
    seen_newline = False
    for token in TOKEN.findall(text):
        if token == "\n":
            seen_newline = True
            line_has_field = False
            current += " "
        elif token.startswith("/*"):
            if not seen_newline and not fields and not current.strip():
                struct_comment = plain(token)
            elif line_has_field and not current.strip():
                fields[-1].comment = (fields[-1].comment + " " + plain(token)).strip()
            else:
                waiting.append(plain(token))
        else:
            current += token
            depth += (token in "({") - (token in ")}") if len(token) == 1 else 0
            if token == ";" and depth == 0:
                fields.append(Field(current, " ".join(waiting)))
                waiting, current, line_has_field = [], "", True
    return struct_comment, fields


class Header:
    """plugin.h as a list of things in their order."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.intro = plain(re.match(r"/\*.*?\*/", text, re.S).group(0))
        self.structs, self.enums, self.typedefs, self.defines, self.ids = [], [], [], [], []
        self.order = []
        at = text.index("#define SLC_ABI_MAGIC")
        comment, last_id = "", None
        while at < len(text):
            if m := re.compile(r"\n[ \t]*\n").match(text, at):  # a blank line ends what a comment belongs to
                comment = ""
                at = m.end() - 1
            elif m := re.compile(r"\s").match(text, at):
                at = m.end()
            elif m := re.compile(r"/\*.*?\*/", re.S).match(text, at):
                comment = (comment + "\n\n" + plain(m.group(0))).strip()
                at = m.end()
            elif m := re.compile(r'#define (SLC_(?:SVC|IFACE)_\w+) "([^"]+)"').match(text, at):
                last_id = (m.group(1), m.group(2))
                comment = ""
                at = m.end()
            elif m := re.compile(r"#define (SLC_\w+(?:\([^)]*\))?)((?:[^\n\\]|\\\n)*)").match(text, at):
                value = re.sub(r"\s+", " ", m.group(2).replace("\\\n", " ")).strip()
                trailing = re.search(r"/\*(.*?)\*/", value)
                self.defines.append((m.group(1), re.sub(r"/\*.*?\*/", "", value).strip(), (trailing.group(1).strip() if trailing else comment)))
                comment = ""
                at = m.end()
            elif m := re.compile(r"#[^\n]*(?:\\\n[^\n]*)*").match(text, at):
                comment = ""
                at = m.end()
            elif m := re.compile(r"(?:typedef )?struct (\w+) \{").match(text, at):
                end = self.matching(text, m.end() - 1)
                own, fields = body_fields(text[m.end():end])
                s = Struct(m.group(1), "\n\n".join(c for c in (comment, own) if c), fields)
                s.id = last_id
                at, tail = self.tail(text, text.index(";", end) + 1)
                if tail:
                    s.comment = (s.comment + "\n\n" + tail).strip()
                self.structs.append(s)
                self.order.append(s)
                comment = ""
            elif m := re.compile(r"enum \{").match(text, at):
                end = self.matching(text, m.end() - 1)
                at, tail = self.tail(text, text.index(";", end) + 1)
                self.enums.append((self.enumerators(text[m.end():end]), (comment + "\n\n" + tail).strip(), last_id))
                comment = ""
            elif m := re.compile(r"(?:typedef|extern)[^;{]*;").match(text, at):
                at, tail = self.tail(text, m.end())
                self.typedefs.append((" ".join(m.group(0).split()).replace(" SLC_NOEXCEPT", ""), (comment + " " + tail).strip(), last_id))
                comment = ""
            else:
                at += 1

    @staticmethod
    def matching(text, at):
        depth = 0
        for token in re.compile(r"/\*.*?\*/|[{}]|[^{}/]+|/", re.S).finditer(text, at):
            depth += (token.group(0) == "{") - (token.group(0) == "}")
            if depth == 0:
                return token.start()
        raise SystemExit("plugin.h: a brace is not closed")

    @staticmethod
    def tail(text, at):
        """The comment behind something, on the same line."""
        if m := re.compile(r"[ \t]*/\*(.*?)\*/", re.S).match(text, at):
            return m.end(), plain("/*" + m.group(1) + "*/")
        return at, ""

    @staticmethod
    def enumerators(text):
        out, value = [], -1
        for m in re.finditer(r"(SLC_\w+)(?:\s*=\s*(-?\d+))?\s*,?[ \t]*(/\*.*?\*/)?", re.sub(r"\s*\n\s*", " ", text), re.S):
            value = int(m.group(2)) if m.group(2) else value + 1
            out.append((m.group(1), value, plain(m.group(3)) if m.group(3) else ""))
        return out


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


# ---- the C++ headers: public classes of namespace sluice ----

CPP = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|R"\(.*?\)"|\'(?:\\.|[^\'\\])*\'|::|[{}();\n<>]|[^\S\n]+|[A-Za-z_0-9]+|.', re.S)


class Member:
    def __init__(self, signature, comment, group):
        self.signature, self.comment, self.group = signature, comment, group


class Class:
    def __init__(self, kind, name, template, comment, members):
        self.kind, self.name, self.template, self.comment, self.members = kind, name, template, comment, members


def line_comment(lines):
    return " ".join(re.sub(r"^\s*//+ ?", "", line).strip() for line in lines)


def skip_body(text, at):
    """Past the brace that closes the one at `at`."""
    depth = 0
    for m in CPP.finditer(text, at):
        t = m.group(0)
        depth += (t == "{") - (t == "}")
        if depth == 0:
            return m.end()
    raise SystemExit("a brace is not closed")


def heading(text):
    return re.sub(r"^// -+ | -+$", "", text)


def split_declarations(text, public):
    """Yields (signature, comment, group, is_public) of a class's body."""
    at, comments, group, current, brackets = 0, [], "", "", 0
    last, last_line_end = None, -1
    while at < len(text):
        m = CPP.match(text, at)
        t = m.group(0)
        if t.startswith("//"):
            if last is not None and not current.strip() and "\n" not in text[last_line_end:at]:
                last[1].append(t)  # behind the declaration
            elif t.startswith("// ---- ") and not current.strip():
                group, comments = t, []
            elif group.startswith("// ---- ") and not re.search(r"-{4}$", group) and not current.strip():
                group += " " + t[2:].strip()  # a heading of several lines
            elif not current.strip():
                comments.append(t)
            at = m.end()
            continue
        if not current.strip() and t == "\n" and re.match(r"\n[ \t]*\n", text[at:]):
            comments = []
        if not current.strip() and (a := re.compile(r"(public|private|protected):").match(text, at)):
            public = a.group(1) == "public"
            comments, group = [], ""
            at = a.end()
            continue
        brackets += (t == "(") - (t == ")")
        if t == "{" and brackets == 0:
            # A body, or an initialiser in braces such as `= {…};` or `member{…};`.
            end = skip_body(text, at)
            rest = re.compile(r"\s*;").match(text, end)
            entry = [" ".join(current.split()), list(comments), heading(group), public, text[at:end]]
            if re.search(r"\)\s*:[^:]", current) and not re.match(r"\s*(\n|$|//|;)", text[end:end + 40]):
                current += text[at:end]  # within a constructor's list of initialisers
                at = end
                continue
            yield_now = entry
            at = rest.end() if rest else end
            current, comments, last_line_end = "", [], at
            last = yield_now
            yield yield_now
            continue
        if t == ";" and brackets == 0:
            entry = [" ".join(current.split()), list(comments), heading(group), public, ""]
            current, comments, at = "", [], m.end()
            last, last_line_end = entry, at
            yield entry
            continue
        current += t
        at = m.end()


def tidy(signature):
    signature = re.sub(r"\)\s*:\s[^:].*$", ")", signature)  # initialisers of a constructor
    signature = re.sub(r"\s*=\s*default$", "", signature)
    return signature.strip()


def classes_of(path):
    text = path.read_text(encoding="utf-8")
    out = []
    # Line by line: where a class of namespace sluice begins, at the left margin.
    lines = text.split("\n")
    detail, offset = False, 0
    offsets = []
    for line in lines:
        offsets.append(offset)
        offset += len(line) + 1
    i, comment, template = 0, [], ""
    while i < len(lines):
        line = lines[i]
        if re.match(r"namespace detail \{", line):
            detail = True
        elif re.match(r"\}  // namespace detail", line):
            detail = False
        if line.startswith("//"):
            comment.append(line)
        elif re.match(r"template <", line):
            template = line.strip()
        elif m := re.match(r"(class|struct) (\w+)[^;]*\{", line):
            begin = offsets[i] + line.index("{")
            end = skip_body(text, begin)
            if not detail:
                body = text[begin + 1:end - 1]
                members = []
                for signature, comments, group, public, _ in list(split_declarations(body, m.group(1) == "struct")):
                    if not public or re.match(r"(friend|static_assert|using (\w+::)*\w+;?$|private|protected|class |struct )", signature):
                        continue
                    if "= delete" in signature or "operator=" in signature or signature.startswith("~"):
                        continue
                    if signature.startswith("using "):
                        continue
                    members.append(Member(tidy(signature), line_comment(comments), group))
                lines_of_comment = "\n".join(re.sub(r"^\s*//+ ?", "", c) for c in comment)
                out.append(Class(m.group(1), m.group(2), template, lines_of_comment, members))
            while offsets[i] < end and i + 1 < len(lines):
                i += 1
            comment, template = [], ""
            continue
        else:
            comment, template = [], ""
        i += 1
    return out


def macros_of(path):
    out, comment = [], []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("//"):
            comment.append(line)
        elif m := re.match(r"#define (SLC_\w+\([^)]*\))", line):
            out.append((m.group(1), line_comment(comment)))
            comment = []
        else:
            comment = []
    return out


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
