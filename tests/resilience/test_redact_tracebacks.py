"""Tracebacks that are fit to be logged or sent: they read like Python's own, hold no secret, and are bounded."""

from __future__ import annotations

import re
import subprocess

import pytest

from resilience.redact import traceback_of


def raised(error):
    """Raise and catch, so that the exception has a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


class TestTracebackOf:
    def test_it_reads_like_pythons_own(self):
        """Header, frames with their source, and the message on the last line."""
        lines = traceback_of(raised(ValueError("no"))).split("\n")
        assert lines[0] == "Traceback (most recent call last):"
        assert re.fullmatch(r'  File ".*test_redact_tracebacks\.py", line \d+, in raised', lines[1])
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
