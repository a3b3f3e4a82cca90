"""What records carry beside their text, and that no handler, formatter or stream loses a line for it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import io
import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tenacity

from resilience import continuous_retry, create_retry_decorator
from tests.resilience.conftest import DSN, KINDS, run_failing

if TYPE_CHECKING:
    pass

NO_WAIT = tenacity.wait_none()
LOGGER = logging.getLogger("resilience")


def own(sku=""):
    """Fail."""
    raise ConnectionError(f"no {sku}")


class Callee:
    """A callable object."""

    def __call__(self):
        raise ConnectionError("no")


CALLABLES = {
    "function": (own, own),
    "partial": (functools.partial(own, "sku"), own),
    "decorated": (create_retry_decorator(1)(own), own),
    "object": (Callee(), Callee.__call__),
}


@pytest.mark.parametrize("kind", CALLABLES)
def test_a_record_has_file_and_line_of_the_function(log, kind):
    """Whoever reads a log can go from a line to the code that failed, and not to ours."""
    function, written = CALLABLES[kind]
    with pytest.raises(ConnectionError):
        create_retry_decorator(2, wait=NO_WAIT)(function)()
    assert {(record.pathname, record.lineno) for record in log.records} == {
        (__file__, inspect.getsourcelines(written)[1])
    }
    assert {record.filename for record in log.records} == {Path(__file__).name}


def test_a_function_without_a_file_says_so(log):
    """What is written in C has neither file nor line."""
    with pytest.raises(ValueError, match="not in list"):
        create_retry_decorator(1)([].index)(5)
    assert [(record.pathname, record.lineno) for record in log.records] == [("(unknown file)", 0)]


@pytest.fixture
def handler():
    """Add a handler to the logger until the test ends."""
    added = []

    def add(handler):
        added.append(handler)
        LOGGER.addHandler(handler)
        return handler

    yield add
    for each in added:
        LOGGER.removeHandler(each)


def reach():
    """Fail in a frame of its own."""
    password = "hunter2"
    raise ConnectionError(f"could not reach {DSN} {len(password)}")


def fail_for_a_cause():
    """Fail because something else has."""
    try:
        raise ValueError("bad")
    except ValueError as error:
        raise ConnectionError("down") from error


def tenth_record(mode, log, body):
    """The record of the tenth failure of a loop."""
    fetch = continuous_retry(retry_delay=0)(mode.of(body))
    fetch.retry.stop = tenacity.stop_after_attempt(11)
    mode.fails(fetch, ConnectionError)
    return log.records[9]


def test_a_formatter_of_ones_own_finds_the_frames(mode, log):
    """A formatter that does not look at ``exc_text``, as those that write JSON, has frames with file, line and name."""
    record = tenth_record(mode, log, reach)
    assert record.exc_info is not None
    shown = traceback.extract_tb(record.exc_info[2])
    line = inspect.getsourcelines(reach)[1] + 3
    assert (shown[-1].filename, shown[-1].lineno, shown[-1].name) == (__file__, line, "reach")
    assert "raise ConnectionError(" in "".join(traceback.format_exception(*record.exc_info))


def test_the_frames_hold_no_variable_and_nobody_else(mode, log):
    """What collects the variables of frames finds none, and no way to the frames of the program."""
    record = tenth_record(mode, log, reach)
    assert record.exc_info is not None
    entry = record.exc_info[2]
    seen = 0
    while entry is not None:
        seen += 1
        assert entry.tb_frame.f_locals == {}
        assert entry.tb_frame.f_back is None
        assert entry.tb_frame.f_globals.keys() <= {"__name__", "__loader__", "__builtins__"}
        entry = entry.tb_next
    assert seen >= 2
    assert "hunter2" not in "".join(traceback.TracebackException(*record.exc_info, capture_locals=True).format())


def test_a_source_line_that_shows_a_secret_is_left_out(mode, log):
    """A password that is written in the code stays there."""

    def connect():
        raise ConnectionError(len("postgres://app:hunter2@db:5432/orders"))

    record = tenth_record(mode, log, connect)
    assert record.exc_info is not None
    shown = "".join(traceback.format_exception(*record.exc_info))
    assert "in connect" in shown
    assert "hunter2" not in shown


def test_what_led_to_the_error_is_there_too(mode, log):
    """Causes have their frames as well."""
    record = tenth_record(mode, log, fail_for_a_cause)
    assert record.exc_info is not None
    shown = "".join(traceback.format_exception(*record.exc_info))
    assert "ValueError: bad" in shown
    assert "The above exception was the direct cause of the following exception:" in shown


def test_a_deep_stack_gives_a_short_traceback(sync_mode, log):
    """The work and the text are bounded, however deep the program was."""

    def descend(levels):
        if levels == 0:
            raise ConnectionError("deep")
        descend(levels - 1)

    record = tenth_record(sync_mode, log, lambda: descend(300))
    assert record.exc_info is not None
    assert len(traceback.extract_tb(record.exc_info[2])) == 30


class Strict(io.TextIOWrapper):
    """A stream of one encoding, and what was written to it."""

    def __init__(self, encoding):
        self.written = io.BytesIO()
        super().__init__(self.written, encoding=encoding, write_through=True)

    @property
    def lines(self):
        """What was written, by line."""
        return self.written.getvalue().decode(self.encoding).splitlines()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8", "utf-16"])
def test_no_line_is_lost_for_a_character_that_a_stream_lacks(sync_mode, handler, encoding, capsys):
    """Whatever the encoding of a stream, each line is written to it; what it can't hold is written as an escape."""
    stream = Strict(encoding)
    handler(logging.StreamHandler(stream))
    outcomes = [ConnectionError("зàкрыто")] * 2 + ["stock"]
    fetch = continuous_retry(retry_delay=0)(sync_mode.function(*outcomes))
    sync_mode.run(fetch)
    assert len(stream.lines) == 2
    assert stream.lines[0].startswith("fetch failed for the 1 times, error: [")
    dash = "-" if encoding in {"latin-1", "ascii"} else "—"
    assert stream.lines[0].endswith(f"] {dash} retrying in 0.00s")
    assert ("зàкрыто" in stream.lines[0]) is encoding.startswith("utf")
    assert "Logging error" not in capsys.readouterr().err


