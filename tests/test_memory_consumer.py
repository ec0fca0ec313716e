#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memory_optimized with a consumer that really takes the memory, under limits that really hold.

    test_memory_consumer.py PROGRAM [without-limits] [figures]

With "figures" each share of the budget is printed to stdout as a JSON object on a line, for scripts/bench.
"without-limits" where an address space cannot be limited (sanitizers, valgrind): only that of the monitor.
"""
import json
import resource
import subprocess
import sys
import unittest

from memory_group import Group

PROGRAM = sys.argv[1]
LIMITS = "without-limits" not in sys.argv[2:]
MIB = 1 << 20
LIMIT = 128 * MIB
FIGURES = "figures" in sys.argv[2:]
STEADY = 12  # batches after which the ramp is over


def limit_address_space():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


def start(*arguments, under=None):
    return subprocess.Popen([PROGRAM, *arguments], preexec_fn=under, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def settings(**values):
    return ["consume", *(f"{name}={value}" for name, value in values.items())]


def limit_of(test):
    """What limits the consumer of a test, in a word for the table."""
    return "control group" if "control_group" in test.id() else "ulimit -v"


class MemoryConsumer(unittest.TestCase):
    def consume(self, under, **values):
        """Its batches; it ended by itself and nothing failed."""
        values = {"batches": 22, **values}
        process = start(*settings(**values), under=under)
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, err), (0, ""), values)
        batches = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(batches), values["batches"])
        return batches

    def uses(self, batches, least, name):
        """The part of the budget, which is what there was before the first batch."""
        budget = batches[0]["available"]
        used = [batch["bytes"] / budget for batch in batches]
        steady = sum(used[STEADY:]) / len(used[STEADY:])
        print(f"{name}: {steady:.3f} of {budget / MIB:.0f} MiB, with the ramp {sum(used) / len(used):.3f}, "
              f"sizes {[batch['n'] for batch in batches[:7]]}...", file=sys.stderr, flush=True)
        if FIGURES:
            print(json.dumps({"table": "shares", "limit": limit_of(self), "consumer": name, "steady": round(steady, 3),
                              "with_ramp": round(sum(used) / len(used), 3), "batches": len(batches)}), flush=True)
        self.assertGreaterEqual(steady, least, [batch["n"] for batch in batches])

    def all_consumers(self, under):
        for report in ("bytes", "all", "nothing"):
            for how in ("array", "samples") if report != "all" else ("mmap",):
                name = f"{how}, reports {report}"
                with self.subTest(name):
                    self.uses(self.consume(under, how=how, report=report, sample_bytes=MIB), 0.8, name)

    def awkward_consumers(self, under, reports):
        """None is killed, whatever it does."""
        for name, least, values in (
                ("small samples that the allocator keeps", 0.3, {"how": "samples", "sample_bytes": 1000}),
                ("samples much smaller than what malloc takes", 0.05, {"how": "samples", "sample_bytes": 24}),
                ("a buffer that is kept", 0.2, {"how": "buffer"}),
                ("32 MiB that are kept from the first batch on", 0.45, {"keep_bytes": 32 * MIB, "batches": 40}),
                ("32 MiB per batch beside its samples", 0.8, {"base_bytes": 32 * MIB}),
                ("a peak of 48 MiB before the first batch", 0.3, {"early_bytes": 48 * MIB, "sample_bytes": 100000})):
            for report in reports:
                with self.subTest(name, report=report):
                    batches = self.consume(under, report=report, **{"sample_bytes": MIB, **values})
                    self.uses(batches, least, f"{name}, reports {report}")

    def backs_off_and_comes_back(self, batches, taken, given_back):
        sizes = [batch["n"] for batch in batches]
        before = sizes[taken - 1]
        self.assertLess(sizes[taken], 0.6 * before, sizes)
        self.assertEqual(batches[taken]["why"], "shrink")
        self.assertLess(max(sizes[taken:given_back]), 0.6 * before, sizes)
        self.assertGreaterEqual(max(sizes[given_back:given_back + 20]), 0.95 * before, sizes)
        print(f"back after {next(i for i, n in enumerate(sizes[given_back:]) if n >= 0.95 * before) + 1} batches",
              file=sys.stderr, flush=True)

    @unittest.skipUnless(LIMITS, "not run here: an address space cannot be limited under a sanitizer")
    def test_below_a_limit_of_the_address_space(self):
        self.all_consumers(limit_address_space)

    @unittest.skipUnless(LIMITS, "not run here: an address space cannot be limited under a sanitizer")
    def test_awkward_consumers_below_a_limit_of_the_address_space(self):
        self.awkward_consumers(limit_address_space, ["nothing"])

    @unittest.skipUnless(LIMITS, "not run here: an address space cannot be limited under a sanitizer")
    def test_pressure_from_the_process_itself(self):
        for report in ("bytes", "nothing"):
            batches = self.consume(limit_address_space, report=report, how="mmap", sample_bytes=MIB, batches=45,
                                   ballast_bytes=64 * MIB, ballast_from=15, ballast_until=21)
            self.backs_off_and_comes_back(batches, 15, 21)

    @unittest.skipUnless(LIMITS, "not run here: a control group holds no sanitizer's memory")
    def test_in_a_control_group(self):
        group = Group(LIMIT)
        self.addCleanup(group.close)
        self.all_consumers(group.enter)
        for report in ("bytes", "nothing"):
            name = f"small samples given back by malloc_trim, reports {report}"
            with self.subTest(name):
                self.uses(self.consume(group.enter, how="samples", trims=1, report=report, sample_bytes=1000), 0.8,
                          name)
        self.awkward_consumers(group.enter, ["bytes"])

    @unittest.skipUnless(LIMITS, "not run here: a control group holds no sanitizer's memory")
    def test_pressure_from_another_process_in_the_group(self):
        group = Group(LIMIT)
        self.addCleanup(group.close)
        for report in ("bytes", "nothing"):
            other = start("hold", str(64 * MIB), under=group.enter)
            process = start(*settings(report=report, how="mmap", sample_bytes=MIB, batches=50, waits=1),
                            under=group.enter)
            batches = []
            for line in process.stdout:
                batches.append(json.loads(line))
                if len(batches) in (20, 26):
                    other.stdin.write("take\n" if len(batches) == 20 else "free\n")
                    other.stdin.flush()
                    self.assertEqual(other.stdout.readline(), "ok\n")
                process.stdin.write("\n")
                process.stdin.flush()
            other.communicate(timeout=60)
            process.communicate(timeout=60)
            self.assertEqual((process.returncode, other.returncode, len(batches)), (0, 0, 50))
            self.backs_off_and_comes_back(batches, 20, 26)

    def test_a_limit_of_the_strategy(self):
        """Nothing is limited but by the strategy; what is reported is believed."""
        for report in ("bytes", "all"):
            batches = self.consume(None, report=report, sample_bytes=4096, batches=40, max_memory_bytes=4 * MIB)
            self.assertLessEqual(max(batch["bytes"] for batch in batches), 4 * MIB)
            self.assertGreaterEqual(batches[-1]["bytes"], 0.8 * 4 * MIB)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
