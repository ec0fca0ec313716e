#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The parameters of 256 samples from Python, against the C library and other ways, round by round in turn.

    bench_python.py PATH_OF_BENCH_BATCH PATH_OF_LIBAUGSTREAM

Run it with a Python that has augstream; peers that it lacks are named as not measured. Each figure is a JSON object on
a line: the median of the rounds and their quartiles. All of them draw the parameters of the preset `imagenet`: ten
tries of scale and ratio, a position, and a flip. torchvision draws tries until one fits, and kornia decides the boxes.
Times are CPU time of the thread, so that a busy machine disturbs them less. JAX computes in threads of its own, which
count as well.
"""
import ctypes
import functools
import importlib
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import augstream as aug

BATCH, SAMPLES, SEED, EPOCH = 256, 1_281_167, 42, 0
ROUNDS = 101
IMPORTS = 21
SLOW = 1e6  # ns per call: beyond it, a round has one call and there are fewer rounds


def ids_of_bench_batch():
    state, ids = 1, []
    for _ in range(BATCH):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        ids.append((state >> 33) % SAMPLES)
    return np.array(ids, dtype=np.int64)


# ---- the ways: each is a function that makes the parameters of 256 samples ----

def gather_of(stream, ids):
    return lambda: stream[ids]


def views_of(stream, ids):
    """With a NumPy view of each column, as a training loop takes them."""
    names = stream[ids].keys()

    def way():
        batch = stream[ids]
        for name in names:
            batch[name]
    return way


def next_of(stream):
    iterator = iter(stream.batches(BATCH))
    return lambda: next(iterator)


class StreamOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("order", ctypes.c_uint32), ("seed", ctypes.c_uint64), ("n_samples", ctypes.c_uint64),
                ("epoch", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 1024)]


def ctypes_of(path, preset_name, ids):
    """What a user of ctypes writes: memory of NumPy, one call."""
    library = ctypes.CDLL(path)
    error, preset, stream = Error(), ctypes.c_void_p(), ctypes.c_void_p()
    options = StreamOptions(ctypes.sizeof(StreamOptions), 1, SEED, SAMPLES, EPOCH, 0)
    library.augs_stream_column_bytes.restype = ctypes.c_size_t
    if library.augs_preset_open(preset_name.encode(), None, ctypes.byref(preset), ctypes.byref(error)) < 0 or \
            library.augs_stream_open(preset, ctypes.byref(options), ctypes.byref(stream), ctypes.byref(error)) < 0:
        sys.exit("bench_python.py: " + error.message.decode())
    n_columns = library.augs_stream_n_columns(stream)
    sizes = [library.augs_stream_column_bytes(stream, ctypes.c_uint32(i)) for i in range(n_columns)]

    def way():
        arrays = [np.empty(BATCH * size, np.uint8) for size in sizes]
        columns = (ctypes.c_void_p * n_columns)(*[array.ctypes.data for array in arrays])
        if library.augs_stream_gather(stream, ctypes.c_void_p(ids.ctypes.data), ctypes.c_size_t(BATCH), columns,
                                      ctypes.byref(error)) < 0:
            sys.exit("bench_python.py: " + error.message.decode())
        return arrays
    return way


def numpy_of(ids):
    """One Generator per sample: what makes NumPy's values independent of workers and order."""
    low, high = np.log(3 / 4), np.log(4 / 3)

    def way():
        for i in ids.tolist():
            generator = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence((SEED, EPOCH, i))))
            generator.uniform(0.08, 1.0, 10)
            np.exp(generator.uniform(low, high, 10))
            generator.random(2)
            generator.random() < 0.5
    return way


def torchvision_of():
    import torch
    torch.set_num_threads(1)
    from torchvision.transforms import v2
    crop, image = v2.RandomResizedCrop(224), torch.zeros(3, 500, 375)

    def way():
        for _ in range(BATCH):
            crop.make_params([image])
            bool(torch.rand(1) < 0.5)
    return way


def kornia_of():
    import kornia.augmentation as K
    import torch
    torch.set_num_threads(1)
    crop, flip, shape = K.RandomResizedCrop((224, 224)), K.RandomHorizontalFlip(), torch.Size((BATCH, 3, 500, 375))

    def way():
        crop.forward_parameters(shape)
        flip.forward_parameters(shape)
    return way


