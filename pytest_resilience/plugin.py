"""Hooks, options, markers and fixtures: the wiring of the plugin.

pytest loads this module in every run, so it imports nothing of the kit but its options and a few words and numbers; a
fixture that is used imports what it needs.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_resilience._openings import close_what_is_left, open_now, opening
from pytest_resilience._pytest.last_words import NOT_RUN, OVERSLEPT, write_last_words
from pytest_resilience._pytest.options import add_options, hand_over, read_options
from pytest_resilience._pytest.stash import (
    EXPLORED,
    EXPLORED_TEXT,
    HELD,
    OPEN,
    OPEN_BEFORE,
    OPTIONS,
    STATE,
    TALLY,
    TIMELINE_FACTS,
)
from pytest_resilience._usage import take

if TYPE_CHECKING:
    from pytest_resilience import DiscordMock, FaultProxy, Faults, FaultServer, Retries, RetryLog, VirtualClock
    from pytest_resilience._pytest.fixture_state import FixtureState


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "resilience: a test of what happens in an outage; runs with --resilience")
    config.addinivalue_line(
        "markers", "virtual_clock(start=None, grace=0.5): a test in virtual time; sets up the fixture of that name"
    )
    config.addinivalue_line(
        "markers",
        "explore(faults=1, schedules=1, points=(), allowed=(), budget=None): run again and again with --resilience, "
        "each time with something else going wrong",
    )
    options = config.stash[OPTIONS] = read_options(config)
    if not options.active:
        return
    from pytest_resilience._pytest.summary import Summary, Tests

    tests = Tests()
    config.pluginmanager.register(tests, "resilience-tests")  # by itself: the report needs no table
    config.pluginmanager.register(Summary(tests), "resilience-summary")
    if options.report is not None and not hasattr(config, "workerinput"):
        from pytest_resilience._report.report import Report

        path = config.invocation_params.dir / options.report
        config.pluginmanager.register(Report(path, options.seed, tests), "resilience-report")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    hand_over(node.config.stash[OPTIONS], node.workerinput)


def pytest_report_header(config: pytest.Config) -> str | None:
    options = config.stash[OPTIONS]
    return f"resilience: seed {options.seed}" if options.active or options.seed_given else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    options = config.stash[OPTIONS]
    if options.replay is not None and len(items) != 1:
        raise pytest.UsageError(
            f"--resilience-replay runs the one test that the token is of, and {len(items)} were collected: name it, as "
            "the line `again:` of the finding does"
        )
    if options.active:
        return
    skip = pytest.mark.skip(reason=NOT_RUN)
    for item in items:
        if item.get_closest_marker("resilience") is not None:
            item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    options = item.config.stash[OPTIONS]
    if not options.active or not isinstance(item, pytest.Function):
        return None
    if not (options.explore_all or options.replay or item.get_closest_marker("explore") is not None):
        return None
    from pytest_resilience._pytest.exploring import explore_item

    return explore_item(item, nextitem) or None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    take()  # what was done between tests is none of theirs
    if STATE in item.stash and EXPLORED not in item.stash:  # of an earlier run, by a plugin that reruns what fails
        del item.stash[STATE]
    item.stash[OPEN_BEFORE] = open_now()
    with opening(for_one_test=True):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    state, runtest = _state_of(item), item.runtest
    if state is None:
        with opening(for_one_test=True):
            return (yield)

    def reseed_and_run() -> None:
        state.reseed()
        with state.around():
            runtest()

    vars(item)["runtest"] = reseed_and_run  # other plugins reseed in this hook; the test's own seed is what replays
    try:
        with opening(for_one_test=True):
            return (yield)
    finally:
        del vars(item)["runtest"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    finally:
        fixtures = item.stash.setdefault(OPEN, [])
        while fixtures:  # those that sys.exit() in a teardown makes pytest drop are finished here, the others already
            fixture, request = fixtures.pop()
            fixture.finish(request)
        _close_tools(item)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    if fixturedef.func.__module__ == __name__:
        request.node.stash.setdefault(OPEN, []).append((fixturedef, request))
    with opening(for_one_test=fixturedef.scope == "function"):
        return (yield)


def _close_tools(item: pytest.Item) -> None:
    """Close what a test has opened by hand, and name it."""
    before = item.stash.get(OPEN_BEFORE, ())
    if len(open_now()) > len(before):
        from pytest_resilience._faults.leftovers import unclosed_tools, warn_of
        from pytest_resilience._uninterrupted import Uninterrupted

        with Uninterrupted():
            names = close_what_is_left(before)
        warn_of([unclosed_tools(names)], stacklevel=2)


@pytest.hookimpl(tryfirst=True)
def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if node.config.getoption("usepdb") and call.excinfo is not None:
        from pytest_resilience._pytest.hidden_frames import end_where_the_test_does

        end_where_the_test_does(call.excinfo)


def pytest_enter_pdb(config: pytest.Config) -> None:
    """Keep virtual time where it is while a person reads the prompt of a debugger, whatever other threads wait for."""
    per_clock = sys.modules.get("pytest_resilience.clock._bubble.per_clock")
    for clock in [] if per_clock is None else per_clock.open_clocks:
        config.stash.setdefault(HELD, contextlib.ExitStack()).enter_context(clock.hold())


def pytest_leave_pdb(config: pytest.Config) -> None:
    config.stash.setdefault(HELD, contextlib.ExitStack()).close()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    report: pytest.CollectReport = yield
    if report.failed and "resilience" in sys.modules:
        from pytest_resilience._pytest.hidden_frames import report_without_the_kit

        report_without_the_kit(collector, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    if call.excinfo is not None:
        from pytest_resilience._pytest.hidden_frames import hide_frames

        hide_frames()
        if call.when == "teardown":  # which a time limit may have broken off
            with contextlib.suppress(Exception):
                close_what_is_left(item.stash.get(OPEN_BEFORE, ()))
    report: pytest.TestReport = yield
    if report.when == "teardown" and (usage := take()) is not None:
        report.user_properties.append((TALLY, usage.tally))
        if usage.overslept_s:
            report.user_properties.append((OVERSLEPT, usage.overslept_s))
    state = _state_of(item)
    if state is None:
        return report
    if report.when == "teardown" and item.config.stash[OPTIONS].report is not None and EXPLORED not in item.stash:
        from pytest_resilience._report.report import facts_of_timeline

        report.user_properties.append((TIMELINE_FACTS, facts_of_timeline(state.timeline)))
    if report.when == "call":  # once, and besides for each subtest
        state.passed = report.passed and state.passed is not False
    if report.failed and report.longrepr != EXPLORED_TEXT:
        seed = f"seed: --resilience-seed={item.config.stash[OPTIONS].seed}"
        said = [state.account(report.longreprtext), seed, state.said_of_time()]
        report.sections.append(("resilience", "\n".join(filter(None, said))))
    if report.when == "teardown" and EXPLORED not in item.stash:
        del item.stash[STATE]  # or what the test's calls were given would be kept until the session ends
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        write_last_words(reporter)


def _state_of(item: pytest.Item) -> FixtureState | None:
    """Return what the fixtures of a test share; None where it uses none of them."""
    return item.stash.get(STATE, None)


@pytest.fixture
def _resilience_state(request: pytest.FixtureRequest) -> Iterator[FixtureState]:
    """Share a timeline, a seed and the end of the test between the fixtures."""
    state = _state_of(request.node)
    if state is not None:  # this is one of many runs, and it has been made for that
        yield state
        return
    from pytest_resilience._pytest.recording import recording

    has_clock = "_resilience_clock" in request.fixturenames  # which comes first, so that everything begins at its zero
    with recording(request.node, request.getfixturevalue("_resilience_clock") if has_clock else None) as state:
        yield state


@pytest.fixture
def _resilience_clock(request: pytest.FixtureRequest) -> Iterator[VirtualClock]:
    """Stop real time for the test."""
    state = _state_of(request.node)
    if state is not None and state.clock is not None:  # as above
        yield state.clock
        return
    from pytest_resilience._pytest.recording import clock_of

    with clock_of(request.node) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _virtual_clock_marker(request: pytest.FixtureRequest) -> None:
    """Let the marker set up the clock, before all other fixtures of the test and after those that live longer."""
    node = request.node
    if node.get_closest_marker("virtual_clock") is not None or EXPLORED in node.stash:
        request.getfixturevalue("virtual_clock")


@pytest.fixture
def virtual_clock(_resilience_clock: VirtualClock, _resilience_state: FixtureState) -> VirtualClock:
    """Time that passes only when the test, or the code under test, sleeps: hours in milliseconds.

    ``.now()`` is an aware datetime in UTC, ``.elapsed`` the seconds so far, ``.sleeps`` the sleeps that were asked for,
    ``.advance(seconds)`` a sleep.
    """
    return _resilience_clock


@pytest.fixture
def faults(_resilience_state: FixtureState) -> Iterator[Faults]:
    """Scripted faults: ``faults.inject("Redis.connect", "3*raise(ConnectionError('refused'))")``.

    A planned fault that never strikes fails the test.
    """
    from pytest_resilience import Faults

    with Faults(_resilience_state.timeline, _resilience_state.objections, seed=_resilience_state.seed) as faults:
        _resilience_state.faults = faults
        yield faults


@pytest.fixture
def fault_server(faults: Faults) -> FaultServer:
    """An HTTP server on loopback: ``.url``, ``.route("GET", "/items/{id}", json=...)``, which faults are injected into.

    A request that no route takes gets 404 and fails the test.
    """
    return faults.server()


@pytest.fixture
def fault_proxy(faults: Faults) -> Callable[[str | None], FaultProxy]:
    """Opens TCP proxies on loopback: ``faults.inject(fault_proxy("db.local:5432"), "1*reset")``."""
    return faults.proxy


@pytest.fixture
def discord(_resilience_state: FixtureState) -> Iterator[DiscordMock]:
    """A stand-in for Discord's webhooks: ``.alerts``, ``.respond(script)``, ``.assert_alerted(count=1)``."""
    from pytest_resilience import DiscordMock

    with DiscordMock(started_ns=_resilience_state.timeline.started_ns, verify=False) as mock:
        yield mock
    _resilience_state.left.append(mock.complaint())


@pytest.fixture
def retry_log(_resilience_state: FixtureState) -> Iterator[RetryLog]:
    """The log lines of the kit, parsed: ``.prefixes``, ``.assert_gave_up(...)``, ``.assert_no_secret(text)``."""
    from pytest_resilience import RetryLog

    with RetryLog(_resilience_state.timeline, _resilience_state.objections) as log:
        yield log


@pytest.fixture
def retries(_resilience_state: FixtureState) -> Iterator[Retries]:
    """The calls of decorated functions: ``retries["Redis.connect"]``, ``.assert_recovered(name, attempts=4)``."""
    from pytest_resilience import Retries

    with Retries(_resilience_state.timeline, _resilience_state.objections) as retries:
        yield retries
