"""What programs ask again and again while the answer is "not yet": whether an event is set, a queue empty, and such.

Here are the questions that are written in Python; those of locks and of queues in C are asked where these are.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from pytest_resilience.clock._bubble.spinning import NOT_YET
from pytest_resilience.clock._bubble.waiting import current
from pytest_resilience.clock._reach.patches import Patch, function_patches, unpatched


def asking(method: Callable[..., Any], *, nothing: Any = None, refusal: type[Exception] | None = None) -> Any:
    """``method``, of which the result ``nothing`` or the exception ``refusal`` means "not yet"."""

    @functools.wraps(method)
    def ask(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = method(*args, **kwargs)
        except Exception as error:
            if refusal is not None and isinstance(error, refusal):
                _note_question()
            raise
        if refusal is None and answer is nothing:
            _note_question()
        return answer

    return ask


def _note_question() -> None:
    member = current()
    if member is not None:
        member.note_question(NOT_YET)


def patches() -> Iterator[Patch]:
    questions: dict[type, dict[str, object]] = {
        threading.Event: {"is_set": False},
        Future: {"done": False, "running": True},
        queue.Queue: {"empty": True, "full": True, "qsize": 0},
    }
    for owner, answers in questions.items():
        asked = {name: asking(unpatched(owner, name), nothing=nothing) for name, nothing in answers.items()}
        yield from function_patches(owner, asked)
