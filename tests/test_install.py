#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An installation as a new user meets it: the command runs, README's C program builds with pkg-config, shared and
with the archive, and documents are there.

    test_install.py SOURCE_ROOT BUILD_FOLDER C_COMPILER...     from a build, with DESTDIR
    test_install.py SOURCE_ROOT --prefix C_COMPILER...         configured and built anew for a prefix, without DESTDIR
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT, BUILD, COMPILER = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
# A user's environment, without what a build folder sets.
CLEAN = {name: value for name, value in os.environ.items()
         if name not in ("LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "DESTDIR", "LD_PRELOAD")}


def run(*command, env=None, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600,
                          env=env or CLEAN, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(str(word) for word in command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Installation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="augstream-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        if BUILD == "--prefix":
            build, cls.sysroot = cls.folder / "build", ""
            cls.prefix = cls.folder / "a prefix"
            cls.configured = run("meson", "setup", build, ROOT, "--prefix", cls.prefix, "-Dtests=false")
            run("meson", "compile", "-C", build)
            run("meson", "install", "-C", build, "--no-rebuild")
        else:
            build, cls.sysroot = BUILD, str(cls.folder / "root")
            run("meson", "install", "-C", build, "--no-rebuild", "--destdir", cls.sysroot)
            options = run("meson", "introspect", "--buildoptions", build)
            prefix = re.search(r'"name": "prefix", "value": "([^"]*)"', options).group(1)
            cls.prefix = pathlib.Path(cls.sysroot + prefix)
        pc = next(cls.prefix.glob("**/augstream.pc"))
        cls.libdir = pc.parent.parent
        cls.env = dict(CLEAN, PKG_CONFIG_PATH=str(pc.parent))
        if cls.sysroot:
            cls.env["PKG_CONFIG_SYSROOT_DIR"] = cls.sysroot
        cls.command = cls.prefix / "bin" / "augstream"

    def pkg_config(self, *arguments, env=None):
        return shlex.split(run("pkg-config", *arguments, env=env or self.env))

    def test_the_library_is_where_programs_look(self):
        self.assertIn(self.libdir.name, ("lib", os.uname().machine + "-linux-gnu"), self.libdir)
        self.assertTrue((self.libdir / "libaugstream.so.0").exists())

    def test_the_command_runs(self):
        self.assertIn("augstream", run(self.command, "version"))
        records = run(self.command, "generate", "--preset", "moderate", "--seed", "7", "--samples", "3")
        self.assertEqual(len(records.splitlines()), 3)

    def test_the_command_runs_where_the_tree_was_moved(self):
        moved = self.folder / "moved"
        self.prefix.rename(moved)
        try:
            run(moved / "bin" / "augstream", "version")
        finally:
            moved.rename(self.prefix)

    def program(self, *flags, library_path=None):
        source, program = self.folder / "program.c", self.folder / "program"
        source.write_text(re.search(r"^```c\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.M | re.S).group(1))
        run(*COMPILER, source, "-o", program, *flags)
        env = dict(CLEAN, LD_LIBRARY_PATH=str(library_path)) if library_path else CLEAN
        self.assertEqual(len(run(program, env=env).split()), 32)
        return run("readelf", "-d", program)

    def test_a_program_with_the_shared_library(self):
        flags = self.pkg_config("--cflags", "--libs", "augstream")
        self.assertNotIn("-lzmq", flags)
        self.assertIn("libaugstream.so.0", self.program(*flags, library_path=self.libdir))

    def test_a_program_with_pkg_config_static(self):
        flags = self.pkg_config("--static", "--cflags", "--libs", "augstream")
        self.assertIn("-lzmq", flags)
        self.program(*flags, library_path=self.libdir)

    def test_a_program_with_the_archive(self):
        needed = self.program(*self.pkg_config("--cflags", "--libs", "augstream-static"))
        self.assertNotIn("libaugstream", needed)

    def test_no_other_development_package_is_needed(self):
        alone = self.env | {"PKG_CONFIG_LIBDIR": str(self.folder / "no such folder")}
        for name in ("augstream", "augstream-static"):
            self.assertTrue(self.pkg_config("--cflags", "--libs", name, env=alone))

    def test_documents_license_examples_and_completions(self):
        share = self.prefix / "share"
        for name in ("LICENSE", "README.md", "CHANGELOG.md", "docs/contract.md", "examples/first_batch.c"):
            self.assertTrue((share / "doc" / "augstream" / name).is_file(), name)
        readme = (share / "doc" / "augstream" / "README.md").read_text()
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
            self.assertTrue((share / "doc" / "augstream" / link).exists(), link)
        for name in ("bash-completion/completions/augstream.bash", "zsh/site-functions/_augstream",
                     "fish/vendor_completions.d/augstream.fish"):
            self.assertTrue((share / name).read_text().strip(), name)

    def test_every_example_builds(self):
        flags = self.pkg_config("--cflags", "--libs", "augstream")
        for source in sorted((self.prefix / "share" / "doc" / "augstream" / "examples").glob("*.c")):
            run(*COMPILER, "-std=gnu11", source, "-o", self.folder / "example", *flags, "-pthread", "-lm")

    def test_the_man_page(self):
        page = self.prefix / "share" / "man" / "man1" / "augstream.1"
        text = page.read_text()
        self.assertTrue(text.startswith(".TH AUGSTREAM 1") or ".TH" in text.splitlines()[0], text[:80])
        for command in ("generate", "serve", "subscribe", "plan"):
            self.assertIn(command, text)

    @unittest.skipUnless(BUILD == "--prefix", "a build folder was configured long ago")
    def test_who_chooses_a_prefix_is_told_what_programs_need(self):
        for words in (f"PKG_CONFIG_PATH={self.libdir}/pkgconfig", f"-Wl,-rpath,{self.libdir}"):
            self.assertIn(words, self.configured)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
