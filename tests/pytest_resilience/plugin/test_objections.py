"""Objections: raised past the handlers of the code under test, and kept."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from pytest_resilience._objections import Objections
from resilience import continuous_retry, create_retry_decorator


def test_an_objection_is_what_pytest_fails_with():
    """It is no Exception, and has the text alone."""
    objections = Objections()

    with pytest.raises(pytest.fail.Exception) as raised:
        objections.object("not so")

    assert not isinstance(raised.value, Exception)
    assert str(raised.value) == "not so"
    assert objections.texts == ["not so"]


def test_an_objection_is_kept_when_it_is_swallowed():
    """Whoever catches it, its text is there at the end."""
    objections = Objections()

    for text in ("one", "two"):
        with contextlib.suppress(BaseException):
            objections.object(text)

    assert objections.texts == ["one", "two"]


def test_no_decorator_retries_an_objection():
    """It passes through retries at the first attempt, sync and async."""
    objections = Objections()

    @create_retry_decorator(max_attempts=5, max_wait=0)
    def limited():
        objections.object("sync")

    @continuous_retry(retry_delay=0)
    def endless():
        objections.object("endless")

    @create_retry_decorator(max_attempts=5, max_wait=0)
    async def limited_async():
        objections.object("async")

    async def main():
        await limited_async()

    for run in (limited, endless, lambda: asyncio.run(main())):
        with pytest.raises(pytest.fail.Exception):
            run()

    assert objections.texts == ["sync", "endless", "async"]
