"""Fault scripts: which fault strikes at which call.

A script is a chain of terms, each an action and the number of calls it is for:

>>> script = fail(ConnectionError("refused")).times(3).then(passthrough())
>>> print(script)
3*raise(ConnectionError('refused'))->off
>>> script == Script.parse("3*raise(ConnectionError('refused'))->off")
True

Two rules cover everything:

- A term without a count is for every call from there on, so only the last term can do without.
- When all terms are used up, calls go through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

from resilience._failpoints.script.actions import MAX_COUNT, Off, Raise, Return, Sleep, Term
from resilience._failpoints.script.duration import from_seconds, parse_duration
from resilience._failpoints.script.exception_copy import fresh_copy
from resilience._failpoints.script.text import parse_terms
from resilience._failpoints.script.values import described

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


@final
@dataclass(frozen=True, slots=True, repr=False)
class Script:
    """A chain of terms; immutable, compared by value.

    Made by `fail`, `answer`, `delay` and `passthrough`, or by `Script.parse`; run by a `ScriptRun`.

    ``str()`` gives the text form, of which `parse` makes an equal script. An exception or value made in code may have
    no text form: it is shown as ``<...>``, which `parse` refuses rather than make something else of it.
    """

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("a script needs at least one term; passthrough() lets every call through")
        for term, following in pairwise(self.terms):
            if term.count is None:
                raise ValueError(
                    f"{term} has no count, so it is for every call and {following} after it is never reached: "
                    "write .times(n) before .then(...)"
                )

    @staticmethod
    def parse(text: str) -> Script:
        """Return the script that ``text`` describes; the grammar is in `resilience._failpoints.script.text`.

        Nothing in the text is evaluated. Values are literals; the one thing called is the class of an exception, and
        its module is imported for that.

        >>> Script.parse("2*off -> 1*sleep(1h30m) -> raise(TimeoutError)")
        <Script 2*off->1*sleep(5400)->raise(TimeoutError)>

        Raises:
            TypeError: Not a text.
            ScriptError: A text that is no script; the message shows the column.
        """
        if not isinstance(text, str):
            raise TypeError(f"Script.parse() takes a text, such as '3*return(500)->off'; got {described(text)}")
        return Script(parse_terms(text))

    def times(self, count: int) -> Script:
        """Return the script with its last term, which has no count yet, for ``count`` calls.

        Raises:
            TypeError: The count is not an int.
            ValueError: The count is not from 1 to 1000000000, or the term has one already.
        """
        if not _is_number(count, int):
            raise TypeError(f".times() takes a whole number of calls, such as .times(3); got {described(count)}")
        if not 1 <= count <= MAX_COUNT:
            raise ValueError(f".times() takes a number of calls from 1 to {MAX_COUNT}; got {described(count)}")
        last = self.terms[-1]
        if last.count is not None:
            raise ValueError(f"{last} has its count already: call .times() once for each term")
        return Script((*self.terms[:-1], replace(last, count=int(count))))

    def then(self, following: Script) -> Script:
        """Return the script with ``following`` for the calls after it.

        Raises:
            TypeError: What follows is no script.
            ValueError: The last term so far has no count, so that nothing after it would be reached.
        """
        if not isinstance(following, Script):
            raise TypeError(f".then() takes a script, such as passthrough(); got {described(following)}")
        return Script((*self.terms, *following.terms))

    def __str__(self) -> str:
        return "->".join(map(str, self.terms))

    def __repr__(self) -> str:
        return f"<Script {self}>"


def as_script(script: Script | str) -> Script:
    """Return a script as it is and a text parsed: for functions that take either.

    Raises:
        TypeError: Neither of them.
        ScriptError: A text that is no script.
    """
    if isinstance(script, Script):
        return script
    if isinstance(script, str):
        return Script.parse(script)
    raise TypeError(
        "expected a script, such as fail(ConnectionError('refused')).times(3) or "
        f"\"3*raise(ConnectionError('refused'))\"; got {described(script)}"
    )


def fail(error: BaseException | type[BaseException]) -> Script:
    """Return a script that raises ``error`` in place of every call; `Script.times` says of how many.

    Each call gets a copy of its own: same type, ``args``, attributes and cause, but no traceback. Any exception will
    do, ``asyncio.CancelledError`` and ``KeyboardInterrupt`` too. A class stands for what calling it without arguments
    makes. To find the text form, the class may be called again, with what the exception holds.

    >>> fail(ConnectionError("refused")).times(2)
    <Script 2*raise(ConnectionError('refused'))>

    Raises:
        TypeError: Not an exception, or a class that can't be called without arguments.
    """
    if isinstance(error, type) and issubclass(error, BaseException):
        try:
            return _script(Raise(error()))
        except Exception as problem:
            raise TypeError(
                f"{error.__qualname__} can't be made without arguments ({type(problem).__qualname__}: {problem}): "
                f"write fail({error.__qualname__}(...))"
            ) from problem
    if not isinstance(error, BaseException):
        raise TypeError(
            f"fail() takes an exception or its class, such as ConnectionError('refused'); got {described(error)}"
        )
    return _script(Raise(fresh_copy(error)))


def answer(value: object = None) -> Script:
    """Return a script that returns ``value`` in place of every call; `Script.times` says of how many.

    A list, dict or set made of literals is new for each call; any other object is handed out as it is.

    >>> answer(500).times(3).then(answer({"ok": True}))
    <Script 3*return(500)->return({'ok': True})>
    """
    return _script(Return(value).fresh())


def delay(seconds: float | str) -> Script:
    """Return a script that sleeps before it lets a call through; `Script.times` says how many.

    ``seconds`` is a number, or a duration such as ``"250ms"`` or ``"1h30m"``.

    >>> delay(1.5).times(1).then(delay("250ms"))
    <Script 1*sleep(1.5)->sleep(0.25)>

    Raises:
        TypeError: Neither a number nor a text.
        ValueError: Negative, NaN, longer than 292 years, or not a duration.
    """
    if isinstance(seconds, str):
        return _script(Sleep(parse_duration(seconds)))
    if not _is_number(seconds, int, float):
        raise TypeError(f"delay() takes seconds, such as 1.5, or a duration, such as '250ms'; got {described(seconds)}")
    return _script(Sleep(from_seconds(seconds)))


def passthrough() -> Script:
    """Return a script that lets every call through; `Script.times` says how many.

    With a count it picks the call that a fault strikes:

    >>> passthrough().times(2).then(fail(TimeoutError).times(1))
    <Script 2*off->1*raise(TimeoutError)>
    """
    return _script(Off())


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _script(action: Raise | Return | Sleep | Off) -> Script:
    return Script((Term(action),))
