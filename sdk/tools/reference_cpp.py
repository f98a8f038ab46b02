"""What reference.py reads out of the C++ headers: the public classes of namespace sluice, and the macros."""
import re

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
