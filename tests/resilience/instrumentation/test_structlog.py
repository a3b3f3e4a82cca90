"""structlog lines of retried calls, captured by structlog itself."""

from __future__ import annotations

import builtins
import importlib
import sys

import pytest
import tenacity
from structlog.testing import capture_logs

from resilience import MissingExtraError, create_retry_decorator
from resilience.instrumentation import structlog as instrumentation


@pytest.fixture
def lines():
    """Give the list of lines that structlog is handed."""
    with capture_logs() as lines:
        uninstall = instrumentation.install()
        yield lines
        uninstall()


def test_failures_and_the_end_are_lines_with_fields(lines):
    """Each failed attempt is a warning and giving up an error, with the facts as fields and secrets redacted."""

    @create_retry_decorator(max_attempts=2, wait=tenacity.wait_none())
    def fetch():
        raise ConnectionError("password=hunter2hunter2")

    with pytest.raises(ConnectionError):
        fetch()
    attempt, end = lines
    assert (attempt["event"], attempt["log_level"], attempt["attempt"]) == ("attempt_failed", "warning", 1)
    assert (end["event"], end["log_level"], end["attempts"], end["reason"]) == ("gave_up", "error", 2, "attempts")
    assert "hunter2" not in str(lines)


def test_success_is_silent_and_recovery_is_a_line(lines):
    """A call that succeeds at once is no line; one that recovers is one at info."""
    failures = [OSError("x")]

    @create_retry_decorator(max_attempts=2, wait=tenacity.wait_none())
    def fetch():
        if failures:
            raise failures.pop()

    fetch()
    fetch()
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("attempt_failed", "warning"),
        ("recovered", "info"),
    ]


@pytest.mark.parametrize(
    ("module", "dependency", "extra"),
    [
        ("prometheus", "prometheus_client", "prometheus"),
        ("opentelemetry", "opentelemetry", "opentelemetry"),
        ("structlog", "structlog", "structlog"),
    ],
)
def test_a_missing_extra_is_named_with_its_cure(monkeypatch, module, dependency, extra):
    """Importing an instrumentation without its library says which command installs it."""
    real = builtins.__import__

    def refuse(name, *arguments):
        if not any(arguments[3:]) and name.partition(".")[0] == dependency:
            raise ImportError(f"no module named {name}")
        return real(name, *arguments)

    monkeypatch.delitem(sys.modules, f"resilience.instrumentation.{module}", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=rf"pip install 'pytest-resilience\[{extra}\]'"):
        importlib.import_module(f"resilience.instrumentation.{module}")
