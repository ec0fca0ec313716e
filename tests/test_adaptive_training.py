#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example adaptive_training, as typed: every sample once, sizes that follow the cost, memory below its limit.

    test_adaptive_training.py PROGRAM
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
N_SAMPLES = 30000
LIMIT_MB = 48
MODEL_MB = 8
BEST = 400 / (4e-3 + 20e-6 * 400)  # samples a second at the knee of its cost


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def table(text):
    """(step, size, samples/s, MB, why) of each batch."""
    rows = re.findall(r"^ *(\d+) +(\d+) +(\d+) +([\d.]+)  ([a-z_-]+)$", text, re.M)
    return [(int(step), int(size), int(rate), float(mb), why) for step, size, rate, mb, why in rows]


class AdaptiveTraining(unittest.TestCase):
    def check(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = table(done.stdout)
        self.assertEqual([row[0] for row in rows], list(range(len(rows))))
        self.assertEqual(sum(row[1] for row in rows), N_SAMPLES)
        self.assertIn(f"{N_SAMPLES} of {N_SAMPLES} samples exactly once, in {len(rows)} batches", done.stdout)
        for _, size, _, mb, _ in rows:
            self.assertAlmostEqual(mb, MODEL_MB + size / 16, delta=0.06)
            self.assertLessEqual(mb, LIMIT_MB)
        memory = re.search(r"^memory ([\d.]+) of ([\d.]+) MB$", done.stdout, re.M)
        self.assertEqual(float(memory[1]), max(row[3] for row in rows))
        self.assertEqual(float(memory[2]), LIMIT_MB)
        return rows

    def test_adaptive_finds_the_size_with_the_best_throughput(self):
        with tempfile.TemporaryDirectory(prefix="augstream-test-") as folder:
            path = pathlib.Path(folder) / "metrics.jsonl"
            done = run("adaptive", path)
            rows = self.check(done)
            self.assertEqual(rows[0][1], 8)
            self.assertGreater(len({row[1] for row in rows}), 4)
            self.assertGreaterEqual(rows[len(rows) // 2][2], 0.95 * BEST)
            mean = float(re.search(r"^mean (\d+) samples/s", done.stdout, re.M)[1])
            self.assertGreaterEqual(mean, 0.85 * BEST)  # what was learned with the small sizes counted in
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            self.assertEqual([(line["step"], line["n_samples"], line["why"]) for line in lines[:-1]],
                             [(row[0], row[1], row[4]) for row in rows])
            self.assertEqual(lines[-1]["summary"]["n_samples"], N_SAMPLES)

    def test_memory_optimized_takes_the_largest_that_fits(self):
        rows = self.check(run("memory_optimized"))
        self.assertGreaterEqual(max(row[3] for row in rows), 0.8 * LIMIT_MB)
        self.assertGreater(rows[-2][1], 400)

    def test_with_a_journal_it_is_the_same_again(self):
        with tempfile.TemporaryDirectory(prefix="augstream-test-") as folder:
            journal = pathlib.Path(folder) / "plan.jsonl"
            first = run("adaptive", pathlib.Path(folder) / "a", journal)
            rows = self.check(first)
            steps = [line for line in map(json.loads, journal.read_text().splitlines()) if "why" in line]
            self.assertEqual([step["count"] for step in steps], [row[1] for row in rows])
            self.assertEqual(run("adaptive", pathlib.Path(folder) / "b", journal).stdout, first.stdout)

    def test_what_is_wrong_is_said(self):
        done = run("adaptiv")
        self.assertEqual(done.returncode, 1)
        self.assertIn("adaptive", done.stderr.split("'adaptiv'")[-1])
        done = run("sequential")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'max_memory_bytes' is not taken", done.stderr)
        self.assertEqual(run(1, 2, 3, 4).returncode, 2)
        done = run("adaptive", "/nowhere/metrics")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/metrics", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
