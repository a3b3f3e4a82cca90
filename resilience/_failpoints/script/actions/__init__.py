"""The closed set of actions, by the word that each has in a script. A new one is a class in one of these files."""

from __future__ import annotations

from typing import Final

from resilience._failpoints.script.actions import functions, http, tcp
from resilience._failpoints.script.actions.action import Action

ACTIONS: Final[dict[str, type[Action]]] = {
    each.word: each
    for module in (functions, http, tcp)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Action) and each is not Action and each is not functions.Call
}
"""Every action that a text can name."""
