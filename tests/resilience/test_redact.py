"""What makes text fit to be logged or sent: one line, bounded, readable, whatever an exception does."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import unicodedata

import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience._support.fork import importing
from resilience.redact import add_secret, clean, message_of, redact, summary_of, traceback_of, type_name

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


class TestTracebackOf:
    def test_it_reads_like_pythons_own(self):
        """Header, frames with their source, and the message on the last line."""
        lines = traceback_of(raised(ValueError("no"))).split("\n")
        assert lines[0] == "Traceback (most recent call last):"
        assert re.fullmatch(r'  File ".*test_redact\.py", line \d+, in raised', lines[1])
        assert lines[2:] == ["    raise error", "ValueError: no"]

    def test_messages_and_source_lines_are_redacted_and_can_not_forge_lines(self):
        """A newline in a message is an escape, a secret in it or in the code is the marker."""
        try:
            password = "hunter2"
            raise ConnectionError(f"postgres://app:{password}@db\nTraceback (most recent call last):")
        except ConnectionError as error:
            error.add_note("tried with token=abc123\nsecond line")
            text = traceback_of(error)
        lines = text.split("\n")
        assert lines[-2:] == [
            r"ConnectionError: postgres://app:[redacted]@db\nTraceback (most recent call last):",
            r"tried with token=[redacted]\nsecond line",
        ]
        assert lines.count("Traceback (most recent call last):") == 1
        assert "hunter2" not in text

    def test_a_literal_in_the_source_is_redacted(self):
        """The line that failed may hold the password itself."""
        with pytest.raises(ZeroDivisionError) as caught:
            connect(password="hunter2")
        text = traceback_of(caught.value)
        assert 'connect(password="[redacted]")' in text
        assert "hunter2" not in text

    def test_causes_and_contexts_stand_above_what_they_led_to(self):
        """The chain is told oldest first, with Python's words between."""
        try:
            try:
                try:
                    raise KeyError("a")
                except KeyError:
                    raise ValueError("b")  # noqa: B904 - the implicit context is what is tested
            except ValueError as error:
                raise RuntimeError("c") from error
        except RuntimeError as error:
            text = traceback_of(error)
        told = [line for line in text.split("\n") if line and not line.startswith((" ", "Traceback"))]
        assert told == [
            "KeyError: 'a'",
            "During handling of the above exception, another exception occurred:",
            "ValueError: b",
            "The above exception was the direct cause of the following exception:",
            "RuntimeError: c",
        ]

    def test_a_suppressed_context_is_not_told(self):
        """`raise ... from None` means it."""
        error = ValueError("b")
        error.__context__ = KeyError("a")
        error.__suppress_context__ = True
        assert traceback_of(error) == "ValueError: b"

    def test_the_members_of_a_group_are_numbered(self):
        """Each exception of a group is told below it."""
        group = raised(ExceptionGroup("two", [raised(ValueError("password=hunter2")), KeyError("k")]))
        lines = traceback_of(group).split("\n")
        assert "ExceptionGroup: two (2 sub-exceptions)" in lines
        assert (
            lines[lines.index("  +---------------- 1 ----------------") + 1] == "  | Traceback (most recent call last):"
        )
        assert "  | ValueError: password=[redacted]" in lines
        assert lines[-2:] == ["  +---------------- 2 ----------------", "  | KeyError: 'k'"]

    def test_a_foreign_exception_is_named_with_its_module(self):
        """The last line says where the class comes from."""
        error = subprocess.CalledProcessError(1, ["mysql", "-psecret1"])
        assert traceback_of(error) == (
            "subprocess.CalledProcessError: Command '['mysql', '-p[redacted]']' returned non-zero exit status 1."
        )

    def test_a_cycle_of_causes_ends(self):
        """An exception that is its own cause's cause is told once."""
        first, second = ValueError("a"), ValueError("b")
        first.__cause__, second.__cause__ = second, first
        assert traceback_of(first).count("ValueError: a") == 1

    def test_a_deep_recursion_keeps_its_first_and_last_frames(self):
        """Of a thousand frames the middle is left out, and the text says so."""

        def dive(depth):
            if depth:
                dive(depth - 1)
            raise RecursionError("too deep")

        with pytest.raises(RecursionError) as caught:
            dive(300)
        lines = traceback_of(caught.value).split("\n")
        assert len(lines) < 100
        assert any(re.fullmatch(r"  \.\.\. \d+ frames left out \.\.\.", line) for line in lines)
        assert lines[-1] == "RecursionError: too deep"

    def test_a_long_chain_and_a_wide_group_stay_bounded(self):
        """Neither ten thousand causes nor groups of groups make a text that no one can send."""
        error = ValueError("first")
        for number in range(10_000):
            later = ValueError(f"{number} " + "x" * 5_000)
            later.__cause__ = error
            error = later
        wide = error
        for _ in range(6):
            wide = ExceptionGroup("wide", [wide, *(ValueError(str(n)) for n in range(50))])
        for text in (traceback_of(error), traceback_of(wide)):
            assert len(text) < 200_000
            assert len(text.split("\n")) < 300
            assert "left out" in text

    def test_only_the_lines_that_are_kept_are_cleaned(self):
        """A group of groups with many long notes costs no more than a long traceback, and keeps both of its ends."""
        read = []

        class CountingError(ValueError):
            def __str__(self):
                read.append(self)
                return "could not connect: " + "password is unknown " * 90

        def failing(number):
            error = raised(CountingError(number))
            for note in range(12):
                error.add_note(f"{number}: note {note} " + "token=abc123 " * 30)
            return error

        inner = [ExceptionGroup(f"inner {n}", [failing(10 * n + m) for m in range(10)]) for n in range(10)]
        text = traceback_of(raised(ExceptionGroup("outer", inner)))
        lines = text.split("\n")
        assert len(text) < 35_000
        assert len(read) < 20
        assert "ExceptionGroup: outer (10 sub-exceptions)" in lines
        assert sum(bool(re.fullmatch(r"\.\.\. \d+ lines left out \.\.\.", line)) for line in lines) == 1
        assert lines[-1] == "  | ... ExceptionGroup: inner 9 (10 sub-exceptions) left out ..."

    def test_an_exception_that_breaks_every_rule_is_still_described(self):
        """Attributes that raise, odd notes and a broken text do not stop the report."""

        class HostileError(Exception):
            __notes__ = 5

            def __str__(self):
                raise RuntimeError

            @property
            def __cause__(self):
                raise RuntimeError("no cause for you")

        assert traceback_of(HostileError()) == (
            "HostileError: <HostileError whose text could not be read: RuntimeError> (no traceback: RuntimeError)"
        )

    def test_code_without_a_source_or_with_a_hostile_file_name_is_shown_safely(self):
        """The name of a file may hold newlines; each physical line stays one."""
        code = compile("1 / 0", "a\nFile \x1b[31m", "exec")
        with pytest.raises(ZeroDivisionError) as caught:
            exec(code)
        assert r'  File "a\nFile \x1b[31m", line 1, in <module>' in traceback_of(caught.value).split("\n")


