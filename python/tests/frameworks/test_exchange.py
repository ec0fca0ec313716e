# SPDX-License-Identifier: Apache-2.0
"""pyarrow, polars, pandas, DuckDB, PyTorch and JAX take batches; addresses are equal where no copy is promised."""

import gc
import sys
import unittest

import augstream as aug
import duckdb
import jax
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import torch

N = 300
PRESET = {
    "columns": {
        "flip": {"bernoulli": 0.4},
        "flips": {"bernoulli": 0.4, "shape": 3},
        "op": {"choice": {"values": ["identity", "rotate", "shear"]}},
        "order": {"permutation": 4},
        "orders": {"permutation": 4, "shape": 2},
        "factor": {"uniform": [0.5, 1.5]},
        "factors": {"uniform": [0.5, 1.5], "shape": 10},
        "noise": {"seed": {}},
        "partner": {"sample": {}},
    }
}


def stream():
    return aug.Stream(PRESET, seed=5, samples=N, shuffle=True)


class Arrow(unittest.TestCase):
    def setUp(self):
        self.batch = stream().span(0, N)
        self.wanted = {name: np.array(column) for name, column in self.batch.items()}

    def compare(self, columns):
        for name, wanted in self.wanted.items():
            self.assertEqual(columns[name], wanted.tolist(), name)

    def test_pyarrow_reads_a_batch(self):
        arrow = pa.record_batch(self.batch)
        arrow.validate(full=True)
        self.compare(arrow.to_pydict())
        types = {field.name: str(field.type) for field in arrow.schema}
        self.assertEqual(types["sample_id"], "int64")
        self.assertEqual(
            (types["flip"], types["factor"], types["op"], types["noise"]), ("bool", "float", "int32", "uint64")
        )
        self.assertEqual(types["factors"], "fixed_size_list<item: float not null>[10]")
        self.assertEqual(types["orders"], "fixed_size_list<item: fixed_size_list<item: int32 not null>[4] not null>[2]")
        self.assertTrue(pa.schema(self.batch).equals(arrow.schema))
        self.assertTrue(pa.schema(stream()).equals(arrow.schema))

    def test_pyarrow_does_not_copy(self):
        arrow = pa.record_batch(self.batch)
        for name, column in self.batch.items():
            values = arrow.column(name)
            while pa.types.is_fixed_size_list(values.type):
                values = values.values
            address = values.buffers()[1].address
            if column.dtype == np.bool_:
                self.assertNotEqual(address, column.ctypes.data)  # bits, by Arrow's rules
            else:
                self.assertEqual(address, column.ctypes.data, name)

    def test_arrays_live_after_the_stream(self):
        arrow = pa.record_batch(self.batch)
        part = arrow.column("factors")
        del self.batch
        gc.collect()
        self.compare(arrow.to_pydict())
        del arrow
        gc.collect()
        self.assertEqual(part.to_pylist(), self.wanted["factors"].tolist())

    def test_an_epoch_is_a_table(self):
        table = pa.RecordBatchReader.from_stream(stream().batches(64)).read_all()
        self.compare(table.to_pydict())
        self.assertEqual([len(chunk) for chunk in table.column("op").chunks], [64, 64, 64, 64, 44])

    def test_an_error_of_the_iterator_comes_out(self):
        class Breaks:
            def plan(self, facts):
                if facts.step == 2:
                    raise ZeroDivisionError("in the third step")
                return 10

        reader = pa.RecordBatchReader.from_stream(stream().batches(strategy=Breaks))
        with self.assertRaisesRegex(Exception, "in the third step"):
            reader.read_all()

    def test_an_empty_batch(self):
        arrow = pa.record_batch(stream()[:0])
        arrow.validate(full=True)
        self.assertEqual(arrow.num_rows, 0)

    def test_polars(self):
        self.compare({name: values.to_list() for name, values in pl.DataFrame(self.batch).to_dict().items()})

    def test_pandas(self):
        frame = pa.table(self.batch).to_pandas()
        self.assertEqual(frame["op"].tolist(), self.wanted["op"].tolist())
        frame = pd.DataFrame({name: column for name, column in self.batch.items() if column.ndim == 1})
        for name in frame:
            self.assertEqual(frame[name].tolist(), self.wanted[name].tolist())

    def test_duckdb(self):
        batch = self.batch  # noqa: F841  DuckDB finds it by its name
        rows = duckdb.sql("select sample_id, factor, flip, factors[3] from batch where op = 1").fetchall()
        kept = self.wanted["op"] == 1
        self.assertEqual([row[0] for row in rows], self.wanted["sample_id"][kept].tolist())
        self.assertEqual([np.float32(row[3]) for row in rows], self.wanted["factors"][kept, 2].tolist())

    def test_nothing_grows(self):
        for _ in range(20):
            pa.record_batch(self.batch)
        memory = self.batch.memory
        before = sys.getrefcount(memory)
        for _ in range(2000):
            pa.record_batch(self.batch)
            pa.schema(self.batch)
        self.assertEqual(sys.getrefcount(memory), before)


