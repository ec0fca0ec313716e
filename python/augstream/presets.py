# SPDX-License-Identifier: Apache-2.0
"""Presets: columns with their distributions, as data."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from augstream import _core
from augstream.errors import Error, MissingFileError, _make, _no_column

__all__ = ["ColumnInfo", "Preset", "preset_names"]


class ColumnInfo(NamedTuple):
    """What a preset says about one column."""

    name: str
    kind: str  #: such as "uniform"
    dtype: str  #: "f32", "i32", "i64", "u64" or "bool"
    shape: int  #: elements per sample
    width: int  #: values per element: k of a permutation, else 1
    numbers: dict[str, float]  #: such as {"low": -30.0, "high": 30.0}
    choices: tuple[str | float, ...]  #: the values of a choice; () for other kinds
    weights: tuple[float, ...]  #: their weights
    unit: str
    doc: str
    source: str
    mean: float | None  #: exact, without the gate; None = there is none
    std_dev: float | None
    gate: str | None  #: the column that opens this one
    gate_value: str | bool | None  #: the value that opens it


def preset_names() -> tuple[str, ...]:
    """The names of the presets that the package ships."""
    return tuple(_core.shipped_presets())


def _json(value: object) -> str:
    import json  # not needed for presets by name

    return json.dumps(value)


def _overrides(changes: Mapping[str, object] | Iterable[str] | None) -> tuple[str, ...]:
    if changes is None:
        return ()
    if isinstance(changes, str):
        return (changes,)
    if isinstance(changes, Mapping):
        return tuple(f"{path}={value if isinstance(value, str) else _json(value)}" for path, value in changes.items())
    return tuple(changes)


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml", ".json"))


def _read(path: str) -> bytes:
    """A file's bytes; if it cannot be read, the library says why."""
    try:
        with open(path, "rb") as file:
            return file.read((1 << 20) + 1)
    except OSError as problem:
        try:
            _core.Preset(path, None, None, ())
        except Error as error:
            raise (
                MissingFileError(error.message, error.status) if isinstance(problem, FileNotFoundError) else error
            ) from None
        raise


class Preset(_core.Preset):
    """A preset by name, by the path of a file, as YAML or JSON text, or as a dict.

    `set` changes numbers before the preset is checked: {"rotation.uniform[0]": -15} or ["rotation.uniform[0]=-15"].
    A preset never changes. It is pickled as its text, so the other process needs no file.
    """

    __slots__ = ("_description",)
    _description: tuple[bytes, str, tuple[str, ...]]

    def __new__(
        cls,
        preset: "str | os.PathLike[str] | Mapping[str, Any]",
        *,
        set: Mapping[str, object] | Iterable[str] | None = None,
    ) -> "Preset":
        overrides = _overrides(set)
        if isinstance(preset, Mapping):
            return cls._open(_json({"augstream": 1, **preset}).encode(), "dict", overrides)
        if isinstance(preset, os.PathLike):
            path = os.fspath(preset)
            return cls._open(_read(path), path, overrides)
        if not isinstance(preset, str):
            raise TypeError(f"preset takes a name, a path, a text or a dict, not {type(preset).__name__}")
        if "\n" in preset or preset.lstrip().startswith("{"):
            return cls._open(preset.encode(), "text", overrides)
        if _is_path(preset):
            return cls._open(_read(preset), preset, overrides)
        text = _core.shipped_presets().get(preset)
        if text is None:
            _core.Preset(preset, None, None, ())  # raises, and names the nearest
            raise _make(-302, f"there is no preset {preset!r}")
        return cls._open(text.encode(), preset, overrides)

    @classmethod
    def _open(cls, text: bytes, origin: str, overrides: tuple[str, ...]) -> "Preset":
        self = super().__new__(cls, None, text, origin, overrides)
        self._description = (text, origin, overrides)
        return self

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The columns in order, without `sample_id`."""
        return tuple(ColumnInfo(**info) for info in self._columns())

    def column(self, name: str) -> ColumnInfo:
        """The column of a name."""
        columns = {info.name: info for info in self.columns}
        if name not in columns:
            raise _no_column(name, tuple(columns))
        return columns[name]

    def __reduce__(self) -> Any:
        return Preset._open, self._description

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preset) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"<augstream.Preset {self.name!r}: {len(self.columns)} columns>"
