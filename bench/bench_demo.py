#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/demo five times: bench_demo.py

An epoch of ImageNet's size goes to four ranks, each of which compares every batch. A figure is a JSON object on a
line: the median, the least and the most of the runs. Building is not counted.
"""
import json
import pathlib
import statistics
import subprocess
import sys

RUNS = 5
FOLDER = pathlib.Path("build/demo")


def demo():
    """Seconds, records and bytes per second of one run."""
    done = subprocess.run(["scripts/demo"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench_demo.py: scripts/demo failed\n{done.stdout}{done.stderr}")
    ranks = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("rank*.json"))]
    seconds = max(rank["seconds"] for rank in ranks)
    return seconds, sum(rank["samples"] for rank in ranks) / seconds / 1e6, sum(rank["bytes"] for rank in ranks) / seconds / 1e6


def tell(figure, unit, values):
    print(json.dumps({"figure": figure, "unit": unit, "value": round(statistics.median(values), 3),
                      "range": [round(min(values), 3), round(max(values), 3)], "runs": RUNS}), flush=True)


for figure, unit, values in zip(("seconds", "records", "bytes"), ("s", "million records/s", "MB/s"),
                                zip(*(demo() for _ in range(RUNS)))):
    tell(figure, unit, values)
