"""``@pytest.mark.explore``: an item of pytest that is run many times and reported once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

import pytest

from pytest_resilience._explore.decisions import Plan, TokenError, replay_of
from pytest_resilience._explore.explorer import Explorer, NotExplorableError
from pytest_resilience._explore.findings import Exploration
from pytest_resilience._explore.limits import Limits, limits_of
from pytest_resilience._explore.texts import headline, told
from pytest_resilience._pytest.item_subject import ItemSubject
from pytest_resilience._pytest.stash import EXPLORATION, EXPLORATION_FACTS, EXPLORED, OPTIONS
from pytest_resilience._report.report import facts_of_exploration
from resilience.testing import UnknownTargetError

_EXAMPLE: Final = "@pytest.mark.explore(faults=2, allowed=[OrderRefused], budget='30s')"
_ARGUMENTS: Final = tuple(field.name for field in dataclasses.fields(Limits))
_INTERRUPTED: Final = "interrupted"


def explore_item(item: pytest.Function, nextitem: pytest.Item | None) -> bool:
    """Run a test as it is and, if it passes, explore it; report it as one test. Tell whether that was possible.

    A test that is not marked need not be one that can be explored: then it is left to pytest.
    """
    hook, subject = item.ihook, ItemSubject(item)
    is_marked = item.get_closest_marker("explore") is not None
    item.stash[EXPLORED] = True
    try:
        subject.begin()
        if not is_marked and any(call.excinfo is not None for call in subject.calls):
            subject.renew()
            return False
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = subject.reports
        subject.quiet = True
        interrupted = False
        if all(report.passed for report in reports):
            call = pytest.CallInfo.from_call(lambda: _explore(item, subject, is_marked=is_marked), "call")
            interrupted = item.stash.get(_INTERRUPTION, False)
            subject.forget()  # the report is about all runs, and not about the last one
            reports[1] = _report(item, call)
            reports[1].sections += [("resilience", text)] if (text := item.stash.get(_SHOWN, "")) else []
        end = subject.end(nextitem)
        if end.excinfo is not None:
            reports[-1] = _report(item, end)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    finally:
        del item.stash[EXPLORED]
    if interrupted:
        raise KeyboardInterrupt
    return True


_INTERRUPTION: Final = pytest.StashKey[bool]()
_SHOWN: Final = pytest.StashKey[str]()


def _report(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    return item.ihook.pytest_runtest_makereport(item=item, call=call)


def _explore(item: pytest.Function, subject: ItemSubject, *, is_marked: bool) -> None:
    """Explore the test, or replay one plan of it; raise what is to be reported as its failure."""
    options = item.config.stash[OPTIONS]
    try:
        explorer = Explorer(subject, _limits(item), _progress(item), _kept(item))
        if options.replay is not None:
            _replay(item, explorer, subject, options.replay.plan)
            return
        exploration = explorer.explore()
    except UnknownTargetError as unknown:
        _fail(f"@pytest.mark.explore(points=...): {unknown}")
    except NotExplorableError as refusal:
        if is_marked:
            _fail(f"explore: {refusal}")
        return
    except KeyboardInterrupt:
        exploration = explorer.exploration
        exploration.stopped = _INTERRUPTED
        item.stash[_INTERRUPTION] = True
    _keep(item, exploration)
    item.user_properties.append((EXPLORATION, headline(exploration)))
    if options.report is not None:
        item.user_properties.append((EXPLORATION_FACTS, facts_of_exploration(exploration, subject.again)))
    if exploration.findings:
        text = told(exploration, subject.again, matrix=item.config.get_verbosity() > 0)
        _fail(f"{text}\n\nseed: --resilience-seed={options.seed}")


def _replay(item: pytest.Function, explorer: Explorer, subject: ItemSubject, plan: Plan) -> None:
    """Run the test as a plan says; raise what came out of it, or what was wrong with it otherwise."""
    with explorer.opened():
        explorer.warm_up()
        subject.quiet = False
        run = explorer.run(plan)
        errors = subject.errors
        suspicions = run.suspicions or explorer.run(()).suspicions
    if run.unmet:
        missing = ", ".join(each.about for each in run.unmet)
        _fail(
            f"--resilience-replay: the token does not fit this test: it says what happens at {missing}, which never "
            "came. The test, the code or its points have changed: explore it again"
        )
    if errors and suspicions:
        item.stash[_SHOWN] = run.timeline
        raise errors[0]
    if suspicions:
        _fail("\n".join([f"{suspicions[0].kind}: {suspicions[0].text}", suspicions[0].where, run.timeline]))


def _limits(item: pytest.Function) -> Limits:
    marker = item.get_closest_marker("explore") or pytest.mark.explore().mark
    options = item.config.stash[OPTIONS]
    try:
        if marker.args:
            raise TypeError(f"its arguments are given by name, got {', '.join(map(repr, marker.args))}")
        given = dict(marker.kwargs)
        unknown = given.keys() - _ARGUMENTS
        if unknown:
            raise TypeError(f"it has {', '.join(_ARGUMENTS)}, got {', '.join(map(repr, sorted(unknown)))}")
        if options.budget is not None:
            given["budget"] = options.budget
        return limits_of(**given)
    except (TypeError, ValueError) as error:
        _fail(f"@pytest.mark.explore: {error}; write for example {_EXAMPLE}")


def _progress(item: pytest.Function) -> Callable[[Exploration], None]:
    """Show on a terminal how far the exploration of a test is."""
    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not getattr(reporter, "isatty", False) or not sys.__stderr__ or not sys.__stderr__.isatty():
        return lambda _: None

    def show(exploration: Exploration) -> None:
        found = f", {len(exploration.findings)} found" if exploration.findings else ""
        line = f"exploring {item.name}: {exploration.runs} of {exploration.known} plans{found}"
        sys.__stderr__.write(f"\r{line[:100]}\033[K")  # type: ignore[union-attr]  # it is there: seen above

    return show


def _kept(item: pytest.Function) -> list[Plan]:
    """Return the plans that failed the last time."""
    cache = getattr(item.config, "cache", None)
    plans = []
    for token in cache.get(_key(item), []) if cache is not None else []:
        with contextlib.suppress(TokenError, AttributeError):
            plans.append(replay_of(token).plan)
    return plans


def _keep(item: pytest.Function, exploration: Exploration) -> None:
    cache = getattr(item.config, "cache", None)
    tokens = [each.token for each in exploration.findings]
    if cache is not None and (tokens or cache.get(_key(item), None)):
        cache.set(_key(item), tokens)


def _key(item: pytest.Function) -> str:
    """Return the name of a file of its own, so that several workers do not write one."""
    return f"resilience/explore/{hashlib.sha256(item.nodeid.encode()).hexdigest()[:24]}"


def _fail(text: str) -> NoReturn:
    raise pytest.fail.Exception(text, pytrace=False) from None
