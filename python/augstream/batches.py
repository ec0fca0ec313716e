# SPDX-License-Identifier: Apache-2.0
"""Batches: records in columns, and single records."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

import numpy as np

from augstream import _core
from augstream.errors import _make

if TYPE_CHECKING:
    import jax
    import torch

    from augstream.streams import Stream

__all__ = ["Batch", "Record"]


class Record(Mapping[str, Any]):
    """The parameters of one sample: record["rotation"] is a number, or an array for a column with a shape."""

    __slots__ = ("_batch", "_index")

    def __init__(self, batch: "Batch", index: int):
        self._batch = batch
        self._index = index

    def __getitem__(self, name: str) -> Any:
        return self._batch[name][self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch.keys())

    def __len__(self) -> int:
        return len(self._batch.keys())

    @property
    def sample_id(self) -> int:
        """The sample id."""
        return int(self["sample_id"])

    def label(self, name: str) -> Any:
        """The value of a choice, such as "rotate"; of a choice with a shape, an array of them."""
        return self._batch.labels(name)[self._index]

    def __reduce__(self) -> Any:
        return Record, (self._batch, self._index)

    def __repr__(self) -> str:
        return f"<augstream.Record {dict(self)!r}>"


class Batch(_core.Batch):
    """Records in columns. batch["rotation"] is a read-only NumPy view of the batch's memory.

    A batch is like a table: len() is the number of samples, iteration gives the names of the columns, dict(batch)
    gives all columns, and record(i) one row. Views keep the memory alive after the batch and the stream are gone.
    """

    __slots__ = ()

    @property
    def stream(self) -> "Stream":
        """The stream of the values, at the epoch of the batch."""
        stream = self._stream
        return stream if stream.epoch == self.epoch else stream.at_epoch(self.epoch)

    @property
    def sample_id(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """The sample ids."""
        return self["sample_id"]

    def items(self) -> "ItemsView[str, np.ndarray[Any, Any]]":
        """Names and columns."""
        return ItemsView(self)

    def values(self) -> "ValuesView[np.ndarray[Any, Any]]":
        """The columns."""
        return ValuesView(self)

    def record(self, index: int) -> Record:
        """The record of one row; negative numbers count from the end."""
        n = len(self)
        if not -n <= index < n:
            raise _make(-102, f"record {index} of a batch of {n}")
        return Record(self, index % n)

    def records(self) -> Iterator[Record]:
        """The records one after another."""
        return (Record(self, i) for i in range(len(self)))

    @property
    def positions(self) -> "np.ndarray[Any, np.dtype[np.int64]] | None":
        """The position of each sample in the epoch, padding too; None if the batch is a set of sample ids."""
        if self.first is None or self.stride is None:
            return None
        n = len(self) - self.n_padded
        own = self.first + self.stride * np.arange(n, dtype=np.int64)
        if self.n_padded == 0:
            return own
        stream = self.stream
        return np.concatenate([own, [stream.position(i) for i in self["sample_id"][n:].tolist()]]).astype(np.int64)

    @property
    def is_padding(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Which samples are padding: they repeat others, so that all ranks get equally many."""
        return np.arange(len(self)) >= len(self) - self.n_padded

    def labels(self, name: str) -> "np.ndarray[Any, Any]":
        """The values of a choice column instead of their indices."""
        info = None if name == "sample_id" else self.stream.preset.column(name)
        if info is None or info.kind != "choice":
            raise _make(-101, f"column {name!r} is no choice, so its values have no labels")
        names: np.ndarray[Any, Any] = np.asarray(info.choices)[self[name]]
        return names

    # -- Telling what the batch cost -----------------------------------------------------------------------------

    def observe(
        self,
        *,
        seconds: float | None = None,
        bytes: int | None = None,
        available_bytes: int | None = None,
        fits: bool = True,
    ) -> None:
        """Tells the strategy what the batch cost its consumer. Late feedback counts as well."""
        self._pipeline("observe")._observe(
            step=self.step,
            epoch=self.epoch,
            part=self.part,
            samples=None,
            seconds=seconds,
            bytes=bytes,
            available_bytes=available_bytes,
            fits=fits,
        )

    def retry(self, most_samples: int | None = None) -> None:
        """Says that the batch did not fit. Its samples come next, in parts of most_samples (half of it)."""
        pipeline = self._pipeline("retry")
        pipeline._retry(self.step, self.part, most_samples)

    def _pipeline(self, verb: str) -> _core.Pipeline:
        source = self._source
        if not isinstance(source, _core.Pipeline):
            raise _make(-103, f"{verb}: only a batch that stream.batches() handed out in this process has a strategy")
        return source

    # -- Other libraries -----------------------------------------------------------------------------------------

    def torch(self, *, copy: bool | None = None) -> "dict[str, torch.Tensor]":
        """The columns as tensors of the CPU.

        PyTorch cannot mark a tensor as read-only. So the tensors share the memory of the batch only if nobody else
        holds it yet, and writing to them then changes the batch. Otherwise they are one copy. copy=True always
        copies, copy=False never does.
        """
        try:
            from torch.utils.dlpack import from_dlpack
        except ImportError as problem:
            raise _missing("torch", problem) from problem
        batch = self
        if copy or (copy is None and self._is_shared):
            batch = _core.Batch._restore(self._stream, _core.Memory.from_bytes(self.memory), *self._parts())
        return {name: from_dlpack(batch.column(name).__dlpack__()) for name in batch.keys()}

    def jax(self) -> "dict[str, jax.Array]":
        """The columns as JAX arrays.

        Without jax_enable_x64 ids are int32, and a `seed` column is two uint32 per value, low half first. A stream of
        more than 2**31 samples is refused then.
        """
        try:
            import jax
            import jax.numpy as jnp
        except ImportError as problem:
            raise _missing("jax", problem) from problem
        wide = bool(jax.config.read("jax_enable_x64"))
        return {name: jnp.asarray(column if wide else _narrow(name, column)) for name, column in self.items()}

    # -- Pickling ------------------------------------------------------------------------------------------------

    def __reduce_ex__(self, protocol: Any) -> Any:
        """The stream's description and the bytes, without a copy where the protocol takes buffers out of band."""
        data = PickleBuffer(self.memory) if int(protocol) >= 5 else memoryview(self.memory).tobytes()
        return _restore, (self._stream, data, *self._parts())

    def __repr__(self) -> str:
        where = "" if self.step is None else f" of step {self.step}"
        return f"<augstream.Batch{where}: {len(self)} samples, {len(self.keys())} columns, epoch {self.epoch}>"


def _restore(stream: "Stream", data: Any, n: int, parts: Any) -> Batch:
    return _core.Batch._restore(stream, _core.Memory.from_bytes(data), n, parts)


def _narrow(name: str, column: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """A column of 64 bits as JAX takes it without x64."""
    if column.dtype == np.uint64:
        return np.ascontiguousarray(column)[..., np.newaxis].view(np.uint32)
    if column.dtype == np.int64:
        if column.size and column.max() > np.iinfo(np.int32).max:
            raise _make(-102, f"column {name!r} has an id that is no int32: set jax_enable_x64")
        return column.astype(np.int32)
    return column


def _missing(package: str, problem: ImportError) -> ImportError:
    return ImportError(f"this needs {package}: pip install 'augstream[{package}]' ({problem})", name=package)
