# SPDX-License-Identifier: Apache-2.0
"""Augmentation parameters as a pure function of (preset, seed, epoch, sample id).

import augstream as aug

stream = aug.Stream("simclr", seed=42, samples=50_000, shuffle=True)
batch = stream[[17, 3, 99]]
batch["crop.scale"]                      # a read-only NumPy view
for batch in stream.batches(256): ...
"""

from augstream import errors
from augstream._core import CONTRACT_VERSION, __version__
from augstream.batches import Batch, Record
from augstream.errors import Error
from augstream.presets import ColumnInfo, Preset, preset_names
from augstream.strategies import Facts, Feedback, strategy_names
from augstream.streams import Batches, Stream

__all__ = [
    "CONTRACT_VERSION",
    "Batch",
    "Batches",
    "ColumnInfo",
    "Error",
    "Facts",
    "Feedback",
    "Preset",
    "Record",
    "Stream",
    "__version__",
    "errors",
    "preset_names",
    "strategy_names",
]
