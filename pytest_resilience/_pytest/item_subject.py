"""A test of pytest as something to explore: run again and again, its function fixtures made anew each time."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from pytest_resilience._explore.subject import Around, Ending
from pytest_resilience._pytest.recording import clock_of, recording
from pytest_resilience._pytest.stash import EXPLORED_TEXT, OPTIONS, STATE

if TYPE_CHECKING:
    from pytest_resilience._pytest.fixture_state import FixtureState

_ENDS_ALL: Final = (pytest.exit.Exception, KeyboardInterrupt)

_OPENS_THE_CLOCK: Final = "_virtual_clock_marker"  # a fixture of the plugin, which need not do so a second time


@contextlib.contextmanager
def _set_up_without_clock(item: pytest.Function, reseed: Callable[[], None]) -> Iterator[None]:
    """Have the fixtures of a test set up in a clock that is open, after other plugins may have seeded."""
    names, set_up = item.fixturenames, item.setup

    def reseed_and_set_up() -> None:
        reseed()
        set_up()

    item.fixturenames = [each for each in names if each != _OPENS_THE_CLOCK]
    vars(item)["setup"] = reseed_and_set_up
    try:
        yield
    finally:
        del vars(item)["setup"]
        item.fixturenames = names


@final
class ItemSubject:
    """One item of a run of pytest.

    Attributes:
        again: The command that runs it alone.
        seed: That of the run of pytest.
        test: Its function.
        calls: What became of the phases of the last run: set-up, test and tear-down.
        reports: What pytest and its plugins made of them, which fixtures may read.
        errors: What came out of the last run that was not quiet.
        quiet: Whether the reports need no traceback, which takes longer than many a test.
    """

    def __init__(self, item: pytest.Function) -> None:
        self.again = f"pytest {shlex.quote(item.nodeid)}"
        self.seed = item.config.stash[OPTIONS].seed
        self.test: Callable[..., Any] = item.function
        self.calls: list[pytest.CallInfo[None]] = []
        self.reports: list[Any] = []
        self.errors: list[BaseException] = []
        self.quiet = False
        self._item = item

    def begin(self) -> None:
        """Run the test as it is. That sets up what outlives it, such as fixtures of its module."""
        self.renew()
        self._run_phases()

    def run(self, around: Around) -> Ending:
        """Run all phases, in a clock that is there before the fixtures of the test, as all others have been set up."""
        item, errors = self._item, list[BaseException]()
        self.renew()
        state: FixtureState | None = None
        try:
            with clock_of(item) as clock, recording(item, clock) as state:
                state.around = around
                with _set_up_without_clock(item, state.reseed):
                    self._run_phases()
        except _ENDS_ALL:
            raise
        except BaseException as error:  # noqa: BLE001  # a complaint, of the clock or the state; it is judged
            errors.append(error)
        errors[:0] = [each.excinfo.value for each in self.calls if each.excinfo is not None]
        if state is None:
            return Ending(errors)
        fixtures = dict(item.funcargs or {})
        if self.quiet and isinstance(folder := fixtures.get("tmp_path"), Path):
            shutil.rmtree(folder, ignore_errors=True)  # hundreds of them would slow down the making of the next
        return Ending(errors, state.beyond, state.timeline)

    def _run_phases(self) -> None:
        item, hook = self._item, self._item.ihook
        setup = self._phase(lambda: hook.pytest_runtest_setup(item=item), "setup")
        if setup.excinfo is None:
            self._phase(lambda: hook.pytest_runtest_call(item=item), "call")
        self._phase(lambda: hook.pytest_runtest_teardown(item=item, nextitem=item.parent), "teardown")

    def end(self, nextitem: pytest.Item | None) -> pytest.CallInfo[None]:
        """End what outlives the test and is not needed by the next one."""
        setups = self._item.session._setupstate  # noqa: SLF001  # no public way
        return pytest.CallInfo.from_call(lambda: setups.teardown_exact(nextitem), "teardown", _ENDS_ALL)

    def forget(self) -> None:
        """Drop what pytest keeps of the run: errors, whose tracebacks hold frames, and fixtures."""
        item: Any = self._item
        if not self.quiet:
            self.errors = [each.excinfo.value for each in self.calls if each.excinfo is not None]
        self.calls, self.reports = [], []
        item._request, item.funcargs = False, None  # noqa: SLF001  # as pytest does after a test
        item.stash.setdefault(STATE, None)
        del item.stash[STATE]
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            vars(sys).pop(name, None)

    def renew(self) -> None:
        """Forget what the run before has left at the item, as pytest does for tests that it runs again."""
        item: Any = self._item
        self.calls, self.reports = [], []
        item._initrequest()  # noqa: SLF001  # what pytest's own runner calls for them
        for name in ("_instance", "_obj"):  # a test of a class gets a new object
            vars(item).pop(name, None)
        item._report_sections.clear()  # noqa: SLF001  # what was printed belongs to the run before

    def _phase(self, function: Callable[[], Any], when: Any) -> pytest.CallInfo[None]:
        item: Any = self._item
        call: pytest.CallInfo[None] = pytest.CallInfo.from_call(function, when, _ENDS_ALL)
        if self.quiet:
            item.repr_failure = item._repr_failure_py = lambda *_, **__: EXPLORED_TEXT  # noqa: SLF001  # of other phases
        try:
            self.reports.append(item.ihook.pytest_runtest_makereport(item=item, call=call))
        finally:
            vars(item).pop("repr_failure", None)
            vars(item).pop("_repr_failure_py", None)
        self.calls.append(call)
        return call
