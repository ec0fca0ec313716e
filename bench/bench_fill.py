#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Filling against NumPy, round by round in turn: bench_fill.py PATH_OF_BENCH_FILL

NumPy's figure is what a user would write for the same bits: Generator.random(out=, dtype=float32), then
multiply and add in place, on a PCG64DXSM seeded as ours.
"""
import statistics
import subprocess
import sys
import time
import zlib

import numpy as np

N = 65536
ROUNDS = 201
SEED = 20261121

ours = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(line):
    ours.stdin.write(line + "\n")
    ours.stdin.flush()
    answer = ours.stdout.readline()
    if not answer:
        sys.exit("bench_fill.py: bench_fill has ended")
    return answer.split()


def numpy_f32(generator, out):
    start = time.perf_counter_ns()
    generator.random(out=out, dtype=np.float32)
    out *= np.float32(60)
    out += np.float32(-30)
    return (time.perf_counter_ns() - start) / N


def numpy_f64(generator):
    start = time.perf_counter_ns()
    generator.uniform(-30, 30, N)
    return (time.perf_counter_ns() - start) / N


def fresh():
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(SEED, spawn_key=(0, zlib.crc32(b"rotation")))))


out = np.empty(N, dtype=np.float32)
numpy_f32(fresh(), out)
_, first, last = ask(f"uniform best {N}")
same = float.fromhex(first) == out[0] and float.fromhex(last) == out[-1]
levels = [level for level in ("scalar", "avx512") if ask(f"uniform {level} {N}")[0] != "nan"]
times = {name: [] for name in ["numpy f32", "numpy f64"] + ["ours " + level for level in levels]}
gathers = {level: [] for level in levels}
generator = fresh()
for _ in range(ROUNDS):
    times["numpy f32"].append(numpy_f32(generator, out))
    times["numpy f64"].append(numpy_f64(generator))
    for level in levels:
        times["ours " + level].append(float(ask(f"uniform {level} {N}")[0]))
        gathers[level].append(float(ask(f"gather {level} {N}")[0]))

peer = statistics.median(times["numpy f32"])
print(f"NumPy {np.__version__}; {N} values a round, {ROUNDS} rounds in turn, medians; same bits: {'yes' if same else 'NO'}")
print("uniform column           ns a value   NumPy f32 / this")
for name, values in times.items():
    median = statistics.median(values)
    print(f"  {name:20s} {median:10.3f} {peer / median:14.2f}")
print("gather, 16 columns       ns a record")
for level, values in gathers.items():
    print(f"  ours {level:15s} {statistics.median(values):10.1f}")
print("shuffled records         ns a record")
for preset in ("moderate", "imagenet", "simclr", "mixup-cutmix"):
    print(f"  {preset:20s} {statistics.median(float(ask(f'preset {preset} {N}')[0]) for _ in range(21)):10.1f}")
ours.stdin.close()
ours.wait()
sys.exit(0 if same else 1)
