#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client that was written from the document alone, against NumPy's values.

usage: test_foreign_client.py HELPER_SERVER FOREIGN_CLIENT PROTOCOL_DOCUMENT
"""
import contextlib
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import unittest
import zlib

import msgpack
import numpy as np

HELPER, CLIENT, DOCUMENT = sys.argv[1:4]
spec = importlib.util.spec_from_file_location("foreign_client", CLIENT)
foreign_client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(foreign_client)


@contextlib.contextmanager
def server(preset="moderate", seed=7, samples=1000, world_size=1, batch_size=32, epochs=1, order="sequential", tail="pad"):
    process = subprocess.Popen([HELPER, preset, str(seed), str(samples), str(world_size), str(batch_size), str(epochs), order, tail],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        status = process.wait(30)
        process.stdout.close()
        assert status == 0, status


def uniform(name, low, high, n, seed, epoch):
    key = np.random.SeedSequence(seed, spawn_key=(epoch, zlib.crc32(name.encode())))
    u = np.random.Generator(np.random.PCG64DXSM(key)).random(n, dtype=np.float32)
    return np.float32(low) + (np.float32(high) - np.float32(low)) * u


def take(endpoint, *, rank=0, world_size=1, form="columns", token=None):
    with foreign_client.Client(endpoint, "default", rank, world_size, form, token) as client:
        return list(client.batches())


class ForeignClient(unittest.TestCase):
    def check_rotation(self, form):
        n, seed = 1000, 7
        with server(samples=n, seed=seed, world_size=3, batch_size=50, epochs=2, order="shuffled", tail="uneven") as endpoint:
            for epoch in (0, 1):
                ids, values = [], []
                for rank in range(3):
                    for batch in take(endpoint, rank=rank, world_size=3, form=form):
                        if batch.epoch == epoch:
                            ids.append(np.asarray(batch.columns["sample_id"], np.int64).ravel())
                            values.append(np.asarray(batch.columns["rotation"], np.float32).ravel())
                ids, values = np.concatenate(ids), np.concatenate(values)
                self.assertEqual(sorted(ids.tolist()), list(range(n)))
                expected = uniform("rotation", -30, 30, n, seed, epoch)[ids]
                np.testing.assert_array_equal(values.view(np.uint32), expected.view(np.uint32))

    def test_columns_are_what_numpy_makes(self):
        self.check_rotation("columns")

    def test_records_are_what_numpy_makes(self):
        self.check_rotation("records")

    def test_both_formats_tell_the_same_of_every_kind(self):
        for preset in ("simclr", "imagenet", "mixup-cutmix"):
            with self.subTest(preset=preset), server(preset=preset, samples=200, batch_size=64) as endpoint:
                for columns, records in zip(take(endpoint), take(endpoint, form="records"), strict=True):
                    self.assertEqual(list(columns.columns), list(records.columns))
                    for name, values in columns.columns.items():
                        choices = columns.choices.get(name)
                        if choices:
                            values = np.array([[choices[i] for i in row] for row in values])
                        other = np.asarray(records.columns[name]).reshape(values.shape)
                        if values.dtype.kind == "f":
                            other = other.astype(np.float32)
                        np.testing.assert_array_equal(values, other, err_msg=name)

    def test_the_plan_of_the_document_is_the_plan_of_the_server(self):
        for tail in ("pad", "drop", "uneven"):
            with self.subTest(tail=tail), server(samples=203, world_size=4, batch_size=16, tail=tail) as endpoint:
                for rank in range(4):
                    batches = take(endpoint, rank=rank, world_size=4)
                    expected = foreign_client.plan_of_rank(203, 4, 16, rank, tail)
                    self.assertEqual(len(batches), len(expected))
                    for batch, positions in zip(batches, expected):
                        self.assertEqual(batch.columns["sample_id"].ravel().tolist(), positions)

    def test_the_documents_examples_are_the_bytes_they_say(self):
        lines = pathlib.Path(DOCUMENT).read_text("utf-8").splitlines()
        n = 0
        for fields, data in zip(lines, lines[1:]):
            if re.fullmatch(r"[0-9a-f]{10,}", data):
                self.assertEqual(msgpack.packb(json.loads(fields)).hex(), data)
                n += 1
        self.assertEqual(n, 13)

    def test_a_token_of_other_sizes_leads_to_its_position(self):
        """Made by hand: the client does not look at CHECK. Position 101 is in the middle of a batch of the job."""
        with server(samples=203, world_size=2, batch_size=16, epochs=2, tail="uneven") as endpoint:
            with foreign_client.Client(endpoint, "default", 0, 2) as client:
                client.connect()
                stream = client.fingerprint
            for epoch, position, step, expected in ((0, 101, 5, list(range(101, 203)) + list(range(203))), (1, 202, 7, [202]), (1, 203, 9, []),
                                                    (0, 203, 9, list(range(203))), (1, 64, 2, list(range(64, 203)))):
                token = f"augs1:default:{stream}:{epoch}:0:{step}:{position}:a:0123456789abcdef"
                ids = []
                for rank in range(2):
                    batches = take(endpoint, rank=rank, world_size=2, token=token)
                    ids += [id for batch in batches for id in batch.columns["sample_id"].ravel().tolist()]
                    if batches and batches[0].epoch == epoch and position < 200:
                        self.assertEqual((batches[0].step, batches[0].first), (step, position + rank))
                self.assertEqual(sorted(ids), sorted(expected), token)
            done = self.run_client(endpoint, "--world-size", "2", "--resume", f"augs1:default:{stream}:0:0:9:204:a:0123456789abcdef")
            self.assertEqual(done.returncode, 1)
            self.assertIn("no plan begins at step 9, position 204; accepted: positions 0 to 203", done.stderr)

    def test_tokens_that_it_cannot_follow_are_refused_in_words(self):
        good = "augs1:default:" + "0" * 32 + ":0:0:0:0:a:0123456789abcdef"
        with server() as endpoint:
            for token, words in ((good, "the token is of the stream " + "0" * 32), (good.replace(":a:", ":d4:"), "places 'a' only"),
                                 (good.replace(":a:", ":a:0.1.1;0.1:"), "did not fit"), (good.replace("default", "other"), "of the job other"),
                                 ("nonsense", "no line augs1")):
                done = self.run_client(endpoint, "--resume", token)
                self.assertEqual((done.returncode, words in done.stderr), (1, True), done.stderr)

    def run_client(self, *arguments):
        return subprocess.run([sys.executable, CLIENT, *arguments], capture_output=True, text=True, timeout=120)

    def test_as_typed(self):
        with server(samples=1000, batch_size=100) as endpoint:
            for form in ("columns", "records"):
                done = self.run_client(endpoint, "--format", form)
                self.assertEqual(done.returncode, 0, done.stderr)
                lines = done.stdout.splitlines()
                self.assertEqual(len(lines), 11)
                self.assertRegex(lines[-1], r"1000 samples in 10 batches, sum of ids 499500\b")
            done = self.run_client(endpoint, "--steps", "3")
            self.assertRegex(done.stdout.splitlines()[-1], r"300 samples in 3 batches, sum of ids 44850\b")

    def test_refusals_are_errors_with_the_servers_words(self):
        with server(world_size=2) as endpoint:
            done = self.run_client(endpoint, "--world-size", "3")
            self.assertEqual(done.returncode, 1)
            self.assertTrue(re.search("world size", done.stderr), done.stderr)
            done = self.run_client(endpoint, "--world-size", "2", "--job", "nope")
            self.assertEqual(done.returncode, 1)
            self.assertTrue(re.search("nope", done.stderr), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
