"""Scenarios: TOML files that script an outage in time, in tests and around any command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import resilience
from pytest_resilience import Faults, ScenarioError, VirtualClock
from pytest_resilience.__main__ import USAGE, main
from resilience import failpoint

HOUSE = str(Path(str(resilience.__file__)).parent.parent)

OUTAGE = """
title = "The database moves to another host while the payment provider is slow"

[[fault]]
place = "Scenario.connect"
from = "10m"
to = "12m"
script = "2*off->raise(ConnectionError('moving'))"

[[fault]]
place = ["Scenario.charge", "Scenario.refund"]
script = "2*sleep(5s)"
"""


def connect():
    failpoint("Scenario.connect")


def pay():
    failpoint("Scenario.charge")
    failpoint("Scenario.refund")


@pytest.fixture
def written(tmp_path):
    """Writes a scenario, and returns the path of its file."""

    def written(text):
        (tmp_path / "outage.toml").write_text(text, "utf-8")
        return tmp_path / "outage.toml"

    return written


def test_a_scenario_is_armed_as_a_whole(written):
    """Every fault strikes at its places in its window of time, which counts from when the scenario is run."""
    with VirtualClock() as clock, Faults() as faults:
        clock.advance(60)
        database, payments = faults.run(written(OUTAGE))
        pay()
        assert clock.elapsed == 70
        connect()
        clock.advance(590)
        connect()
        connect()
        with pytest.raises(ConnectionError, match="moving"):
            connect()
        clock.advance(120)
        connect()

    assert (database.name, payments.name) == ("Scenario.connect", "Scenario.charge, Scenario.refund")
    assert str(database.script) == "[600..720] 2*off->[600..720] raise(ConnectionError('moving'))"
    assert [each.done for each in database.calls] == ["off", "off", "off", "raise(ConnectionError('moving'))", "off"]
    assert (database.fired, payments.fired) == (1, 2)


def test_what_a_scenario_plans_has_to_strike(written):
    """A fault of a scenario that never struck fails the test, unless it is run with ``strict=False``."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        faults.run(str(written(OUTAGE)))
    assert str(raised.value).count("never fired (never called)") == 2
    with Faults() as faults:
        faults.run(written(OUTAGE), strict=False)


FAULT = """
[[fault]]
place = "Scenario.connect"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fault = [", "outage.toml is no TOML: Invalid value (at end of document)"),
        ("title = 'x'\nfalut = 1", "outage.toml: there is no key 'falut': did you mean 'fault'?"),
        ("x = 1", "outage.toml: there is no key 'x': expected title, fault"),
        ("title = 1\nfault = []", "outage.toml: title: expected a text, got 1"),
        ("fault = []", "outage.toml: fault: expected tables that begin with [[fault]], got []"),
        ("fault = 3", "outage.toml: fault: expected tables that begin with [[fault]], got 3"),
        ("fault = [3]", "outage.toml, fault 1: expected a table, got 3"),
        (
            "[[fault]]\nplaec = 'x'\nscript = 'off'",
            "outage.toml, fault 1: there is no key 'plaec': did you mean 'place'?",
        ),
        (
            "[[fault]]\nplace = []\nscript = 'off'",
            "outage.toml, fault 1: place: expected the name of a place, or a list of names, got []",
        ),
        (
            f"{FAULT}script = '2*rise(OSError)'",
            "outage.toml, fault 1: script: can't read the fault script at column 3: found 'rise'\n"
            "    2*rise(OSError)\n"
            "      ^\n",
        ),
        (
            f"{FAULT}script = '[1s..] off'\nto = '2s'",
            "outage.toml, fault 1: from and to: the script has a window of its own: write one of them",
        ),
        (
            f"{FAULT}script = 'off'\nfrom = '2s'\nto = 1",
            "outage.toml, fault 1: from and to: expected an end after its start; got '2s' (str) and 1 (int)",
        ),
        (
            f"{FAULT}script = 'off'\nfrom = 'soon'",
            "outage.toml, fault 1: from and to: not a duration: found 'soon', expected seconds",
        ),
        (
            "title = 'x'",
            "outage.toml: there is no key 'fault': write tables that begin with [[fault]], as in\n\n[[fault]]",
        ),
    ],
)
def test_what_is_no_scenario_is_refused_with_its_place(written, capsys, text, message):
    """The message names the file, the fault, the key, the closest one there is, and the column of a script."""
    with Faults() as faults, pytest.raises(ScenarioError) as refused:
        faults.run(written(text))
    assert str(refused.value).startswith(message)
    assert main([str(written(text)), "--", "true"]) == 2
    assert capsys.readouterr().err == f"resilience: {refused.value}\n"


def test_a_scenario_for_a_command_has_places_that_other_processes_can_have(written, capsys):
    """A connection can't be led away in another process, and a function can't be reset."""
    outage = written('[[fault]]\nplace = "tcp://db:5432"\nscript = "reset"')
    assert main([str(outage), "--", "true"]) == 2
    assert capsys.readouterr().err == (
        "resilience: fault 1, place: a command can be struck at failpoints and functions only, not at 'tcp://db:5432'\n"
    )
    outage = written(f'{FAULT}script = "reset"')
    assert main([str(outage), "--", "true"]) == 2
    assert capsys.readouterr().err.startswith(
        "resilience: fault 1, script: a function or failpoint can't do reset: it can"
    )


@pytest.mark.parametrize("arguments", [[], ["outage.toml"], ["outage.toml", "true"], ["outage.toml", "--"]])
def test_a_command_is_needed(capsys, arguments):
    """Without the scenario, the dashes or the command, the usage is shown."""
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"{USAGE}\nThe scenario, two dashes and a command are all needed.\n"
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == f"{USAGE}\n"


def test_what_can_t_be_run_is_said(written, capsys, tmp_path):
    """A command or scenario that is not there is said, with the statuses of a shell."""
    outage = str(written(OUTAGE))
    assert main([outage, "--", "no-such-command"]) == 127
    assert capsys.readouterr().err == "resilience: can't run 'no-such-command': No such file or directory\n"
    assert main([outage, "--", str(tmp_path)]) == 126
    assert main(["nowhere.toml", "--", "true"]) == 2
    assert "resilience: can't read 'nowhere.toml': No such file or directory\n" in capsys.readouterr().err


def test_a_command_that_knows_no_place_does_not_pass(written, capsys):
    """A place that nobody knew is said, and is status 2 where the command itself succeeded."""
    outage = str(written(OUTAGE))
    assert main([outage, "--", "sh", "-c", "exit 3"]) == 3
    assert main([outage, "--", "true"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "resilience: no process of the command knew Scenario.connect, Scenario.charge, Scenario.refund: a place is a "
        "failpoint, 'package.module:function' or 'Class.method' of a process that imports resilience"
    )


SERVICE = """
import sys
import resilience

