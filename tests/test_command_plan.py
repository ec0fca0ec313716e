#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strategies as typed: the co-process, journals that are continued after kill -9 and replayed, comparisons.
usage: test_command_plan.py COMMAND"""
import json
import os
import random
import subprocess
import tempfile
import time

from command_fixture import COMMAND, Case, environment, main, run, start

STRATEGIES = json.loads(run("bench", "strategies", "--samples", 1, "--json", "--quiet").stdout)["strategies"]
DECIDING = [one["name"] for one in STRATEGIES if one["name"] not in ("sequential", "round_robin")]
GENERATE = ("generate", "--preset", "moderate", "--seed", 7)
N_KILLS = int(os.environ.get("AUGS_TEST_KILLS", "100"))


def spans_of(text):
    return [json.loads(line) for line in text.splitlines()]


def positions_of(spans):
    return [span["first"] + span["stride"] * k for span in spans for k in range(span["count"])]


class CoProcess:
    """The other side of `augstream plan`."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([COMMAND, "plan", *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def span(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def tell(self, **feedback):
        self.process.stdin.write(json.dumps(feedback) + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        rest, errors = self.process.stdout.read(), self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.wait(), rest, errors


class Plan(Case):
    def test_without_feedback_every_position_is_planned_once(self):
        for one in STRATEGIES:
            more = ("--batches", 7) if one["name"] == "round_robin" else ()
            result = self.ends(0, "plan", "--strategy", one["name"], "--samples", 1000, *more, stdin="")
            spans = spans_of(result.stdout)
            self.assertEqual(sorted(positions_of(spans)), list(range(1000)), one["name"])
            self.assertEqual([span["step"] for span in spans], list(range(len(spans))))
            self.assertTrue(all(span["why"] for span in spans))

    def test_a_consumer_leads_the_size_to_its_budget(self):
        strategy = CoProcess("--strategy", "memory_optimized", "--samples", "endless", "--max-memory-mb", 1, "--memory-safety", 1)
        for _ in range(30):
            span = strategy.span()
            strategy.tell(seconds=0.1, bytes=span["count"] * 1000)
        self.assertEqual(span["count"], 1000)
        strategy.tell(samples=1000, seconds=0.1, bytes=2_000_000)
        strategy.process.kill()
        strategy.end()

    def test_a_consumer_that_is_late_and_short_of_memory_gets_every_position_once(self):
        for strategy, late in (("sequential", 0), ("adaptive", 1), ("adaptive", 16), ("memory_optimized", 16)):
            strategy = CoProcess("--strategy", strategy, "--samples", 3000, "--batch-size", 64, "--late", late)
            under_way, good, failures = [], [], 0

            def settle():
                nonlocal failures
                span = under_way.pop(0)
                name = {"step": span["step"], "part": span.get("part", 0)}
                if span["count"] > 20:
                    failures += 1
                    strategy.tell(**name, outcome="did_not_fit", retry=True if failures % 2 else 11)
                else:
                    good.append(span)
                    strategy.tell(**name, outcome="fine", seconds=0.01 + 1e-4 * span["count"])

            span = strategy.span()
            while True:
                under_way.append(span)
                if len(under_way) > late:
                    settle()
                else:
                    strategy.tell()
                # the command waits for late words once all is planned: a span is there, or its end
                if sum(one["count"] for one in good + under_way) == 3000:
                    while under_way and under_way[0]["count"] <= 20:
                        settle()
                    if not under_way:
                        break
                    settle()
                span = strategy.span()
            self.assertIsNone(strategy.span())
            status, rest, errors = strategy.end()
            self.assertEqual((status, rest, errors), (0, "", ""))
            self.assertEqual(sorted(positions_of(good)), list(range(3000)), (strategy, late))
            self.assertGreater(failures, 0)

    def test_a_retry_is_in_the_journal_and_replays(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = os.path.join(folder, "plan.jsonl")
            words = "\n".join(('{"seconds":1}', '{"step":1,"retry":true}', "", "", '{"step":1,"part":2,"retry":3}')) + "\n"
            first = self.ends(0, "plan", "--strategy", "adaptive", "--samples", 200, "--journal", journal, stdin=words)
            again = self.ends(0, "plan", "--strategy", "adaptive", "--samples", 200, "--replay", journal, stdin="")
            spans, replayed = spans_of(first.stdout), spans_of(again.stdout)
            failed = [(1, 0), (1, 2)]
            good = [one for one in spans if (one["step"], one.get("part", 0)) not in failed]
            self.assertEqual([(one["step"], one.get("part", 0), one["first"], one["count"]) for one in replayed],
                             [(one["step"], one.get("part", 0), one["first"], one["count"]) for one in good])
            self.assertEqual(sorted(positions_of(replayed)), list(range(200)))
            self.assertGreater(max(one.get("part", 0) for one in replayed), 3)

    def test_ranks_share_spans(self):
        result = self.ends(0, "plan", "--strategy", "sequential", "--batch-size", 4, "--samples", 20, "--world-size", 3, stdin="")
        self.assertEqual([span["count"] for span in spans_of(result.stdout)], [12, 8])

    def test_a_reader_that_goes_away_is_a_quiet_end_and_a_full_disk_is_named(self):
        for sink, status, says in (("| head -n 1", 0, ""), ("> /dev/full", 1, "writing to stdout: No space left on device")):
            line = f'"$0" plan --strategy adaptive --samples endless < /dev/null {sink}; echo "${{PIPESTATUS[0]}}" >&2'
            result = subprocess.run(["bash", "-c", line, COMMAND], capture_output=True, text=True, timeout=60, env=environment())
            *messages, ended = result.stderr.splitlines()
            self.assertEqual((int(ended), len(messages)), (status, 1 if says else 0), result.stderr)
            self.assertIn(says, result.stderr)

    def test_feedback_that_cannot_be_read_is_named(self):
        for line, says in (
            ("{", "line 1"),
            ("[]", "it is no object"),
            ('{"secondz":1}', "'secondz' is unknown"),
            ('{"seconds":"fast"}', "'seconds' is not a number"),
            ('{"bytes":-1}', "'bytes' is not a number from 0"),
            ('{"bytes":1,"bytes":2}', "duplicate"),
            ('{"outcome":"bad"}', "'outcome' is not \"fine\" or"),
            ('{"retry":0}', "'retry' is not true"),
            ('{"part":1}', "'part' is told without 'step'"),
            ('{"outcome":"fine","retry":true}', "not given again"),
            ("x" * 5000, "longer than"),
            ("\0{}", "a NUL byte"),
        ):
            result = self.ends(5, "plan", "--strategy", "sequential", "--samples", 1000, stdin=line + "\n",
                               says=("stdin, line 1", says, "accepted"))
            self.assertEqual(len(spans_of(result.stdout)), 1)
        self.ends(5, "plan", "--strategy", "sequential", "--samples", 1000, stdin="\n{}\n{]\n", says="line 3")
        for line, says in (('{"step":7}', "step 7, part 0"), ('{"step":0,"part":3}', "part 3"),
                           ('{"retry":32}', "accepted: 1 to 31")):
            self.ends(5, "plan", "--strategy", "sequential", "--samples", 1000, stdin=line + "\n", says=("stdin, line 1", says))

    def test_wrong_options_are_named(self):
        for arguments, status, says in (
            (("--samples", 5), 2, "--strategy X is missing"),
            (("--strategy", "sequential"), 2, "--samples N is missing"),
            (("--strategy", "sequential", "--samples", 5, "--memory-safety", 0.5), 2, ("--memory-safety", "memory_optimized")),
            (("--strategy", "memory_optimized", "--samples", 5, "--memory-safety", 1.5), 2, "above 0, up to 1"),
            (("--strategy", "memory_optimized", "--samples", 5, "--memory-rule", "old"), 2, "budget, published"),
            (("--strategy", "sequential", "--samples", 5, "--journal", "j"), 2, ("--journal", "memory_optimized")),
            (("--strategy", "memory_optimized", "--samples", 5, "--journal", "/nowhere/j"), 3, "/nowhere/j"),
            (("--strategy", "memory_optimized", "--samples", 5, "--replay", "/nowhere/j"), 3, "/nowhere/j"),
        ):
            self.ends(status, "plan", *arguments, stdin="", says=says)


class Journal(Case):
    def setUp(self):
        super().setUp()
        self._folder.cleanup()  # every decision is synced: in memory, where there is such a folder
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._folder = tempfile.TemporaryDirectory(prefix="augstream-test-", dir=place)
        self.folder = type(self.folder)(self._folder.name)

    def test_a_journal_made_by_plan_is_replayed_by_plan(self):
        for name in DECIDING:
            path = self.folder / f"{name}.jsonl"
            strategy = CoProcess("--strategy", name, "--samples", 3000, "--max-batch-size", 100, "--journal", path)
            spans = []
            while (span := strategy.span()) is not None:
                spans.append(span)
                strategy.tell(seconds=random.random(), bytes=random.randrange(10**9))
            self.assertEqual(strategy.end()[0], 0)
            self.assertEqual(positions_of(spans), list(range(3000)))
            result = self.ends(0, "plan", "--strategy", name, "--samples", 3000, "--replay", path, stdin="")
            self.assertEqual(spans_of(result.stdout), spans)

    def test_a_plan_of_a_stream_is_replayed_by_generate(self):
        for name in DECIDING:
            path = self.folder / f"{name}.jsonl"
            stream = ("--preset", "moderate", "--seed", 7, "--samples", 2000, "--shuffle")
            planned = spans_of(self.ends(0, "plan", "--strategy", name, *stream, "--max-batch-size", 90, "--journal", path, stdin="").stdout)
            records = self.records(*stream, "--replay", path)
            sizes = [0] * len(planned)
            for record in records:
                sizes[record["batch"]] += 1
            self.assertEqual(sizes, [span["count"] for span in planned])
            self.ends(5, "generate", *stream[:3], 8, *stream[4:], "--replay", path, says="is of the stream")
        self.ends(2, "plan", "--strategy", "sequential", "--samples", 5, "--seed", 7, says=("--seed", "--preset P"))
        self.ends(2, "plan", "--strategy", "sequential", "--samples", 5, "--preset", "mild", says="--seed S is missing")
        self.ends(3, "plan", "--strategy", "sequential", "--samples", 5, "--preset", "mil", "--seed", 1, says="mild")

    def test_shards_need_a_replay(self):
        path = self.folder / "j"
        more = ("--samples", 5000, "--strategy", "memory_optimized", "--max-batch-size", 300)
        whole = self.ends(0, *GENERATE, *more, "--journal", path).stdout.splitlines()
        self.ends(2, *GENERATE, *more, "--chunk-shard", "0/2", says=("decides as it goes", "--replay"))
        parts = [self.ends(0, *GENERATE, "--samples", 5000, "--strategy", "memory_optimized", "--replay", path,
                           "--chunk-shard", f"{i}/2").stdout.splitlines() for i in range(2)]
        self.assertEqual(sorted(parts[0] + parts[1]), sorted(whole))
        self.assertTrue(parts[0] and parts[1])

    def test_a_journal_of_another_stream_is_refused(self):
        path = self.folder / "j"
        more = ("--samples", 500, "--strategy", "memory_optimized")
        self.ends(0, *GENERATE, *more, "--journal", path)
        for option in ("--journal", "--replay"):
            self.ends(5, "generate", "--preset", "moderate", "--seed", 8, *more, option, path, says="is of the stream")
        self.ends(2, *GENERATE, *more, "--out", self.folder / "d", "--journal", path, says="--journal")

    def test_a_journal_that_was_changed_or_never_finished_is_corrupt_data(self):
        path = self.folder / "j"
        more = ("--samples", 500, "--strategy", "memory_optimized")
        self.ends(0, *GENERATE, *more, "--journal", path)
        lines = path.read_text().splitlines(keepends=True)
        spans = [i for i, line in enumerate(lines) if '"count":' in line and i > 0]
        edited = lines[spans[1]].replace('"first":1,', '"first":2,')
        self.assertNotEqual(edited, lines[spans[1]])
        path.write_text("".join(lines[:spans[1]] + [edited] + lines[spans[1] + 1:]))
        self.ends(5, *GENERATE, *more, "--replay", path, says="step 1")
        path.write_text("".join(lines[:spans[1]]))
        self.ends(4, *GENERATE, *more, "--replay", path, says=(str(path), "1 of 500 positions", "not finished"))

    def test_metrics_of_a_run_are_saved(self):
        path = self.folder / "m.jsonl"
        self.ends(0, *GENERATE, "--samples", 1000, "--batch-size", 100, "--metrics", path)
        lines = spans_of(path.read_text())
        self.assertEqual(len(lines), 11)
        self.assertEqual(lines[-1]["summary"]["n_samples"], 1000)

    def test_metrics_that_cannot_be_saved_are_known_before_the_run(self):
        for path in self.folder / "no" / "m.jsonl", self.folder:
            result = self.ends(1, *GENERATE, "--samples", "endless", "--metrics", path, says=("--metrics", str(path)))
            self.assertEqual(result.stdout, "")

    def kill_and_continue(self, name):
        """Kills runs at random moments and goes on, until one ends; returns how many were killed."""
        path, out = self.folder / "j", self.folder / "out"
        run_it = (*GENERATE, "--samples", 100_000, "--strategy", name, "--max-batch-size", 100, "--quiet")
        seen, n_kills, longest = [], 0, 0.05
        while True:
            with open(out, "wb") as file:
                process = start(*run_it, "--journal", path, stdout=file)
                time.sleep(random.uniform(0.001, longest))
                process.kill()
                errors = process.communicate()[1]
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, -9, errors)
            n_kills += 1
            longest *= 1.02  # a slow machine gets to the end as well
            text = out.read_bytes()
            seen.append(text[:text.rfind(b"\n") + 1])
        whole = out.read_bytes()
        self.assertEqual(whole.count(b"\n"), 100_000)
        for text in seen:
            self.assertTrue(whole.startswith(text), f"a run that was killed had other records ({name})")
        replayed = self.ends(0, *run_it, "--replay", path, text=False).stdout
        self.assertEqual(replayed, whole)
        path.unlink()
        return n_kills

    def test_runs_that_are_killed_go_on_and_replay_to_the_same_bytes(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        random.seed(seed)
        for name in DECIDING:
            n_kills = 0
            while n_kills < N_KILLS:
                n_kills += self.kill_and_continue(name)


class Bench(Case):
    def test_strategies_are_compared_on_fresh_streams(self):
        result = self.ends(0, "bench", "strategies", "--samples", 5000, "--cost", "0.01,0.0001", "--cost-bytes", "1e6,1e3")
        for one in STRATEGIES:
            self.assertIn(one["name"], result.stdout)
        self.assertEqual(result.stdout.count("<- best"), 1)
        table = json.loads(self.ends(0, "bench", "strategies", "--samples", 5000, "--cost", "0.01,0", "--strategy",
                                     "sequential", "--strategy", "round_robin", "--batch-size", 50, "--json").stdout)["strategies"]
        self.assertEqual([one["name"] for one in table], ["sequential", "round_robin"])
        for one in table:
            self.assertEqual((one["batches"], one["samples"], one["mean_size"]), (100, 5000, 50))
            self.assertAlmostEqual(one["p50_seconds"], 0.01, delta=0.005)

    def compare(self, *arguments, what="strategies"):
        told = json.loads(self.ends(0, "bench", "batch-size" if what == "sizes" else what, *arguments, "--json", "--quiet").stdout)
        return told, {one["name"]: one for one in told[what]}

    def test_learning_is_counted_apart(self):
        # 0.02 + n / 10,000 seconds, and 0.001 more per sample beyond 256: 256 is best, 5,614 samples per second
        told, by_name = self.compare("--cost", "0.02,0.0001,0.001,256", "--samples", 200000)
        self.assertEqual(told["best"], "adaptive")
        adaptive = by_name["adaptive"]
        self.assertGreater(adaptive["learned_samples_per_second"], 0.93 * 256 / 0.0456)
        self.assertGreater(adaptive["learned_samples_per_second"], adaptive["samples_per_second"])
        self.assertGreater(adaptive["learned_samples_per_second"], 3.5 * by_name["sequential"]["learned_samples_per_second"])
        self.assertGreater(adaptive["learning_seconds"], 0)
        self.assertAlmostEqual(adaptive["seconds"] - adaptive["learning_seconds"],
                               200000 / adaptive["learned_samples_per_second"], places=5)
        self.assertTrue(128 <= adaptive["learned_size"] <= 512, adaptive)
        for fixed in "sequential", "round_robin":
            one = by_name[fixed]
            self.assertLess(abs(one["learned_samples_per_second"] / one["samples_per_second"] - 1), 0.02)
        self.assertIn("adaptive is best with", told["explanation"])
        self.assertIn("adaptive settled at about", told["explanation"])
        self.assertIn("which is too few to judge it", told["explanation"])  # memory_optimized, without a limit

    def test_too_few_batches_are_no_victory(self):
        # one huge batch is the fastest of all, and says nothing
        told, by_name = self.compare("--cost", "1,0.0001", "--samples", 10000, "--strategy", "sequential:batch-size=100",
                                     "--strategy", "sequential:batch-size=10000")
        self.assertEqual(told["best"], "sequential:batch-size=100")
        self.assertLess(by_name["sequential:batch-size=10000"]["learned_batches"], 3)
        told, _ = self.compare("--samples", 10, "--strategy", "sequential")
        self.assertEqual(told["best"], "sequential")

    def test_strategies_take_options_of_their_own(self):
        told, by_name = self.compare("--samples", 3000, "--cost-bytes", "0,1e6", "--min-batch-size", 2, "--strategy", "round_robin:batches=10",
                                     "--strategy", "memory_optimized:max-memory-mb=50,min-batch-size=5", "--strategy", "memory_optimized:max-memory-mb=20",
                                     "--strategy", "sequential", "--strategy", "sequential:batch-size=7,min-batch-size=1",
                                     "--strategy", "adaptive:max-batch-size=64,multiple-of=8,max-growth=2")
        self.assertEqual(by_name["round_robin:batches=10"]["batches"], 10)
        large, small = by_name["memory_optimized:max-memory-mb=50,min-batch-size=5"], by_name["memory_optimized:max-memory-mb=20"]
        self.assertEqual((large["least_size"], small["least_size"]), (5, 2))
        self.assertTrue(40 <= large["most_size"] <= 50, large)
        self.assertTrue(15 <= small["most_size"] <= 20, small)
        self.assertEqual(by_name["sequential"]["most_size"], 32)
        self.assertEqual(by_name["sequential:batch-size=7,min-batch-size=1"]["most_size"], 7)
        adaptive = by_name["adaptive:max-batch-size=64,multiple-of=8,max-growth=2"]
        self.assertTrue(adaptive["most_size"] <= 64 and adaptive["least_size"] % 8 == 0, adaptive)
        self.assertIn(told["best"], by_name)

    def test_the_result_is_told_in_words(self):
        shown = self.ends(0, "bench", "strategies", "--cost", "0.02,0.0001", "--samples", 2000, "--strategy", "sequential",
                          "--strategy", "sequential:batch-size=100", COLUMNS="200").stdout
        words = " ".join(shown.split())
        self.assertRegex(words, r"sequential:batch-size=100 is best with \S+ samples/s, 2\.4 times as many as the next, sequential\.")
        self.assertIn("<- best", next(line for line in shown.splitlines() if line.startswith("sequential:batch-size=100 ")))
        words = self.ends(0, "bench", "batch-size", "--cost", "1,0", "--samples", 400, "--sizes", "20,20").stdout
        self.assertIn("20 is as fast, within 1 %", " ".join(words.split()))

    def test_batch_sizes_are_compared(self):
        table = json.loads(self.ends(0, "bench", "batch-size", "--samples", 4000, "--cost", "0.02,0.001,0.01,40",
                                     "--sizes", "1,20,40,80", "--json").stdout)["sizes"]
        self.assertEqual([one["name"] for one in table], ["1", "20", "40", "80"])
        best = max(table, key=lambda one: one["samples_per_second"])
        self.assertEqual(best["name"], "40")
        told, _ = self.compare("--samples", 4000, "--cost", "0.02,0.001,0.01,40", "--sizes", "1,20,40,80", what="sizes")
        self.assertEqual(told["best"], "40")
        self.assertIn("40 is best with", told["explanation"])

    def test_wrong_lists_are_named(self):
        for arguments, says in (
            (("strategies", "--strategy", "sequentail"), ("did you mean 'sequential'", "round_robin")),
            (("strategies", "--strategy", ""), ("--strategy",)),
            (("strategies", "--cost", "1"), ("--cost '1'", "A,B")),
            (("strategies", "--cost", "1,x"), ("--cost '1,x'",)),
            (("batch-size", "--sizes", "1,,2"), ("--sizes",)),
            (("batch-size", "--sizes", "0"), ("--sizes '0'", "accepted")),
        ):
            self.ends(2, "bench", *arguments, says=says)


if __name__ == "__main__":
    main()
