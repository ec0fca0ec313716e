# SPDX-License-Identifier: Apache-2.0
"""Processes: fork, spawn and forkserver, pickled handles, Ctrl-C, and what importing costs."""

import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import unittest

import augstream as aug


def digest(stream, ids):
    return bytes(stream[ids])


def count_rest(batches):
    return [batch.step for batch in batches]


def give_batch(stream):
    return stream[:50], stream[7]


def in_a_fork(work):
    """What work() returns in a child made by os.fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, pickle.dumps(work()))
        except BaseException as problem:
            os.write(writer, pickle.dumps(problem))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    os.waitpid(child, 0)
    result = pickle.loads(data)
    if isinstance(result, BaseException):
        raise result
    return result


class Processes(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("simclr", seed=8, samples=1000, shuffle=True, epoch=2)

    def test_values_are_the_same_under_every_start_method(self):
        for method in ("fork", "spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                wanted = digest(self.stream, [5, 900])
                self.assertEqual(pool.starmap(digest, [(self.stream, [5, 900])] * 4), [wanted] * 4)
                batches = self.stream.batches(100)
                next(batches)
                self.assertEqual(pool.apply(count_rest, (batches,)), list(range(1, 10)))
                batch, record = pool.apply(give_batch, (self.stream,))
                self.assertEqual(bytes(batch), bytes(self.stream[:50]))
                self.assertEqual(record.sample_id, 7)

    def test_handles_are_pickled_as_their_description(self):
        preset = aug.Preset(
            "augstream: 1\nname: own\ncolumns:\n  a: {uniform: [0, 1], unit: degree}\n", set={"a.uniform[1]": 2}
        )
        stream = aug.Stream(preset, seed=1, samples=50, epoch=3, shuffle=True)
        copy = pickle.loads(pickle.dumps(stream))
        self.assertEqual(copy, stream)
        self.assertEqual(copy.columns, stream.columns)
        self.assertEqual(repr(copy), repr(stream))
        self.assertIs(pickle.loads(pickle.dumps(stream)), copy)
        self.assertEqual(pickle.loads(pickle.dumps(preset)), preset)
        self.assertEqual(len({stream, copy}), 1)
        self.assertNotEqual(stream, stream.at_epoch(4))

    def test_a_file_is_not_needed_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "own.yaml"
            path.write_text("augstream: 1\ncolumns:\n  a: {uniform: [0, 1]}\n")
            stream = aug.Stream(path, seed=1)
            data = pickle.dumps(stream)
        self.assertEqual(pickle.loads(data).preset.name, "own")

    def test_errors_are_pickled(self):
        for make in (lambda: self.stream[5000], lambda: aug.Preset("nothing"), lambda: self.stream[:1]["no"]):
            with self.assertRaises(aug.Error) as caught:
                make()
            copy = pickle.loads(pickle.dumps(caught.exception))
            self.assertEqual(
                (type(copy), str(copy), copy.status, copy.code),
                (type(caught.exception), str(caught.exception), caught.exception.status, caught.exception.code),
            )

    def test_a_forked_child_goes_on_with_an_iterator(self):
        batches = self.stream.batches(100)
        next(batches)
        self.assertEqual(in_a_fork(lambda: count_rest(batches)), list(range(1, 10)))
        self.assertEqual(count_rest(batches), list(range(1, 10)))

    def test_a_forked_child_leaves_the_journal_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = os.path.join(folder, "plan.jsonl")
            batches = self.stream.batches(strategy="adaptive", journal=journal)
            next(batches)

            def use():
                nonlocal batches
                try:
                    next(batches)
                except aug.errors.StateError as problem:
                    batches = None  # freed here, too
                    return str(problem)

            self.assertIn("another process", in_a_fork(use))
            with self.assertRaises(aug.errors.BusyError):  # the parent's lock holds
                self.stream.batches(strategy="adaptive", journal=journal)
            sizes = [16] + [len(batch) for batch in batches]
            self.assertEqual(sum(sizes), 1000)
            batches.close()
            self.assertEqual([len(b) for b in self.stream.batches(replay=journal)], sizes)

    def test_a_lock_of_a_thread_that_is_not_in_the_child_does_not_block(self):
        import threading

        entered, leave = threading.Event(), threading.Event()

        class Slow:
            def plan(self, facts):
                if facts.step == 0 and not entered.is_set():
                    entered.set()
                    leave.wait()
                return min(10, facts.left)

        batches = self.stream.batches(strategy=Slow)
        thread = threading.Thread(target=lambda: next(batches))
        thread.start()
        entered.wait()
        try:
            self.assertEqual(in_a_fork(lambda: batches.closed), False)
            self.assertEqual(in_a_fork(lambda: len(self.stream[[1, 2]])), 2)
        finally:
            leave.set()
            thread.join()

    def test_ctrl_c_ends_a_loop(self):
        code = (
            "import signal\nimport augstream as aug\n"
            # A shell starts what it runs in the background with SIGINT ignored.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\nprint('go', flush=True)\n"
            "for batch in aug.Stream('mild', seed=1).batches(64): pass\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.assertEqual(child.stdout.readline(), "go\n")
        child.send_signal(signal.SIGINT)
        try:
            _, errors = child.communicate(timeout=60)
        finally:
            child.kill()
        self.assertIn("KeyboardInterrupt", errors)

    def test_importing_needs_numpy_alone(self):
        code = (
            "import sys\n"
            "for name in ('torch', 'jax', 'pyarrow', 'tqdm', 'PIL', 'matplotlib'): sys.modules[name] = None\n"
            "import augstream as aug\n"
            "s = aug.Stream('mild', seed=1, samples=10)\n"
            "print(len(s[:]), len(list(s.batches(3))))\n"
            "try: s[:].torch()\n"
            "except ImportError as problem: print(problem)\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.assertEqual(finished.stderr, "")
        self.assertIn("10 4", finished.stdout)
        self.assertIn("pip install 'augstream[torch]'", finished.stdout)

    def test_jemalloc_is_not_loaded(self):
        code = "import augstream; print(open('/proc/self/maps').read())"
        finished = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.assertIn("_core", finished.stdout)
        self.assertNotIn("jemalloc", finished.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
