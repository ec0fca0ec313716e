# SPDX-License-Identifier: Apache-2.0
"""Errors. Each is an `Error`, and also the exception of Python that says the same."""

from augstream import _core


class Error(Exception):
    """What augstream could not do. The text says what was wrong, where, and what is accepted.

    `status` is the number of the C library, such as -102, and `code` its name, such as "AUGS_E_RANGE".
    """

    status: int
    code: str

    def __init__(self, message: str, status: int = -101) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = _core.status_name(status)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (self.message, self.status)


class ArgumentError(Error, ValueError):
    """An argument is not acceptable."""


class RangeError(Error, ValueError, IndexError):
    """A number is outside of its range."""


class StateError(Error, RuntimeError):
    """The object is not in a state that allows this call."""


class UnsupportedError(Error, NotImplementedError):
    """This build or this contract does not support it."""


class NoMemoryError(Error, MemoryError):
    """There is no memory left."""


class MemoryLimitError(Error, MemoryError):
    """The memory limit is exceeded."""


class PresetError(Error, ValueError):
    """The preset has faults."""


class NotFoundError(Error, KeyError):
    """There is nothing of that name."""


class MissingFileError(NotFoundError, FileNotFoundError):
    """There is no such file."""


class TokenError(Error, ValueError):
    """The resume token is malformed or belongs to another stream."""


class FileError(Error, OSError):
    """Reading or writing failed."""


class NoSpaceError(FileError):
    """No space is left."""


class CorruptError(Error, ValueError):
    """The data is corrupt."""


class MismatchError(Error, ValueError):
    """The data belongs to another stream."""


class BusyError(Error, BlockingIOError):
    """Another process is at work there."""


class NetworkError(Error, ConnectionError):
    """The network failed."""


class TimedOutError(Error, TimeoutError):
    """Nobody answered in time."""


class ProtocolError(NetworkError):
    """The peer broke the protocol."""


class RefusedError(Error, ConnectionRefusedError):
    """The peer refused the request."""


class AddressError(Error, ValueError):
    """The endpoint cannot be used."""


class CancelledError(Error):
    """The caller asked to stop."""


class CallbackError(Error, RuntimeError):
    """A callback reported a failure."""


class PlanError(Error, RuntimeError):
    """The strategy planned a span that it may not plan."""


class InternalError(Error, RuntimeError):
    """A defect of augstream: please report it."""


_BY_STATUS: dict[int, type[Error]] = {
    -101: ArgumentError,
    -102: RangeError,
    -103: StateError,
    -104: UnsupportedError,
    -201: NoMemoryError,
    -202: MemoryLimitError,
    -301: PresetError,
    -302: NotFoundError,
    -303: TokenError,
    -401: FileError,
    -402: NoSpaceError,
    -403: CorruptError,
    -404: MismatchError,
    -405: BusyError,
    -501: NetworkError,
    -502: TimedOutError,
    -503: ProtocolError,
    -504: RefusedError,
    -505: AddressError,
    -601: CancelledError,
    -602: CallbackError,
    -603: PlanError,
    -901: InternalError,
}


def _make(status: int, message: str) -> Error:
    """The exception of a status. The compiled part calls it."""
    return _BY_STATUS.get(status, Error)(message, status)


def _no_column(name: object, names: tuple[str, ...]) -> Exception:
    """The exception for a column that a batch does not have. The compiled part calls it."""
    if not isinstance(name, str):
        return TypeError(f"a batch is indexed by the name of a column, not by {name!r}; record(i) gives a record")
    import difflib  # takes a while to import

    nearest = difflib.get_close_matches(name, names, 1)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    shown = ", ".join(names[:32]) + (", ..." if len(names) > 32 else "")
    return NotFoundError(f"there is no column {name!r}{hint}; the columns are: {shown}", -302)