def connect(**_settings):
    """Fail on a line whose caller holds a literal."""
    raise ZeroDivisionError


def test_importing_it_loads_nothing_else():
    """The rules and whatever they need are loaded when the first text is redacted."""
    program = (
        "import sys, re, threading, typing\n"
        "import resilience.redact\n"
        "print(sorted(name for name in sys.modules if name.startswith('resilience._secrets')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['resilience._secrets']"


def test_no_import_is_waited_for_once_the_rules_are_loaded():
    """While another thread imports what its alert needs, failing calls write their lines."""
    assert traceback_of(ValueError("a long text")) == "ValueError: a long text"
    said = []
    with importing:
        thread = threading.Thread(target=lambda: said.append(traceback_of(ValueError("a long text"))))
        thread.start()
        thread.join(60)
    assert said == ["ValueError: a long text"]


def test_a_first_failure_without_a_file_descriptor_left_hides_all_and_is_told():
    """The rules can't be read then: names stay, texts are hidden as a whole until they can be."""
    program = """if True:
        import os, resource
        from resilience.redact import message_of, traceback_of, type_name
        error = OSError(24, "Too many open files")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(1), limits[1]))  # a copy gets the lowest number that is free
        print(type_name(error), message_of(error), traceback_of(error), sep="|")
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(message_of(error))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "OSError|[redacted]|OSError: [redacted] (no traceback: OSError)",
        "[Errno 24] Too many open files",
    ]