def test_a_file_that_is_opened_late_loses_nothing(sync_mode, handler, tmp_path):
    """The first line of a file that is opened when it comes is written, too."""
    path = tmp_path / "log"
    file = handler(logging.FileHandler(path, encoding="latin-1", delay=True))
    run_failing(sync_mode, "continuous", ConnectionError("зàкрыто"))
    file.close()
    assert len([line for line in path.read_text("latin-1").splitlines() if "failed for the" in line]) == 11


def test_a_stream_that_replaces_what_it_lacks_is_left_to_itself(sync_mode, handler):
    """Where the stream has its own way with characters, the text is the one of the contract."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace", write_through=True)
    handler(logging.StreamHandler(stream))
    sync_mode.run(continuous_retry(retry_delay=0)(sync_mode.function(ConnectionError, "stock")))
    written = stream.buffer
    assert b"] ? retrying in 0.00s" in written.getvalue()


class Shipping(logging.Handler):
    """Ships each record by a function that is retried, and fails."""

    def __init__(self, ship):
        super().__init__()
        self.ship = ship
        self.handled = []

    def emit(self, record):
        """Ship it."""
        self.handled.append(record.getMessage())
        try:
            self.ship()
        except ConnectionError:
            self.handled.append("lost")


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_ships_by_a_retried_function_is_handed_no_line_about_it(sync_mode, handler, kind):
    """It is called once for each line of the program, and not for the failures of its own shipping."""
    shipped = 0

    @create_retry_decorator(3, wait=NO_WAIT)
    def ship():
        nonlocal shipped
        shipped += 1
        raise ConnectionError("collector down")

    shipping = handler(Shipping(ship))
    run_failing(sync_mode, kind, ConnectionError("refused"))
    lines = [each for each in shipping.handled if each != "lost"]
    assert not any("ship" in line for line in lines)
    assert shipped == 3 * len(lines)


def test_a_handler_that_ships_in_a_task_is_handed_no_line_about_it(handler):
    """The task that a handler makes in an event loop is part of the handling of its line, also once that is over."""

    @create_retry_decorator(3, wait=NO_WAIT)
    async def ship():
        raise ConnectionError("collector down")

    tasks = []
    shipping = handler(Shipping(lambda: tasks.append(asyncio.ensure_future(ship()))))

    @create_retry_decorator(2, wait=NO_WAIT)
    async def fetch():
        raise ConnectionError("refused")

    async def main():
        await asyncio.gather(fetch(), return_exceptions=True)
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(fetch(), return_exceptions=True)
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    line = "'fetch': ConnectionError: refused"
    assert shipping.handled == [f"Retry attempt 1 for {line}", f"Giving up after 2 attempts for {line}"] * 2


def test_after_a_line_the_next_call_has_its_lines(sync_mode, log, handler):
    """Silence lasts no longer than the line, also where the handler raises."""

    def interrupted():
        raise KeyboardInterrupt

    shipping = handler(Shipping(interrupted))
    sync_mode.fails(create_retry_decorator(1)(sync_mode.function(ConnectionError)), KeyboardInterrupt)
    LOGGER.removeHandler(shipping)
    sync_mode.fails(create_retry_decorator(1)(sync_mode.function(ConnectionError)))
    assert log.lines[-1] == ("ERROR", "Giving up after 1 attempts for 'fetch': ConnectionError: refused")
