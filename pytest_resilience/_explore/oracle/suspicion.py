"""What one run did wrong, in plain data: nothing of it keeps the run's objects alive."""

from __future__ import annotations

import linecache
import os
import re
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Final, Literal, TypeAlias, final

import resilience
from resilience.redact import clean, message_of, type_name

Kind: TypeAlias = Literal[
    "wrong result",
    "other error",
    "poisoned",
    "stuck",
    "swallowed cancellation",
    "swallowed crash",
    "leak",
    "never awaited",
    "unhandled",
    "silent give-up",
    "alert storm",
    "secret",
    "Retry-After ignored",
    "no jitter",
    "unbounded queue",
    "blocked loop",
]
_HOW_MANY: Final = "0123456789 "  # at the beginning of a text: it makes no other finding
_FOREIGN: Final = tuple(
    os.path.join(each, "")  # noqa: PTH118  # compared with the names in code objects, which are texts
    for each in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(str(resilience.__file__)).parent),
        str(Path(__file__).parents[2]),  # this package
        sys.prefix,
    }
)


@final
@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing that a run did wrong.

    Attributes:
        kind: Which row of the oracle it is.
        text: What happened, in one line without secrets.
        where: File and line of the user's code, as ``path:line``; empty where there is none.
    """

    kind: Kind
    text: str
    where: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells a finding from others: where it was seen, else what happened, without the text of an error."""
        return self.kind, self.where or self.text.partition(": ")[0].lstrip(_HOW_MANY)

    def __str__(self) -> str:
        return f"{self.text} ({self.where})" if self.where else self.text


def of_error(kind: Kind, error: BaseException) -> Suspicion:
    name, text = type_name(error), message_of(error).partition("\\n")[0]
    said = text if isinstance(error, AssertionError) and text.startswith("assert") else f"{name}: {text}"
    if text == name and isinstance(error, AssertionError):
        name = statement_of(error) or name  # outside of pytest, an assertion does not say what it is about
    return Suspicion(kind, name if text in {"", type_name(error)} else said, place_of(error))


def statement_of(error: BaseException) -> str:
    """Return the line of the user's own code that raised an error; empty where there is none to be read."""
    place = _users_place(error)
    return "" if place is None else clean(linecache.getline(*place).strip())


def place_of(error: BaseException) -> str:
    """Return file and line of the innermost frame of the user's own code that an error passed."""
    place = _users_place(error)
    return "" if place is None else f"{short(place[0])}:{place[1]}"


def _users_place(error: BaseException) -> tuple[str, int] | None:
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return next((place for place in reversed(places) if is_users(place[0])), None)


def place_of_caller() -> str:
    """Return file and line of the user's own code that runs; empty where there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # `inspect` would read files
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return "" if frame is None else place_of_frame(frame)


def place_of_frame(frame: FrameType) -> str:
    return f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def without_chance(text: str) -> str:
    """Return a text without the part of a path that is drawn by chance, so that two runs say the same."""
    return re.sub(r"(?<=/)tmp\w{8}", "tmp*", text)


def without_numbers(text: str) -> str:
    """Return a text whose numbers, which differ from run to run, are left open."""
    return re.sub(r"\d+", "*", text)


def innermost(error: BaseException) -> tuple[FrameType, int] | None:
    """Return the frame that raised an error, and the offset of the instruction; None where it was never raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return None if traceback is None else (traceback.tb_frame, traceback.tb_lasti)


def happened_during(error: BaseException | None, other: BaseException | None) -> bool:
    """Tell whether an error is another one, or was raised while that one was handled."""
    seen: list[BaseException] = []
    while error is not None and error is not other and not any(error is each for each in seen):
        seen.append(error)
        error = error.__context__
    return error is not None and error is other


def is_users(file: str) -> bool:
    """Tell whether a file belongs to the code under test, and not to Python, to a library or to this kit."""
    return not file.startswith((*_FOREIGN, "<"))


def short(file: str) -> str:
    """Return the path of a file as it is shown: from the working directory, where it is in there."""
    try:
        shown = str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        shown = file
    return clean(shown)
