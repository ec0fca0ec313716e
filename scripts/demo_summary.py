#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The summary of scripts/demo: what the ranks took, and whether it is the epoch, once."""
import json
import pathlib
import sys

import numpy as np

folder, samples, world_size = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
ranks = [json.loads((folder / f"rank{r}.json").read_text()) for r in range(world_size)]
chunks = json.loads((folder / "verify.json").read_text())

seen = np.zeros(samples, dtype=np.int64)
for r in range(world_size):
    ids = np.load(folder / f"rank{r}.npy")
    np.add.at(seen, ids.astype(np.int64), 1)
once = bool((seen == 1).all())
digest = sum(int(rank["digest"], 16) for rank in ranks) % 2**128
equal = digest == int(chunks["digest"], 16) and chunks["samples"] == samples

seconds = max(rank["seconds"] for rank in ranks)
total_bytes = sum(rank["bytes"] for rank in ranks)
total = sum(rank["samples"] for rank in ranks)
print("   rank   samples  batches  records/s     MB/s")
for rank in ranks:
    print("   %4d %9d %8d %10.0f %8.1f" % (rank["rank"], rank["samples"], rank["batches"],
                                           rank["records_per_s"], rank["mb_per_s"]))
print(f"samples over ZeroMQ:          {total:,} in {seconds:.2f} s")
print(f"together:                     {total / seconds:,.0f} records/s, {total_bytes / seconds / 1e6:,.1f} MB/s")
print(f"chunk files:                  {chunks['chunks']} with {chunks['samples']:,} samples, {chunks['bytes'] / 1e6:,.1f} MB")
print(f"every batch as made locally:  yes")
print(f"every position exactly once:  {'yes' if once else 'NO'}")
print(f"digest of the ranks:          {digest:032x}")
print(f"digest of the chunks:         {chunks['digest']}")
print(f"hashes equal:                 {'yes' if equal else 'NO'}")
sys.exit(0 if once and equal and total == samples else 1)
