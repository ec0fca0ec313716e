#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages of docs/ show runs: test_pages.py SOURCE_ROOT COMMAND C_COMPILER...

* sh: lines that begin with `augstream` are typed in, one folder per page. `$ augstream` begins a dialogue: lines with
  `>` go in, the others have to come out.
* python: runs, one program per page, behind what AROUND_PYTHON puts in front of it.
* c: compiles in a function, behind AROUND_C.
* yaml: is a preset without faults.

Other blocks are shown, not typed. Links lead to files and headings that exist.
"""
import fnmatch
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

import check_words

ROOT, COMMAND, COMPILER = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
PAGES = sorted((ROOT / "docs").glob("*.md"))
# Pages of the Python package have a test of their own.
PAGES = [page for page in PAGES if not page.stem.startswith("python")]

# What a page takes from the reader's program, and what has to hold behind its blocks.
AROUND_PYTHON = {
    "contract": ("import json, subprocess, zlib\nimport numpy as np\n", """
def of_command(*options):
    lines = subprocess.run(["augstream", "generate", "--preset", "moderate", "--seed", "7", "--epoch", "3", *options],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]
shown = np.array([one["rotation"] for one in of_command("--samples", "1000")], dtype=np.float32)
assert np.array_equal(shown, rotation)
for n in (1, 2, 300, 1000):
    assert [pi(p, n, 7, 3) for p in range(n)] == [one["sample_id"] for one in of_command("--samples", str(n), "--shuffle")]
"""),
    "chunks": ("""
import ctypes, ctypes.util, json, subprocess, sys, types
import numpy as np
try:
    import xxhash
except ImportError: # the C library, which is here for sure
    class Hash(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]
        def hexdigest(self):
            return f"{self.high:016x}{self.low:016x}"
    library = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    library.XXH3_128bits.restype = Hash
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    xxhash = types.SimpleNamespace(xxh3_128=lambda data: library.XXH3_128bits(data, len(data)))
subprocess.run("augstream generate --preset moderate --seed 7 --samples 3000 --chunk-size 1000 --format npy --out N --quiet",
               shell=True, check=True)
try:
    import safetensors.numpy
except ImportError: # the folder is read by test_chunks.py as well, without this package
    sys.modules["safetensors"] = types.ModuleType("safetensors")
    sys.modules["safetensors.numpy"] = types.ModuleType("safetensors.numpy")
    sys.modules["safetensors.numpy"].load_file = lambda path: {"crop.scale": open(path, "rb").read()}
hashes_in_order = [json.loads(line)["xxh3"] for line in open("N/manifest-0of1.jsonl").readlines()[1:]]
""", """
assert list(ids) == list(range(3000)) and len(chunk["crop.scale"]) > 0
assert json.load(open("N/COMPLETE"))["root"] == root
"""),
    "protocol": ("import numpy as np\n", """
found = columns_of(bytes([1, 0, 0, 0, 2, 0, 0, 0]) + bytes(56) + b"\\1\\0" + bytes(62), [["a", 4, 1, 1, None], ["b", 7, 1, 1, None]], 2)
assert found["a"].tolist() == [[1], [2]] and found["b"].tolist() == [[True], [False]]
"""),
}
AROUND_C = {"strategies": ["augs_pipeline *pipeline", "const augs_batch *batch", "augs_batch_info info", "augs_error error"]}


def blocks(text, language):
    """(line, text) of each block of a language; none of them is empty."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```", text, re.M | re.S):
        yield text[: found.start()].count("\n") + 2, found.group(1)


