"""Plans: many places and their scripts in one text."""

import pytest

from resilience._failpoints.script.text import parse_plan
from resilience.testing import Script, ScriptError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Redis.connect=off", [("Redis.connect", "off")]),
        (" Redis.connect = 3*raise(ConnectionError('a;b=c')) ; Payments.charge=5%sleep(2s) ; ",
         [("Redis.connect", "3*raise(ConnectionError('a;b=c'))"), ("Payments.charge", "5%sleep(2)")]),
        ("orders.stock:Stock.take=1*after raise(OSError)->off", [("orders.stock:Stock.take", "1*after raise(OSError)->off")]),
    ],
)  # fmt: skip
def test_a_plan_is_places_and_their_scripts(text, expected):
    """Semicolons separate the places; those inside quotes do not."""
    assert [(place, str(Script(terms))) for place, terms in parse_plan(text)] == expected


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "a place, such as Redis.connect, and '='"),
        ("Redis.connect", 14, "'=' and a script after the place"),
        ("Redis.connect;off", 14, "'=' and a script after the place"),
        ("a=off;b=offf", 9, "an action: off, raise"),
        ("a=off b=off", 7, "'->' and what follows, ';' and the next place, or the end of the plan"),
        ("=off", 1, "a place, such as Redis.connect, and '='"),
    ],
)
def test_a_text_that_is_no_plan_is_refused_with_the_column_of_the_whole(text, column, expected):
    """The column counts from the beginning of the plan, whichever place is wrong."""
    with pytest.raises(ScriptError) as caught:
        parse_plan(text)
    assert caught.value.column == column
    assert caught.value.expected.startswith(expected)