class Payments:
    def charge(self):
        print("charged", flush=True)

@resilience.conn_retry("Database", "connect", max_wait=0)
def connect():
    return "connected"

def unused():
    resilience.failpoint("Database.unused")

def serve():
    print(connect(), flush=True)
    for _ in sys.stdin:
        Payments().charge()
"""

SCENARIO = """
title = "An outage"
[[fault]]
place = "Database.connect"
to = "1h"
script = "2*raise(ConnectionError('refused'))"
[[fault]]
place = "service:Payments.charge"
script = "1*sleep(1ms)->1*crash"
[[fault]]
place = "Database.unused"
script = "hang"
"""


@pytest.fixture
def service(tmp_path, written):
    """Starts a service under a scenario."""
    (tmp_path / "service.py").write_text(SERVICE, "utf-8")
    command = [sys.executable, "-c", "import service; service.serve()"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{HOUSE}"}

    def start(text):
        under = [sys.executable, "-m", "pytest_resilience", str(written(text)), "--", *command]
        pipe = subprocess.PIPE
        return subprocess.Popen(under, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    return start


def test_a_command_runs_under_a_scenario(service):
    """What strikes is shown as it strikes, a table ends it, and the status tells which signal has killed the command."""
    with service(SCENARIO) as process:
        out, err = process.communicate("one\ntwo\n")
    assert (process.returncode, out) == (128 + signal.SIGKILL, "connected\ncharged\n")
    said = [line.removeprefix("resilience: ") for line in err.splitlines() if line.startswith("resilience: ")]
    assert [line.split(maxsplit=1)[1] for line in said[:4]] == [
        "Database.connect: raise(ConnectionError('refused'))",
        "Database.connect: raise(ConnectionError('refused'))",
        "service:Payments.charge: sleep(0.001)",
        "service:Payments.charge: crash",
    ]
    assert said[4].startswith("An outage, ")
    assert said[5:9] == [
        "place                    calls  struck  script",
        "Database.connect             3       2  [..3600] 2*raise(ConnectionError('refused'))",
        "service:Payments.charge      2       2  1*sleep(0.001)->1*crash",
        "Database.unused              0       0  hang",
    ]
    assert said[9].startswith("no process of the command knew Database.unused: ")  # it was killed before it could say
    assert len(said) == 10


@pytest.mark.usefixtures("heeded")
def test_signals_are_passed_on(service):
    """What is sent to the run arrives at the command, which decides what becomes of it; names in its code are known."""
    with service(
        SCENARIO.partition('[[fault]]\nplace = "service')[0] + '[[fault]]\nplace="Database.unused"\nscript="hang"'
    ) as process:
        assert process.stdout.readline() == "connected\n"
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()  # communicate() would end the input, and so the service, before the signal
    assert "KeyboardInterrupt" in err
    assert process.returncode == 128 + signal.SIGINT
    assert "no process of the command knew" not in err
