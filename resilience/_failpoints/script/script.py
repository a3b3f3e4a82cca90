"""Fault scripts: which fault strikes at which call.

A script is a chain of terms. Each is an action with modifiers that say which calls it is for:

>>> from resilience.testing import fail, passthrough
>>> script = fail(ConnectionError("refused")).times(3).then(passthrough())
>>> print(script)
3*raise(ConnectionError('refused'))->off
>>> script == Script.parse("3*raise(ConnectionError('refused'))->off")
True

Two rules cover everything:

- Terms are asked in order; the first that applies to a call decides it, and when none applies the call goes through.
- A term without modifiers is for every call from there on, so only the last term can do without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

from resilience._failpoints.script.actions import ACTIONS
from resilience._failpoints.script.actions.action import PlaceKind
from resilience._failpoints.script.quantities import MAX_COUNT, check_duration, check_percent, checked, whole
from resilience._failpoints.script.term import Term
from resilience._failpoints.script.text import parse_terms
from resilience._failpoints.script.values import described

_CALL_NUMBER = whole("a whole number of calls", 1, MAX_COUNT)


@final
@dataclass(frozen=True, slots=True, repr=False)
class Script:
    """A chain of terms; immutable, compared by value.

    Made by the builders (`fail`, `answer`, `delay`, `status`, `latency`, ...) or by `Script.parse`. A modifier, such as
    `times`, belongs to the last term so far.

    ``str()`` gives the text form, of which `parse` makes an equal script. An exception or value made in code may have
    no text form: it is shown as ``<...>``, which `parse` refuses rather than make something else of it.

    Example:
        >>> from resilience.testing import status
        >>> status(503).times(2).then(status(429, retry_after=2).chance(5))
        <Script 2*status(503)->5%status(429, retry_after=2)>
    """

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("a script needs at least one term; passthrough() lets every call through")
        for term in self.terms:
            if term.contradiction is not None:
                raise ValueError(f"{term} can never strike so: {term.contradiction}")
        for term, following in pairwise(self.terms):
            if term.is_endless:
                raise ValueError(
                    f"{term} has no count, so it is for every call and {following} after it is never reached: "
                    "write .times(n) before .then(...)"
                )

    @staticmethod
    def parse(text: str) -> Script:
        """Return the script that ``text`` describes; the README has the grammar.

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
        """Return the script with its last term for ``count`` calls; ``3 * script`` is the same.

        Raises:
            TypeError: The count is not an int.
            ValueError: The count is not from 1 to 1000000000, or the term has one already.
        """
        return self._with("times", count=checked(".times()", _CALL_NUMBER.check, count))

    def __mul__(self, count: int) -> Script:
        return self.times(count)

    __rmul__ = __mul__

    def chance(self, percent: float) -> Script:
        """Return the script with its last term striking with a chance of ``percent`` per cent, above 0 and up to 100.

        The draws come from the seed of the test and from the place, so that a run can be repeated.
        """
        return self._with("chance", chance=checked(".chance()", check_percent, percent))

    def only(self, number: int) -> Script:
        """Return the script with its last term for the call of this number alone, counted from 1 since it was armed."""
        return self._with("only", only=checked(".only()", _CALL_NUMBER.check, number))

    def every(self, number: int) -> Script:
        """Return the script with its last term for every ``number``-th call since it was armed."""
        return self._with("every", every=checked(".every()", _CALL_NUMBER.check, number))

    def skip(self, number: int) -> Script:
        """Return the script with its last term for the calls after the first ``number`` since it was armed."""
        return self._with("skip", skip=checked(".skip()", _CALL_NUMBER.check, number))

    def between(self, start: float | str | None = None, end: float | str | None = None) -> Script:
        """Return the script with its last term for the calls from ``start`` until before ``end``.

        Both are seconds, or durations such as ``"10m"``, since the script was armed; None leaves that side open.
        """
        window = tuple(None if each is None else checked(".between()", check_duration, each) for each in (start, end))
        if window == (None, None):
            raise ValueError(".between() takes a start, an end, or both, such as .between('10s', '1m')")
        if None not in window and window[0] >= window[1]:  # type: ignore[operator]  # neither is None
            raise ValueError(f".between() takes an end after its start; got {described(start)} and {described(end)}")
        return self._with("between", window=window)

    def after_effect(self) -> Script:
        """Return the script with its last term striking once the call has taken effect: its answer is lost, or late."""
        return self._with("after_effect", after=True)

    def then(self, following: Script) -> Script:
        """Return the script with ``following`` for the calls to which no term so far applies.

        Raises:
            TypeError: What follows is no script.
            ValueError: The last term so far has no modifier, so that nothing after it would be reached.
        """
        if not isinstance(following, Script):
            raise TypeError(f".then() takes a script, such as passthrough(); got {described(following)}")
        return Script((*self.terms, *following.terms))

    def refusal_by(self, kind: PlaceKind) -> str | None:
        """Say what of the script a kind of place can't do, and what it can; None where it can do all."""
        refused = next((term.action for term in self.terms if kind not in term.action.places), None)
        if refused is None:
            return None
        able = [word for word, action in ACTIONS.items() if kind in action.places]
        return f"can't do {refused}: it can do {', '.join(able)}"

    def _with(self, method: str, **modifier: Any) -> Script:
        last = self.terms[-1]
        ((name, _),) = modifier.items()
        if getattr(last, name) not in {None, False}:
            raise ValueError(f"{last} has this modifier already: call .{method}() once for each term")
        return Script((*self.terms[:-1], replace(last, **modifier)))

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
