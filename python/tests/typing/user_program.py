# SPDX-License-Identifier: Apache-2.0
"""A user's typed program: mypy and pyright check it, strictly, and it runs."""

from __future__ import annotations

import pathlib
import tempfile
from typing import assert_type

import augstream as aug
import numpy as np
import numpy.typing as npt


class Doubling:
    """A strategy of the user's own."""

    def __init__(self) -> None:
        self.size = 1

    def plan(self, facts: aug.Facts, /) -> int:
        count = min(self.size, facts.left)
        self.size *= 2
        return count

    def observe(self, feedback: aug.Feedback, /) -> None:
        if not feedback.fits:
            self.size = max(1, self.size // 4)


def rotations(batch: aug.Batch) -> npt.NDArray[np.float32]:
    column: npt.NDArray[np.float32] = batch["rotation"]
    return column


def main() -> None:
    stream = aug.Stream("moderate", seed=7, samples=1_000, shuffle=True, set={"rotation.uniform[0]": -20})
    assert_type(stream.samples, int | None)
    assert_type(stream.at_epoch(3), aug.Stream)
    assert_type(stream[17], aug.Record)
    assert_type(stream[[17, 3]], aug.Batch)
    assert_type(stream[np.arange(4)], aug.Batch)
    assert_type(stream[2:9], aug.Batch)
    assert_type(stream.preset, aug.Preset)
    assert_type(stream.columns[0].mean, float | None)
    for record in stream:
        assert_type(record, aug.Record)
        break

    batches = stream.batches(64, rank=0, world_size=4, last_batch="keep", tail="pad")
    assert_type(batches, aug.Batches)
    for batch in batches:
        assert_type(batch, aug.Batch)
        ids: npt.NDArray[np.int64] = batch.sample_id
        assert ids.ndim == 1
        assert_type(batch.step, int | None)
        batch.observe(seconds=0.1, bytes=1 << 20)
        print(rotations(batch).mean(), batch.keys(), batch.stream.epoch)
        break
    other = stream.batches(64, token=batches.token())
    other.load_state_dict(batches.state_dict())

    with tempfile.TemporaryDirectory() as folder:
        journal = pathlib.Path(folder) / "plan.jsonl"
        with stream.batches(strategy="adaptive", journal=journal, feedback="told", metrics=True) as learning:
            for batch in learning:
                batch.observe(seconds=0.001 * len(batch), fits=True)
        sizes = [len(batch) for batch in stream.batches(replay=journal)]
    print(sizes, [len(batch) for batch in stream.batches(strategy=Doubling)])

    try:
        stream[5_000]
    except aug.Error as error:
        assert_type(error.status, int)
        assert_type(error.code, str)
        print(error.code, error)
    except IndexError:
        raise


if __name__ == "__main__":
    main()
