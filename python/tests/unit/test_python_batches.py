# SPDX-License-Identifier: Apache-2.0
"""Batches: views of their memory, lifetimes, exchange by buffers and DLPack, threads, and what does not grow."""

import ctypes
import gc
import pickle
import sys
import threading
import time
import unittest

import augstream as aug
import numpy as np
from augstream import _core

PRESET = {
    "columns": {
        "flip": {"bernoulli": 0.4},
        "flips": {"bernoulli": 0.4, "shape": 3},
        "shift": {"integer": [0, 6]},
        "op": {"choice": {"values": ["identity", "rotate", "shear"]}},
        "order": {"permutation": 4},
        "orders": {"permutation": 4, "shape": 2},
        "factor": {"uniform": [0.5, 1.5]},
        "factors": {"uniform": [0.5, 1.5], "shape": 10},
        "noise": {"seed": {}},
        "partner": {"sample": {}},
    }
}
EXPECTED = {
    "sample_id": ("int64", ()),
    "flip": ("bool", ()),
    "flips": ("bool", (3,)),
    "shift": ("int32", ()),
    "op": ("int32", ()),
    "order": ("int32", (4,)),
    "orders": ("int32", (2, 4)),
    "factor": ("float32", ()),
    "factors": ("float32", (10,)),
    "noise": ("uint64", ()),
    "partner": ("int64", ()),
}


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Views(unittest.TestCase):
    def setUp(self):
        self.stream = aug.Stream(PRESET, seed=5, samples=1000)

    def test_dtypes_and_shapes(self):
        for n in (0, 1, 7, 256):
            batch = self.stream[:n]
            self.assertEqual(batch.keys(), tuple(EXPECTED))
            for name, (dtype, shape) in EXPECTED.items():
                self.assertEqual((batch[name].dtype, batch[name].shape), (np.dtype(dtype), (n, *shape)), name)

    def test_views_are_read_only_and_share_the_slab(self):
        batch = self.stream[:100]
        start, size = batch.memory.address, len(batch.memory)
        for name, view in batch.items():
            self.assertFalse(view.flags.writeable)
            self.assertFalse(view.flags.owndata)
            self.assertEqual(view.ctypes.data % 64, 0)
            self.assertTrue(start <= view.ctypes.data and view.ctypes.data + view.nbytes <= start + size, name)
            self.assertIs(batch[name], view)
            with self.assertRaises(ValueError):
                view.flags.writeable = True
            with self.assertRaises(ValueError):
                view[0] = 0

    def test_equal_batches_have_equal_bytes(self):
        self.assertEqual(bytes(self.stream[:37]), bytes(self.stream.span(0, 37)))
        self.assertEqual(bytes(self.stream[:37]), bytes(next(self.stream.batches(37))))

    def test_views_live_after_everything_else(self):
        for make in (lambda: self.stream[:200], lambda: next(self.stream.batches(200))):
            batch = make()
            wanted = {name: np.array(view) for name, view in batch.items()}
            views = dict(batch)
            capsule_reader = np.asarray(batch.column("factors"))
            buffer = memoryview(batch)
            expected_bytes = bytes(batch)
            del batch
            gc.collect()
            noise = [bytearray(1 << 16) for _ in range(64)]
            for name, view in views.items():
                np.testing.assert_array_equal(view, wanted[name])
            np.testing.assert_array_equal(capsule_reader, wanted["factors"])
            self.assertEqual(bytes(buffer), expected_bytes)
            del noise

    def test_memory_goes_with_the_last_view(self):
        batch = self.stream[:100]
        view = batch["factors"]
        memory = batch.memory
        before = sys.getrefcount(memory)
        del batch
        self.assertLess(sys.getrefcount(memory), before)
        del view
        self.assertEqual(sys.getrefcount(memory), 2)

    def test_a_batch_is_a_table(self):
        batch = self.stream[:5]
        self.assertEqual(len(batch), 5)
        self.assertEqual(list(batch), list(EXPECTED))
        self.assertIn("flip", batch)
        self.assertNotIn("flap", batch)
        self.assertNotIn(3, batch)
        self.assertEqual(set(dict(batch)), set(EXPECTED))
        self.assertEqual(len(list(batch.values())), len(EXPECTED))
        self.assertEqual([record.sample_id for record in batch.records()], [0, 1, 2, 3, 4])
        self.assertEqual(batch.record(-1).sample_id, 4)
        for index in (5, -6):
            with self.assertRaises(IndexError):
                batch.record(index)
        self.assertEqual((batch.step, batch.rank, batch.positions, batch.n_padded), (None, None, None, 0))
        self.assertIs(batch.stream, self.stream)
        with self.assertRaisesRegex(KeyError, "did you mean 'flip'"):
            batch["flp"]
        with self.assertRaisesRegex(TypeError, "name of a column"):
            batch[0]
        with self.assertRaises(TypeError):
            aug.Batch()


class DLPackTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class DLPackVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", DLPackTensor),
    ]


def pointer_of(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)


class Exchange(unittest.TestCase):
    def setUp(self):
        self.batch = aug.Stream(PRESET, seed=5, samples=1000)[:64]

    def test_columns_export_buffers(self):
        for name, view in self.batch.items():
            column = self.batch.column(name)
            array = np.asarray(column)
            self.assertEqual((array.dtype, array.shape, array.ctypes.data), (view.dtype, view.shape, view.ctypes.data))
            self.assertFalse(array.flags.writeable)
            self.assertEqual(column.address, view.ctypes.data)
            self.assertEqual(memoryview(column).nbytes, view.nbytes)
        self.assertTrue(memoryview(self.batch).readonly)

    def test_numpy_reads_dlpack_without_a_copy(self):
        for name, view in self.batch.items():
            try:
                array = np.from_dlpack(self.batch.column(name))
            except BufferError as problem:
                self.fail(f"{name}: {problem}")
            self.assertEqual((array.dtype, array.shape, array.ctypes.data), (view.dtype, view.shape, view.ctypes.data))

    def test_dlpack_1_says_read_only(self):
        capsule = self.batch.column("factors").__dlpack__(max_version=(1, 0))
        tensor = DLPackVersioned.from_address(pointer_of(capsule, b"dltensor_versioned"))
        self.assertEqual((tensor.major, tensor.flags), (1, 1))
        self.assertEqual(
            (tensor.tensor.device_type, tensor.tensor.ndim, tensor.tensor.code, tensor.tensor.bits), (1, 2, 2, 32)
        )
        self.assertEqual(tensor.tensor.data, self.batch["factors"].ctypes.data)
        self.assertEqual(tensor.tensor.shape[:2], [64, 10])
        self.assertEqual(tensor.tensor.strides[:2], [10, 1])

    def test_dlpack_before_1_and_copies(self):
        column = self.batch.column("orders")
        legacy = column.__dlpack__()
        self.assertEqual(DLPackTensor.from_address(pointer_of(legacy, b"dltensor")).data, column.address)
        copy = column.__dlpack__(max_version=(1, 0), copy=True)
        tensor = DLPackVersioned.from_address(pointer_of(copy, b"dltensor_versioned"))
        self.assertEqual(tensor.flags, 2)
        self.assertNotEqual(tensor.tensor.data, column.address)
        self.assertEqual(ctypes.string_at(tensor.tensor.data, 64 * 32), self.batch["orders"].tobytes())
        self.assertEqual(column.__dlpack_device__(), (1, 0))
        with self.assertRaisesRegex(BufferError, "memory of the CPU"):
            column.__dlpack__(dl_device=(2, 0))
        with self.assertRaisesRegex(BufferError, "stream"):
            column.__dlpack__(stream=1)

    def test_a_capsule_that_nobody_takes_gives_its_memory_back(self):
        memory = self.batch.memory
        before = sys.getrefcount(memory)
        for _ in range(100):
            for version in (None, (1, 0)):
                self.batch.column("noise").__dlpack__(max_version=version)
                self.batch.column("noise").__dlpack__(max_version=version, copy=True)
            self.batch.__arrow_c_array__()
            self.batch.__arrow_c_schema__()
            self.batch.__arrow_c_stream__()
        self.assertEqual(sys.getrefcount(memory), before)

    def test_pickles_by_every_protocol(self):
        stream = aug.Stream(PRESET, seed=5, samples=1000, epoch=4)
        for batch in (stream[[5, 4, 900]], list(stream.batches(64, world_size=3, rank=1))[-1], stream[:0]):
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                copy = pickle.loads(pickle.dumps(batch, protocol))
                self.assertEqual(bytes(copy), bytes(batch))
                for name in (
                    "n_samples",
                    "epoch",
                    "step",
                    "part",
                    "rank",
                    "world_size",
                    "first",
                    "stride",
                    "n_padded",
                    "pad_first",
                    "pad_stride",
                    "is_last",
                ):
                    self.assertEqual(getattr(copy, name), getattr(batch, name), name)
                self.assertEqual(copy.stream, batch.stream)
        buffers = []
        data = pickle.dumps(batch := stream[:500], 5, buffer_callback=buffers.append)
        self.assertLess(len(data), 4000)
        self.assertEqual(bytes(pickle.loads(data, buffers=buffers)), bytes(batch))
        record = pickle.loads(pickle.dumps(stream[17]))
        self.assertEqual(record.sample_id, 17)

    def test_a_batch_of_the_wrong_size_is_not_restored(self):
        stream = aug.Stream(PRESET, seed=5, samples=9)
        with self.assertRaisesRegex(aug.errors.CorruptError, "not 3"):
            _core.Batch._restore(stream, _core.Memory.from_bytes(b"abc"), 5, None)


