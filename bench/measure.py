#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs parts of the measurements and writes what they print into docs/measurements.json.

usage: measure.py ROOT PART...

A program of a part prints JSON objects, one per line: {"figure": NAME, "unit", "value", "runs", ...} or a row
{"table": NAME, ...}. Each part is stored with its command, date, commit and machine; other parts stay as they are.
"""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import pages  # noqa: E402

PYTHON = "/usr/bin/python3"
BENCH = "build/release/bench"
COMMAND = "build/release/cli/augstream"
# With the peers that scripts/setup --frameworks installs, or without them.
FRAMEWORKS_PYTHON = next((path for path in ("build/frameworks-venv/bin/python", "build/venv/bin/python")
                          if pathlib.Path(path).exists()), PYTHON)
# Each part: the programs that print its figures.
PARTS = {
    "fill": [[PYTHON, "bench/bench_fill.py", BENCH + "/bench_fill"]],
    "network": [[BENCH + "/bench_network"]],
    "memory": [[PYTHON, "bench/bench_memory.py", COMMAND]],
    "decisions": [[BENCH + "/bench_decisions", "build"], [BENCH + "/bench_adaptive", "cost"]],
    "gates": [[BENCH + "/bench_gates"]],
    "adaptive": [[BENCH + "/bench_adaptive"], [BENCH + "/bench_adaptive", "late"], [BENCH + "/bench_adaptive", "worst"],
                 [BENCH + "/bench_adaptive", "random", "1000"]],
    "quantiles": [["build/release/tests/campaign_quantiles", "1000000"]],
    "consumer": [[PYTHON, "tests/test_memory_consumer.py", "build/release/tests/memory_consumer", "figures"]],
    "demo": [[PYTHON, "bench/bench_demo.py"]],
    "python": [[FRAMEWORKS_PYTHON, "-B", "bench/bench_python.py", BENCH + "/bench_batch", "build/release/libaugstream.so"]],
    "campaigns": [[PYTHON, "bench/bench_campaigns.py"]],
}


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def field_of(path, name):
    """The value of the first line `name ... : value` of a file of /proc or /etc."""
    try:
        text = pathlib.Path(path).read_text()
    except OSError:
        return ""
    found = re.search(rf'^{name}\s*[:=]\s*"?([^"\n]*)', text, re.M)
    return found.group(1) if found else ""


def machine():
    """What a reader has to know of the machine to compare figures."""
    kib = re.sub(r"\D", "", field_of("/proc/meminfo", "MemTotal")) or "0"
    flags = field_of("/proc/cpuinfo", "flags").split()
    return {
        "cpu": field_of("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in flags,
        "vectors": next((name for name in ("avx512f", "avx2", "sse2") if name in flags), "none"),
        "memory_gib": round(int(kib) / 2**20),
        "system": field_of("/etc/os-release", "PRETTY_NAME") or platform.platform(),
        "compiler": output_of("cc", "--version").split("\n")[0],
    }


def commit():
    """The commit that is measured; '+' stands for changes of sources that are in no commit."""
    changed = output_of("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!README.md")
    return output_of("git", "rev-parse", "--short=10", "HEAD") + ("+" if changed else "")


def take(part, n_cpus):
    """Runs the programs of a part: the entry for the file."""
    entry = {
        "command": f"scripts/bench {part}",
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "load_before": round(os.getloadavg()[0] / n_cpus, 2),
        "figures": {},
        "tables": {},
    }
    for program in PARTS[part]:
        process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            found = json.loads(line) if line.startswith("{") else {}
            if "figure" in found:
                entry["figures"][found.pop("figure")] = found
            elif "table" in found:
                entry["tables"].setdefault(found.pop("table"), []).append(found)
        if process.wait() != 0:
            sys.exit(f"scripts/bench: {' '.join(program)} ended with {process.returncode}: {part} stays as it was")
    return entry


def main():
    root, parts = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        print(f"scripts/bench: unknown part '{unknown[0]}'; accepted: {' '.join(PARTS)}", file=sys.stderr)
        return 2
    os.chdir(root)
    for part in parts:
        print(f"== {part}", file=sys.stderr)
        entry = take(part, os.cpu_count() or 1)
        measured = pages.read(root)
        measured[part] = entry
        pages.write(root, measured)
        print(pages.tables_of(measured, part))
    changed = pages.update(root)
    print("written: docs/measurements.json" + "".join(f", {page}" for page in changed), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
