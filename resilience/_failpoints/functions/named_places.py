"""Names as places of a process: a failpoint, and functions in modules that may be loaded later, or once more."""

from __future__ import annotations

import atexit
import difflib  # noqa: F401  # what says which names are close would import it, which may not be done under a lock
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Final, final

from resilience._failpoints.functions.loading import on_loaded
from resilience._failpoints.functions.place import Fault, FunctionPlace, place_at
from resilience._failpoints.functions.seats import UnknownTargetError
from resilience._failpoints.functions.targets import Target, failpoint_target, functions_in, target_of_member
from resilience._failpoints.functions.unpassed_failpoints import names_in_code
from resilience._failpoints.script.actions.action import PlaceKind
from resilience._failpoints.table import known_names
from resilience._support.fork import renewed_lock
from resilience._support.loaded import is_loading
from resilience._support.wording import closest, suggestion
from resilience.redact import clean

_SCRIPT: Final = "__main__"
"""The module of the script that is run itself, which nobody loads: nothing tells when it has got a function."""

_log: Final = logging.getLogger("resilience")
_MISSPELT: Final = 0.8
"""How much like a failpoint a name is that is meant to be one; another may be for another process."""

_named: Final[list[NamedPlace]] = []
_changing = renewed_lock(sys.modules[__name__], "_changing")


@final
class NamedPlace:
    """Whatever has a name in this process, now or later, as the place of a fault.

    That is the failpoint of this name; the function that ``package.module:qualname`` or ``package.module.qualname``
    leads to; and of a name such as ``Class.method`` that method of every class of that name.

    Args:
        name: As it was written.
        fault: What decides the calls there.
        on_known: Is called when anything of that name is found first.
        refusal_by: Says what a kind of place can't do of the fault.

    Attributes:
        is_known: Whether anything of that name was found.
    """

    def __init__(
        self,
        name: str,
        fault: Fault,
        *,
        on_known: Callable[[], object] = lambda: None,
        refusal_by: Callable[[PlaceKind], str | None] = lambda _: None,
    ) -> None:
        self.name = name
        self.is_known = False
        self._fault = fault
        self._on_known = on_known
        self._refusal_by = refusal_by
        self._armed: list[FunctionPlace] = []

    def arm(self) -> None:
        """Let the fault strike there, also at what is loaded later."""
        with _changing:
            on_loaded(_loaded)
            atexit.unregister(_warn_of_the_script)
            atexit.register(_warn_of_the_script)
            _named.append(self)
            self._arm(failpoint_target(self.name))
            # One that is being loaded is told when it has been.
            problems = [self.look_into(module) for module in list(sys.modules.values()) if not is_loading(module)]
        _warn_of(problems)

    def disarm(self) -> None:
        with _changing:
            _named.remove(self)
            for place in self._armed:  # oldest first: a module that was loaded twice gets its latest function back
                place.disarm(self._fault)
            self._armed.clear()

    def look_into(self, module: ModuleType) -> str | None:
        """Arm what has the name in a module that was loaded just now; say what is wrong with the name there."""
        members = list(_members(module, self.name))
        if self.name in known_names() or (members and ":" not in self.name and self.name in names_in_code()):
            self._note_known()
            return None
        try:
            for member in members:
                target = target_of_member(*member)
                self._note_known()
                if (refusal := self._refusal_by(target.kind)) is not None:
                    raise UnknownTargetError(f"a {target.kind} {refusal}")
                self._arm(target)
            if not self.is_known and self.name.startswith(f"{module.__name__}:") and module.__name__ != _SCRIPT:
                names = list(functions_in(module.__name__, ":"))
                raise UnknownTargetError(f"there is no such failpoint or function. {suggestion(self.name, names)}")
        except UnknownTargetError as error:
            return f"no fault can strike at {self.name}: {error}"
        return None

    def overlooked_in_script(self) -> str | None:
        """Say, at its end, that the name was meant for the script that has run; None where it was not."""
        script = sys.modules[_SCRIPT]
        module, colon, path = self.name.partition(":")
        is_written = colon and module in {_SCRIPT, getattr(getattr(script, "__spec__", None), "name", _SCRIPT)}
        name = f"{_SCRIPT}:{path}" if is_written else self.name
        if self.is_known or self.name in known_names():
            return None
        if [*_members(script, name)]:
            problem = (
                "a script has its functions only as it runs, so they can't be armed: decorate the function, pass a "
                'failpoint("name") in it, or move it into a module that the script imports'
            )
        elif is_written or closest(name, known_names(), cutoff=_MISSPELT):
            names = [*functions_in(_SCRIPT, ":")] if is_written else known_names()
            problem = f"there was no such failpoint or function. {suggestion(name, names)}"
        else:
            return None
        return f"no fault could strike at {self.name}: {problem}"

    def _note_known(self) -> None:
        if not self.is_known:
            self.is_known = True
            self._on_known()

    def _arm(self, target: Target) -> None:
        place = place_at(target)
        if place not in self._armed:
            place.arm(self._fault)
            self._armed.append(place)


def _warn_of_the_script() -> None:
    with _changing:
        problems = [each.overlooked_in_script() for each in _named]
    _warn_of(problems)


def _loaded(module: ModuleType) -> None:
    with _changing:
        problems = [each.look_into(module) for each in _named.copy()]
    _warn_of(problems)


def _warn_of(problems: Iterable[str | None]) -> None:
    """Write a warning of each, without a lock: a handler may import something, which has another thread wait."""
    for problem in filter(None, problems):
        _log.warning("%s", clean(problem))


def _members(module: ModuleType, name: str) -> Iterator[tuple[object, str, object]]:
    """Yield what a name leads to in a module: what holds it, the name it has there, and it itself."""
    scope = vars(module) if issubclass(type(module), ModuleType) else {}  # nothing else is asked: it may be a proxy
    home = str(scope.get("__name__"))
    paths = [name.removeprefix(f"{home}{mark}") for mark in ":." if name.startswith(f"{home}{mark}")]
    first = scope.get(name.partition(".")[0])
    if "." in name and issubclass(type(first), type) and vars(first).get("__module__") == home:
        paths.append(name)
    for path in paths:
        owner: Any = None
        found: Any = module
        for attribute in path.split("."):
            owner, found = found, getattr(found, attribute, None)
        if found is not None and not issubclass(type(found), ModuleType):
            yield owner, attribute, found