class Growth(unittest.TestCase):
    """Memory after many rounds is that after a few. Every way out of a batch is in the round."""

    def rounds(self, work, few, many):
        for _ in range(few):
            work()
        gc.collect()
        blocks, resident = sys.getallocatedblocks(), resident_bytes()
        for _ in range(many):
            work()
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - blocks, 500)
        self.assertLess(resident_bytes() - resident, 4 << 20)

    def test_reading_grows_nothing(self):
        stream = aug.Stream(PRESET, seed=5, samples=1000)
        ids = np.arange(64)

        def work():
            batch = stream[ids]
            for name in batch:
                batch[name]
                np.from_dlpack(batch.column(name))
            batch.__arrow_c_array__()
            stream[5]["flip"]
            bytes(batch)

        self.rounds(work, 300, 3000)

    def test_errors_and_streams_grow_nothing(self):
        stream = aug.Stream(PRESET, seed=5, samples=1000)

        def work():
            for bad in ([2000], "x", [1.5], -1, np.ones(3)):
                try:
                    stream[bad]
                except (aug.Error, TypeError):
                    pass
            try:
                stream[:1]["no"]
            except KeyError:
                pass
            stream.at_epoch(3)
            pickle.loads(pickle.dumps(stream[:3]))
            aug.Stream("mild", seed=1)

        self.rounds(work, 300, 1500)

    def test_iterators_grow_nothing(self):
        stream = aug.Stream(PRESET, seed=5, samples=2000)

        def work():
            for batch in stream.batches(50, metrics=10):
                batch["flip"]
                batch.observe(seconds=0.1)
            batches = stream.batches(strategy="adaptive")
            next(batches).retry if len(next(batches)) > 1 else None
            batches.close()

        self.rounds(work, 30, 200)

    def test_a_million_batches_do_not_grow(self):
        stream = aug.Stream({"columns": {"a": {"uniform": [0, 1]}}}, seed=5)
        batches = stream.batches(1)
        for _ in range(1000):
            next(batches)
        resident = resident_bytes()
        for _ in range(1_000_000):
            next(batches)
        self.assertLess(resident_bytes() - resident, 1 << 20)


class Threads(unittest.TestCase):
    def test_many_threads_read_one_stream(self):
        stream = aug.Stream("simclr", seed=1, samples=100_000)
        wanted = {n: bytes(stream[:n]) for n in range(1, 400, 37)}
        faults = []

        def read():
            for _ in range(30):
                for n, data in wanted.items():
                    batch = stream[np.arange(n)]
                    if bytes(batch) != data or batch["crop.scale"].shape != (n, 10):
                        faults.append(n)

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_other_threads_run_while_the_library_works(self):
        stream = aug.Stream("simclr", seed=1)
        ticks, done = [0], threading.Event()

        def tick():
            while not done.is_set():
                ticks[0] += 1
                time.sleep(0)  # hands the GIL on

        thread = threading.Thread(target=tick)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)  # so only a released GIL lets the other thread run
        try:
            thread.start()
            seen = ticks[0]
            stream.span(0, 3_000_000)
            self.assertGreater(ticks[0], seen)
        finally:
            sys.setswitchinterval(interval)
            done.set()
            thread.join()

    def test_threads_share_an_iterator(self):
        stream = aug.Stream("mild", seed=1, samples=20_000, shuffle=True)
        batches = stream.batches(16)
        ids = []

        def take():
            for batch in batches:
                ids.extend(batch.sample_id.tolist())

        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(ids), list(range(20_000)))


if __name__ == "__main__":
    sys.exit(unittest.main())
