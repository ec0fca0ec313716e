#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flags that change values are refused, by meson and by the sources without meson.

    test_fast_math.py SOURCE_ROOT C_COMPILER...
"""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT, COMPILER = pathlib.Path(sys.argv[1]), sys.argv[2:]
WHOLE = ("-ffast-math", "-Ofast")
PARTS = ("-funsafe-math-optimizations", "-fassociative-math", "-freciprocal-math", "-ffinite-math-only", "-fno-signed-zeros",
         "-ffp-contract=fast")


class FastMath(unittest.TestCase):
    def refused_by_meson(self, flag, arguments=(), **env):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["meson", "setup", folder, ROOT, *arguments], text=True, capture_output=True, timeout=200,
                                  env=dict(os.environ, **env))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"augstream cannot be built with {flag}: it would make other values", done.stdout)

    def test_meson_refuses_them_as_options(self):
        for flag in WHOLE + PARTS:
            with self.subTest(flag):
                self.refused_by_meson(flag, [f"-Dc_args=-O2 {flag}"])
        self.refused_by_meson("-ffast-math", ["-Dc_link_args=-ffast-math"])

    def test_meson_refuses_them_in_the_environment(self):
        self.refused_by_meson("-Ofast", CFLAGS="-g -Ofast")
        self.refused_by_meson("-ffast-math", LDFLAGS="-ffast-math")
        self.refused_by_meson("-ffast-math", CC=shlex.join([*COMPILER, "-ffast-math"]))

    def preprocess(self, *flags):
        return subprocess.run([*COMPILER, *flags, "-fsyntax-only", "-x", "c", ROOT / "base" / "strict_math.h"], text=True,
                              capture_output=True, timeout=60)

    def test_sources_refuse_them(self):
        for flag in WHOLE:
            with self.subTest(flag):
                done = self.preprocess("-O2", flag)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("augstream cannot be built with -ffast-math", done.stderr)
        self.assertEqual(self.preprocess("-O2").returncode, 0)
        self.assertEqual(self.preprocess("-O2", "-ffast-math", "-fno-fast-math").returncode, 0)


unittest.main(argv=sys.argv[:1])
