"""The exceptions that the kit itself raises; everything else is the user's own."""

from __future__ import annotations

__all__ = ["Crash", "DeadlineExceededError", "MissingExtraError"]


class MissingExtraError(ImportError):
    """An optional dependency is needed and not installed.

    The text names the one command that cures it.

    >>> print(MissingExtraError("sharing the alert window through Redis", extra="redis"))
    sharing the alert window through Redis needs an optional dependency: pip install 'pytest-resilience[redis]'
    """

    def __init__(self, purpose: str, *, extra: str) -> None:
        super().__init__(f"{purpose} needs an optional dependency: pip install 'pytest-resilience[{extra}]'")
        self.extra = extra


class DeadlineExceededError(TimeoutError):
    """An async attempt was cut off at the deadline of its call, which ``timeout=`` has set.

    Attributes:
        deadline_ns: The deadline, in nanoseconds of ``time.monotonic_ns()``.
    """

    def __init__(self, deadline_ns: int) -> None:
        super().__init__("the attempt was cut off at the deadline of its call")
        self.deadline_ns = deadline_ns

    def __reduce__(self) -> tuple[type[DeadlineExceededError], tuple[int]]:
        return type(self), (self.deadline_ns,)


class Crash(BaseException):  # the field's own word
    """The program dies here, says a fault script: what comes after it is as after SIGKILL.

    A `BaseException`, so that no handler of the code under test goes on. In a process other than the test's own a
    ``crash`` is SIGKILL itself.
    """
