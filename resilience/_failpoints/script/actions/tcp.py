"""What can be done to a TCP connection, for all its life. The models are those of toxiproxy's toxics."""

from __future__ import annotations

from resilience._failpoints.script.actions.action import TCP, Action, Parameter, action
from resilience._failpoints.script.quantities import (
    DURATION,
    FLAG,
    OFFSET,
    POSITIVE_DURATION,
    SIZE,
)


@action
class Refuse(Action):
    """Refuse the connection, as a port does at which nobody listens."""

    word = "refuse"
    places = TCP
    example = "2*refuse->off"


@action
class Latency(Action):
    """Let each chunk leave later; order and throughput are kept.

    Attributes:
        delay: Nanoseconds.
        jitter: Nanoseconds more or less, drawn for each chunk.
    """

    word = "latency"
    places = TCP
    example = "latency(100ms, jitter=20ms)"
    parameters = (
        Parameter("delay", POSITIVE_DURATION),
        Parameter("jitter", DURATION, is_required=False, is_named=True),
    )

    delay: int
    jitter: int | None = None


@action
class Bandwidth(Action):
    """Let so many bytes through in a second, in each direction.

    Attributes:
        rate: Bytes per second.
    """

    word = "bandwidth"
    places = TCP
    example = "bandwidth(64KB)"
    parameters = (Parameter("rate", SIZE),)

    rate: int


@action
class Slices(Action):
    """Let bytes arrive in small pieces.

    Attributes:
        size: Bytes in a piece.
        pause: Nanoseconds between two pieces.
    """

    word = "slice"
    places = TCP
    example = "slice(10, pause=5ms)"
    parameters = (
        Parameter("size", SIZE),
        Parameter("pause", DURATION, is_required=False, is_named=True),
    )

    size: int
    pause: int | None = None


@action
class Limit(Action):
    """Close the connection after so many bytes of a direction: with FIN, or with RST.

    Attributes:
        size: Bytes.
        reset: Whether it ends with RST.
    """

    word = "limit"
    places = TCP
    example = "1*limit(1KB, reset=True)->off"
    parameters = (
        Parameter("size", SIZE),
        Parameter("reset", FLAG, is_required=False, is_named=True),
    )

    size: int
    reset: bool | None = None


@action
class Corrupt(Action):
    """Flip one bit of the byte at an offset of a direction.

    Attributes:
        offset: From 0.
    """

    word = "corrupt"
    places = TCP
    example = "1*corrupt(100)->off"
    parameters = (Parameter("offset", OFFSET),)

    offset: int


@action
class SlowClose(Action):
    """Pass the end of the stream on later.

    Attributes:
        delay: Nanoseconds.
    """

    word = "slow_close"
    places = TCP
    example = "slow_close(5s)"
    parameters = (Parameter("delay", POSITIVE_DURATION),)

    delay: int
