# SPDX-License-Identifier: Apache-2.0
"""Values: those of the vectors, of NumPy by hand and of the command, however they are asked for."""

import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import zlib

import augstream as aug
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
DTYPES = {"f32": ">f4", "i32": ">i4", "i64": ">i8", "u64": ">u8", "bool": "?"}


def command():
    """The command: AUGSTREAM_COMMAND, or the one of the package, or the one on PATH."""
    packaged = pathlib.Path(aug.__file__).parent / "_bin" / "augstream"
    path = os.environ.get("AUGSTREAM_COMMAND") or (str(packaged) if packaged.exists() else shutil.which("augstream"))
    if path is None:
        raise AssertionError("the command augstream is not here: set AUGSTREAM_COMMAND")
    return path


def generate(*arguments):
    finished = subprocess.run(
        [command(), "generate", *arguments], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return finished.stdout


class Vectors(unittest.TestCase):
    def test_columns_equal_the_vectors(self):
        vectors = json.loads((ROOT / "tests/data/vectors.json").read_text())
        self.assertEqual(vectors["contract"], aug.CONTRACT_VERSION)
        for case in vectors["columns"]:
            spec = case["spec"]
            if case["kind"] == "choice":
                spec = {"values": [f"v{i}" for i in range(len(spec))], "weights": spec}
            samples = None
            if case["kind"] == "sample":
                samples, spec = spec, {}
            if case["kind"] == "seed":
                spec = {}
            ids = [i for i in case["ids"] if samples is None or i < samples]
            column = {case["kind"]: spec} if case["shape"] == 1 else {case["kind"]: spec, "shape": case["shape"]}
            stream = aug.Stream(
                {"columns": {case["column"]: column}}, seed=int(case["seed"]), epoch=case["epoch"], samples=samples
            )
            info = stream.columns[0]
            got = stream[ids][case["column"]].reshape(len(ids) * case["shape"], -1)
            kept = [
                k
                for k, i in enumerate(case["ids"])
                if i in ids
                for k in range(k * case["shape"], (k + 1) * case["shape"])
            ]
            wanted = np.frombuffer(bytes.fromhex("".join(case["bits"][k] for k in kept)), DTYPES[info.dtype])
            wanted = wanted.reshape(got.shape).astype(got.dtype)
            if case["exact"]:
                np.testing.assert_array_equal(got, wanted, case["column"])
            else:
                np.testing.assert_array_max_ulp(got, wanted, 1)

    def test_order_equals_the_vectors(self):
        vectors = json.loads((ROOT / "tests/data/vectors.json").read_text())
        for case in vectors["orders"]:
            stream = aug.Stream("mild", seed=int(case["seed"]), epoch=case["epoch"], samples=case["n"], shuffle=True)
            for position, sample_id in zip(case["positions"], case["ids"], strict=True):
                self.assertEqual(stream.span(position, 1).sample_id.tolist(), [sample_id])
                self.assertEqual(stream.position(sample_id), position)


class NumPyByHand(unittest.TestCase):
    def test_three_lines_of_numpy_make_the_same_rotation(self):
        stream = aug.Stream("moderate", seed=7, samples=1000, epoch=2)
        key = np.random.SeedSequence(7, spawn_key=(2, zlib.crc32(b"rotation")))
        u = np.random.Generator(np.random.PCG64DXSM(key)).random(1000, dtype=np.float32)
        np.testing.assert_array_equal(stream[:]["rotation"], np.float32(-30) + (np.float32(30) - np.float32(-30)) * u)


class Command(unittest.TestCase):
    def test_records_equal_those_of_the_command(self):
        for preset in aug.preset_names():
            stream = aug.Stream(preset, seed=9, samples=400, shuffle=True)
            lines = generate(
                "--preset", preset, "--seed", "9", "--samples", "400", "--shuffle", "--format", "jsonl"
            ).splitlines()
            self.assertEqual(len(lines), 400)
            for record, line in zip(stream, lines, strict=True):
                for name, wanted in json.loads(line).items():
                    info = None if name == "sample_id" else stream.preset.column(name)
                    value = record.label(name) if info is not None and info.kind == "choice" else record[name]
                    wanted = np.asarray(wanted)
                    if wanted.dtype.kind == "f":
                        wanted = wanted.astype(np.float32)
                    np.testing.assert_array_equal(value, wanted, f"{preset} {name}")

    def test_set_changes_what_the_command_changes(self):
        text = generate(
            "--preset",
            "moderate",
            "--set",
            "rotation.uniform[0]=-5",
            "--seed",
            "1",
            "--samples",
            "50",
            "--format",
            "csv",
        )
        rows = list(csv.DictReader(io.StringIO(text)))
        for change in ({"rotation.uniform[0]": -5}, ["rotation.uniform[0]=-5"], "rotation.uniform[0]=-5"):
            stream = aug.Stream("moderate", seed=1, samples=50, set=change)
            wanted = np.array([row["rotation"] for row in rows], dtype=np.float32)
            np.testing.assert_array_equal(stream[:]["rotation"], wanted)


class Reading(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream("simclr", seed=42, samples=5000, shuffle=True)
        self.all = {name: np.array(column) for name, column in self.stream[:].items()}

    def same(self, batch, ids):
        np.testing.assert_array_equal(batch.sample_id, ids)
        for name in batch:
            np.testing.assert_array_equal(batch[name], self.all[name][ids], name)

    def test_every_way_of_naming_ids_gives_the_same_values(self):
        ids = [17, 3, 99, 3, 4999]
        for form in (
            ids,
            tuple(ids),
            np.array(ids),
            np.array(ids, np.int32),
            np.array(ids, np.uint16),
            np.array(ids, ">i8"),
            np.array(ids).repeat(2)[::2],
            memoryview(np.array(ids)),
        ):
            self.same(self.stream[form], ids)
        self.same(self.stream[range(5, 50, 7)], list(range(5, 50, 7)))

    def test_slices_are_of_sample_ids(self):
        for part in (
            slice(None),
            slice(10, 20),
            slice(-3, None),
            slice(4000, 6000, 11),
            slice(20, 10, -2),
            slice(7, 7),
        ):
            self.same(self.stream[part], list(range(5000))[part])

    def test_one_record_equals_its_row(self):
        for number in (17, np.int64(17), np.array(17)):
            record = self.stream[number]
            self.assertEqual(record.sample_id, 17)
            for name in self.all:
                np.testing.assert_array_equal(record[name], self.all[name][17])
        self.assertEqual(list(record), list(self.stream.names))

    def test_iteration_is_in_the_order_of_the_epoch(self):
        ids = [record.sample_id for record in self.stream]
        self.assertEqual(sorted(ids), list(range(5000)))
        self.assertEqual(ids[:300], self.stream.span(0, 300).sample_id.tolist())
        self.assertEqual(ids[4:900:3], self.stream.span(4, 299, 3).sample_id.tolist())

    def test_epochs_differ_and_come_back(self):
        third = self.stream.at_epoch(3)
        self.assertEqual((third.epoch, self.stream.epoch), (3, 0))
        self.assertTrue((third[:]["crop.scale"] != self.all["crop.scale"]).any())
        self.assertEqual(third.at_epoch(0), self.stream)
        self.same(third.at_epoch(0)[[1, 2]], [1, 2])

    def test_an_endless_stream_reads_any_id(self):
        stream = aug.Stream("moderate", seed=1)
        self.assertIsNone(stream.samples)
        self.assertEqual(stream[2**55].sample_id, 2**55)
        self.assertEqual(len(stream[10:20]), 10)
        with self.assertRaises(TypeError):
            len(stream)
        with self.assertRaisesRegex(aug.errors.RangeError, "endless"):
            stream[-5:]
        iterator = iter(stream)
        self.assertEqual([next(iterator).sample_id for _ in range(600)], list(range(600)))

    def test_labels_name_the_values_of_a_choice(self):
        preset = {
            "columns": {
                "op": {"choice": {"values": ["identity", "rotate"]}},
                "k": {"choice": {"values": [2, 4.5]}},
                "ops": {"choice": {"values": ["a", "b"]}, "shape": 3},
            }
        }
        batch = aug.Stream(preset, seed=3)[:100]
        self.assertEqual(batch.labels("op").tolist(), [["identity", "rotate"][i] for i in batch["op"]])
        self.assertEqual(batch.labels("k").tolist(), [[2.0, 4.5][i] for i in batch["k"]])
        self.assertEqual(batch.labels("ops").shape, (100, 3))
        self.assertEqual(batch.record(5).label("op"), batch.labels("op")[5])
        with self.assertRaisesRegex(aug.errors.ArgumentError, "no choice"):
            batch.labels("sample_id")

    def test_the_seed_takes_all_of_64_bits(self):
        self.assertEqual(aug.Stream("mild", seed=2**64 - 1).seed, 2**64 - 1)
        for bad in (-1, 2**64, 2**200):
            with self.assertRaisesRegex(aug.errors.RangeError, "seed"):
                aug.Stream("mild", seed=bad)


class Presets(unittest.TestCase):
    TEXT = "augstream: 1\nname: own\ncolumns:\n  angle: {uniform: [-5, 5], unit: degree, doc: how far}\n"

    def test_name_path_text_and_dict_are_the_same_preset(self):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "own.yaml"
            path.write_text(self.TEXT)
            forms = [self.TEXT, path, str(path), {"name": "own", "columns": {"angle": {"uniform": [-5, 5]}}}]
            streams = [aug.Stream(form, seed=4, samples=10) for form in forms]
        self.assertEqual(len({stream.fingerprint for stream in streams}), 1)
        column = streams[0].columns[0]
        self.assertEqual(
            (column.name, column.kind, column.unit, column.doc, column.numbers),
            ("angle", "uniform", "degree", "how far", {"low": -5.0, "high": 5.0}),
        )
        self.assertEqual((column.mean, column.gate), (0.0, None))

    def test_gates_are_told(self):
        columns = {column.name: column for column in aug.Preset("simclr").columns}
        self.assertEqual((columns["jitter.hue"].gate, columns["jitter.hue"].gate_value), ("jitter.apply", True))

    def test_faults_say_where_and_what_is_accepted(self):
        cases = [
            ("simclx", aug.errors.NotFoundError, KeyError, "simclr"),
            ("no/such.yaml", aug.errors.MissingFileError, FileNotFoundError, "no/such.yaml"),
            ("augstream: 1\ncolumns:\n  a: {uniform: [1, 0]}\n", aug.errors.PresetError, ValueError, "text':3:"),
            ({"columns": {"a": {"unifrom": [0, 1]}}}, aug.errors.PresetError, ValueError, "uniform"),
            ({"columns": {}}, aug.errors.PresetError, ValueError, "columns"),
        ]
        for preset, error, builtin, words in cases:
            with self.subTest(preset=preset), self.assertRaises(error) as caught:
                aug.Preset(preset)
            self.assertIsInstance(caught.exception, builtin)
            self.assertIsInstance(caught.exception, aug.Error)
            self.assertIn(words, str(caught.exception))
        with self.assertRaisesRegex(TypeError, "name, a path, a text or a dict"):
            aug.Preset(3)
        with self.assertRaisesRegex(aug.errors.PresetError, "rotation.uniform"):
            aug.Preset("moderate", set={"rotation.unifrom[0]": 3})


if __name__ == "__main__":
    sys.exit(unittest.main())
