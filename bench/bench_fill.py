#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Filling against NumPy, round by round in turn: bench_fill.py PATH_OF_BENCH_FILL

NumPy's figure is what a user would write for the same bits: Generator.random(out=, dtype=float32), then
multiply and add in place, on a PCG64DXSM seeded as ours. Each figure is a JSON object on a line: the median
of the rounds and their quartiles, in CPU time.
"""
import json
import statistics
import subprocess
import sys
import time
import zlib

import numpy as np

N = 65536
ROUNDS = 201
PRESET_ROUNDS = 51
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
    start = time.thread_time_ns()
    generator.random(out=out, dtype=np.float32)
    out *= np.float32(60)
    out += np.float32(-30)
    return (time.thread_time_ns() - start) / N


def numpy_f64(generator):
    start = time.thread_time_ns()
    generator.uniform(-30, 30, N)
    return (time.thread_time_ns() - start) / N


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



def tell(figure, unit, values):
    low, middle, high = statistics.quantiles(values, n=4)
    print(json.dumps({"figure": figure, "unit": unit, "value": round(middle, 4),
                      "quartiles": [round(low, 4), round(high, 4)], "runs": len(values)}))


for name, values in times.items():
    tell(name.replace(" ", "_"), "ns per value", values)
for level in levels:
    tell("ratio_" + level, "NumPy f32 / augstream", [peer / own for peer, own in zip(times["numpy f32"], times["ours " + level])])
for level, values in gathers.items():
    tell("gather_" + level, "ns per record", values)
for preset in ("moderate", "imagenet", "simclr", "mixup-cutmix"):
    tell("preset_" + preset, "ns per record", [float(ask(f"preset {preset} {N}")[0]) for _ in range(PRESET_ROUNDS)])
print(json.dumps({"figure": "numpy", "unit": "version", "value": np.__version__, "runs": 1}))
ours.stdin.close()
ours.wait()
sys.exit(0 if same else "bench_fill.py: NumPy made other bits")
