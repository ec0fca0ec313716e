# SPDX-License-Identifier: Apache-2.0
"""What the pages of the Python package show runs, one program per page, and so does the README's first screen."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.M | re.S)


def run(code):
    """Runs a program in a folder of its own; answers the files that it made."""
    with tempfile.TemporaryDirectory() as folder:
        finished = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        if finished.returncode != 0:
            raise AssertionError(finished.stderr)
        return sorted(path.name for path in pathlib.Path(folder).iterdir())


class Pages(unittest.TestCase):
    def test_the_tutorial_runs(self):
        page = ROOT / "docs" / "python.md"
        self.assertGreater(len(blocks(page)), 10)
        run("".join(blocks(page)))

    def test_the_first_screen_of_the_readme_runs(self):
        first = blocks(ROOT / "README.md")[0]
        self.assertIn("import augstream as aug", first)
        self.assertIn("PIL", first)
        self.assertLessEqual(len([line for line in first.splitlines() if line.strip()]), 8)
        self.assertIsNotNone(importlib.util.find_spec("PIL"), "Pillow is missing: scripts/setup --python installs it")
        self.assertEqual(run(first), ["rotated-0.png", "rotated-1.png", "rotated-2.png"])


if __name__ == "__main__":
    sys.exit(unittest.main())
