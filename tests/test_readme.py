"""The README, held against the code: what it quotes, what it says is printed, and what its tables list."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import importlib.util
import inspect
import queue
import re
import selectors
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
import tenacity
import trio

import pytest_resilience
import resilience
from pytest_resilience import DeadlockError, DiscordMock, Injection, RetryLog, Script, VirtualClock, plugin
from pytest_resilience._explore.oracle.suspicion import Kind
from resilience import _config as config
from resilience.alerts import flush
from tests.forked import run_forked

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHECKS = {
    "quote": "python",
    "quote: examples/outage.toml": "toml",
    "passes: pytest": "python",
    "run: pytest": "python",
    "explored: pytest": "python",
    "run: each line takes an hour": "python",
    "printed by": "text",
}


@dataclass(frozen=True)
class Block:
    """A fenced block, and the comment above it that says how it is checked."""

    check: str
    language: str
    body: str
    line: int

    @property
    def argument(self):
        return self.check.partition(": ")[2] if ": " in self.check else self.check

    def __str__(self):
        return f"line {self.line}"


def _blocks():
    for found in re.finditer(r"(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE):
        yield Block(found[1] or "", found[2], found[3], README.count("\n", 0, found.start()) + 1)


BLOCKS = list(_blocks())


def _checked_as(check):
    return [block for block in BLOCKS if block.check.startswith(check)]


def _table(head):
    """Return the rows of the table whose first line begins so, without backticks around a whole cell."""
    assert README.count(f"\n| {head}") == 1, f"one table begins with {head!r}"
    rows = README.partition(f"\n| {head}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<= )\|(?= |$)", row)[:-1]] for row in (row[1:] for row in rows)]


def _code(cell):
    return cell.strip().removeprefix("`").removesuffix("`")


def _masked(text):
    """Return the lines of an output without its times, its widths and its colours."""
    lines = (
        re.sub(r"\d+ h \d+ min|\d+ min \d+ s|[\d.]+ m?s\b|[\d.]+(?=h|m|s| )|\d+\.\d+|[=-]{3,}", "#", line)
        for line in text.splitlines()
    )
    return [masked for line in lines if (masked := " ".join(line.split()))]


def _assert_printed(block, output):
    """Assert that an output has each part of a block, as it stands and in that order; ``...`` divides the parts."""
    printed = "\n".join(_masked(output))
    for part in block.body.split("...\n"):
        wanted = "\n".join(_masked(part))
        assert wanted in printed, f"README, {block}: not printed:\n{part}\nbut:\n{output}"
        printed = printed.partition(wanted)[2]


def _needed(name):
    """Return a file of the checkout, or skip where only the tests are, as beside a wheel."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not here: only the tests are")
    return path


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_checked(block):
    """No code block stands in the README without a check of it below."""
    if block.language == "console":
        assert not block.check
        return
    assert block.language in {language for check, language in CHECKS.items() if block.check.startswith(check)}


@pytest.mark.parametrize("block", _checked_as("quote"), ids=str)
def test_quotes_are_verbatim(block):
    """A quoted block stands in its file, character by character."""
    assert block.body in (ROOT / block.argument).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=str)