def jax_of(ids):
    import jax
    import jax.numpy as jnp
    low, high = np.log(3 / 4), np.log(4 / 3)
    key = jax.random.fold_in(jax.random.key(SEED), EPOCH)

    def one(i):
        scale, ratio, position, flip = jax.random.split(jax.random.fold_in(key, i), 4)
        return (jax.random.uniform(scale, (10,), minval=0.08, maxval=1.0), jnp.exp(jax.random.uniform(ratio, (10,), minval=low, maxval=high)),
                jax.random.uniform(position, (2,)), jax.random.bernoulli(flip))
    compiled, numbers = jax.jit(jax.vmap(one)), ids.astype(np.int32)
    return lambda: jax.block_until_ready(compiled(numbers))


# ---- measuring ----

class Program:
    """The C program, asked for one round at a time."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self, command, preset, calls):
        self.process.stdin.write(f"{command} {preset} {calls}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("bench_python.py: bench_batch has ended")
        return float(answer)


def timed(way, calls, clock=time.thread_time_ns):
    start = clock()
    for _ in range(calls):
        way()
    return (clock() - start) / calls


def tell(figure, unit, values, scale=1.0):
    low, middle, high = (value / scale for value in statistics.quantiles(values, n=4))
    print(json.dumps({"figure": figure, "unit": unit, "value": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)],
                      "runs": len(values)}), flush=True)


def measure(program, library):
    ids = ids_of_bench_batch()
    streams = {name: aug.Stream(name, seed=SEED, samples=SAMPLES, shuffle=True) for name in ("imagenet", "simclr")}
    ways = {}
    for name, stream in streams.items():
        ways["c_gather_" + name] = functools.partial(program.round, "gather", name)
        ways["stream_" + name] = gather_of(stream, ids)
        ways["views_" + name] = views_of(stream, ids)
        ways["ctypes_" + name] = ctypes_of(library, name, ids)
        ways["c_next_" + name] = functools.partial(program.round, "next", name)
        ways["next_" + name] = next_of(stream)
    ways["numpy"] = numpy_of(ids)
    missing = []
    for name, module, make in (("torchvision", "torchvision", torchvision_of), ("kornia", "kornia", kornia_of),
                               ("jax", "jax", functools.partial(jax_of, ids))):
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing.append({"table": "not_measured", "peer": name, "why": str(error)})
            continue
        ways[name] = make()
    in_c = {name for name in ways if name.startswith("c_")}
    calls = {}
    for name, way in ways.items():
        if name not in in_c:
            timed(way, 3)  # what is done once
            calls[name] = max(1, min(64, round(SLOW / max(1, timed(way, 1)))))
    times = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            clock = time.process_time_ns if name == "jax" else time.thread_time_ns
            if name in in_c:
                times[name].append(way(64))
            elif calls[name] > 1 or turn % 5 == 0:
                times[name].append(timed(way, calls[name], clock))
    for name, values in times.items():
        tell(name, "us per 256 samples", values, 1000)
    for preset in streams:
        for name, base in (("stream_", "c_gather_"), ("views_", "c_gather_"), ("next_", "c_next_")):
            pairs = zip(times[name + preset], times[base + preset])
            tell("over_c_" + name + preset, "us above the C call", [one - other for one, other in pairs], 1000)
    for name in ("numpy", "torchvision", "kornia", "jax"):
        if name in times:
            base = statistics.median(times["views_imagenet"])
            tell("ratio_" + name, "times as long as stream[ids] with views", [value / base for value in times[name]])
    for row in missing:
        print(json.dumps(row), flush=True)
        print(f"bench_python.py: {row['peer']} is not installed here and was not measured; scripts/setup --frameworks installs it",
              file=sys.stderr)


def measure_imports():
    """What augstream adds to NumPy, each time in a new process."""
    code = "import time, numpy; a = time.process_time_ns(); import augstream; print(time.process_time_ns() - a)"
    values = [float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
              for _ in range(IMPORTS)]
    tell("import", "ms above importing NumPy", values, 1e6)


def main():
    if len(sys.argv) != 3:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    if not os.path.exists(sys.argv[2]):
        sys.exit(f"bench_python.py: {sys.argv[2]} does not exist")
    measure_imports()
    measure(Program(sys.argv[1]), os.path.abspath(sys.argv[2]))
    for name in ("numpy", "torch", "torchvision", "kornia", "jax"):
        module = sys.modules.get(name)
        if module is not None:
            print(json.dumps({"figure": "version_" + name, "unit": "version", "value": module.__version__, "runs": 1}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
