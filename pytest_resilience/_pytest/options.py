"""The options of the plugin, read once: the command line wins over the ini file."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, final

import pytest

if TYPE_CHECKING:
    from pytest_resilience._explore.decisions import Replay
    from pytest_resilience._explore.limits import Budget

T = TypeVar("T")

LARGEST_SEED: Final = 2**32 - 1  # what other generators of random numbers take, too
MOST_ATTEMPTS: Final = 1_000_000_000  # more than any run can make
_MOST_DIGITS: Final = 100  # keeps int() away from texts of any length
_HANDED_OVER: Final = "resilience_seed"

_SWITCHES: Final = {
    "resilience": "run the tests marked `resilience` too, explore those marked `explore`, and print a summary",
    "resilience_explore": "explore every test, marked or not; on the command line it turns on --resilience, too",
}


class _Valued(NamedTuple):
    """An option with a value, which has a twin of the same name in the ini file."""

    name: str
    metavar: str
    what: str
    valid: str

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


_OF_RESILIENCE: Final = ("resilience_explore", "resilience_replay", "resilience_report")
"""What has no meaning without --resilience: written on the command line, it turns that on."""

_SEED: Final = _Valued(
    "resilience_seed", "N", "seed of everything random, such as jitter", f"a whole number from 0 to {LARGEST_SEED}"
)
_ATTEMPTS: Final = _Valued(
    "resilience_max_attempts",
    "N",
    "how many attempts may fail in a test, so that none goes on for ever; 1000000 by default",
    f"a whole number from 1 to {MOST_ATTEMPTS}",
)
_VIRTUAL_TIME: Final = _Valued(
    "resilience_max_virtual_time",
    "TIME",
    "how much virtual time a test may spend on failing; a day by default",
    "a number of seconds above 0, or of m, h or d, such as 90, 12h or 7d",
)

_BUDGET: Final = _Valued(
    "resilience_budget",
    "N|TIME",
    "how much exploring a test may cost, by default 200 runs",
    "a number of runs, such as 200, or real time, such as 30s or 5m",
)
_REPLAY: Final = _Valued(
    "resilience_replay",
    "TOKEN",
    "run one test once, as a finding of its exploration says",
    "a token from the line `again:` of a finding",
)

_REPORT: Final = _Valued(
    "resilience_report",
    "PATH",
    "write what every test did into a file",
    "a path that ends in .json (a report in HTML is for later)",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line and the ini file ask for.

    Attributes:
        active: Tests marked ``resilience`` run, and a summary is printed.
        seed: The seed of everything random; drawn where none is given.
        seed_given: Whether it was.
        max_attempts: How many attempts may fail in a test that uses the fixtures.
        max_virtual_s: How many seconds of virtual time it may spend on failing.
        explore_all: Tests are explored that are not marked ``explore``, too.
        budget: What exploring a test may cost; None where nothing was said of it.
        report: The path of the report that is to be written; None where none is.
        replay: The one plan that is to be run, and its seed; None where there is none.
    """

    active: bool
    seed: int
    seed_given: bool
    max_attempts: int
    max_virtual_s: float
    explore_all: bool = False
    budget: Budget | None = None
    report: str | None = None
    replay: Replay | None = None


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("resilience", "resilience: faults, virtual time and alerts of code that retries")
    for name, what in _SWITCHES.items():
        flag = f"--{name.replace('_', '-')}"
        group.addoption(flag, action="store_true", default=None, help=f"{what} (ini: {name})")
        parser.addini(name, what, type="bool", default=False)
    for each in (_SEED, _ATTEMPTS, _VIRTUAL_TIME, _BUDGET, _REPLAY, _REPORT):
        text = f"{each.what}: {each.valid}"
        group.addoption(each.flag, metavar=each.metavar, default=None, help=f"{text} (ini: {each.name})")
        parser.addini(each.name, text, default="")


def read_options(config: pytest.Config) -> Options:
    """Return the checked options.

    Raises:
        pytest.UsageError: A bad value; the text names option, value and valid values.
    """
    active, explore_all = (_switch(config, name) for name in _SWITCHES)
    active = active or any(config.getoption(name) for name in _OF_RESILIENCE)
    seed = _read(config, _SEED, lambda text: _whole(text, 0, LARGEST_SEED))
    replay = _read(config, _REPLAY, _replay)
    if seed is None and replay is not None:
        seed = replay.seed
    if seed is None:
        seed = getattr(config, "workerinput", {}).get(_HANDED_OVER)
    return Options(
        active=active,
        seed=random.SystemRandom().randrange(LARGEST_SEED + 1) if seed is None else seed,
        seed_given=seed is not None,
        max_attempts=_read(config, _ATTEMPTS, lambda text: _whole(text, 1, MOST_ATTEMPTS)) or 1_000_000,
        max_virtual_s=_read(config, _VIRTUAL_TIME, _seconds) or 86_400.0,
        explore_all=explore_all,
        budget=_read(config, _BUDGET, _budget),
        report=_read(config, _REPORT, lambda text: text if text.endswith(".json") else None),
        replay=replay,
    )


def hand_over(options: Options, workerinput: dict[str, Any]) -> None:
    """Give the seed to a process of pytest-xdist, so that all of them have the same."""
    workerinput[_HANDED_OVER] = options.seed


def _read(config: pytest.Config, option: _Valued, read: Callable[[str], T | None]) -> T | None:
    """Return the value of an option, of which ``read`` makes none where it is wrong; None where it is not given."""
    name, text = option.flag, config.getoption(option.name)
    if text is None:
        name = f"the ini option {option.name}"
        text = _from_ini(config, option.name, f"{option.valid}, in quotes where the file is pytest.toml") or None
    if text is None:
        return None
    value = None
    with contextlib.suppress(ValueError):
        value = read(str(text).strip())
    if value is None:
        raise pytest.UsageError(f"{name} must be {option.valid}, got {str(text)!r}")
    return value


def _switch(config: pytest.Config, name: str) -> bool:
    given = config.getoption(name)
    return bool(_from_ini(config, name, "true or false") if given is None else given)


def _from_ini(config: pytest.Config, name: str, valid: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(f"the ini option {name} must be {valid}: {error}") from error


def _whole(text: str, least: int, most: int) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and least <= int(text) <= most:
        return int(text)
    return None


def _budget(text: str) -> Budget:
    from pytest_resilience._explore.limits import budget_of

    return budget_of(text)


def _replay(text: str) -> Replay:
    from pytest_resilience._explore.decisions import replay_of

    return replay_of(text)


def _seconds(text: str) -> float | None:
    from resilience.testing import parse_duration

    return parse_duration(text) / 1e9 or None
