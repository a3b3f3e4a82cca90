"""``RESILIENCE_FAILPOINTS``: the plan of faults that a process is started with."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from types import ModuleType
from typing import Final, NoReturn

from resilience._failpoints.functions.loading import on_loaded
from resilience._failpoints.functions.named_places import NamedPlace
from resilience._failpoints.script.error import ScriptError
from resilience._failpoints.script.script import Script
from resilience._failpoints.script.text import parse_plan
from resilience._failpoints.scripted_fault import ScriptedFault
from resilience._support.loaded import is_loading
from resilience.redact import clean, redact

_log: Final = logging.getLogger("resilience")


def arm_plan(text: str) -> None:
    """Arm what a plan says until the process ends.

    An exception may be of the very package that is being loaded, and imports this one: then the plan is read once that
    package has been loaded.

    Raises:
        SystemExit: It is no plan, or says what can't be done at a function.
    """
    if not text.strip():
        return
    try:
        plan = parse_plan(text, "function")
    except ScriptError as error:
        waits_for = [name for name, module in sys.modules.copy().items() if _is_unfinished(module, name, text)]
        if not waits_for:
            _end_process(f"RESILIENCE_FAILPOINTS: {redact(str(error))}")
        _retry_after(waits_for[0], text)
        return
    for place, terms in plan:
        script = Script(terms)
        NamedPlace(place, ScriptedFault(place, script), refusal_by=script.refusal_by).arm()
    armed = "; ".join(f"{place}={Script(terms)}" for place, terms in plan)
    _log.warning("RESILIENCE_FAILPOINTS is set, so faults strike in this process: %s", clean(armed))


def _end_process(problem: str) -> NoReturn:
    if threading.current_thread() is not threading.main_thread():  # where SystemExit would end nothing but that
        sys.stderr.write(f"{problem}\n")
        sys.stderr.flush()
        os._exit(1)
    raise SystemExit(problem)


def _is_unfinished(module: ModuleType, name: str, text: str) -> bool:
    return name != "resilience" and is_loading(module) and re.search(rf"\b{re.escape(name)}[.:]", text) is not None


def _retry_after(name: str, text: str) -> None:
    is_due = True

    def retry(module: ModuleType) -> None:
        nonlocal is_due
        if is_due and module is sys.modules.get(name) and not is_loading(module):
            is_due = False
            arm_plan(text)

    on_loaded(retry)
