"""The text form of fault scripts.

::

    script    = term ("->" term)*
    term      = modifier* action
    modifier  = count "*"                               for so many calls; without it, for every call from there on
    action    = "raise" "(" exception ")"
              | "return" [ "(" literal ")" ]            without a literal: None
              | "sleep" "(" seconds | duration ")"      1.5, 250ms, 1h30m
              | "off"                                   let the call through
    exception = name [ "(" arguments ")" ]              literals, by keyword too; other exceptions for a group
    name      = a builtin's, module.Name, or module:Outer.Inner

Spaces and line breaks may stand between any of these. Inside quotes, ``->`` and parentheses mean nothing.
"""

from __future__ import annotations

import re
from typing import final

from resilience._failpoints.script.actions import MAX_COUNT, Action, Off, Raise, Return, Sleep, Term
from resilience._failpoints.script.arguments import (
    exception_arguments,
    exception_class,
    literal_argument,
    make_exception,
)
from resilience._failpoints.script.duration import DurationError, parse_duration
from resilience._failpoints.script.error import ScriptError, Source
from resilience._failpoints.script.exception_names import closest
from resilience._failpoints.script.values import call_text, exception_text

_COUNT = re.compile(r"([0-9]+)\s*\*")
_MODIFIER = re.compile(r"[-+@/][0-9.]+\s*[%*]?|[0-9.]*\s*[%*]?")  # where only a count is known
_WORD = re.compile(r"[^\W\d]\w*")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")

_ACTIONS = "raise(...), return(...), sleep(...) or off"
_EXAMPLES = {
    "raise": "3*raise(ConnectionError('refused'))->off",
    "return": "2*return({'ok': False})->off",
    "sleep": "1*sleep(250ms)->off",
    "off": "2*off->1*raise(TimeoutError)",
}


__tracebackhide__ = True  # a mistake in a script is shown where the script is written


def parse_terms(text: str) -> tuple[Term, ...]:
    """Return the terms of a script, of which all but the last have a count; raise `ScriptError` for any other text."""
    source = Source(text, _EXAMPLES["raise"])
    try:
        return _Reader(source).terms()
    except (RecursionError, MemoryError):
        raise source.error(0, "values less deeply nested", found="more than can be read") from None


@final
class _Reader:
    """Reads a script from left to right."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.text
        self._position = source.skip(0)  # never at a space

    def terms(self) -> tuple[Term, ...]:
        terms: list[Term] = []
        while True:
            start = self._position
            count = self._count()
            terms.append(Term(self._action(), count))
            after = self._position
            if after == len(self._text):
                return tuple(terms)
            if not self._text.startswith("->", after):
                raise self._error("'->' and what follows, or the end of the script")
            if count is None:
                raise self._source.error(
                    start,
                    "a count before it: without one it is for every call, and what follows '->' is never reached",
                    example=f"1*{self._text[start:after].rstrip()}->off",
                )
            self._move(after + len("->"))

    def _count(self) -> int | None:
        count: int | None = None
        while self._position < len(self._text) and not _WORD.match(self._text, self._position):
            written = _COUNT.match(self._text, self._position)
            if written is None:
                modifier = _MODIFIER.match(self._text, self._position)
                found = modifier and modifier[0].rstrip()
                raise self._error(f"a count, such as 3*, or {_ACTIONS}", found=f"'{found}'" if found else None)
            if count is not None:
                raise self._error(f"{_ACTIONS}, after one count at most", found=f"'{written[0]}'")
            count = int(written[1]) if len(written[1]) <= len(str(MAX_COUNT)) else 0
            if not 1 <= count <= MAX_COUNT:
                raise self._error(f"a count from 1 to {MAX_COUNT}, or none for every call", found=f"'{written[0]}'")
            self._move(written.end())
        return count

    def _action(self) -> Action:
        word = _WORD.match(self._text, self._position)
        name = word[0] if word else ""
        if word is None or name not in _EXAMPLES:
            raise self._error(_ACTIONS + closest(name, _EXAMPLES))
        self._source.example = _EXAMPLES[name]
        self._move(word.end())
        opening = self._position
        if not self._text.startswith("(", opening):
            return self._bare(name)
        if name == "off":
            raise self._error("'->' or the end of the script: off takes no value")
        start = self._source.skip(opening + 1)
        if self._text.startswith("<", start):
            made = "a value: <...> stands for an object that was made in code and has no text form"
            raise self._source.error(start, made)
        closing = self._source.closing(opening)
        action: Action
        match name:
            case "raise":
                action = self._raise(start, closing)
            case "return":
                action = Return(literal_argument(self._source, start, closing))
            case _:
                action = self._sleep(start, closing)
        self._move(closing + 1)
        return action

    def _bare(self, name: str) -> Return | Off:
        match name:
            case "off":
                return Off()
            case "return":
                return Return(None)
            case "raise":
                raise self._error("'(' and an exception, such as raise(ConnectionError('refused'))")
            case _:
                raise self._error("'(' and how long, such as sleep(1.5), sleep(250ms) or sleep(1h30m)")

    def _raise(self, start: int, end: int) -> Raise:
        written = _NAME.match(self._text, start)
        if written is None:
            raise self._source.error(start, "an exception, such as OSError('lost') or httpx.ConnectTimeout('slow')")
        name = written[0]
        cls = exception_class(self._source, start, name)
        opening = self._source.skip(written.end())
        args: tuple[object, ...] = ()
        keywords: dict[str, object] = {}
        if opening < end:
            if self._text[opening] != "(":
                raise self._source.error(opening, "'(' and the arguments of the exception, or ')'")
            closing = self._source.closing(opening)
            after = self._source.skip(closing + 1)
            if after < end:
                raise self._source.error(after, "')' after the exception")
            args, keywords = exception_arguments(self._source, opening + 1, closing)
        error = make_exception(self._source, start, name, cls, (args, keywords))
        text = exception_text(error) or call_text(name, args, keywords)
        return Raise(error, f"raise({text})") if text else Raise(error)

    def _sleep(self, start: int, end: int) -> Sleep:
        try:
            return Sleep(parse_duration(self._text[start:end].rstrip()))
        except DurationError as error:
            raise self._source.error(start + error.offset, error.expected, found=error.found) from None

    def _move(self, position: int) -> None:
        self._position = self._source.skip(position)

    def _error(self, expected: str, *, found: str | None = None) -> ScriptError:
        return self._source.error(self._position, expected, found=found)
