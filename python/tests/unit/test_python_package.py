# SPDX-License-Identifier: Apache-2.0
"""What pip installs: versions, the command, what the compiled files need."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import unittest

import augstream as aug
import augstream._core
import augstream_command

ROOT = pathlib.Path(__file__).resolve().parents[3]
CORE = pathlib.Path(augstream._core.__file__)
COMMAND = pathlib.Path(aug.__file__).parent / "_bin" / "augstream"


def run(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **options)


def needed(path):
    listed = run("readelf", "-d", path, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", listed)


class Package(unittest.TestCase):
    def test_one_version_is_told_everywhere(self):
        version = re.search(r"version: '(.*?)'", (ROOT / "meson.build").read_text()).group(1)
        told = run(COMMAND, "--version", check=True).stdout.splitlines()[0]
        self.assertEqual(told, f"augstream {version}")
        self.assertEqual(aug.__version__, version)
        self.assertEqual(importlib.metadata.version("augstream"), version)

    def test_module_and_console_script_are_the_command(self):
        script = pathlib.Path(sys.executable).parent / "augstream"  # where pip puts console scripts
        wanted = run(COMMAND, "presets", "list")
        self.assertIn("simclr", wanted.stdout)
        for typed in ([script], [sys.executable, "-m", "augstream"]):
            got = run(*typed, "presets", "list")
            self.assertEqual((got.returncode, got.stdout, got.stderr), (0, wanted.stdout, ""))

    def test_the_console_script_passes_statuses_on(self):
        got = run(sys.executable, "-m", "augstream", "generate", "--preset", "no-such-preset")
        wanted = run(COMMAND, "generate", "--preset", "no-such-preset")
        self.assertNotEqual(got.returncode, 0)
        self.assertEqual((got.returncode, got.stderr), (wanted.returncode, wanted.stderr))

    def test_the_console_script_starts_without_numpy(self):
        code = (
            "import sys, augstream_command as c; c.find_command();"
            "print('numpy' in sys.modules, 'augstream' in sys.modules)"
        )
        self.assertEqual(run(sys.executable, "-c", code, check=True).stdout.split(), ["False", "False"])

    def test_a_missing_command_is_named(self):
        original = augstream_command.os.path.isfile
        self.addCleanup(setattr, augstream_command.os.path, "isfile", original)
        augstream_command.os.path.isfile = lambda path: False
        with self.assertRaisesRegex(SystemExit, "the command is missing from /.*"):
            augstream_command.find_command()

    def test_the_extension_needs_no_jemalloc_and_serves_later_pythons(self):
        self.assertTrue(CORE.name.endswith(".abi3.so"), CORE.name)
        for path in (CORE, COMMAND):
            libraries = needed(path)
            self.assertTrue(any(name.startswith("libc.so") for name in libraries), libraries)
            self.assertFalse([name for name in libraries if "jemalloc" in name])

    def test_the_extension_exports_its_entry_alone(self):
        listed = run("nm", "-D", "--defined-only", CORE, check=True).stdout.split("\n")
        names = [line.split()[2] for line in listed if line]
        names = [name for name in names if not name.startswith(("__asan", "__odr_asan"))]
        self.assertEqual(names, ["PyInit__core"])

    def test_types_and_license_are_installed(self):
        files = {str(path) for path in importlib.metadata.files("augstream")}
        self.assertIn(os.path.join("augstream", "py.typed"), files)
        self.assertTrue([name for name in files if name.endswith("licenses/LICENSE")], files)


if __name__ == "__main__":
    unittest.main()
