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

from resilience._failpoints.script.action import ACTIONS
from resilience._failpoints.script.source import Source
from resilience._failpoints.script.term import Term

_ARROW = re.compile("->")

__tracebackhide__ = True  # a mistake in a script is shown where the script is written


def parse_terms(text: str) -> tuple[Term, ...]:
    """Return the terms of a script, of which all but the last have a count; raise `ScriptError` for any other text."""
    source = Source(text, next(iter(ACTIONS.values())).example)
    try:
        return _terms(source)
    except (RecursionError, MemoryError):
        raise source.error(0, "values less deeply nested", found="more than can be read") from None


def _terms(source: Source) -> tuple[Term, ...]:
    terms: list[Term] = []
    while True:
        start = source.position
        terms.append(Term.read(source))
        end = source.position
        if end == len(source.text):
            return tuple(terms)
        if not source.take(_ARROW):
            raise source.error_here("'->' and what follows, or the end of the script")
        if terms[-1].count is None:
            raise source.error(
                start,
                "a count before it: without one it is for every call, and what follows '->' is never reached",
                example=f"1*{source.text[start:end].rstrip()}->off",
            )
