"""The log lines of the kit's contract, at every level, and what is asserted of them."""

from __future__ import annotations

import logging
import re
import threading
import urllib.parse
from collections.abc import Callable, Collection, Iterator
from typing import Any, Self, final

from pytest_resilience._objections import Objections
from pytest_resilience._timeline.log_lines import LogLine, Prefix, recording
from pytest_resilience._timeline.reader import TimelineReader
from pytest_resilience._timeline.timeline import Timeline
from pytest_resilience._wording import check_number, count_named, is_count, shown, type_named, unknown
from resilience.testing import counted


@final
class RetryLog(TimelineReader):
    """Records what the logger ``resilience`` is given, for the length of a ``with`` block.

    Every level is recorded, whatever logging is set to, also where it is disabled; other handlers get what they would
    get anyway. The fixture ``retry_log`` is one.

    Example:
        ::

            with RetryLog() as log:
                run_the_service()
            log.assert_gave_up("Redis.connect", attempts=101)
    """

    def __init__(self, timeline: Timeline | None = None, objections: Objections | None = None) -> None:
        super().__init__(timeline, objections)
        self._lines: list[LogLine] = []
        self._recording = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        self._open.enter_context(recording(self._record))
        return self

    @property
    def lines(self) -> list[LogLine]:
        """Every line so far, in order."""
        self._check_opened("log")
        with self._recording:
            return list(self._lines)

    @property
    def records(self) -> list[logging.LogRecord]:
        """Every record so far, in order."""
        return [line.record for line in self.lines]

    @property
    def text(self) -> str:
        """Every line so far, as one text."""
        return "\n".join(line.text for line in self.lines)

    @property
    def prefixes(self) -> list[Prefix]:
        """The prefix of each line that has one, in order."""
        return [line.prefix for line in self.lines if line.prefix is not None]

    def assert_prefix(self, *, resource: str | None = None, service: str | None = None) -> None:
        """Assert that some line has a prefix, and that all prefixes name the resource and the service.

        Use it to see that dashboards will find the lines of a ``conn_retry``.

        Args:
            resource: Prefixes of other resources are passed over. Default: those of all resources count.
            service: What the service is to be called. Default: anything.

        Raises:
            AssertionError: It was not so; the text shows the log and the timeline.

        Example:
            ``retry_log.assert_prefix(resource="Redis", service="billing")``
        """
        prefixes = self.prefixes
        of_resource = [prefix for prefix in prefixes if resource in {None, prefix.resource}]
        if not of_resource:
            seen = ", ".join(sorted({repr(prefix.resource) for prefix in prefixes})) or "none"
            wanted = "no line has a prefix" if resource is None else f"no line has the prefix of resource {resource!r}"
            self._fail(f"{wanted}; resources seen: {seen}")
        wrong = sorted({prefix.service for prefix in of_resource if service not in {None, prefix.service}})
        if wrong:
            self._fail(f"the service {service!r} was expected in every prefix, got {', '.join(map(repr, wrong))}")

    def assert_gave_up(
        self,
        name: str | Callable[..., Any] | None = None,
        *,
        attempts: int | None = None,
        error: type[BaseException] | str | None = None,
        match: str | None = None,
        count: int | None = None,
    ) -> None:
        """Assert that giving up was logged.

        That is at ERROR; an error that is not retried at all has a line at INFO instead, which counts as well.

        Args:
            name: A failpoint, the name of a function, or the function. Default: all calls count.
            attempts: How many attempts the line is to name. Default: any number.
            error: The type of the error, one of its bases, or its name. Default: any error.
            match: A regular expression to be found in the line. Default: anything.
            count: How many such lines there are to be; 0 for none. Default: at least one.

        Raises:
            AssertionError: There were not so many; the text shows the log and the timeline.
            TypeError: A number or an error of a wrong type.
            ValueError: A number below 0.
            pytest.fail.Exception: There is no such failpoint, and no such function was called.

        Example:
            ``retry_log.assert_gave_up("Redis.connect", attempts=101, error=ConnectionError, count=1)``
        """
        check_number("attempts", attempts)
        check_number("count", count)
        wanted_name = None if name is None else shown(name)
        wanted_type = None if error is None else type_named(error)
        wanted_types = {wanted_type, *_names_of_subtypes(error)}
        found = [
            line
            for line in self.lines
            if line.is_give_up
            and (wanted_name is None or wanted_name in line.names)
            and attempts in {None, line.fields["attempt"]}
            and (error is None or line.fields["error_type"] in wanted_types)
            and (match is None or re.search(match, line.text))
        ]
        functions = {str(line.record.funcName) for line in self.lines}
        if not found and wanted_name is not None and (problem := unknown(wanted_name, functions)):
            self._objections.object(f"retry_log.assert_gave_up({wanted_name!r}): {problem}")
        if not is_count(len(found), count):
            wanted = [
                "" if wanted_name is None else f" of {wanted_name}",
                "" if attempts is None else f" after {counted(attempts, 'attempt')}",
                "" if wanted_type is None else f" with {wanted_type}",
                "" if match is None else f" matching {match!r}",
            ]
            self._fail(f"{count_named(count, 'give-up')}{''.join(wanted)} expected in the log, found {len(found)}")

    def assert_no_secret(self, text: str) -> None:
        """Assert that a text is in no line, traceback or field, neither as it is nor quoted as in a URL.

        Args:
            text: The secret, which is not shown where the assertion fails.

        Raises:
            AssertionError: It is in a line; the text shows the log, without the secret.
            TypeError: It is no text.
            ValueError: It is empty.

        Example:
            ``retry_log.assert_no_secret("hunter2")``
        """
        if not isinstance(text, str):
            raise TypeError(f"assert_no_secret() needs the secret to look for as a str, got {type(text).__name__}")
        if not text:
            raise ValueError("assert_no_secret() needs the secret to look for, got an empty text")
        forms = {text, urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)}
        for line in self.lines:
            for place, content in line.contents():
                if any(form in content for form in forms):
                    self._fail(f"the secret is in {place} of a {line.level} line at {line.at:.3f} s", hide=forms)

    def _record(self, record: logging.LogRecord) -> None:
        line = LogLine.of(record, self._timeline.now())
        with self._recording:
            self._lines.append(line)

    def _fail(self, text: str, hide: Collection[str] = ()) -> None:
        lines = "\n".join(map(str, self.lines)) or f"{'':>12}  nothing was logged"
        evidence = f"log lines, in seconds since the test began:\n{lines}\n\n{self._timeline}"
        for secret in hide:
            evidence = evidence.replace(secret, "<the secret>")
        raise AssertionError(f"{text}\n\n{evidence}")


def _names_of_subtypes(error: object) -> Iterator[str]:
    """Yield the names of all types derived from an exception type; a record has no more than the name of its own."""
    subtypes: list[type] = type.__subclasses__(error) if isinstance(error, type) else []
    for subtype in subtypes:
        yield subtype.__name__
        yield from _names_of_subtypes(subtype)
