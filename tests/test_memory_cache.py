#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cached files in a control group are space: the kernel gives them back, those read twice as well.

    test_memory_cache.py PROGRAM COMMAND

Ends with status 77, "skipped", where no control group can be made.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from memory_group import Group, not_run

PROGRAM, COMMAND = sys.argv[1:3]
MIB = 1 << 20
LIMIT = 256 * MIB
CACHED = 230 * MIB
# Here the page cache is that of a disk; a temporary folder may be memory itself.
FOLDER = pathlib.Path(PROGRAM).parent


class CachedFiles(unittest.TestCase):
    def setUp(self):
        self.group = Group(LIMIT)
        self.addCleanup(self.group.close)
        self.fill_cache()
        figures = self.group.figures()
        active = figures.get("total_active_file", figures["active_file"])
        inactive = figures.get("total_inactive_file", figures["inactive_file"])
        print(f"cached: {active / MIB:.0f} MiB active, {inactive / MIB:.0f} MiB inactive", file=sys.stderr, flush=True)
        if active < CACHED // 2:
            not_run(f"the file system of {FOLDER} keeps no file pages in the group that read them")

    def run_inside(self, *command):
        done = subprocess.run(command, preexec_fn=self.group.enter, capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def test_env_tells_them_as_available_and_they_can_be_taken(self):
        told = json.loads(self.run_inside(COMMAND, "env", "--json"))
        self.assertEqual(told["memory_source"], "cgroup")
        self.assertEqual(told["memory_limit_bytes"], LIMIT)
        available = told["memory_available_bytes"]
        print(f"available: {available / MIB:.0f} MiB", file=sys.stderr, flush=True)
        self.assertGreater(available, 220 * MIB)
        self.assertLessEqual(available, LIMIT)
        # what is promised can be had: all of it, but for what the program itself needs
        self.run_inside(PROGRAM, "take", str(available - 8 * MIB))

    def test_memory_optimized_uses_them(self):
        for report in ("bytes", "nothing"):
            self.fill_cache()
            out = self.run_inside(PROGRAM, "consume", f"report={report}", "sample_bytes=1048576", "batches=30")
            taken = [json.loads(line)["bytes"] / MIB for line in out.splitlines()]
            print(f"reports {report}: {[round(mib) for mib in taken]} MiB", file=sys.stderr, flush=True)
            self.assertEqual(len(taken), 30)
            self.assertGreater(taken[-1], 0.75 * LIMIT / MIB)

    def fill_cache(self):
        folder = tempfile.TemporaryDirectory(dir=FOLDER, prefix="memory-cache-")
        self.addCleanup(folder.cleanup)
        self.run_inside(PROGRAM, "cache", f"{folder.name}/file", str(CACHED))


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result
    if result.skipped and result.wasSuccessful():
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
