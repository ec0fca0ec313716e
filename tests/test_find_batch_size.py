#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example find_batch_size, as typed: its exit status, its table, and that the sizes add up.

    test_find_batch_size.py PROGRAM [without-limits]

"without-limits" where an address space cannot be limited (sanitizers): the checks of the usage only.
"""
import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
LIMITS = "without-limits" not in sys.argv[2:]


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)


class FindBatchSize(unittest.TestCase):
    @unittest.skipUnless(LIMITS, "an address space cannot be limited under a sanitizer")
    def test_the_table_and_the_result(self):
        limit_mb, side = 200, 50
        done = run(str(limit_mb), str(side))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("Batch size finder", lines)
        trials = [re.fullmatch(r" *(\d+) +(\d+) +(\d+) +[\d.]+ +\[\d+, (?:\d+|\.\.\.)\) +(fits|does not fit.*)", line)
                  for line in lines if re.match(r" *\d+ +\d+ ", line)]
        self.assertNotIn(None, trials)
        self.assertGreater(len(trials), 5)
        self.assertEqual([int(t[1]) for t in trials], list(range(1, len(trials) + 1)))
        self.assertEqual(len(done.stderr.splitlines()), len(trials))
        interval = re.search(r"^Search interval: \[(\d+), (\d+)\): \1 fits, \2 does not$", done.stdout, re.M)
        low, high = int(interval[1]), int(interval[2])
        self.assertEqual(high, low + 1)
        for trial in trials:
            self.assertEqual(trial[4] == "fits", int(trial[2]) <= low)
        # three arrays of that many bytes fit, and what the process itself has mapped beside them
        needed = 3 * low * 3 * side * side * 4
        self.assertLess(needed, limit_mb << 20)
        self.assertGreater(needed, (limit_mb - 150) << 20)
        safe = int(low * 0.9)
        result = safe // 32 * 32
        rounded = "" if result == safe else f" = {safe}, down to a multiple of 32"
        self.assertIn(f"Result: batch size {result} = {low} x safety factor 0.9{rounded}", lines)
        epochs = (100 * result + 16) // 32
        self.assertIn(f"100 epochs with batches of 32 have as many steps as {epochs} with {result}", lines)

    @unittest.skipUnless(LIMITS, "an address space cannot be limited under a sanitizer")
    def test_a_limit_that_holds_nothing_is_an_error(self):
        done = run("1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Result: no batch size", done.stdout)
        self.assertIn("not even the smallest batch size fits: min_batch_size 1", done.stderr)

    def test_nonsense_is_refused_with_the_usage(self):
        for arguments in (["x"], ["0"], ["-5"], ["1", "2", "3"], ["100", "1e3"], [""]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("usage: find_batch_size [LIMIT_MB", done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
