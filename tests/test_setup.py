#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/setup with package managers that only note what they are asked.

    test_setup.py SOURCE_ROOT
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1])
TOOLS = ("bash", "sh", "dirname", "mkdir", "tail", "cat", "id", "env", "tr", "grep", "touch", "sort")
# A manager, the programs that it is asked with, and how it installs.
MANAGERS = {
    "apt-get": (("apt-get", "dpkg-query"), "apt-get install -y -q --no-install-recommends "),
    "dnf": (("dnf", "rpm"), "dnf install -y --setopt=install_weak_deps=False "),
    "pacman": (("pacman",), "pacman -Sy --needed --noconfirm "),
    "apk": (("apk",), "apk add "),
    "zypper": (("zypper", "rpm"), "zypper --non-interactive install --no-recommends "),
    "brew": (("brew",), "brew install "),
}


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        (self.folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "setup", self.folder / "scripts" / "setup")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.program("sudo", 'exec "$@"')
        self.program("meson", 'mkdir -p build/release && touch build/release/build.ninja')
        self.program("ninja", 'case "$*" in *-n*) [ -e build/built ] && echo "no work to do" ;; *) touch build/built ;; esac')

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/asked"\n{text}\n')
        path.chmod(0o755)

    def manager(self, name, installs="exit 0"):
        """Nothing is installed until the manager was asked to install."""
        programs, install = MANAGERS[name]
        words = install.split()
        for program in programs:
            here = f'case "$*" in *"{words[1]} "*) touch "{self.folder}/installed"; {installs} ;; esac\n'
            query = 'exit 0' if program == "apt-get" else f'[ -e "{self.folder}/installed" ]'
            told = 'echo "install ok installed"' if program == "dpkg-query" else ":"
            if name == "pacman":
                here = f'case "$*" in -Sy*) touch "{self.folder}/installed"; {installs} ;; esac\n'
            self.program(program, (here if program == words[0] else "") + query + " && " + told)

    def setup(self, *arguments):
        return subprocess.run(["bash", self.folder / "scripts" / "setup", *arguments], env={"PATH": str(self.bin)},
                              capture_output=True, text=True, timeout=60)

    def asked(self):
        return (self.folder / "asked").read_text().splitlines()

    def test_every_manager_is_asked_for_its_packages_once(self):
        for name, (_, install) in MANAGERS.items():
            with self.subTest(name):
                self.setUp()
                self.manager(name)
                done = self.setup()
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
                installs = [line for line in self.asked() if line.startswith(install)]
                self.assertEqual(len(installs), 1, self.asked())
                words = installs[0].split()
                self.assertIn("meson", words)
                self.assertTrue(any("zmq" in word or "zeromq" in word for word in words), words)
                self.assertRegex(done.stdout, rf"installing \d+ packages with {name}")
                self.assertIn("compiling build/release", done.stdout)
                (self.folder / "asked").unlink()
                again = self.setup()
                self.assertEqual((again.returncode, again.stdout, again.stderr), (0, "", ""))
                self.assertFalse([line for line in self.asked() if line.startswith(install)])

    def test_every_list_has_a_package_for_every_need(self):
        needs = ("meson", "ninja", "pkgconf", "zmq zeromq", "msgpack", "yaml", "xxhash", "zlib zlib1g", "jansson", "jemalloc",
                 "check", "python", "valgrind clang llvm")
        for name in MANAGERS:
            listed = self.setup("--list", name)
            self.assertEqual(listed.returncode, 0)
            packages = listed.stdout.split()
            self.assertEqual(len(packages), len(set(packages)))
            for need in needs:
                self.assertTrue(any(word in package for word in need.split() for package in packages), (name, need))

    def test_noise_is_shown_on_failure_only(self):
        self.manager("apt-get", installs="echo noise; echo 'E: no such package' >&2; exit 100")
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("E: no such package", done.stderr)
        self.assertIn("build/setup-packages.log", done.stderr)
        (self.folder / "asked").unlink()
        (self.folder / "installed").unlink()
        self.manager("apt-get", installs="echo noise")
        done = self.setup()
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("noise", done.stdout + done.stderr)

    def test_without_a_manager_what_is_needed_is_listed(self):
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        for word in ("pkg-config", "a C compiler", "apt-get dnf pacman apk zypper brew"):
            self.assertIn(word, done.stderr)
        self.program("cc", "")
        self.program("pkg-config", 'case "$*" in *libzmq*) exit 1 ;; esac')
        done = self.setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("libzmq (headers and libzmq.pc)", done.stderr)
        self.assertNotIn("jansson", done.stderr)

    def test_without_a_manager_and_nothing_missing_it_builds(self):
        self.program("cc", "")
        self.program("pkg-config", "")
        done = self.setup()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue((self.folder / "build" / "built").exists())

    def test_wrong_arguments_are_refused(self):
        for arguments in (("--tests",), ("--list", "emerge")):
            done = self.setup(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn("accepted:", done.stderr)
            self.assertFalse((self.folder / "asked").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
