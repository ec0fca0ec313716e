#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak resident memory of server and subscriber against the number of samples.

usage: bench_memory.py PATH_OF_THE_COMMAND [SAMPLES...]

Each figure is a JSON object on a line: the median of three runs, the least and the most. Memory that grows with
the stream would show here.
"""
import json
import os
import statistics
import subprocess
import sys

command = sys.argv[1]
sizes = [int(float(text)) for text in sys.argv[2:]] or [10**5, 10**6, 10**7, 10**8]
BATCH = 8192
RUNS = 3


def peak_kib(process):
    """Waits for the end of a process: (exit status, peak resident KiB of it alone)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


def run(samples):
    server = subprocess.Popen(
        [command, "serve", "--preset", "moderate", "--seed", "1", "--samples", str(samples), "--world-size", "1",
         "--batch-size", str(BATCH), "--bind", "tcp://127.0.0.1:0", "--exit-when-done", "--quiet"],
        stdout=subprocess.PIPE, text=True)
    endpoint = server.stdout.readline().strip()
    rank = subprocess.Popen(
        [command, "subscribe", "--connect", endpoint, "--rank", "0", "--world-size", "1", "--quiet", "--json"],
        stdout=subprocess.DEVNULL)
    rank_status, rank_kib = peak_kib(rank)
    server_status, server_kib = peak_kib(server)
    if rank_status or server_status:
        sys.exit(f"bench_memory: server exit {server_status}, subscriber exit {rank_status}")
    return server_kib / 1024, rank_kib / 1024


for samples in sizes:
    for who, values in zip(("server", "subscriber"), zip(*(run(samples) for _ in range(RUNS)))):
        print(json.dumps({"figure": f"{who}_1e{len(str(samples)) - 1}", "unit": "MiB", "value": round(statistics.median(values), 2),
                          "range": [round(min(values), 2), round(max(values), 2)], "runs": RUNS}), flush=True)
