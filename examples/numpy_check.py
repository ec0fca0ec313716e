#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks augstream with three lines of NumPy.

usage: numpy_check.py [PATH_OF_THE_COMMAND]

`augstream generate` writes records; NumPy's own PCG64DXSM and SeedSequence say what they have to be.
"""
import json
import subprocess
import sys
import zlib

import numpy as np

command = sys.argv[1] if len(sys.argv) > 1 else "augstream"
seed, epoch, n = 7, 3, 1000
lines = subprocess.run(
    [command, "generate", "--preset", "moderate", "--seed", str(seed), "--epoch", str(epoch), "--samples", str(n), "--format", "jsonl"],
    check=True, capture_output=True, text=True).stdout.splitlines()
ours = np.array([json.loads(line)["rotation"] for line in lines], dtype=np.float32)

key = np.random.SeedSequence(seed, spawn_key=(epoch, zlib.crc32(b"rotation")))
u = np.random.Generator(np.random.PCG64DXSM(key)).random(n, dtype=np.float32)
rotation = np.float32(-30) + (np.float32(30) - np.float32(-30)) * u

same = len(ours) == n and np.array_equal(ours.view(np.uint32), rotation.view(np.uint32))
print(f"{n} rotations, NumPy {np.__version__}: {'bit for bit the same' if same else 'DIFFERENT'}")
sys.exit(0 if same else 1)
