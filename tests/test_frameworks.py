#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Columns index, mask, embed and compare as they are, in NumPy and in torch.

    test_frameworks.py COMMAND

Chunk files hold the bytes of the library's columns; they are read as users read them. torch is required: a
Python without it is a failure, not a skipped test. AUGS_TEST_PYTHON_NEW names the Python that has it
(scripts/setup --test puts it in build/venv).
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ANOTHER = os.environ.pop("AUGS_TEST_PYTHON_NEW", None) or str(pathlib.Path(__file__).resolve().parent.parent / "build/venv/bin/python")
if __name__ == "__main__" and os.path.exists(ANOTHER) and sys.executable != ANOTHER:
    os.execv(ANOTHER, [ANOTHER, *sys.argv])

import numpy as np

try:
    import torch
    from safetensors.numpy import load_file as load_numpy
    from safetensors.torch import load_file as load_torch
except ImportError as problem:
    sys.exit(f"test_frameworks.py: {problem} in {sys.executable}; scripts/setup --test installs torch and safetensors in build/venv")

N = 500
PRESET = """augstream: 1
name: frameworks
columns:
  flip: {bernoulli: 0.4}
  flips: {bernoulli: 0.4, shape: 3}
  shift: {integer: [0, 6]}
  op: {choice: {values: [identity, rotate, shear, solarize]}}
  order: {permutation: 4}
  factor: {uniform: [0.5, 1.5]}
  noise: {seed: {}}
  partner: {sample: {}}
"""
TYPES = {"sample_id": "int64", "flip": "bool", "flips": "bool", "shift": "int32", "op": "int32", "order": "int32",
         "factor": "float32", "noise": "uint64", "partner": "int64"}


def generate(root, form):
    (root / "p.yaml").write_text(PRESET)
    subprocess.run([sys.argv[1], "generate", "--preset", str(root / "p.yaml"), "--seed", "5", "--samples", str(N), "--shuffle",
                    "--format", form, "--out", str(root / form), "--quiet"], check=True, stdin=subprocess.DEVNULL)


class Frameworks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        for form in ("safetensors", "npy"):
            generate(cls.root, form)
        part = cls.root / "safetensors" / "part-000000.safetensors"
        cls.numpy, cls.torch = load_numpy(part), load_torch(part)
        cls.data = np.arange(N * 4, dtype=np.float32).reshape(N, 4)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_types(self):
        for name, kind in TYPES.items():
            self.assertEqual(self.numpy[name].dtype, np.dtype(kind), name)
            self.assertEqual(self.torch[name].dtype, getattr(torch, kind), name)
            saved = np.load(self.root / "npy" / f"part-000000.{name}.npy", allow_pickle=False)
            self.assertEqual(saved.dtype, np.dtype(kind), name)
            np.testing.assert_array_equal(saved, self.numpy[name], name)

    def test_ids_and_partners_index(self):
        data, c, t = self.data, self.numpy, self.torch
        wanted = [list(data[int(i)]) for i in c["sample_id"]]
        self.assertEqual(data[c["sample_id"]].tolist(), [list(map(float, row)) for row in wanted])
        rows = torch.from_numpy(data)
        self.assertEqual(rows[t["sample_id"]].tolist(), data[c["sample_id"]].tolist())
        self.assertEqual(rows.index_select(0, t["partner"]).tolist(), data[c["partner"]].tolist())
        self.assertEqual(rows.gather(0, t["partner"].unsqueeze(1)).tolist(), data[c["partner"], :1].tolist())
        self.assertEqual(sorted(t["sample_id"].tolist()), list(range(N)))
        self.assertTrue(((t["partner"] - t["sample_id"]) < N).all())

    def test_a_bernoulli_is_a_mask(self):
        data, c, t = self.data, self.numpy, self.torch
        on = [i for i in range(N) if c["flip"][i]]
        self.assertTrue(0 < len(on) < N)
        np.testing.assert_array_equal(data[c["flip"]], data[on])
        rows = torch.from_numpy(data)
        self.assertEqual(rows[t["flip"]].tolist(), data[on].tolist())
        self.assertEqual(rows[~t["flip"]].shape[0], N - len(on))
        self.assertEqual(rows.masked_fill(t["flip"].unsqueeze(1), 0)[on].abs().sum().item(), 0)
        mixed = torch.where(t["flip"].unsqueeze(1), rows.flip(1), rows)
        np.testing.assert_array_equal(mixed.numpy(), np.where(c["flip"][:, None], data[:, ::-1], data))
        self.assertEqual(t["flips"].shape, (N, 3))
        self.assertEqual(int(t["flips"].sum()), int(c["flips"].sum()))
        self.assertEqual((t["flip"] & t["flips"][:, 0]).tolist(), (c["flip"] & c["flips"][:, 0]).tolist())

    def test_choices_index_embed_and_compare(self):
        c, t = self.numpy, self.torch
        table = np.arange(12, dtype=np.float32).reshape(4, 3)
        np.testing.assert_array_equal(table[c["op"]], np.stack([table[int(i)] for i in c["op"]]))
        embedding = torch.nn.Embedding.from_pretrained(torch.from_numpy(table))
        np.testing.assert_array_equal(embedding(t["op"]).numpy(), table[c["op"]])
        np.testing.assert_array_equal(torch.from_numpy(table)[t["op"]].numpy(), table[c["op"]])
        self.assertEqual((t["op"] == 2).tolist(), (c["op"] == 2).tolist())
        self.assertTrue(((t["op"] - 1) >= -1).all() and bool(((c["op"] - 1) >= -1).all()), "differences do not wrap around")
        one_hot = torch.nn.functional.one_hot(t["op"].long(), 4)
        np.testing.assert_array_equal(one_hot.numpy(), np.eye(4, dtype=np.int64)[c["op"]])
        self.assertEqual((t["shift"] - 3).tolist(), [int(x) - 3 for x in c["shift"]])

    def test_permutations_reorder(self):
        data, c, t = self.data, self.numpy, self.torch
        wanted = np.stack([row[[int(i) for i in order]] for row, order in zip(data, c["order"])])
        np.testing.assert_array_equal(np.take_along_axis(data, c["order"], 1), wanted)
        np.testing.assert_array_equal(torch.from_numpy(data).gather(1, t["order"].long()).numpy(), wanted)
        self.assertEqual(torch.from_numpy(data)[0][t["order"][0]].tolist(), wanted[0].tolist())

    def test_seeds_seed(self):
        c, t = self.numpy, self.torch
        self.assertEqual(t["noise"].tolist(), c["noise"].tolist())
        self.assertTrue(any(seed >= 2**63 for seed in t["noise"].tolist()))
        for seed in t["noise"].tolist():
            self.assertEqual(torch.Generator().manual_seed(seed).initial_seed(), seed)
            np.random.default_rng(seed)


if __name__ == "__main__":
    print(f"NumPy {np.__version__}, torch {torch.__version__}")
    unittest.main(argv=sys.argv[:1])
