"""Hooks, options, markers and fixtures: the wiring of the plugin.

pytest loads this module in every run, so it imports nothing of the kit but its options; a fixture that is used imports
what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_resilience._pytest.options import Options, add_options, hand_over, read_options

if TYPE_CHECKING:
    from pytest_resilience._faults.injection import Faults
    from pytest_resilience._pytest.test_case_state import Case
    from pytest_resilience._timeline.logs import RetryLog
    from pytest_resilience._timeline.retries import Retries
    from pytest_resilience.clock import VirtualClock
    from pytest_resilience.discord import DiscordMock

_OPTIONS = pytest.StashKey[Options]()
_TALLY = "resilience"


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "resilience: a test of what happens in an outage; runs with --resilience")
    options = config.stash[_OPTIONS] = read_options(config)
    if options.active:
        from pytest_resilience._pytest.summary import Summary

        config.pluginmanager.register(Summary(), "resilience-summary")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    hand_over(node.config.stash[_OPTIONS], node.workerinput)


def pytest_report_header(config: pytest.Config) -> str | None:
    options = config.stash[_OPTIONS]
    return f"resilience: seed {options.seed}" if options.active or options.seed_given else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.stash[_OPTIONS].active:
        return
    skip = pytest.mark.skip(reason="a resilience test: run it with --resilience")
    for item in items:
        if item.get_closest_marker("resilience") is not None:
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    case, runtest = _case_of(item), item.runtest
    if case is None:
        return (yield)

    def reseed_and_run() -> None:
        case.reseed()
        runtest()

    vars(item)["runtest"] = reseed_and_run  # other plugins reseed in this hook; the test's own seed is what replays
    try:
        return (yield)
    finally:
        del vars(item)["runtest"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    case = _case_of(item)
    if case is None:
        return report
    if report.when == "call":  # once, and besides for each subtest
        case.passed = report.passed and case.passed is not False
    if report.failed:
        seed = f"seed: --resilience-seed={item.config.stash[_OPTIONS].seed}"
        report.sections.append(("resilience", "\n".join(filter(None, [case.account(report.longreprtext), seed]))))
    if report.when == "teardown":
        report.user_properties.append((_TALLY, case.tally().as_dict()))
    return report


def _case_of(item: pytest.Item) -> Case | None:
    """Return what the fixtures of a test share; None where it uses none of them."""
    return item.stash.get(_CASE, None)


_CASE = pytest.StashKey["Case"]()


@pytest.fixture
def _resilience_case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Share a timeline, a seed and the end of the test between the fixtures."""
    from pytest_resilience._pytest.test_case_state import Case

    item = request.node
    if "virtual_clock" in request.fixturenames:
        request.getfixturevalue("_resilience_clock")  # first, so that everything else begins at its zero
    case = item.stash[_CASE] = Case(f"{item.config.stash[_OPTIONS].seed}:{item.nodeid}")
    with case.open:
        case.begin()
        yield case
    complaints = case.complaints()
    if complaints and case.passed:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.fixture
def _resilience_clock() -> Iterator[VirtualClock]:
    """Stop real time for the test."""
    from pytest_resilience.clock import VirtualClock

    with VirtualClock() as clock:
        yield clock


@pytest.fixture
def virtual_clock(_resilience_clock: VirtualClock, _resilience_case: Case) -> Iterator[VirtualClock]:
    """Time that passes only when the test, or the code under test, sleeps: hours in milliseconds.

    ``.now()`` is an aware datetime in UTC, ``.elapsed`` the seconds so far, ``.sleeps`` the sleeps that were asked for,
    ``.advance(seconds)`` a sleep.
    """
    yield _resilience_clock
    _resilience_case.virtual_s = _resilience_clock.elapsed


@pytest.fixture
def faults(_resilience_case: Case) -> Iterator[Faults]:
    """Scripted faults: ``faults.inject("Redis.connect", "3*raise(ConnectionError('refused'))")``.

    A planned fault that never strikes fails the test.
    """
    from pytest_resilience._faults.injection import Faults

    with Faults(_resilience_case.timeline, _resilience_case.objections) as faults:
        _resilience_case.faults = faults
        yield faults


@pytest.fixture
def discord(_resilience_case: Case) -> Iterator[DiscordMock]:
    """A stand-in for Discord's webhooks: ``.alerts``, ``.respond(script)``, ``.assert_alerted(count=1)``."""
    from pytest_resilience.discord import DiscordMock

    with DiscordMock(started_ns=_resilience_case.timeline.started_ns, verify=False) as mock:
        yield mock
        _resilience_case.alerts = len(mock.alerts)
    _resilience_case.left.append(mock.complaint())


@pytest.fixture
def retry_log(_resilience_case: Case) -> Iterator[RetryLog]:
    """The log lines of the kit, parsed: ``.prefixes``, ``.assert_gave_up(...)``, ``.assert_no_secret(text)``."""
    from pytest_resilience._timeline.logs import RetryLog

    with RetryLog(_resilience_case.timeline, _resilience_case.objections) as log:
        yield log


@pytest.fixture
def retries(_resilience_case: Case) -> Iterator[Retries]:
    """The calls of decorated functions: ``retries["Redis.connect"]``, ``.assert_recovered(name, attempts=4)``."""
    from pytest_resilience._timeline.retries import Retries

    with Retries(_resilience_case.timeline, _resilience_case.objections) as retries:
        yield retries
