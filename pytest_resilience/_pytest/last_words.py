"""What is said after the last line of pytest: which tests did not run, and which really slept."""

from __future__ import annotations

from typing import Any, Final

NOT_RUN: Final = "a resilience test: run it with --resilience"
OVERSLEPT: Final = "resilience-slept"
_MOST_TESTS: Final = 5  # the first few show what is wrong; each has a line


def write_last_words(reporter: Any) -> None:
    """Write a line for whatever a user has to know, and nothing where that is nothing."""
    reports = [report for reports in reporter.stats.values() for report in reports]
    slept = {
        report.nodeid: value
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == OVERSLEPT
    }
    for nodeid, seconds in list(slept.items())[:_MOST_TESTS]:
        really = f"retries of {nodeid} really slept {seconds:.1f} s"
        reporter.line(f"{really}: with the fixture virtual_clock that takes no time")
    if len(slept) > _MOST_TESTS:
        reporter.line(f"retries of {len(slept) - _MOST_TESTS} more tests really slept")
    left_out = sum(NOT_RUN in str(getattr(report, "longrepr", "")) for report in reporter.stats.get("skipped", ()))
    if left_out:
        tests = "1 resilience test was" if left_out == 1 else f"{left_out} resilience tests were"
        reporter.line(f"{tests} skipped: run with --resilience")
