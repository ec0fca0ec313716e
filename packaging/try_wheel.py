#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What packaging/test-wheel does with the installed package.

usage: try_wheel.py COMMAND
"""

import json
import subprocess
import sys

import augstream as aug
import numpy as np


def run(*arguments: str) -> str:
    finished = subprocess.run(arguments, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return finished.stdout


def main() -> None:
    command = sys.argv[1]
    assert run(command, "--version").splitlines()[0] == f"augstream {aug.__version__}"
    assert run(sys.executable, "-m", "augstream", "--version") == run(command, "--version")
    # The same values in Python and from the command.
    text = run(
        command,
        "generate",
        "--preset",
        "simclr",
        "--seed",
        "42",
        "--samples",
        "50000",
        "--shuffle",
        "--count",
        "20",
        "--format",
        "jsonl",
    )
    records = [json.loads(line) for line in text.splitlines()]
    assert len(records) == 20
    stream = aug.Stream("simclr", seed=42, samples=50_000, shuffle=True)
    batch = stream[[record["sample_id"] for record in records]]
    for i, record in enumerate(records):
        np.testing.assert_array_equal(batch["crop.scale"][i], np.float32(record["crop.scale"]))
    wrong = subprocess.run(
        [command, "generate", "--preset", "simclt", "--seed", "1", "--samples", "9"], capture_output=True, text=True
    )
    assert wrong.returncode != 0 and "simclr" in wrong.stderr, wrong
    print("the package draws parameters, and the command answers the same values")


if __name__ == "__main__":
    main()
