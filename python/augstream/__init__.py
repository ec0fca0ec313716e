# SPDX-License-Identifier: Apache-2.0
"""Augmentation parameters as a pure function of (preset, seed, epoch, sample id)."""

from augstream._core import CONTRACT_VERSION, __version__

__all__ = ["CONTRACT_VERSION", "__version__"]
