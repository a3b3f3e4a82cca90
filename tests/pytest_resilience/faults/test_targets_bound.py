"""Methods that a module keeps bound to an object, as `random` does."""

from __future__ import annotations

import random

import pytest

from pytest_resilience import Faults
from tests.pytest_resilience.faults.callables import made_module

KEPT = """
class Pump:
    def press(self, times=1):
        return type(self).__name__, times

pump = Pump()
press = pump.press
again = press
"""


def repr_of(target):
    """An id that is the same in every process."""
    return target if isinstance(target, str) else f"the object {getattr(target, '__name__', target)}"


@pytest.fixture
def station():
    """A module that keeps a bound method under two names."""
    with made_module("pump_station", KEPT) as module:
        yield module


@pytest.mark.parametrize("named", ["pump_station:press", "pump_station.press", None], ids=["colon", "dots", "object"])
def test_every_reference_of_a_module_to_a_bound_method_is_struck(station, named):
    """By whatever name it is called, also by the class, and the object it is bound to stays what it was."""
    before = station.press
    with Faults() as faults:
        armed = faults.inject(named or station.press, "3*return('struck')")
        assert [station.press(), station.again(2), station.Pump().press(), station.press(3)] == [
            "struck", "struck", "struck", ("Pump", 3),
        ]  # fmt: skip
        assert armed.fired == 3
    assert station.press is station.again is before
    assert station.press(4) == ("Pump", 4)


@pytest.mark.parametrize("target", ["random:uniform", "random.random", random.uniform, random.random], ids=repr_of)
def test_the_functions_of_random_can_be_armed(target):
    """They are methods of a hidden object, one written in Python, one in C."""
    before = random.uniform, random.random
    with Faults() as faults:
        faults.inject(target, "1*return(7)")
        assert 7 in {random.random(), random.uniform(0, 1)}
    assert (random.uniform, random.random) == before


@pytest.mark.parametrize(
    ("target", "name"),
    [("builtins:dict.get", "dict.get"), ("datetime.datetime.now", "datetime.now"), (str.upper, "str.upper")],
    ids=repr_of,
)
def test_a_method_of_a_type_written_in_c_is_refused_each_time(target, name):
    """The text says where to put the fault instead, also when it is asked for again."""
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
            faults.inject(target, "1*return(7)")
        assert str(raised.value) == (
            f"faults.inject(): {name} is built into Python, where nothing can be replaced: put the fault into the "
            'function of yours that calls it, or at a failpoint("name") beside the call'
        )


def test_a_mistyped_module_is_answered_with_the_functions_of_the_one_that_was_meant(station):
    """The closest names come from the modules whose names come closest."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        faults.inject("pump_statoin:press", "1*return(7)")
    assert str(raised.value) == (
        "faults.inject(): no failpoint or function is called 'pump_statoin:press'. "
        "Closest: pump_station:press, pump_station:Pump.press, pump_station:again."
    )
