"""The text form of fault scripts.

::

    plan      = place "=" script (";" place "=" script)*      what RESILIENCE_FAILPOINTS holds
    script    = term ("->" term)*
    term      = modifier* action                              modifiers in any order, each at most once
    modifier  = count "*"                                     for so many calls
              | chance "%"                                    with this chance in per cent: 25%, 0.5%
              | "@" k                                         only the k-th call that reaches the place
              | "/" k                                         every k-th
              | "+" k                                         only after the first k
              | "[" from ".." to "]"                          only in this window since the script was armed; one side
                                                              may be left out: [10s..1m], [10s..], [..1m]
              | "after"                                       once the call has taken effect
    action    = "off"                                         let the call through
              | "raise" "(" exception ")"
              | "return" [ "(" literal ")" ]                  without a literal: None
              | "sleep" "(" duration [ ".." duration ] ")"    1.5, 250ms, 1h30m; a range is drawn from
              | "hang" | "pause" | "crash"
              | "status" "(" number [ "," text ] ["," "retry_after" "=" duration ] ["," "json" "=" literal ]
                         ["," "headers" "=" literal ] ")"
              | "truncate" "(" size | share ")"               100, 1KB, 50%
              | "garbage" | "reset" | "refuse"
              | "latency" "(" duration [ "," "jitter" "=" duration ] ")"
              | "bandwidth" "(" size ")"                      64KB (1000), 64KiB (1024); in a second
              | "slice" "(" size [ "," "pause" "=" duration ] ")"
              | "limit" "(" size [ "," "reset" "=" "True" ] ")"
              | "corrupt" "(" offset ")"
              | "slow_close" "(" duration ")"
    exception = name [ "(" arguments ")" ]                    literals, by keyword too; other exceptions for a group
    name      = a builtin's, module.Name, or module:Outer.Inner

A term without any modifier but ``after`` is for every call from there on, so only the last can do without. Spaces and
line breaks may stand between any of these. Inside quotes, ``->``, ``;`` and parentheses mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, final

from resilience._failpoints.script.actions import ACTIONS
from resilience._failpoints.script.actions.action import Action, PlaceKind
from resilience._failpoints.script.actions.functions import Raise, Return
from resilience._failpoints.script.arguments import literal_argument, read_exception, read_parameters
from resilience._failpoints.script.duration import parse_duration
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.quantities import MAX_COUNT
from resilience._failpoints.script.source import Source
from resilience._failpoints.script.term import MARKS, Term
from resilience._support.wording import did_you_mean

_COUNT: Final = re.compile(r"([0-9]+)\s*\*")
_CHANCE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_CALL: Final = re.compile(r"([@/+])\s*([0-9]+)")
_WINDOW: Final = re.compile(r"\[([^\]]*)\]")
_AFTER: Final = re.compile(r"after\b")
_UNFINISHED: Final = re.compile(r"[-+@/][0-9.]+\s*[%*]?|[0-9.]+\s*[%*]?|[@/+]")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_PLACE: Final = re.compile(r"[^=;\s][^=;]*")

_LONGEST_CHANCE: Final = 60
"""More digits than the smallest chance that a float holds exactly has use for; keeps float() from endless texts."""

_WORDS_OF_BUILDERS: Final = {
    "fail": "raise", "answer": "return", "delay": "sleep", "passthrough": "off", "slices": "slice",
}  # fmt: skip
"""Of the builders whose action is called otherwise in text, as its word is taken in Python."""

_FUNCTION: Final = "a failpoint or a function, such as Redis.connect or package.module:function, and '='"
_MODIFIERS: Final = "3* (a count), 25% (a chance), @2, /2, +2, [10s..1m] or after"


def parse_terms(text: str) -> tuple[Term, ...]:
    """Return the terms of a script; raise `ScriptError` for any other text."""
    source = Source(text, Raise.example)
    reader = _Reader(source, 0)
    terms = reader.guarded()
    if reader.position != len(text):
        raise reader.error("'->' and what follows, or the end of the script")
    return terms


def parse_plan(text: str, kind: PlaceKind | None = None) -> list[tuple[str, tuple[Term, ...]]]:
    """Return the places of a plan and the terms of each script; raise `ScriptError`, with the column of the whole.

    Args:
        text: The plan.
        kind: What its places are, where what these can't do is an error.
    """
    source = Source(text, f"Redis.connect={Raise.example}")
    plan: list[tuple[str, tuple[Term, ...]]] = []
    position = source.skip(0)
    while True:
        place = _PLACE.match(text, position)
        if place is None:
            raise source.error(position, "a place, such as Redis.connect, and '='")
        if kind == "function" and "://" in place[0]:
            raise source.error(position, _FUNCTION, found=f"'{place[0].rstrip()}'")
        equals = place.end()
        if not text.startswith("=", equals):
            raise source.error(equals, "'=' and a script after the place")
        reader = _Reader(source, equals + 1, kind)
        plan.append((place[0].rstrip(), reader.guarded()))
        position = reader.position
        if position == len(text):
            return plan
        if text[position] != ";":
            raise reader.error("'->' and what follows, ';' and the next place, or the end of the plan")
        position = source.skip(position + 1)
        if position == len(text):
            return plan


@final
class _Reader:
    """Reads a script from left to right.

    Attributes:
        position: Where it stands; never at a space.
    """

    def __init__(self, source: Source, start: int, kind: PlaceKind | None = None) -> None:
        self._actions = {word: each for word, each in ACTIONS.items() if kind is None or kind in each.places}
        self._expected = f"an action: {', '.join(self._actions)}"
        self._source = source
        self._text = source.text
        self.position = source.skip(start)

    def guarded(self) -> tuple[Term, ...]:
        """Read the terms; nesting that the interpreter can't read is an error as any other."""
        try:
            return self._terms()
        except (RecursionError, MemoryError):
            raise self._source.error(0, "values less deeply nested", found="more than can be read") from None

    def error(self, expected: str, *, found: str | None = None) -> ScriptError:
        return self._source.error(self.position, expected, found=found)

    def _terms(self) -> tuple[Term, ...]:
        terms: list[Term] = []
        while True:
            start = self.position
            term = self._term()
            terms.append(term)
            after = self.position
            if not self._text.startswith("->", after):
                return tuple(terms)
            if term.is_endless:
                raise self._source.error(
                    start,
                    "a count before it: without one it is for every call, and what follows '->' is never reached",
                    example=f"1*{self._text[start:after].rstrip()}->off",
                )
            self._move(after + len("->"))

    def _term(self) -> Term:
        start = self.position
        modifiers: dict[str, Any] = {}
        while (read := self._modifier()) is not None:
            name, value, end = read
            if name in modifiers:
                raise self.error(
                    f"{self._expected}; this modifier is there already", found=f"'{self._text[self.position : end]}'"
                )
            modifiers[name] = value
            self._move(end)
        term = replace(Term(self._action()), **modifiers)
        if term.contradiction is not None:
            raise self._source.error(
                start, f"a term that can strike: {term.contradiction}", found=f"'{self._text[start : self.position]}'"
            )
        return term

    def _modifier(self) -> tuple[str, object, int] | None:
        """The modifier that stands here: its field, its value, and where it ends."""
        if count := _COUNT.match(self._text, self.position):
            return "count", self._number(count[1], f"'{count[0]}'", "a count", "or none for every call"), count.end()
        if chance := _CHANCE.match(self._text, self.position):
            percent = float(chance[1]) if len(chance[1]) <= _LONGEST_CHANCE else 0.0
            if not 0 < percent <= 100:
                raise self.error("a chance above 0% and up to 100%", found=f"'{chance[0]}'")
            return "chance", percent, chance.end()
        if call := _CALL.match(self._text, self.position):
            return MARKS[call[1]], self._number(call[2], f"'{call[0]}'", "a call", ""), call.end()
        if self._text.startswith("[", self.position):
            return self._window()
        if after := _AFTER.match(self._text, self.position):
            return "after", True, after.end()
        if unfinished := _UNFINISHED.match(self._text, self.position):
            raise self.error(
                f"a modifier, such as {_MODIFIERS}, or {self._expected}", found=f"'{unfinished[0].rstrip()}'"
            )
        return None

    def _number(self, digits: str, found: str, what: str, otherwise: str) -> int:
        number = int(digits) if len(digits.lstrip("0")) <= len(str(MAX_COUNT)) else 0
        if not 1 <= number <= MAX_COUNT:
            rest = f", {otherwise}" if otherwise else ""
            raise self.error(f"{what} from 1 to {MAX_COUNT}{rest}", found=found)
        return number

    def _window(self) -> tuple[str, object, int]:
        written = _WINDOW.match(self._text, self.position)
        expected = "a window since the script was armed, such as [10s..1m], [10s..] or [..1m]"
        if written is None or ".." not in written[1]:
            raise self.error(expected, found=f"'{written[0]}'" if written else "'[' without its end")
        lower, _, upper = written[1].partition("..")
        start = self._edge(lower, written.start(1))
        end = self._edge(upper, written.start(1) + len(lower) + 2)
        if start is None and end is None:
            raise self.error(expected, found=f"'{written[0]}'")
        if start is not None and end is not None and start >= end:
            raise self.error("a window that ends after its start", found=f"'{written[0]}'")
        return "window", (start, end), written.end()

    def _edge(self, text: str, position: int) -> int | None:
        stripped = text.strip()
        return self._source.read(position + text.index(stripped), parse_duration, stripped) if stripped else None

    def _action(self) -> Action:
        word = _WORD.match(self._text, self.position)
        kind = self._actions.get(word[0]) if word else None
        if word is None or kind is None:
            if word is not None and word[0] in ACTIONS:
                raise self.error(self._expected, found=f"'{word[0]}', which is not for such a place")
            builder_s = _WORDS_OF_BUILDERS.get(word[0]) if word else None
            hint = (
                f" (in text it is {builder_s!r})" if builder_s else did_you_mean(word[0] if word else "", self._actions)
            )
            raise self.error(self._expected + hint)
        self._source.example = kind.example
        opening = self._source.skip(word.end())
        if not self._text.startswith("(", opening):
            self._move(word.end())
            return self._bare(kind)
        if kind is not Raise and kind is not Return and not kind.parameters:
            raise self._source.error(opening, f"'->' or the end of the script: {kind.word} takes no value")
        start = self._source.skip(opening + 1)
        if self._text.startswith("<", start):
            made = "a value: <...> stands for an object that was made in code and has no text form"
            raise self._source.error(start, made)
        closing = self._source.closing(opening)
        action = self._made(kind, start, closing)
        self._move(closing + 1)
        return action

    def _made(self, kind: type[Action], start: int, end: int) -> Action:
        if kind is Raise:
            error, text = read_exception(self._source, start, end)
            return Raise(error, f"raise({text})") if text else Raise(error)
        if kind is Return:
            return Return(literal_argument(self._source, start, end))
        return kind(**read_parameters(self._source, start, end, kind))

    def _bare(self, kind: type[Action]) -> Action:
        if kind is Raise:
            raise self.error("'(' and an exception, such as raise(ConnectionError('refused'))")
        if kind is Return:
            return Return(None)
        if kind.parameters:
            raise self.error(f"'(' and {kind.parameters[0].kind.expected}, as in {kind.example}")
        return kind()

    def _move(self, position: int) -> None:
        self.position = self._source.skip(position)
