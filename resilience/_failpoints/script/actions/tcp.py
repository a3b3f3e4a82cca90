"""What can be done to a TCP connection, for all its life. The models are those of toxiproxy's toxics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from resilience._failpoints.script.actions.action import TCP, Action, Parameter, PlaceKind
from resilience._failpoints.script.quantities import (
    DURATION,
    FLAG,
    OFFSET,
    POSITIVE_DURATION,
    SIZE,
)


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Refuse(Action):
    """Refuse the connection, as a port does at which nobody listens."""

    word: ClassVar[str] = "refuse"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "2*refuse->off"


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Latency(Action):
    """Let each chunk leave later; order and throughput are kept.

    Attributes:
        delay: Nanoseconds.
        jitter: Nanoseconds more or less, drawn for each chunk.
    """

    word: ClassVar[str] = "latency"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "latency(100ms, jitter=20ms)"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("delay", POSITIVE_DURATION),
        Parameter("jitter", DURATION, is_required=False, is_named=True),
    )

    delay: int
    jitter: int | None = None


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Bandwidth(Action):
    """Let so many bytes through in a second, in each direction.

    Attributes:
        rate: Bytes per second.
    """

    word: ClassVar[str] = "bandwidth"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "bandwidth(64KB)"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("rate", SIZE),)

    rate: int


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Slices(Action):
    """Let bytes arrive in small pieces.

    Attributes:
        size: Bytes in a piece.
        pause: Nanoseconds between two pieces.
    """

    word: ClassVar[str] = "slice"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "slice(10, pause=5ms)"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("size", SIZE),
        Parameter("pause", DURATION, is_required=False, is_named=True),
    )

    size: int
    pause: int | None = None


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Limit(Action):
    """Close the connection after so many bytes of a direction: with FIN, or with RST.

    Attributes:
        size: Bytes.
        reset: Whether it ends with RST.
    """

    word: ClassVar[str] = "limit"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "1*limit(1KB, reset=True)->off"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("size", SIZE),
        Parameter("reset", FLAG, is_required=False, is_named=True),
    )

    size: int
    reset: bool | None = None


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Corrupt(Action):
    """Flip one bit of the byte at an offset of a direction.

    Attributes:
        offset: From 0.
    """

    word: ClassVar[str] = "corrupt"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "1*corrupt(100)->off"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("offset", OFFSET),)

    offset: int


@final
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SlowClose(Action):
    """Pass the end of the stream on later.

    Attributes:
        delay: Nanoseconds.
    """

    word: ClassVar[str] = "slow_close"
    places: ClassVar[frozenset[PlaceKind]] = TCP
    example: ClassVar[str] = "slow_close(5s)"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("delay", POSITIVE_DURATION),)

    delay: int
