"""Tests of reference.py: what it reads out of a header, and that it notices what has no comment."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import reference  # noqa: E402

HEADER = """/* A header
 *   next   goes on
 * end */
#define SLC_ABI_MAGIC 0x1u /* the mark */

#define SLC_SVC_LAMP "sluice.lamp/1"
enum { SLC_OFF = 0, SLC_ON /* bright */, SLC_BROKEN = -3 };
typedef struct slc_lamp_api { /* [worker]; a lamp. Cost: a watt */
  uint32_t size;
  /* Switches it. SLC_ETHREAD: not here.
   * At once. */
  slc_status (*set)(slc_lamp*, int32_t on) SLC_NOEXCEPT;
  int32_t (*get)(slc_lamp*) SLC_NOEXCEPT; /* [any] what set said */
%s
} slc_lamp_api;
"""


def header(more=""):
    with tempfile.NamedTemporaryFile("w", suffix=".h") as f:
        f.write(HEADER % more)
        f.flush()
        return reference.Header(pathlib.Path(f.name))


class CTest(unittest.TestCase):
    def test_comments_belong_to_what_is_behind_or_in_front_of_them(self):
        table = header().structs[0]
        self.assertEqual(table.id, ("SLC_SVC_LAMP", "sluice.lamp/1"))
        self.assertEqual(table.comment, "[worker]; a lamp. Cost: a watt")
        size, set_, get = table.fields
        self.assertFalse(size.is_function)
        self.assertEqual(set_.comment, "Switches it. SLC_ETHREAD: not here.\nAt once.")
        self.assertEqual(set_.signature, "slc_status (*set)(slc_lamp*, int32_t on)")
        self.assertEqual(get.comment, "[any] what set said")

    def test_a_mark_of_its_own_wins_over_that_of_the_table(self):
        table = header().structs[0]
        self.assertEqual(reference.thread_of(table.fields[1], table), ["worker"])
        self.assertEqual(reference.thread_of(table.fields[2], table), ["any"])

    def test_values_go_on_from_the_last_one(self):
        self.assertEqual(header().enums[0][0], [("SLC_OFF", 0, ""), ("SLC_ON", 1, "bright"), ("SLC_BROKEN", -3, "")])

    def test_a_function_without_a_comment_is_missing_one(self):
        self.assertEqual(reference.missing(header()), [])
        self.assertEqual(reference.missing(header("  void (*dim)(slc_lamp*) SLC_NOEXCEPT;")), ["slc_lamp_api.dim: no comment"])
        self.assertEqual(reference.missing(header("  void (*dim)(slc_lamp*) SLC_NOEXCEPT; /* [worker] */")), ["slc_lamp_api.dim: no comment"])

    def test_a_table_without_a_thread_is_missing_one(self):
        found = reference.missing(header("} slc_lamp_api;\ntypedef struct slc_bell_api { /* a bell. Cost: none */\n"
                                         "  void (*ring)(void) SLC_NOEXCEPT; /* Rings. */"))
        self.assertEqual(found, ["slc_bell_api.ring: on which thread is it called?"])

    def test_a_table_without_its_cost_is_missing_it(self):
        bell = '} slc_lamp_api;\n#define SLC_SVC_BELL "sluice.bell/1"\n%stypedef struct slc_bell_api { /* [any] a bell */\n  void (*ring)(void) SLC_NOEXCEPT; /* Rings. */'
        self.assertEqual(reference.missing(header(bell % "")), ["slc_bell_api: what does it cost?"])
        self.assertEqual(reference.missing(header(bell % "/* Cost: */\n")), ["slc_bell_api: what does it cost?"])
        self.assertEqual(reference.missing(header(bell % "/* Cost: a lock. */\n")), [])

    def test_the_cost_stands_behind_what_the_table_is(self):
        self.assertEqual(reference.with_cost_last("Cost: a lock.\n\n[any] a bell"), "[any] a bell\n\nCost: a lock.")

    def test_every_table_and_function_of_the_real_header_is_found(self):
        text = (reference.INCLUDE / "plugin.h").read_text(encoding="utf-8")
        h = reference.Header(reference.INCLUDE / "plugin.h")
        names = {f.names[0] for s in h.structs for f in s.fields if f.is_function}
        for line in text.split("\n"):
            if m := reference.re.match(r"  \S.*?\(\*(\w+)\)\(.*", line):
                self.assertIn(m.group(1), names | {"slc_status"}, line)
        pages, _ = reference.pages()
        for _, id_ in [s.id for s in h.structs if s.id]:
            self.assertIn(f"\n## {id_}\n", pages["services.md"] + pages["interfaces.md"])


class CppTest(unittest.TestCase):
    def test_reads_the_public_part_of_a_class(self):
        with tempfile.NamedTemporaryFile("w", suffix=".hpp") as f:
            f.write('// A lamp. It shines.\nclass Lamp {\n public:\n  explicit Lamp(int n) : n_{n} {}\n  // ---- light ----\n'
                    '  // Switches it.\n  bool set(bool on = true) const {\n    return on;  // inside\n  }\n'
                    '  int n() const { return n_; }  // how many\n  template <class F>\n  void each(F&& f) const { f(n_); }\n'
                    ' private:\n  int n_ = 0;  // hidden\n};\n')
            f.flush()
            (lamp,) = reference.classes_of(pathlib.Path(f.name))
        self.assertEqual(lamp.comment, "A lamp. It shines.")
        self.assertEqual([(m.signature, m.comment, m.group) for m in lamp.members],
                         [("explicit Lamp(int n)", "", ""), ("bool set(bool on = true) const", "Switches it.", "light"),
                          ("int n() const", "how many", "light"), ("template <class F> void each(F&& f) const", "", "light")])


class ProgramTest(unittest.TestCase):
    def test_stale_pages_are_named(self):
        script = str(pathlib.Path(reference.__file__))
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(subprocess.run([sys.executable, script, "--out", folder]).returncode, 0)
            check = [sys.executable, script, "--check", "--out", folder]
            self.assertEqual(subprocess.run(check).returncode, 0)
            with open(f"{folder}/services.md", "a", encoding="utf-8") as page:
                page.write("by hand\n")
            ran = subprocess.run(check, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("services.md", ran.stdout)


if __name__ == "__main__":
    unittest.main()
