"""What makes text fit to be logged or sent: one line, bounded, readable, whatever an exception does."""

from __future__ import annotations

import re
import unicodedata

import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.redact import add_secret, clean, message_of, redact, summary_of, type_name

HUGE = 10_000_000


def raised(error):
    """Raise and catch, so that the exception has a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


class TestClean:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\nb\r\nc\td", r"a\nb\r\nc\td"),
            ("\x00\x1b[31mred\x7f\x85", r"\x00\x1b[31mred\x7f\x85"),
            ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
            ("abc\u202etxt.exe\u2066x\u2069", r"abc\u202etxt.exe\u2066x\u2069"),
            ("pass\u200bword\ufeff\u2060", r"pass\u200bword\ufeff\u2060"),
            ("half \ud800 of a pair", r"half \ud800 of a pair"),
            ("tag \U000e0041", r"tag \U000e0041"),
            ("a\u00a0b é 漢字 😀", "a\u00a0b é 漢字 😀"),
            ("100% {} %s \\n", "100% {} %s \\n"),
            ("", ""),
        ],
    )
    def test_what_could_forge_or_break_a_line_is_written_as_an_escape(self, text, expected):
        """Control, invisible and direction-changing characters become visible, all other text stays."""
        assert clean(text) == expected

    def test_secrets_are_hidden_before_escapes_could_hide_them(self):
        """Redaction sees the text as it was, with its newlines."""
        assert clean("user: bob\npassword: hunter2\n") == r"user: bob\npassword: [redacted]\n"

    @given(st.text(), st.integers(min_value=1, max_value=300))
    @settings(deadline=None)
    def test_the_result_is_one_line_that_encodes_and_fits(self, text, limit):
        """Any sink can take the result of any text."""
        cleaned = clean(text, limit=limit)
        assert len(cleaned) <= limit
        assert len(cleaned.splitlines()) <= 1
        assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in cleaned)
        cleaned.encode()

    @pytest.mark.parametrize(
        ("limit", "expected"),
        [(12, "abcdefghijkl"), (11, "abcdefghij…"), (2, "a…"), (1, "…")],
    )
    def test_a_text_that_is_too_long_ends_in_an_ellipsis(self, limit, expected):
        """The limit counts the ellipsis."""
        assert clean("abcdefghijkl", limit=limit) == expected

    def test_the_marker_is_not_cut(self):
        """A cut that would leave half of the marker leaves none of it."""
        assert clean("password=hunter2 and more", limit=15) == "password=…"

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_limit_without_room_is_refused(self, limit):
        """A limit below one is a mistake of the caller's."""
        with pytest.raises(ValueError, match=rf"^limit={limit} leaves no room for any text: it must be at least 1$"):
            clean("x", limit=limit)

    @pytest.mark.parametrize("filler", ["x", "x ", "\n", "\x00", "password=", "postgres://a:b@", "😀"])
    def test_a_huge_text_is_cut_before_it_is_searched(self, filler):
        """Ten million characters give a text of the limit's length."""
        cleaned = clean(filler * (HUGE // len(filler)), limit=500)
        assert 1 <= len(cleaned) <= 500

    @pytest.mark.parametrize("offset", range(0, 1400, 61))
    @pytest.mark.parametrize(
        "secret",
        ["postgres://app:S3cretS3cretS3cret@db/x", "ghp_" + "S3cretS3cret" * 3, "token=S3cretS3cret", "-S3cretS3cret-"],
    )
    def test_a_secret_across_any_cut_does_not_leak_its_head(self, secret, offset):
        """Wherever the text is cut, no part of a secret is left, be it recognized or registered."""
        remove = add_secret("-S3cretS3cret-")
        try:
            text = "word " * ((200 + offset) // 5) + secret + " word" * 2_000
            assert "S3cr" not in clean(text, limit=200 + offset)
            assert "S3cr" not in clean(text, limit=250)
        finally:
            remove()

    def test_a_subclass_of_str_is_read_as_what_it_holds(self):
        """Text that pretends to be something else can't trick the rules."""

        class Liar(str):
            __slots__ = ()

            def __len__(self):
                return 0

            def lower(self):
                raise AssertionError

        assert clean(Liar("password=hunter2")) == "password=[redacted]"
        assert type(redact(Liar("x"))) is str


class TestMessageOf:
    def test_it_is_the_cleaned_text_of_the_exception(self):
        """Secrets and newlines of an exception's text are gone."""
        error = ConnectionError("redis://:hunter2@cache\n[PID-1] all is well")
        assert message_of(error) == r"redis://:[redacted]@cache\n[PID-1] all is well"

    @pytest.mark.parametrize("text", ["", " \n "])
    def test_an_exception_without_text_is_named_by_its_type(self, text):
        """A line never says that something failed without saying what."""
        assert message_of(TimeoutError(text)) == "TimeoutError"

    def test_the_summary_of_an_error_says_its_type_once(self):
        """The type comes first, and is not repeated where it is all that can be said."""
        error = ConnectionError("redis://:hunter2@cache\n[PID-1] all is well")
        assert summary_of(error) == r"ConnectionError: redis://:[redacted]@cache\n[PID-1] all is well"
        assert summary_of(ConnectionError("x" * 100), limit=3) == "ConnectionError: xx…"
        assert summary_of(TimeoutError()) == summary_of(TimeoutError("TimeoutError")) == "TimeoutError"

    def test_a_group_names_what_is_in_it(self):
        """Its own text says how many exceptions there are, and nothing of what they are."""
        inner = ExceptionGroup("inner", [OSError("redis://:hunter2@cache"), TimeoutError()])
        assert message_of(ExceptionGroup("unhandled errors in a TaskGroup", [inner, KeyError("a\nb")])) == (
            "unhandled errors in a TaskGroup (2 sub-exceptions): OSError: redis://:[redacted]@cache; "
            r"TimeoutError; KeyError: 'a\nb'"
        )

    def test_a_wide_group_names_the_first_few(self):
        """However wide a group and long its texts are, the message says something of several."""
        errors = [ValueError(f"{number} " + "word " * 300 + "-S3cret-" * 9) for number in range(8)]
        message = message_of(ExceptionGroup("many", errors), limit=4_000)
        assert re.findall(r"ValueError: (\d)", message) == ["0", "1", "2", "3", "4"]
        assert message.endswith("word …; and 3 more")

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (ConnectionError("redis://:hunter2@db"), "ConnectionError: redis://:[redacted]@db"),
            (ConnectionError(), "ConnectionError"),
        ],
    )
    def test_an_exhausted_retry_says_what_failed(self, error, said):
        """tenacity's own text names a future and its address in memory."""

        def fail():
            raise error

        with pytest.raises(tenacity.RetryError) as caught:
            tenacity.retry(stop=tenacity.stop_after_attempt(1))(fail)()
        assert message_of(caught.value) == said

    def test_an_exception_whose_text_raises_is_described(self):
        """A broken `__str__` costs the text and nothing else."""

        class BrokenError(ConnectionError):
            def __str__(self):
                raise ValueError("never mind")

        assert message_of(BrokenError()) == "<BrokenError whose text could not be read: ValueError>"

    def test_an_exception_whose_text_is_no_text_is_described(self):
        """A `__str__` that returns a number is as broken as one that raises."""

        class OddError(Exception):
            def __str__(self):
                return 42  # noqa: PLE0307 - the mistake is what is tested

        assert message_of(OddError()) == "<OddError whose text could not be read: TypeError>"

    def test_an_interruption_while_reading_the_text_passes(self):
        """Only an `Exception` is swallowed."""

        class InterruptingError(Exception):
            def __str__(self):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            message_of(InterruptingError())

    def test_a_huge_text_is_cut(self):
        """The limit holds for the text of an exception, too."""
        message = message_of(ValueError("x" * HUGE), limit=100)
        assert message == "x" * 99 + "…"


class TestTypeName:
    def test_it_is_the_name_of_the_class(self):
        """The bare name, as Python's own tracebacks give it for built-in exceptions."""
        assert type_name(ConnectionResetError()) == "ConnectionResetError"

    def test_a_hostile_name_is_cleaned(self):
        """A class made at run time may be called anything."""
        hostile = type("Bad\n[PID-1]" + "x" * 500, (Exception,), {})
        name = type_name(hostile())
        assert name.startswith(r"Bad\n[PID-1]xxx")
        assert len(name) == 200

    def test_a_metaclass_can_not_get_in_the_way(self):
        """The name is the class's own, whatever its metaclass says or raises."""

        class Meta(type):
            @property
            def __name__(cls):
                raise AssertionError

        class Error(Exception, metaclass=Meta):
            pass

        assert type_name(Error()) == "Error"