class Torch(unittest.TestCase):
    def test_tensors_share_memory_that_nobody_else_holds(self):
        batch = stream()[:N]
        address = batch.memory.address
        tensors = batch.torch()
        self.assertEqual(tensors["sample_id"].data_ptr(), address)
        wanted = {name: np.array(column) for name, column in stream()[:N].items()}
        del batch
        gc.collect()
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor.numpy(), wanted[name])
            self.assertEqual(str(tensor.dtype), f"torch.{wanted[name].dtype}")

    def test_tensors_are_copies_where_others_hold_the_memory(self):
        batch = stream()[:N]
        view = batch["factor"]
        before = view.copy()
        tensors = batch.torch()
        self.assertNotEqual(tensors["factor"].data_ptr(), view.ctypes.data)
        tensors["factor"].zero_()
        np.testing.assert_array_equal(view, before)
        self.assertEqual(batch.torch(copy=False)["factor"].data_ptr(), view.ctypes.data)
        self.assertNotEqual(stream()[:N].torch(copy=True)["factor"].data_ptr(), view.ctypes.data)

    def test_the_second_tensors_do_not_share_with_the_first(self):
        batch = stream()[:N]
        first, second = batch.torch(), batch.torch()
        self.assertNotEqual(first["factor"].data_ptr(), second["factor"].data_ptr())

    def test_from_dlpack(self):
        batch = stream()[:N]
        for name, column in batch.items():
            tensor = torch.from_dlpack(batch.column(name).__dlpack__())
            self.assertEqual(tensor.data_ptr(), column.ctypes.data)

    def test_columns_index_and_mask(self):
        batch = stream()[:N]
        data = torch.arange(N * 2).reshape(N, 2)
        tensors = batch.torch()
        torch.testing.assert_close(data[tensors["partner"]], data[torch.from_numpy(np.array(batch["partner"]))])
        self.assertEqual(len(data[tensors["flip"]]), int(batch["flip"].sum()))

    def test_ids_may_be_a_tensor(self):
        ids = torch.tensor([5, 1, 250])
        np.testing.assert_array_equal(stream()[ids]["factor"], stream()[[5, 1, 250]]["factor"])
        self.assertEqual(stream()[torch.tensor(7)].sample_id, 7)
        with self.assertRaisesRegex(TypeError, "whole numbers"):
            stream()[torch.tensor([1.0, 2.0])]


class Jax(unittest.TestCase):
    def test_without_x64_ids_are_int32_and_seeds_are_two_uint32(self):
        batch = stream()[:N]
        arrays = batch.jax()
        self.assertEqual(str(arrays["sample_id"].dtype), "int32")
        self.assertEqual((str(arrays["noise"].dtype), arrays["noise"].shape), ("uint32", (N, 2)))
        high, low = (
            np.asarray(arrays["noise"])[:, 1].astype(np.uint64),
            np.asarray(arrays["noise"])[:, 0].astype(np.uint64),
        )
        np.testing.assert_array_equal(high << np.uint64(32) | low, batch["noise"])
        for name in ("flip", "op", "orders", "factors", "partner"):
            np.testing.assert_array_equal(np.asarray(arrays[name]), batch[name])
        big = aug.Stream("mild", seed=1)[[2**31]]
        with self.assertRaisesRegex(aug.errors.RangeError, "jax_enable_x64"):
            big.jax()

    def test_with_x64_types_are_kept(self):
        with jax.enable_x64(True):
            arrays = stream()[:N].jax()
            for name, column in stream()[:N].items():
                self.assertEqual(arrays[name].dtype, column.dtype, name)
                np.testing.assert_array_equal(np.asarray(arrays[name]), column)


if __name__ == "__main__":
    sys.exit(unittest.main())
