"""Lines that users log themselves: their prefixes are read, their secrets found, and their mistakes survived."""

from __future__ import annotations

import logging

import pytest

from pytest_resilience import RetryLog, VirtualClock
from resilience import log_prefix

pytestmark = pytest.mark.usefixtures("named")
LOGGER = logging.getLogger("resilience")
SECRET = "hunter2/+ä"


@pytest.mark.parametrize(
    ("resource", "conn_id"),
    [("Redis", "5f3a9c01"), ("my-db", "00000000"), ("a b", "worker"), ("a|b", "1"), ("Attic-", "x"), ("x]y", "ff")],
)
def test_a_prefix_of_any_resource_is_parsed(resource, conn_id):
    """What `log_prefix` makes is read back, at the beginning of a line of the user's own too."""
    with RetryLog() as log:
        LOGGER.info("%s", log_prefix(resource, conn_id))
        LOGGER.info("%s is up", log_prefix(resource, conn_id))

        for prefix in log.prefixes:
            assert (prefix.service, prefix.resource, prefix.conn_id) == ("removals", resource, conn_id)
        assert len(log.prefixes) == 2


@pytest.mark.parametrize("form", [SECRET, "hunter2%2F%2B%C3%A4"])
@pytest.mark.parametrize(
    ("leak", "place"),
    [
        (lambda form: LOGGER.warning("tried %s", form), "the text of a WARNING"),
        (lambda form: LOGGER.error("tried", extra={"conn_id": form}), "the field 'conn_id' of a ERROR"),
        (lambda form: LOGGER.info("tried", exc_info=OSError(form)), "the exception of a INFO"),
        (lambda form: LOGGER.info("tried", extra={"headers": {"token": form}}), "the field 'headers' of a INFO"),
    ],
)
def test_a_secret_that_leaked_is_told_without_showing_it(leak, place, form):
    """The message says where the secret is, quoted as in a URL or not, and does not spread it further."""
    with VirtualClock(), RetryLog() as log:
        leak(form)
        with pytest.raises(AssertionError) as raised:
            log.assert_no_secret(SECRET)

    text = str(raised.value)
    assert text.splitlines()[0] == f"the secret is in {place} line at 0.000 s"
    assert SECRET not in text
    assert "hunter2%2F" not in text


def test_the_secret_to_look_for_must_not_be_empty():
    """An empty secret would be found everywhere, or prove nothing."""
    with RetryLog() as log, pytest.raises(ValueError, match=r"assert_no_secret\(\) needs the secret to look for"):
        log.assert_no_secret("")


def test_a_record_that_can_t_be_formatted_hurts_nobody():
    """A wrong logging call of the user's own is recorded, and raises no more than it would anyway."""
    with RetryLog() as log:
        silenced = logging.raiseExceptions
        logging.raiseExceptions = False
        try:
            LOGGER.error("%d items", "three")
        finally:
            logging.raiseExceptions = silenced

        assert [line.level for line in log.lines] == ["ERROR"]
        assert "%d items" in log.lines[0].text
