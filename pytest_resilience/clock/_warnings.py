"""What a clock complains of when it closes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_resilience.clock._bubble.history import Jump
from resilience.redact import redact
from resilience.testing import counted

_MOST = 3  # guesses, and names in each: the first show where to look, and `jumps` has all


class LeftoverThreadWarning(UserWarning):
    """Threads of a virtual clock were still there when it closed."""


class GuessWarning(UserWarning):
    """A virtual clock moved time on although something outside might still have happened first.

    How long the others take depends on the machine, so the test may take another course elsewhere. The text names them,
    and says what to write.
    """


def complaints(leftovers: Sequence[str], jumps: Sequence[Jump]) -> Iterator[UserWarning]:
    """What to say of a clock: of the threads, by name, that it has left behind, and of the guesses among its jumps."""
    if leftovers:
        alone = len(leftovers) == 1
        are, they, them, waits = ("was", "It runs", "it", "waits") if alone else ("were", "They run", "them", "wait")
        names = redact(", ".join(map(repr, leftovers)))
        yield LeftoverThreadWarning(
            f"{counted(len(leftovers), 'thread')} of the virtual clock {are} still there at its end: "
            f"{names}. {they} in real time from now on, and {waits} for a timeout until the process ends at the "
            f"latest; end and join {them} inside the test."
        )
    guesses = [jump for jump in jumps if jump.guess]
    if guesses:
        lines = [
            f"  from {jump.start:g} s to {jump.end:g} s, after a while without a sign of life from "
            f"{_few(jump.waited_for)}; thread {jump.thread!r} had waited for {jump.reason}"
            for jump in guesses[:_MOST]
        ]
        if len(guesses) > _MOST:
            lines.append(f"  and {counted(len(guesses) - _MOST, 'time')} more, which `clock.jumps` has")
        told = redact("\n".join(lines))
        yield GuessWarning(
            f"the virtual clock guessed {counted(len(guesses), 'time')} that nothing more would come from outside, and "
            f"moved on:\n{told}\n"
            "What is outside takes real time, so the test may take another course on another machine. Start it inside "
            "the clock, if it is yours; if it is sure to act, keep time where it is: `with virtual_clock.hold(): ...` "
            "around the wait; if it needs longer, give it more real seconds: VirtualClock(grace=5) or "
            "@pytest.mark.virtual_clock(grace=5); if it won't act, allow the guess: "
            "@pytest.mark.filterwarnings('ignore::pytest_resilience.GuessWarning')"
        )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
