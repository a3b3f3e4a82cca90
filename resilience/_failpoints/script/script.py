"""Fault scripts: which fault strikes at which call.

A script is a chain of terms, each an action and the number of calls it is for:

>>> outage = Script.parse("raise(ConnectionError('refused'))").times(3)
>>> print(outage.then(Script.parse("off")))
3*raise(ConnectionError('refused'))->off

Two rules cover everything:

- A term without a count is for every call from there on, so only the last term can do without.
- When all terms are used up, calls go through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

from resilience._failpoints.script.action import Action, Place, listed
from resilience._failpoints.script.term import MAX_COUNT, Term
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
        if not is_number(count, int):
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


def as_script(script: Script | str, place: Place) -> Script:
    """Return a script as it is and a text parsed, for functions that take either, once the place can do it all.

    Raises:
        TypeError: Neither of them.
        ScriptError: A text that is no script.
        ValueError: An action that the place can't do; the text names those that it can.
    """
    if isinstance(script, str):
        script = Script.parse(script)
    if not isinstance(script, Script):
        raise TypeError(
            "expected a script, such as fail(ConnectionError('refused')).times(3) or "
            f"\"3*raise(ConnectionError('refused'))\"; got {described(script)}"
        )
    for term in script.terms:
        if place not in term.action.places:
            raise ValueError(f"{term.action} is nothing that {place} can do, which is {listed(place)}")
    return script


def script_of(action: Action) -> Script:
    """Return the script that does this to every call: what the builders return."""
    return Script((Term(action),))


def is_number(value: object, *kinds: type) -> bool:
    """Tell whether a value is of one of these types of numbers, and no bool."""
    return isinstance(value, kinds) and not isinstance(value, bool)
