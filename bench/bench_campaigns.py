#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzing, simulated worlds and failing system calls: bench_campaigns.py [SECONDS [WORLDS]]

Each fuzzer runs for SECONDS (300), on one core, under ASan and UBSan; the simulation makes WORLDS (20000) worlds of
servers and ranks. A figure is a JSON object on a line. A finding ends the run with its message.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
WORLDS = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
BUILD = "build/fuzz"


def run(arguments, **more):
    """Output and seconds; a status other than 0 ends everything."""
    started = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", env={**os.environ, **more})
    if done.returncode != 0:
        sys.exit(f"bench_campaigns.py: {' '.join(arguments)} ended with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout + done.stderr, time.monotonic() - started


def tell(figure, unit, value, **more):
    print(json.dumps({"figure": figure, "unit": unit, "value": value, "runs": 1, **more}), flush=True)


def fuzz():
    if not pathlib.Path(BUILD, "build.ninja").exists():
        run(["meson", "setup", BUILD, "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dtests=false"],
            CC="clang")
    run(["ninja", "-C", BUILD])
    for name in ("preset", "wire", "manifest"):
        with tempfile.TemporaryDirectory() as folder:
            output, _ = run([f"{BUILD}/fuzz/fuzz_{name}", f"-max_total_time={SECONDS}", "-print_final_stats=1",
                             f"-artifact_prefix={folder}/", folder])
        n = int(re.search(r"number_of_executed_units:\s*(\d+)", output).group(1))
        tell("fuzz_" + name, "inputs", n, seconds=SECONDS)


def simulate():
    _, seconds = run(["build/release/tests/test_simulation"], AUGS_SIMULATION_SEEDS=str(WORLDS), CK_FORK="no")
    tell("worlds", "simulated worlds", WORLDS, seconds=round(seconds))


def fail_calls():
    output, seconds = run([sys.executable, "scripts/campaign_chunk_faults.py", "build/release/cli/augstream"])
    calls, faults = re.search(r"(\d+) failing calls, (\d+) faults", output).groups()
    tell("calls", "failing system calls", int(calls), faults=int(faults), seconds=round(seconds))


fuzz()
simulate()
fail_calls()