def test_commands_exist(block):
    """Every command is a target of the Makefile, runs the example, or installs the distribution with extras it has."""
    project = tomllib.loads(_needed("pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in block.body.splitlines():
        command = line.partition("#")[0].strip()
        if command.startswith("make "):
            assert re.search(rf"^{command.removeprefix('make ')}:", _needed("Makefile").read_text(), re.MULTILINE)
            continue
        if command.startswith("cd examples && python -m ") and command.endswith("python -m orders"):
            files = ["orders/__main__.py", *re.findall(r"\S+\.toml", command)]
            assert all((ROOT / "examples" / file).exists() for file in files)
            continue
        if command == "pytest test_first.py":
            assert _checked_as("passes: pytest")
            continue
        installs = re.fullmatch(r"pip install '?([a-z-]+|\.)(?:\[([a-z,]+)\])?'?", command)
        assert installs, f"{command!r} is no command that this test knows"
        assert installs[1] in {project["name"], "."}
        assert set((installs[2] or "pytest").split(",")) <= set(project["optional-dependencies"])


@pytest.mark.slow
def test_the_summary_is_printed_as_shown(suite, monkeypatch):
    """The command that the block names prints it, but for the times."""
    (block,) = _checked_as("printed by: pytest")
    monkeypatch.chdir(ROOT)
    ran = run_forked(suite, "-p", "timeout", *block.argument.split()[1:])
    assert ran.ret == 0, "\n".join(ran.outlines + ran.errlines)
    _assert_printed(block, "\n".join(ran.outlines))


def test_the_first_test_passes(suite):
    """What the README begins with is a whole file that passes."""
    (first,) = _checked_as("passes: pytest")
    suite.makepyfile(test_first=first.body)
    suite.runpytest().assert_outcomes(passed=1)


def test_failures_are_printed_as_shown(suite):
    """The test file in the README fails with the words that stand below it."""
    (test_file,), (printed,) = _checked_as("run: pytest"), _checked_as("printed by it")
    suite.makepyfile(test_it=test_file.body)
    result = suite.runpytest_inprocess("--tb=short")
    _assert_printed(printed, result.stdout.str())


def test_findings_are_printed_as_shown(suite):
    """The marked test in the README is explored to the finding that stands below it."""
    (test_file,), (printed,) = _checked_as("explored: pytest"), _checked_as("printed by exploring it")
    suite.makepyfile(test_orders=test_file.body)
    result = suite.runpytest_inprocess("--resilience")
    _assert_printed(printed, result.stdout.str())


def test_kinds_of_findings_are_those_of_the_table():
    """The table has every kind that exploring can find."""
    listed = {_code(kind) for row in _table("kind of finding") for kind in row[0].split(",")}
    assert listed == set(get_args(Kind))


def _hours():
    return [line for block in _checked_as("run: each line takes an hour") for line in block.body.splitlines()]


@pytest.mark.parametrize("line", _hours())
def test_an_hour_takes_an_hour_of_virtual_time(line):
    """The line returns, or times out, when an hour has passed on both clocks."""
    modules = [asyncio, concurrent.futures, queue, selectors, tenacity, threading, time, trio]
    names = {module.__name__.partition(".")[0]: module for module in modules} | {"concurrent": concurrent}
    with VirtualClock() as clock:
        before = time.monotonic(), time.time()
        with contextlib.suppress(TimeoutError, queue.Empty):
            exec(line, names)
        passed = time.monotonic() - before[0], time.time() - before[1]
    assert clock.elapsed == 3600
    assert passed == pytest.approx((3600, 3600), abs=1e-3)


def test_what_is_said_of_the_clock():
    """A deadlock is an error, and the grace for what is outside is half a second."""
    with VirtualClock(), pytest.raises(DeadlockError):
        threading.Event().wait()
    assert "half a second" in README
    assert inspect.signature(VirtualClock).parameters["grace"].default == 0.5


@pytest.mark.parametrize(("name", "arguments"), [row for row in _table("decorator") if "=" in row[1][:30]])
def test_decorators_have_these_arguments_and_defaults(name, arguments):
    """The table shows the whole signature of each decorator."""
    parameters = inspect.signature(getattr(resilience, _code(name))).parameters.values()
    bare = inspect.Signature([each.replace(annotation=inspect.Parameter.empty) for each in parameters])
    assert f"({_code(arguments)})".replace('"', "'") == str(bare).replace(str(Exception), "Exception")


def test_log_lines_are_those_of_the_table():
    """A run through everything that is logged logs each text of the table at its level, and no other."""
    rows = [(row[2].split()[0], _pattern(_code(row[3]))) for row in _table("of | when")]
    with VirtualClock(), DiscordMock() as discord, RetryLog() as log:
        _make_all_log_lines(discord)
    for level, pattern in rows:
        assert any(line.level == level and pattern.fullmatch(line.text) for line in log.lines), (level, pattern.pattern)
    for line in log.lines:
        assert any(line.level == level and pattern.fullmatch(line.text) for level, pattern in rows), line.text
    fields = re.findall(r"`(\w+)`", README.partition("put on a single line; ")[2].partition(" are fields")[0])
    assert all(hasattr(line.record, field) for line in log.lines for field in fields)


def _make_all_log_lines(discord):
    failures = iter([ConnectionError("refused")] * 5)

    def work():
        for error in failures:
            raise error

    with pytest.raises(ConnectionError):
        resilience.create_retry_decorator(max_attempts=3, context="billing", alert_threshold=2)(work)()
    with pytest.raises(ConnectionError):
        resilience.conn_retry("Redis", "connect", max_retry=1)(work)()
    failures = iter([ConnectionError("refused")])
    resilience.create_retry_decorator()(work)()
    failures = iter([PermissionError("denied")])
    with pytest.raises(PermissionError):
        resilience.create_retry_decorator(exclude_exceptions=PermissionError)(work)()
    failures = iter([ConnectionError("refused")] * 2)
    resilience.continuous_retry()(work)()
    failures = iter([ConnectionError("refused")] * 9)
    with pytest.raises(ConnectionError):
        resilience.continuous_retry(timeout=3)(work)()
    resilience.conn_retry("Redis", "connect")(work)()
    assert discord.alerts
    discord.respond("1*return(404)")
    resilience.send_rate_limited_discord_alert("work", ValueError("other"), "billing", "failed")


def _pattern(template):
    found = re.search(r"`\{prefix\}` is `(.*?)`", README)
    assert found is not None
    pattern = re.escape(template.replace("{prefix}", found[1]))
    pattern = pattern.replace(re.escape("{context: }"), "(?:.*: )?").replace(re.escape("{delay:.2f}"), r"\d+\.\d\d")
    pattern = re.sub(r"\\\{(?:n|pid|thread)\\\}", r"\\d+", pattern)
    return re.compile(re.sub(r"\\\{\w+\\\}", ".*", pattern))


def test_settings_are_those_of_the_table(monkeypatch):
    """The table has every argument of ``configure``, and each variable that it names is read."""
    rows = _table("`configure(...)`")
    assert [_code(row[0]) for row in rows] == list(inspect.signature(resilience.configure).parameters)
    read = {
        "RESILIENCE_SERVICE_NAME": config.service_name,
        "RESILIENCE_DISCORD_WEBHOOK_URL": config.discord_webhook_url,
        "RESILIENCE_DISCORD_WEBHOOK_URL_<CHANNEL>": lambda: config.discord_webhook_url("channel"),
        "RESILIENCE_REDIS_URL": config.redis_url,
    }
    assert {_code(row[1]) for row in rows} - {""} == set(read)
    for variable, reader in read.items():
        with monkeypatch.context() as patch:
            patch.setenv(variable.replace("<CHANNEL>", "CHANNEL"), "from the environment")
            assert reader() == "from the environment"
    assert [row[2] for row in rows if "max_alerts" in row[0]] == ["20"]
    assert config.DEFAULT_MAX_ALERTS_PER_MINUTE == 20


@pytest.mark.parametrize(("name", "class_name", "gives"), _table("fixture"))
def test_fixtures_are_those_of_the_table(name, class_name, gives):
    """Each fixture is there, its class is public, and has what the table says."""
    kind = getattr(pytest_resilience, _code(class_name))
    assert hasattr(plugin, _code(name))
    for attribute in re.findall(r"`\.(\w+)", gives):
        assert hasattr(kind, attribute) or hasattr(Injection, attribute), attribute


@pytest.mark.parametrize(("option", "ini"), [row[:2] for row in _table("option")])
def test_options_are_those_of_the_table(option, ini, pytestconfig):
    """Each option can be given on the command line and in the ini file."""
    pytestconfig.getoption(_code(option).partition("=")[0])
    pytestconfig.getini(_code(ini))


@pytest.mark.parametrize(
    ("text", "code"), [row[:2] for head in ("at functions", "at HTTP and TCP") for row in _table(head)]
)
def test_scripts_are_the_same_in_code_and_as_text(text, code):
    """The text of a row makes the same script as its code."""
    builders = {name: getattr(pytest_resilience, name) for name in pytest_resilience.__all__}
    assert Script.parse(_code(text)) == eval(_code(code), builders)


@pytest.mark.parametrize(("text", "code"), [row[:2] for row in _table("modifier | code")])
def test_modifiers_are_the_same_in_code_and_as_text(text, code):
    """The modifier of a row makes the same script as its method."""
    method = code.partition("`")[2].partition("`")[0]
    expected = eval(f"passthrough(){method}", {"passthrough": pytest_resilience.passthrough})
    assert Script.parse(f"{_code(text)} off") == expected


def test_extras_are_those_of_the_table():
    """The table has every extra of the distribution, and the modules that it names are there."""
    extras = tomllib.loads(_needed("pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {_code(row[0]) for row in _table("extra")} == set(extras)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(resilience(?:\.\w+)+)", README))))
def test_dotted_names_are_there(name):
    """A dotted name in the text is that of a module, or of something in one."""
    module, _, attribute = name.rpartition(".")
    parent = importlib.import_module(module)
    assert hasattr(parent, attribute) or (hasattr(parent, "__path__") and importlib.util.find_spec(name))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(target):
    """A link to a file of the repository leads to one."""
    assert _needed(target).exists()


def test_numbers_in_the_text_are_those_of_the_code():
    """The threshold, the window and the supported versions are what the text says."""
    assert resilience.EXCESSIVE_RETRY_THRESHOLD == 50
    assert "Without one that is the 50th" in README
    assert resilience.ALERT_RATE_LIMIT_SECONDS == 300
    assert "alerts once in 300 seconds" in README
    assert inspect.signature(flush).parameters["timeout"].default == 5.0
    assert "gives them five seconds" in README
    classifiers = tomllib.loads(_needed("pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    versions = [each.rpartition(" ")[2] for each in classifiers if re.search(r":: 3\.\d+$", each)]
    assert f"CPython {', '.join(versions[:-1])} and {versions[-1]}" in README
