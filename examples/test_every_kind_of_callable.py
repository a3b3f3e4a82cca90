"""What a fault can be put into besides functions, and what a call is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_resilience import Faults, answer, fail

pytestmark = pytest.mark.resilience


class Stock:
    """The shelf of the warehouse."""

    def __init__(self, items: int) -> None:
        self._items = items

    @property
    def left(self) -> int:
        """How many items are left."""
        return self._items


def parcels() -> Iterator[str]:
    """Yield the parcels of the day."""
    yield "parcel 1"
    yield "parcel 2"


@contextlib.contextmanager
def locked(name: str) -> Iterator[str]:
    """Hold a lock."""
    yield name


HANDLERS = {"parcels": parcels}


def test_a_property_fails_when_it_is_read(faults: Faults) -> None:
    """Any object of the class meets the fault."""
    faults.inject(Stock.left, fail(ConnectionError("the scale is off")).times(1))

    stock = Stock(5)
    with pytest.raises(ConnectionError):
        print(stock.left)
    assert stock.left == 5


def test_a_class_fails_to_make_an_object(faults: Faults) -> None:
    """Whoever has imported the class meets the fault."""
    faults.inject(Stock, "1*raise(MemoryError)")

    with pytest.raises(MemoryError):
        Stock(5)


def test_a_generator_fails_at_its_first_item(faults: Faults) -> None:
    """The answer of a generator is a list of items; a registry holds the very function that is armed."""
    faults.inject(parcels, fail(TimeoutError).times(1).then(answer(["parcel 3"]).times(1)))

    with pytest.raises(TimeoutError):
        next(HANDLERS["parcels"]())
    assert [*HANDLERS["parcels"]()] == ["parcel 3"]
    assert [*HANDLERS["parcels"]()] == ["parcel 1", "parcel 2"]


def test_a_context_manager_fails_when_it_is_entered(faults: Faults) -> None:
    """Making it is no call; entering it is."""
    faults.inject(locked, "1*raise(TimeoutError)")

    block = locked("shelf")
    with pytest.raises(TimeoutError), block:
        pytest.fail("the block is not run")
    with locked("shelf") as name:
        assert name == "shelf"
