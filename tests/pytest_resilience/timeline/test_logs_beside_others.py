"""The recording of log lines beside whatever else is done to the logger, which it leaves as it was."""

from __future__ import annotations

import logging
import logging.config

import pytest

from pytest_resilience import RetryLog
from tests.pytest_resilience.timeline.attic import fetch_box, struck

pytestmark = pytest.mark.usefixtures("named")
LOGGER = logging.getLogger("resilience")


def silenced_by_disable():
    """Silence the logger by disable."""
    logging.disable(logging.CRITICAL)


def silenced_by_level():
    """Silence the logger by level."""
    LOGGER.setLevel(logging.CRITICAL + 10)


def silenced_by_flag():
    """Silence the logger by flag."""
    LOGGER.disabled = True


def silenced_by_propagate():
    """Silence the logger by propagate."""
    LOGGER.propagate = False


def silenced_by_filter():
    """Silence the logger by filter."""
    LOGGER.addFilter(_refuse)


def silenced_by_config():
    """Silence the logger by config."""
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})


def _refuse(record):
    return False


@pytest.fixture
def restored():
    """Put everything about logging back that a test sets."""
    root = logging.getLogger()
    handlers, level, others = root.handlers[:], root.level, dict(logging.Logger.manager.loggerDict)
    states = {name: each.disabled for name, each in others.items() if isinstance(each, logging.Logger)}
    yield
    logging.disable(logging.NOTSET)
    LOGGER.setLevel(logging.NOTSET)
    LOGGER.propagate = True
    LOGGER.removeFilter(_refuse)
    root.handlers[:], root.level = handlers, level
    for name, disabled in states.items():
        logging.getLogger(name).disabled = disabled


@pytest.mark.parametrize("when", ["before", "within"])
@pytest.mark.parametrize(
    "silence",
    [
        silenced_by_disable,
        silenced_by_level,
        silenced_by_flag,
        silenced_by_propagate,
        silenced_by_filter,
        silenced_by_config,
    ],
)
def test_every_level_is_recorded_whatever_logging_is_set_to(restored, silence, when):
    """INFO to ERROR are seen, in whatever way, and whenever, logging was silenced."""
    if when == "before":
        silence()
    with RetryLog() as log:
        if when == "within":
            silence()
        struck("1*raise(OSError('x'))")
        struck("raise(OSError('x'))")

        assert [line.level for line in log.lines if line.fields["failpoint"] == "Attic.open"] == [
            "INFO", "WARNING", "INFO", "INFO", "WARNING", "WARNING", "WARNING", "ERROR",
        ]  # fmt: skip


class Seen(logging.Handler):
    """Keeps what reaches it."""

    def __init__(self, level=logging.NOTSET):
        super().__init__(level)
        self.texts = []

    def emit(self, record):
        self.texts.append(f"{record.levelname} {record.name}")


@pytest.mark.parametrize("level", [logging.NOTSET, logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("root_level", [logging.DEBUG, logging.WARNING])
def test_other_handlers_see_what_they_would_see_anyway(restored, level, root_level):
    """With and without the recording, handlers of the logger and of the root get the very same records."""

    def seen():
        own, root = Seen(), Seen()
        LOGGER.addHandler(own)
        logging.getLogger().addHandler(root)
        struck("1*raise(OSError)")
        struck("raise(OSError)", fetch_box)
        LOGGER.removeHandler(own)
        logging.getLogger().removeHandler(root)
        return own.texts, root.texts

    LOGGER.setLevel(level)
    logging.getLogger().setLevel(root_level)
    without = seen()
    with RetryLog():
        with_it = seen()

    assert with_it == without


def test_the_logger_is_as_it_was_afterwards():
    """Nothing about the logger has changed, and nothing more is recorded."""
    before = dict(vars(LOGGER))
    with RetryLog() as log:
        struck("off")
    struck("off")

    after = dict(vars(LOGGER))
    before.pop("_cache")
    after.pop("_cache")
    assert after == before
    assert len(log.lines) == 2


def test_the_logger_is_as_it_was_after_an_error():
    """An error in the block restores the logger too."""
    with pytest.raises(ZeroDivisionError), RetryLog():
        raise ZeroDivisionError

    assert "handle" not in vars(LOGGER)
    assert "isEnabledFor" not in vars(LOGGER)
