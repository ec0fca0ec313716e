#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chunk files as other programs read them: NumPy, json, csv, msgpack and the safetensors layout, against
columns that NumPy makes itself.

    test_chunks.py LIBAUGSTREAM.so
"""
import csv
import ctypes
import json
import pathlib
import sys
import tempfile
import zlib

import numpy as np

PRESET = b"""augstream: 1
name: python
columns:
  rotation: {uniform: [-30, 30]}
  crop: {uniform: [0, 1], shape: 3}
  flip: {bernoulli: 0.3}
  shift: {integer: [-70000, 70000]}
  op: {choice: {values: [identity, "a, \\"b\\"", rotate], weights: [1, 1, 2]}}
  order: {permutation: 4}
  orders: {permutation: 3, shape: 2}
  noise.seed: {seed: {}}
  partner: {sample: {}}
"""
CHOICES = ["identity", 'a, "b"', "rotate"]
SEED, EPOCH, N, CHUNK = 2**64 - 3, 5, 1000, 300
FORMATS = {"jsonl": 1, "csv": 2, "msgpack": 3, "npy": 4, "safetensors": 5}
failures = []


def check(name, good):
    if not good:
        failures.append(name)
        print("failed:", name)


class StreamOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("order", ctypes.c_uint32), ("seed", ctypes.c_uint64),
                ("n_samples", ctypes.c_uint64), ("epoch", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class ChunksOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("format", ctypes.c_uint32), ("first_position", ctypes.c_uint64),
                ("n_positions", ctypes.c_uint64), ("chunk_size", ctypes.c_uint64), ("shard", ctypes.c_uint32),
                ("n_shards", ctypes.c_uint32), ("n_threads", ctypes.c_uint32), ("check", ctypes.c_uint32),
                ("plan", ctypes.c_void_p), ("progress", ctypes.c_void_p), ("progress_user", ctypes.c_void_p),
                ("flags", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("stop", ctypes.c_void_p)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 1024)]


def write_folders(library, root):
    augs = ctypes.CDLL(library)
    error, preset, stream = Error(), ctypes.c_void_p(), ctypes.c_void_p()

    def ok(status):
        if status != 0:
            sys.exit(error.message.decode())
    ok(augs.augs_preset_open_text(PRESET, ctypes.c_size_t(len(PRESET)), b"test", None, ctypes.byref(preset), ctypes.byref(error)))
    options = StreamOptions(size=ctypes.sizeof(StreamOptions), seed=SEED, n_samples=N, epoch=EPOCH)
    ok(augs.augs_stream_open(preset, ctypes.byref(options), ctypes.byref(stream), ctypes.byref(error)))
    for name, number in FORMATS.items():
        chunks = ChunksOptions(size=ctypes.sizeof(ChunksOptions), format=number, chunk_size=CHUNK, n_threads=2)
        ok(augs.augs_chunks_write(stream, str(root / name).encode(), ctypes.byref(chunks), None, ctypes.byref(error)))
    augs.augs_stream_unref(stream)
    augs.augs_preset_unref(preset)


def words(column, n):
    key = np.random.SeedSequence(SEED, spawn_key=(EPOCH, zlib.crc32(column.encode())))
    return np.random.PCG64DXSM(key).random_raw((n + 1) // 2).astype("<u8").view("<u4")[:n]


def outputs(column, n):
    key = np.random.SeedSequence(SEED, spawn_key=(EPOCH, zlib.crc32(column.encode())))
    return np.random.PCG64DXSM(key).random_raw(n)


def uniform(column, n, low, high):
    u = (words(column, n) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
    return np.float32(low) + (np.float32(high) - np.float32(low)) * u


def expected_columns():
    """The stream made by NumPy and integers alone (the kinds whose arithmetic is exact)."""
    weights = [0.25 * 2**32, 0.5 * 2**32]
    w = words("op", N)
    return {
        "sample_id": np.arange(N, dtype=np.int64),
        "rotation": uniform("rotation", N, -30, 30),
        "crop": uniform("crop", 3 * N, 0, 1).reshape(N, 3),
        "flip": (words("flip", N) < round(0.3 * 2**32)),
        "shift": np.array([-70000 + (int(x) * 140001 >> 32) for x in words("shift", N)], dtype=np.int32),
        "op": sum((w >= c).astype(np.int32) for c in weights).astype(np.int32),
        "noise.seed": outputs("noise.seed", N),
        "partner": np.array([int(x) * N >> 64 for x in outputs("partner", N)], dtype=np.int64),
    }


def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    check("safetensors: data begins at a multiple of 64", (8 + size) % 64 == 0)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    check("safetensors: metadata are strings", all(isinstance(v, str) for v in metadata.values()))
    check("safetensors: seed", int(metadata["seed"]) == SEED)
    types = {"F32": "<f4", "I32": "<i4", "U64": "<u8", "I64": "<i8", "BOOL": "|b1"}
    columns, at = {}, 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = tensor["data_offsets"]
        check("safetensors: no hole before " + name, first == at)
        at = last
        columns[name] = np.frombuffer(data, types[tensor["dtype"]], (last - first) // np.dtype(types[tensor["dtype"]]).itemsize,
                                      8 + size + first).reshape(tensor["shape"])
    check("safetensors: nothing behind the last tensor", 8 + size + at == len(data))
    return columns


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare(what, columns, expected):
    for name, values in expected.items():
        got = columns[name]
        check(f"{what}: {name}", got.dtype == values.dtype and got.shape == values.shape and np.array_equal(got, values))


def columns_of_records(records):
    """Rows of Python values to the columns' own types."""
    types = {"rotation": np.float32, "crop": np.float32, "flip": np.bool_, "shift": np.int32, "order": np.int32,
             "orders": np.int32, "op": np.int32, "noise.seed": np.uint64}
    columns = {}
    for name in records[0]:
        values = [row[name] for row in records]
        if name == "op":
            values = [CHOICES.index(v) for v in values]
        if name == "flip":
            check("flip is a boolean", all(isinstance(v, bool) for v in values))
        columns[name] = np.array(values, dtype=types.get(name, np.int64))
    return columns