def anchor(heading):
    """How GitHub names a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = dict(os.environ, PATH=f"{COMMAND.parent}:{os.environ['PATH']}")

    def run_as_typed(self, arguments, **options):
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, env=self.environment,
                              cwd=self.folder, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def type_dialogue(self, block):
        command, *lines = block.strip("\n").split("\n")
        told = "".join(line[2:] + "\n" for line in lines if line.startswith("> "))
        shown = [line for line in lines if not line.startswith("> ")]
        came = self.run_as_typed(shlex.split(command[2:]), input=told).split("\n")
        self.assertEqual(came[: len(shown)], shown)

    def test_commands_and_dialogues_run_as_typed(self):
        n_typed = 0
        for page in PAGES:
            for line, block in blocks(page.read_text(), "sh"):
                with self.subTest(f"{page.name}:{line}"):
                    if block.startswith("$ augstream "):
                        self.type_dialogue(block)
                        n_typed += 1
                    for typed in block.split("\n"):
                        if re.match(r"augstream (?!serve|subscribe)", typed):
                            self.run_as_typed(shlex.split(typed))
                            n_typed += 1
        self.assertGreaterEqual(n_typed, 5)

    def test_python_runs(self):
        n_run = 0
        for page in PAGES:
            shown = "".join(block for _, block in blocks(page.read_text(), "python"))
            if not shown:
                continue
            with self.subTest(page.name):
                before, behind = AROUND_PYTHON[page.stem]
                for _, block in blocks(page.read_text(), "sh"):
                    for typed in re.findall(r"^augstream generate .*", block, re.M) if page.stem == "chunks" else []:
                        self.run_as_typed(shlex.split(typed))
                self.run_as_typed([sys.executable, "-c", before + shown + behind])
                n_run += 1
        self.assertGreaterEqual(n_run, 2)

    def test_c_compiles(self):
        for page in PAGES:
            for line, block in blocks(page.read_text(), "c"):
                with self.subTest(f"{page.name}:{line}"):
                    source = ("#include <augstream/augstream.h>\nint train(const augs_batch *batch);\n"
                              f"void example({', '.join(AROUND_C[page.stem])});\n"
                              f"void example({', '.join(AROUND_C[page.stem])})\n{{\n{block}}}\n")
                    self.run_as_typed([*COMPILER, "-x", "c", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                       f"-I{ROOT / 'include'}", "-"], input=source)

    def test_presets_have_no_faults(self):
        for page in PAGES:
            for line, block in blocks(page.read_text(), "yaml"):
                with self.subTest(f"{page.name}:{line}"):
                    self.run_as_typed(["augstream", "presets", "check", "-"], input=block)

    def test_help_texts_have_short_sentences_and_lines(self):
        names = self.run_as_typed(["augstream", "help", "--json"])
        for name in {one["name"] for one in json.loads(names)["commands"]}:
            with self.subTest(name):
                shown = self.run_as_typed(["augstream", *name.split(), "--help"])
                for line in shown.split("\n"):
                    self.assertLessEqual(len(line), 80, line)
                for paragraph in re.split(r"\n\s*\n|\n(?=  --)", shown):
                    for sentence in check_words.sentences_of(re.sub(r"^  --\S+( \S+)?\s", "", paragraph)):
                        self.assertLessEqual(len(sentence.split()), check_words.MOST_WORDS, sentence)

    def test_files_that_are_named_exist(self):
        """Paths of the tree in the pages for people who change it; a file without a folder is somewhere in it."""
        done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("not a clone: its files cannot be listed")
        names = done.stdout.split("\n")
        for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"):
            text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
            for named in set(re.findall(r"`((?:[\w.*\[\]-]+/)*[\w.*\[\]-]+(?:/|\.(?:c|h|py|md|build|yaml|json)))`", text)):
                if not re.search(r"NAME|FORMAT|^build/|^/", named):
                    with self.subTest(f"{page.name}: {named}"):
                        found = [one for one in names if one.startswith(named) or fnmatch.fnmatch(one, named)
                                 or fnmatch.fnmatch(one, "*/" + named + ("*" if named.endswith("/") else ""))]
                        self.assertTrue(found)

    def test_links_lead_somewhere(self):
        for page in [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
            for target, heading in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
                with self.subTest(f"{page.name}: {target}#{heading}"):
                    other = (page.parent / target) if target else page
                    self.assertTrue(other.exists())
                    if heading:
                        headings = re.findall(r"^#+ (.*)", other.read_text(), re.M)
                        self.assertIn(heading, [anchor(one) for one in headings])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
