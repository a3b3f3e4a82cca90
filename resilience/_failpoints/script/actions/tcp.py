"""What can be done to a TCP connection, for all its life. The models are those of toxiproxy's toxics."""

from __future__ import annotations

from resilience._failpoints.script.actions.action import TCP, Action, action, parameter
from resilience._failpoints.script.quantities import DURATION, FLAG, OFFSET, POSITIVE_DURATION, SIZE


@action
class Refuse(Action):
    """Refuse the connection, as a port does at which nobody listens."""

    word = "refuse"
    places = TCP
    example = "2*refuse->off"


@action
class Latency(Action):
    """Let each chunk leave later; order and throughput are kept."""

    word = "latency"
    places = TCP
    example = "latency(100ms, jitter=20ms)"

    delay: int = parameter(POSITIVE_DURATION)
    jitter: int | None = parameter(DURATION, default=None, is_named=True)


@action
class Bandwidth(Action):
    """Let so many bytes through in a second, in each direction."""

    word = "bandwidth"
    places = TCP
    example = "bandwidth(64KB)"

    rate: int = parameter(SIZE)


@action
class Slices(Action):
    """Let bytes arrive in small pieces."""

    word = "slice"
    places = TCP
    example = "slice(10, pause=5ms)"

    size: int = parameter(SIZE)
    pause: int | None = parameter(DURATION, default=None, is_named=True)


@action
class Limit(Action):
    """Close the connection after so many bytes of a direction: with FIN, or with RST."""

    word = "limit"
    places = TCP
    example = "1*limit(1KB, reset=True)->off"

    size: int = parameter(SIZE)
    reset: bool | None = parameter(FLAG, default=None, is_named=True)


@action
class Corrupt(Action):
    """Flip one bit of the byte at an offset of a direction."""

    word = "corrupt"
    places = TCP
    example = "1*corrupt(100)->off"

    offset: int = parameter(OFFSET)


@action
class SlowClose(Action):
    """Pass the end of the stream on later."""

    word = "slow_close"
    places = TCP
    example = "slow_close(5s)"

    delay: int = parameter(POSITIVE_DURATION)