def csv_records(path):
    rows = []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            rows.append({
                "sample_id": int(row["sample_id"]), "rotation": np.float32(row["rotation"]),
                "crop": [np.float32(row[f"crop[{j}]"]) for j in range(3)], "flip": {"true": True, "false": False}[row["flip"]],
                "shift": int(row["shift"]), "op": row["op"], "order": [int(row[f"order[{k}]"]) for k in range(4)],
                "orders": [[int(row[f"orders[{j}][{k}]"]) for k in range(3)] for j in range(2)],
                "noise.seed": int(row["noise.seed"]), "partner": int(row["partner"])})
    return rows


def main():
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        write_folders(sys.argv[1], root)
        expected = expected_columns()
        tensors = joined([read_safetensors(p) for p in sorted((root / "safetensors").glob("part-*"))])
        compare("safetensors", tensors, expected)
        check("permutations are permutations", (np.sort(tensors["orders"], axis=2) == np.arange(3)).all() and tensors["order"].shape == (N, 4))

        arrays = {}
        for name in tensors:
            parts = sorted((root / "npy").glob(f"part-*.{name}.npy"))
            check("npy: files of " + name, len(parts) == 4)
            arrays[name] = np.concatenate([np.load(p, mmap_mode="r", allow_pickle=False) for p in parts])
        compare("npy", arrays, tensors)
        part = root / "npy" / "part-000000.rotation.npy"
        check("npy: data begins at a multiple of 64", (part.stat().st_size - 4 * CHUNK) % 64 == 0)
        mapped = np.load(part, mmap_mode="r")
        check("npy: mapped memory is aligned", mapped.ctypes.data % 64 == 0)

        lines = [json.loads(line) for p in sorted((root / "jsonl").glob("part-*")) for line in p.read_text().splitlines()]
        compare("jsonl", columns_of_records(lines), tensors)
        rows = [row for p in sorted((root / "csv").glob("part-*")) for row in csv_records(p)]
        compare("csv", columns_of_records(rows), tensors)
        try:
            import msgpack
        except ImportError:
            print("skipped: no msgpack module")
        else:
            maps = [m for p in sorted((root / "msgpack").glob("part-*")) for m in msgpack.Unpacker(open(p, "rb"), raw=False)]
            compare("msgpack", columns_of_records(maps), tensors)
        try:
            from safetensors.numpy import load_file
        except ImportError:
            pass
        else:
            compare("the safetensors package", joined([load_file(p) for p in sorted((root / "safetensors").glob("part-*"))]), tensors)
    print("failed:" if failures else "good", *failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
