# SPDX-License-Identifier: Apache-2.0
"""Iterators of batches: strategies, ranks, tokens, feedback, retries, journals, metrics, and strategies in Python."""

import json
import pathlib
import pickle
import subprocess
import sys
import tempfile
import traceback
import unittest

import augstream as aug
import numpy as np

N = 1000


def ids_of(batches):
    return [int(i) for batch in batches for i in batch.sample_id[: len(batch) - batch.n_padded]]


def planning(answer):
    """A strategy whose plan() returns the same answer each time."""

    class Planning:
        def plan(self, facts):
            return answer

    return Planning


class Plans(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("mild", seed=3, samples=N, shuffle=True)
        self.order = self.stream.span(0, N).sample_id.tolist()

    def test_batches_follow_the_order_of_the_epoch(self):
        batches = list(self.stream.batches(64))
        self.assertEqual(ids_of(batches), self.order)
        self.assertEqual([len(batch) for batch in batches], [64] * 15 + [40])
        self.assertEqual([batch.step for batch in batches], list(range(16)))
        self.assertEqual([batch.is_last for batch in batches], [False] * 15 + [True])
        self.assertEqual(batches[3].positions.tolist(), list(range(192, 256)))
        for batch in batches:
            same = self.stream[batch.sample_id]
            for name in batch:
                np.testing.assert_array_equal(batch[name], same[name])

    def test_ranks_share_every_position(self):
        for world_size in (1, 2, 3, 7):
            for layout in ("interleaved", "block"):
                ranks = [
                    list(self.stream.batches(50, rank=rank, world_size=world_size, rank_layout=layout, tail="uneven"))
                    for rank in range(world_size)
                ]
                self.assertEqual(sorted(i for batches in ranks for i in ids_of(batches)), list(range(N)))

    def test_padding_is_marked(self):
        last = [list(self.stream.batches(50, rank=rank, world_size=7, tail="pad"))[-1] for rank in range(7)]
        self.assertEqual(len({len(batch) for batch in last}), 1)
        padded = [batch for batch in last if batch.n_padded]
        self.assertTrue(padded)
        for batch in padded:
            self.assertEqual(batch.is_padding.sum(), batch.n_padded)
            self.assertEqual([self.order[p] for p in batch.positions], batch.sample_id.tolist())

    def test_last_batch_and_tail(self):
        sizes = {
            last: [len(batch) for batch in self.stream.batches(300, last_batch=last)]
            for last in ("keep", "drop", "fill", "merge")
        }
        self.assertEqual(
            sizes, {"keep": [300] * 3 + [100], "drop": [300] * 3, "fill": [300] * 4, "merge": [300, 300, 400]}
        )
        dropping = self.stream.batches(300, last_batch="drop")
        list(dropping)
        self.assertEqual(dropping.n_left_out, 100)

    def test_round_robin_deals(self):
        stream = aug.Stream("mild", seed=3, samples=8)
        batches = list(stream.batches(strategy="round_robin", batches=4))
        self.assertEqual([batch.sample_id.tolist() for batch in batches], [[0, 4], [1, 5], [2, 6], [3, 7]])

    def test_a_range_of_positions(self):
        self.assertEqual(ids_of(self.stream.batches(16, first_position=100, n_positions=90)), self.order[100:190])

    def test_faults_name_the_argument_and_what_is_accepted(self):
        cases = [
            (dict(batch_size=0), aug.errors.RangeError, "batch_size: 0 is outside of 1"),
            (dict(batch_size=2.5), TypeError, "batch_size takes a whole number"),
            (dict(batch_size=True), TypeError, "batch_size takes a whole number"),
            (dict(strategy="adaptiv"), aug.errors.NotFoundError, "adaptive"),
            (dict(strategy=3), TypeError, "class with a method plan"),
            (dict(strategy=int), TypeError, "class with a method plan"),
            (dict(last_batch="kep"), aug.errors.ArgumentError, "'keep', 'drop', 'fill', 'merge'"),
            (dict(tail=None), TypeError, "tail"),
            (dict(rank=4, world_size=4), aug.errors.RangeError, "rank"),
            (dict(rank=-1), aug.errors.RangeError, "rank: -1"),
            (dict(batches=3), aug.errors.ArgumentError, "batches"),
            (dict(strategy="round_robin"), aug.errors.ArgumentError, "batches"),
            (dict(target_seconds=-1, strategy="adaptive"), aug.errors.RangeError, "target_seconds: -1"),
            (dict(strategy="adaptive", world_size=2), aug.errors.ArgumentError, "journal"),
            (dict(first_position=990, n_positions=20), aug.errors.RangeError, "20"),
            (dict(replay="/no/such/journal"), aug.errors.NotFoundError, "/no/such/journal"),
            (dict(token="nonsense"), aug.errors.TokenError, "token"),
            (dict(journal="a\0b", strategy="adaptive"), aug.errors.ArgumentError, "NUL"),
        ]
        for arguments, error, words in cases:
            with self.subTest(arguments=arguments), self.assertRaises(error) as caught:
                if arguments.get("tail", 0) is None:
                    arguments = {"tail": 3}
                self.stream.batches(**arguments)
            self.assertIn(words, str(caught.exception))
        with self.assertRaisesRegex(TypeError, "batch_sise"):
            self.stream.batches(batch_sise=3)


class Places(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("mild", seed=3, samples=N, shuffle=True)
        self.order = self.stream.span(0, N).sample_id.tolist()

    def test_a_token_goes_on_with_other_sizes_and_ranks(self):
        batches = self.stream.batches(64)
        for _ in range(5):
            next(batches)
        token = batches.token()
        self.assertEqual(ids_of(self.stream.batches(64, token=token)), self.order[320:])
        self.assertEqual(ids_of(self.stream.batches(10, token=token)), self.order[320:])
        pair = [list(self.stream.batches(64, rank=rank, world_size=2, token=token)) for rank in range(2)]
        self.assertEqual(sorted(ids_of(pair[0]) + ids_of(pair[1])), sorted(self.order[320:]))

    def test_state_dict_survives_json_and_epochs(self):
        batches = self.stream.batches(64)
        batches.set_epoch(4)
        first = next(batches)
        self.assertEqual((first.epoch, first.stream.epoch), (4, 4))
        state = json.loads(json.dumps(batches.state_dict()))
        other = self.stream.batches(64)
        other.load_state_dict(state)
        self.assertEqual([bytes(b) for b in other], [bytes(b) for b in batches])
        for bad in ({}, {"token": 3}, None, "x"):
            with self.assertRaisesRegex(aug.errors.TokenError, "state_dict"):
                other.load_state_dict(bad)

    def test_a_token_of_another_stream_is_refused_and_changes_nothing(self):
        token = aug.Stream("mild", seed=4, samples=N).batches(64).token()
        batches = self.stream.batches(64)
        next(batches)
        with self.assertRaises(aug.errors.TokenError):
            batches.resume(token)
        self.assertEqual(batches.step, 1)
        self.assertEqual(ids_of(batches), self.order[64:])

    def test_seek(self):
        batches = self.stream.batches(64)
        batches.seek(7)
        self.assertEqual(next(batches).step, 7)
        with self.assertRaises(aug.errors.RangeError):
            batches.seek(1000)
        batches.seek(0)
        self.assertEqual(ids_of(batches), self.order)

    def test_batch_size_changes(self):
        batches = self.stream.batches(64)
        next(batches)
        batches.set_batch_size(100)
        self.assertEqual([len(batch) for batch in batches], [100] * 9 + [36])

    def test_pickled_iterators_go_on(self):
        batches = self.stream.batches(64, rank=1, world_size=3)
        next(batches)
        copy = pickle.loads(pickle.dumps(batches))
        self.assertEqual([bytes(b) for b in copy], [bytes(b) for b in batches])

    def test_closed(self):
        with self.stream.batches(64) as batches:
            batch = next(batches)
        self.assertTrue(batches.closed)
        for call in (
            lambda: next(batches),
            batches.token,
            lambda: batches.seek(0),
            lambda: batch.observe(seconds=1),
            lambda: batches.step,
        ):
            with self.assertRaisesRegex(aug.errors.StateError, "closed"):
                call()
        batches.close()
        self.assertEqual(batch.sample_id.tolist(), self.order[:64])


class Learning(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("mild", seed=3, samples=20_000, shuffle=True)

    def run_adaptive(self, **options):
        sizes = []
        batches = self.stream.batches(strategy="adaptive", feedback="told", **options)
        for batch in batches:
            batch.observe(seconds=0.02 + 0.0001 * len(batch))
            sizes.append(len(batch))
        return sizes, batches

    def test_sizes_follow_what_is_observed(self):
        sizes, _ = self.run_adaptive()
        self.assertEqual(sum(sizes), 20_000)
        self.assertEqual(sizes[0], 16)
        self.assertGreater(max(sizes), 200)

    def test_a_journal_is_repeated(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = pathlib.Path(folder) / "plan.jsonl"
            sizes, batches = self.run_adaptive(journal=journal)
            token = self.stream.batches(strategy="adaptive", replay=journal).token()
            with self.assertRaises(aug.errors.BusyError):
                self.stream.batches(strategy="adaptive", journal=journal)
            batches.close()
            self.assertEqual([len(b) for b in self.stream.batches(replay=journal)], sizes)
            self.assertEqual([len(b) for b in self.stream.batches(replay=journal, token=token)], sizes)
            pair = [list(self.stream.batches(replay=journal, rank=0, world_size=1))]
            self.assertEqual(sorted(ids_of(pair[0])), list(range(20_000)))
            journal.write_text("no journal\n")
            with self.assertRaises(aug.errors.CorruptError):
                self.stream.batches(replay=journal)

    def test_retry_gives_every_sample_once(self):
        done, parts, sizes = [], [], set()
        for batch in self.stream.batches(1000, max_batch_size=1000, feedback="told"):
            if len(batch) > 400:
                batch.retry(400)
                continue
            parts.append((batch.step, batch.part))
            sizes.add(len(batch))
            done += batch.sample_id.tolist()
        self.assertEqual(sorted(done), list(range(20_000)))
        self.assertEqual(sizes, {334, 333})
        self.assertEqual(len(set(parts)), len(parts))
        self.assertTrue(all(part > 0 for _, part in parts))

    def test_feedback_has_to_name_a_batch(self):
        batches = self.stream.batches(100, feedback="told")
        with self.assertRaises(aug.errors.StateError):
            batches.observe(seconds=1)
        batch = next(batches)
        batches.observe(seconds=1, bytes=10, available_bytes=100)
        batches.observe(step=0, seconds=1)
        with self.assertRaises(aug.errors.RangeError):
            batches.observe(step=5, seconds=1)
        with self.assertRaises(TypeError):
            batches.observe(seconds="1")
        with self.assertRaisesRegex(aug.errors.StateError, "stream.batches"):
            self.stream[:3].observe(seconds=1)
        with self.assertRaisesRegex(aug.errors.StateError, "stream.batches"):
            pickle.loads(pickle.dumps(batch)).retry()

    def test_metrics(self):
        batches = self.stream.batches(1000, metrics=True, feedback="told")
        for batch in batches:
            batch.observe(seconds=0.5)
        batches.close()
        summary = batches.summary()
        self.assertEqual((summary["n_batches"], summary["n_samples"], summary["seconds"]), (20, 20_000, 10.0))
        self.assertEqual(
            [(row["step"], row["n_samples"], row["why"]) for row in batches.history()],
            [(i, 1000, "fixed") for i in range(20)],
        )
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "metrics.jsonl"
            batches.save_metrics(path)
            self.assertEqual(json.loads(path.read_text().splitlines()[-1])["summary"]["n_batches"], 20)
            with self.assertRaisesRegex(aug.errors.FileError, "no/such"):
                batches.save_metrics("no/such/metrics.jsonl")
        with self.assertRaisesRegex(aug.errors.StateError, "metrics=True"):
            self.stream.batches(10).summary()
        few = self.stream.batches(1000, metrics=3)
        list(few)
        few.close()
        self.assertEqual(len(few.history()), 3)

    def test_progress_needs_tqdm_or_shows_it(self):
        code = (
            "import sys; sys.modules['tqdm'] = sys.modules['tqdm.auto'] = None\n"
            "import augstream as aug\n"
            "next(aug.Stream('mild', seed=1, samples=9).batches(progress=True))"
        )
        finished = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.assertIn("pip install 'augstream[progress]'", finished.stderr)


class OwnStrategies(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("mild", seed=3, samples=N, shuffle=True)

    def test_a_class_plans_and_learns(self):
        told = []

        class Growing:
            def __init__(self):
                self.size = 1

            def plan(self, facts):
                assert facts.n_samples == N and facts.left == N - facts.position
                return min(self.size, facts.left)

            def observe(self, feedback):
                told.append((feedback.step, feedback.n_samples, feedback.seconds, feedback.fits))
                self.size += 10

        batches = self.stream.batches(strategy=Growing, feedback="told")
        sizes = []
        for batch in batches:
            batch.observe(seconds=0.25, bytes=len(batch))
            sizes.append(len(batch))
        self.assertEqual(sizes[:4], [1, 11, 21, 31])
        self.assertEqual(sum(sizes), N)
        self.assertEqual(told[1], (1, 11, 0.25, True))
        self.assertEqual(batches.why, "strategy")
        batches.set_epoch(1)  # what was learned stays
        self.assertEqual(len(next(batches)), 1 + 10 * len(sizes))

    def test_a_fixed_one_can_be_sought(self):
        class Hundreds:
            fixed = True

            def plan(self, facts):
                first = 100 * facts.step
                return None if first >= facts.n_samples else (first, 1, min(100, facts.n_samples - first))

        batches = self.stream.batches(strategy=Hundreds)
        batches.seek(7)
        self.assertEqual(next(batches).first, 700)
        pair = [self.stream.batches(strategy=Hundreds, rank=rank, world_size=2) for rank in range(2)]
        self.assertEqual(sorted(ids_of(pair[0]) + ids_of(pair[1])), list(range(N)))

    def test_wrong_plans_are_refused(self):
        answers = [
            ((5, 1, 10), aug.errors.PlanError, "first 5"),
            ((0, 1, N + 1), aug.errors.PlanError, "leaves"),
            ("x", TypeError, "whole number"),
            ((1, 2), TypeError, "first, stride, count"),
            (-1, aug.errors.RangeError, "-1"),
            (None, aug.errors.PlanError, ""),
        ]
        for answer, error, words in answers:
            with self.subTest(answer=answer), self.assertRaisesRegex(error, words):
                list(self.stream.batches(strategy=planning(answer)))

    def test_exceptions_come_out_with_their_traceback(self):
        class Breaks:
            def __init__(self):
                self.step = 0

            def plan(self, facts):
                self.step += 1
                if self.step == 3:
                    raise ZeroDivisionError("in plan")
                return 10

            def observe(self, feedback):
                if feedback.step == 0:
                    raise LookupError("in observe")

        batches = self.stream.batches(strategy=Breaks, feedback="told")
        first = next(batches)
        with self.assertRaisesRegex(LookupError, "in observe"):
            first.observe(seconds=1)
        self.assertEqual(next(batches).step, 1)
        try:
            next(batches)
            self.fail("nothing was raised")
        except ZeroDivisionError as problem:
            self.assertIn("raise ZeroDivisionError", "".join(traceback.format_tb(problem.__traceback__)))
        self.assertEqual(next(batches).step, 2)

    def test_an_exception_of_observe_loses_no_batch(self):
        class Breaks:
            def plan(self, facts):
                return min(10, facts.left)

            def observe(self, feedback):
                if feedback.step == 2 and feedback.seconds:
                    raise LookupError("in observe")

        batches = self.stream.batches(strategy=Breaks)  # timed: next() observes
        seen, raised = [], 0
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                break
            except LookupError:
                raised += 1
                continue
            seen += batch.sample_id.tolist()
        self.assertEqual((sorted(seen), raised), (list(range(N)), 1))

    def test_a_constructor_that_raises(self):
        class Breaks:
            def __init__(self):
                raise OSError("no such device")

            def plan(self, facts):
                return 1

        with self.assertRaisesRegex(OSError, "no such device"):
            self.stream.batches(strategy=Breaks)

    def test_a_strategy_cannot_use_its_own_iterator(self):
        holder = []

        class Inside:
            def plan(self, facts):
                if holder:
                    next(holder[0])
                return 10

        batches = self.stream.batches(strategy=Inside)
        holder.append(batches)
        with self.assertRaisesRegex(aug.errors.StateError, "own strategy"):
            next(batches)
        holder.clear()


if __name__ == "__main__":
    sys.exit(unittest.main())
