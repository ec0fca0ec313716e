#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of the pages are those of docs/measurements.json: test_measurements.py SOURCE_ROOT

The committed pages are checked, and then copies in which one thing is wrong.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
PAGES = ROOT / "bench" / "pages.py"
PAGE = "docs/measurements.md"


class Measurements(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = pathlib.Path(folder.name)
        shutil.copytree(ROOT / "docs", self.copy / "docs")
        for name in ("README.md", "CONTRIBUTING.md"):
            shutil.copy(ROOT / name, self.copy / name)

    def check(self, *arguments):
        done = subprocess.run([sys.executable, str(PAGES), *arguments, str(self.copy)], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def change(self, name, old, new):
        path = self.copy / name
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))

    def test_the_committed_pages_say_what_was_measured(self):
        status, output = self.check("--check")
        self.assertEqual(status, 0, output)

    def test_a_figure_that_was_typed_is_found_and_put_right(self):
        before = (self.copy / PAGE).read_text()
        self.change(PAGE, "<!-- end --> bytes", "9<!-- end --> bytes")
        status, output = self.check("--check")
        self.assertEqual(status, 1)
        self.assertRegex(output, rf"{PAGE}:\d+: differs from docs/measurements.json; run scripts/measurements")
        self.assertEqual(self.check()[0], 0)
        self.assertEqual((self.copy / PAGE).read_text(), before)

    def test_another_figure_in_the_file_changes_the_page(self):
        path = self.copy / "docs" / "measurements.json"
        measured = json.loads(path.read_text())
        measured["network"]["figures"]["message"]["value"] += 1
        path.write_text(json.dumps(measured))
        self.assertEqual(self.check("--check")[0], 1)

    def test_a_figure_that_was_never_taken_is_named(self):
        self.change("README.md", "\n", "\n<!-- measured fill.nothing.value -->1<!-- end -->\n")
        status, output = self.check("--check")
        self.assertEqual((status, output.strip()), (1, "README.md:2: docs/measurements.json has no 'fill.nothing.value'"))

    def test_a_mark_without_an_end_is_named(self):
        self.change(PAGE, "<!-- end -->", "")
        status, output = self.check("--check")
        self.assertEqual(status, 1)
        self.assertIn("marks begin", output)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
