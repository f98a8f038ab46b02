"""What reference.py reads out of plugin.h: C, written by people, so a handful of shapes."""
import re

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
