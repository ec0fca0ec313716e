# SPDX-License-Identifier: Apache-2.0
"""Strategies: which positions go together in a batch.

A strategy of your own is a class with `plan`, and `observe` if it learns:

    class Growing:
        def __init__(self):
            self.size = 1

        def plan(self, facts):
            count = min(self.size, facts.left)
            self.size *= 2
            return count

    for batch in stream.batches(strategy=Growing): ...

The iterator makes the object, without arguments. It keeps it over epochs, which begin with facts.step == 0. The library
checks every span as it does for its own strategies: no position is lost or comes twice.
"""

from typing import NamedTuple, Protocol

from augstream import _core

__all__ = ["Facts", "Feedback", "Strategy", "strategy_names"]


class Facts(NamedTuple):
    """What a strategy sees before it plans a step. None = not known."""

    n_samples: int | None  #: positions to plan in all; None = endless
    step: int  #: steps that were planned before this one
    position: int  #: positions that were planned before it
    world_size: int  #: ranks that share the span
    sample_bytes: int | None  #: of one record
    memory_limit_bytes: int | None
    memory_used_bytes: int | None
    memory_available_bytes: int | None

    @property
    def left(self) -> int:
        """How many positions are left to plan."""
        return (1 << 56 if self.n_samples is None else self.n_samples) - self.position


class Feedback(NamedTuple):
    """What was seen of a batch after it was consumed. None = not known."""

    epoch: int
    step: int
    part: int
    n_samples: int  #: per rank
    seconds: float | None
    bytes: int | None
    available_bytes: int | None
    fits: bool  #: False: it needed more memory than there was


class Strategy(Protocol):
    """What `strategy=` takes: a class without required arguments.

    `plan` returns how many positions the next batch has for all ranks together, or (first, stride, count), or None at
    the end. A class attribute `fixed = True` promises that the plan depends on `step` and `n_samples` alone. A class
    may also have `observe(self, feedback)`.
    """

    def plan(self, facts: Facts, /) -> int | tuple[int, int, int] | None: ...


def strategy_names() -> tuple[str, ...]:
    """The names of the strategies that the library ships."""
    return _core.strategy_names()
