"""Scenarios: an outage that a TOML file scripts in time."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn, final

from resilience.testing import Script, ScriptError, closest, described, passthrough

_FAULTS: Final = "tables that begin with [[fault]]"
_EXAMPLE: Final = """\
[[fault]]
place = "Database.connect"
from = "10m"
to = "12m"
script = "raise(ConnectionError('refused'))"
"""


@final
class ScenarioError(ValueError):
    """A file is no scenario. The text says where in it, and what was expected."""

    __module__ = "pytest_resilience"  # also before it has been asked for there


@final
@dataclass(frozen=True, slots=True)
class ScenarioFault:
    """One ``[[fault]]`` of a scenario: its places, and the script with its window."""

    places: tuple[str, ...]
    script: Script


@final
@dataclass(frozen=True, slots=True)
class Scenario:
    """What a file says."""

    title: str
    faults: tuple[ScenarioFault, ...]


def read_scenario(path: str | Path) -> Scenario:
    """Return the scenario of a file.

    Raises:
        OSError: It can't be read.
        ScenarioError: It is none.
    """
    name = Path(path).name
    try:
        data = tomllib.loads(Path(path).read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name} is no TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{name} is no TOML: {error.reason} at byte {error.start}, expected UTF-8") from None
    reader = _Reader(name)
    reader.check_keys(data, ("title", "fault"))
    faults = reader.value(data, "fault", list, _FAULTS)
    title = reader.value(data, "title", str, "a text") if "title" in data else name
    if not faults:
        reader.refuse(f"fault: expected {_FAULTS}, got []")
    return Scenario(
        title, tuple(_Reader(f"{name}, fault {number}").fault(each) for number, each in enumerate(faults, 1))
    )


@final
class _Reader:
    """Reads a table of the file, and says where what is wrong stands."""

    def __init__(self, where: str) -> None:
        self._where = where

    def fault(self, data: Any) -> ScenarioFault:
        if not isinstance(data, dict):
            self.refuse(f"expected a table, got {described(data)}")
        self.check_keys(data, ("place", "script", "from", "to"))
        place = self.value(data, "place", (str, list), "the name of a place, or a list of names")
        places = [place] if isinstance(place, str) else place
        if not places or not all(isinstance(each, str) and each for each in places):
            self.refuse(f"place: expected the name of a place, or a list of names, got {described(place)}")
        text = self.value(data, "script", str, "a script, such as \"3*raise(ConnectionError('refused'))\"")
        try:
            script = Script.parse(text)
        except ScriptError as error:
            self.refuse(f"script: {error}")
        return ScenarioFault(tuple(places), self._in_window(script, data.get("from"), data.get("to")))

    def value(self, data: Mapping[str, Any], key: str, kind: Any, expected: str) -> Any:
        """Return the value of a key that has to be there."""
        if key not in data:
            self.refuse(f"there is no key {key!r}: write {expected}, as in\n\n{_EXAMPLE}")
        if not isinstance(data[key], kind):
            self.refuse(f"{key}: expected {expected}, got {described(data[key])}")
        return data[key]

    def check_keys(self, data: Iterable[str], keys: tuple[str, ...]) -> None:
        for key in data:
            if key not in keys:
                near = closest(key, keys)
                hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(keys)}"
                self.refuse(f"there is no key {key!r}: {hint}")

    def refuse(self, problem: str) -> NoReturn:
        raise ScenarioError(f"{self._where}: {problem}") from None

    def _in_window(self, script: Script, start: Any, end: Any) -> Script:
        if start is None and end is None:
            return script
        if any(term.window is not None for term in script.terms):
            self.refuse("from and to: the script has a window of its own: write one of them")
        try:
            window = passthrough().between(start, end).terms[0].window
        except (TypeError, ValueError) as error:
            problem = str(error).removeprefix(".between(): ").replace(".between() takes", "expected")
            self.refuse(f"from and to: {problem}")
        return Script(tuple(replace(term, window=window) for term in script.terms))
