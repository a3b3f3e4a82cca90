"""The switch that turns all retries off, for tests that are about something else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

_blocks: Final[list[object]] = []


@contextlib.contextmanager
def retries_off() -> Iterator[None]:
    """Let every decorated callable make one attempt only, in all threads and tasks, for the length of a block.

    A call that fails gives up at once, with the reason ``attempts``, and raises what it would raise after its last
    attempt. Use it where a test wants the failure and not the waiting. Blocks of several threads may overlap in any
    way; it is a decorator as well.

    Example:
        ::

            @pytest.fixture(autouse=True)
            def no_retries():
                with resilience.testing.retries_off():
                    yield
    """
    block = object()
    try:
        _blocks.append(block)
        yield
    finally:
        with contextlib.suppress(ValueError):
            _blocks.remove(block)


def retries_are_off() -> bool:
    return bool(_blocks)
