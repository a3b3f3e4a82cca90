"""The options of the plugin, read once: the command line wins over the ini file."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final, final

import pytest

LARGEST_SEED: Final = 2**32 - 1
_SEEDS: Final = f"a whole number from 0 to {LARGEST_SEED}"
_MOST_DIGITS: Final = 100  # keeps int() away from texts of any length
_HANDED_OVER: Final = "resilience_seed"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line and the ini file ask for.

    Attributes:
        active: Tests marked ``resilience`` run, and a summary is printed.
        seed: The seed of everything random; drawn where none is given.
        seed_given: Whether it was.
    """

    active: bool
    seed: int
    seed_given: bool


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    group = parser.getgroup("resilience", "resilience: faults, virtual time and alerts of code that retries")
    group.addoption(
        "--resilience",
        action="store_true",
        default=None,
        help="run the tests marked `resilience` too, and print a summary (ini: resilience)",
    )
    group.addoption(
        "--resilience-seed",
        metavar="N",
        default=None,
        help="seed of everything random, such as jitter: a whole number (ini: resilience_seed)",
    )
    parser.addini("resilience", "run the tests marked `resilience` too", type="bool", default=False)
    parser.addini("resilience_seed", "seed of everything random: a whole number", default="")


def read_options(config: pytest.Config) -> Options:
    """Return the checked options.

    Raises:
        pytest.UsageError: A bad value; the text names option, value and valid values.
    """
    active, name = config.getoption("resilience"), "--resilience-seed"
    if active is None:
        active = _from_ini(config, "resilience", "true or false")
    text = config.getoption("resilience_seed")
    if text is None:
        name = "the ini option resilience_seed"
        text = _from_ini(config, "resilience_seed", f"{_SEEDS}, in quotes where the file is pytest.toml") or None
    handed_over = getattr(config, "workerinput", {}).get(_HANDED_OVER)
    given = _seed(name, str(text)) if text is not None else handed_over
    seed = random.SystemRandom().randrange(LARGEST_SEED + 1) if given is None else given
    return Options(active=bool(active), seed=seed, seed_given=given is not None)


def hand_over(options: Options, workerinput: dict[str, Any]) -> None:
    """Give the seed to a process of pytest-xdist, so that all of them have the same."""
    workerinput[_HANDED_OVER] = options.seed


def _from_ini(config: pytest.Config, name: str, valid: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(f"the ini option {name} must be {valid}: {error}") from error


def _seed(name: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS and int(digits) <= LARGEST_SEED):
        raise pytest.UsageError(f"{name} must be {_SEEDS}, got {text!r}")
    return int(digits)
