# SPDX-License-Identifier: Apache-2.0
"""Streams: the values of one epoch of one seeded preset, and iterators of their batches."""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

from augstream import _core
from augstream.batches import Batch, Record
from augstream.errors import _make
from augstream.presets import ColumnInfo, Preset, _overrides
from augstream.strategies import Strategy

__all__ = ["Batches", "Stream"]

_CHUNK = 256  # records that iteration makes at once


class Stream(_core.Stream):
    """Values as a function of (preset, seed, epoch, sample id).

        stream = Stream("simclr", seed=42, samples=50_000, shuffle=True)
        stream[[17, 3, 99]]        # a Batch of these sample ids
        stream[17]["crop.scale"]   # one record
        stream.at_epoch(3)         # the same stream at another epoch

    What stands in the brackets are sample ids: one, a slice, or a row of them in any order. Iteration gives the
    records in the order of the epoch, which `shuffle` changes. samples=None is a stream without an end.
    A stream never changes, and any number of threads may read it.
    """

    __slots__ = ()

    def __new__(
        cls,
        preset: "Preset | str | os.PathLike[str] | Mapping[str, Any]",
        *,
        seed: int,
        samples: int | None = None,
        shuffle: bool = False,
        epoch: int = 0,
        set: Mapping[str, object] | Iterable[str] | None = None,
    ) -> "Stream":
        if not isinstance(preset, Preset):
            preset = Preset(preset, set=set)
        elif set is not None:
            text, origin, overrides = preset._description
            preset = Preset._open(text, origin, overrides + _overrides(set))
        return super().__new__(cls, preset, seed, samples, epoch, shuffle)

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The columns of the preset, without `sample_id`."""
        return self.preset.columns

    def __iter__(self) -> Iterator[Record]:
        first = 0
        while self.samples is None or first < self.samples:
            count = _CHUNK if self.samples is None else min(_CHUNK, self.samples - first)
            yield from self.span(first, count).records()
            first += count

    def __contains__(self, sample_id: object) -> bool:
        return isinstance(sample_id, int) and 0 <= sample_id < (1 << 56 if self.samples is None else self.samples)

    def batches(
        self,
        batch_size: int | None = None,
        *,
        strategy: "str | type[Strategy]" = "sequential",
        rank: int = 0,
        world_size: int = 1,
        last_batch: Literal["keep", "drop", "fill", "merge"] = "keep",
        tail: Literal["pad", "drop", "uneven"] = "pad",
        rank_layout: Literal["interleaved", "block"] = "interleaved",
        first_position: int = 0,
        n_positions: int | None = None,
        min_batch_size: int | None = None,
        max_batch_size: int | None = None,
        multiple_of: int | None = None,
        batches: int | None = None,
        deal_window: int | None = None,
        max_memory_bytes: int | None = None,
        memory_safety: float | None = None,
        memory_rule: Literal["budget", "published"] | None = None,
        target_seconds: float | None = None,
        target_memory: float | None = None,
        max_growth: float | None = None,
        max_reduction: float | None = None,
        feedback: Literal["timed", "told"] = "timed",
        journal: "str | os.PathLike[str] | None" = None,
        replay: "str | os.PathLike[str] | None" = None,
        token: str | None = None,
        metrics: bool | int = False,
        progress: bool = False,
    ) -> "Batches":
        """An iterator of the batches of one epoch for one rank.

        strategy: "sequential", "round_robin", "memory_optimized", "adaptive", or a class of your own (see
            augstream.strategies).
        last_batch: what happens to a short batch at the end. tail: what happens where the world size does not divide
            a batch of all ranks.
        feedback: "timed" measures the time between two batches, if batch.observe() tells nothing. "told" measures
            nothing, for loaders that have several batches under way.
        journal: a file that keeps the sizes of a strategy that learns. replay: a journal that is repeated exactly.
        token: where to go on, from Batches.token().
        metrics: True keeps the figures of the last 4,096 batches, a number that many.
        progress: shows a bar of the samples (needs tqdm).

        The other arguments belong to single strategies: docs/strategies.md. None is the default of the strategy.
        """
        given = {name: value for name, value in locals().items() if name in _PLAN_NAMES and value is not None}
        for name in ("journal", "replay"):
            if name in given:
                given[name] = os.fspath(given[name])
        iterator = Batches._open(self, strategy, given, metrics, progress)
        if token is not None:
            iterator.resume(token)
        return iterator

    def __reduce__(self) -> Any:
        return _open_stream, (self.preset, self.seed, self.samples, self.epoch, self.shuffle)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return self.fingerprint == other.fingerprint and self.epoch == other.epoch

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.epoch))

    def __repr__(self) -> str:
        n = "endless" if self.samples is None else f"samples={self.samples}"
        order = ", shuffle=True" if self.shuffle else ""
        return f"<augstream.Stream {self.preset.name!r}: seed={self.seed}, {n}{order}, epoch={self.epoch}>"


_PLAN_NAMES = frozenset(
    "batch_size rank world_size last_batch tail rank_layout first_position n_positions min_batch_size max_batch_size "
    "multiple_of batches deal_window max_memory_bytes memory_safety memory_rule target_seconds target_memory "
    "max_growth max_reduction feedback journal replay".split()
)


def _open_stream(preset: Preset, seed: int, samples: int | None, epoch: int, shuffle: bool) -> Stream:
    """Opens a pickled stream. Streams never change, so equal ones are one object."""
    return _opened(preset, seed, samples, epoch, shuffle)


def _open_anew(preset: Preset, seed: int, samples: int | None, epoch: int, shuffle: bool) -> Stream:
    return Stream(preset, seed=seed, samples=samples, epoch=epoch, shuffle=shuffle)


_opened = functools.lru_cache(maxsize=32)(_open_anew)


class _Bar(Protocol):
    def update(self, n: int) -> Any: ...
    def close(self) -> None: ...


class Batches(_core.Pipeline):
    """The batches of one epoch for one rank, one after another. Made by Stream.batches().

    Several threads may share one iterator: each batch goes to one of them. An iterator is pickled as its description,
    and goes on at the same batch in the other process.
    """

    _options: tuple[Any, dict[str, Any], Any, bool]
    _bar: "_Bar | None" = None

    @classmethod
    def _open(cls, stream: Stream, strategy: Any, given: dict[str, Any], metrics: Any, progress: bool) -> "Batches":
        kind = _ShownBatches if progress else Batches
        self = kind.__new__(kind, stream, strategy, given, metrics)
        self._options = (strategy, given, metrics, progress)
        return self

    def observe(
        self,
        *,
        step: int | None = None,
        epoch: int | None = None,
        part: int | None = None,
        samples: int | None = None,
        seconds: float | None = None,
        bytes: int | None = None,
        available_bytes: int | None = None,
        fits: bool = True,
    ) -> None:
        """Tells what a batch cost; without a step, the batch that was handed out last."""
        self._observe(
            step=step,
            epoch=epoch,
            part=part,
            samples=samples,
            seconds=seconds,
            bytes=bytes,
            available_bytes=available_bytes,
            fits=fits,
        )

    def retry(self, step: int | None = None, *, part: int | None = None, most_samples: int | None = None) -> None:
        """Gives the samples of a batch that did not fit again; without a step, of the last one."""
        self._retry(step, part, most_samples)

    def save_metrics(self, path: "str | os.PathLike[str]") -> None:
        """Writes the figures of the last batches and their summary as JSON Lines."""
        self._save_metrics(os.fspath(path))

    def state_dict(self) -> dict[str, Any]:
        """Where the iterator is: what load_state_dict takes."""
        return {"augstream": 1, "token": self.token()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where state_dict was called, also with another rank, world size or batch size."""
        if not isinstance(state, Mapping) or not isinstance(state.get("token"), str):
            raise _make(-303, "load_state_dict takes what state_dict returned: a dict with a token")
        self.resume(state["token"])

    def __enter__(self) -> "Batches":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        strategy, given, metrics, progress = self._options
        return _open_batches, (self.stream, strategy, given, metrics, progress, self.token())


class _ShownBatches(Batches):
    """With a bar of the samples."""

    def __next__(self) -> Batch:
        try:
            batch = super().__next__()
        except BaseException:
            if self._bar is not None:
                self._bar.close()
                self._bar = None
            raise
        if self._bar is None:
            try:
                from tqdm.auto import tqdm
            except ImportError as problem:
                raise ImportError(
                    f"progress=True needs tqdm: pip install 'augstream[progress]' ({problem})", name="tqdm"
                ) from problem
            self._bar = tqdm(total=_samples_of_rank(self), unit=" samples")
        self._bar.update(len(batch))
        return batch


def _samples_of_rank(batches: Batches) -> int | None:
    """About how many samples the rank gets: the total of the bar."""
    _, given, _, _ = batches._options
    n = batches.stream.samples
    if "n_positions" in given:
        n = given["n_positions"]
    elif n is not None:
        n -= given.get("first_position", 0)
    return None if n is None else -(-n // given.get("world_size", 1))


def _open_batches(
    stream: Stream, strategy: Any, given: dict[str, Any], metrics: Any, progress: bool, token: str
) -> Batches:
    batches = Batches._open(stream, strategy, given, metrics, progress)
    batches.resume(token)
    return batches
