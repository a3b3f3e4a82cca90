"""What is said about a target that can't be found, or can't be replaced."""

from __future__ import annotations

from unittest import mock

import pytest

from pytest_resilience import Faults
from resilience import func_retry


def objection(target):
    """Return what the kit says about a target that it refuses."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        faults.inject(target, "off")
    return str(raised.value)


def test_an_unknown_failpoint_lists_the_closest_names(app):
    """A misspelt failpoint fails at once with what it could have been, inline failpoints included."""
    assert objection("Ledger.betwen_charge_and_reciept") == (
        "faults.inject(): no failpoint or function is called 'Ledger.betwen_charge_and_reciept'. "
        "Closest: Ledger.between_charge_and_receipt."
    )


@pytest.mark.parametrize(
    ("wrong", "closest"),
    [
        ("target_app:plane_async", "target_app:plain_async"),
        ("target_app.plane_async", "target_app.plain_async"),
        ("target_app:Client.gett_async", "target_app:Client.get_async"),
        ("target_app:bok_async", "target_app:book_async"),
        ("ledger.open", "Ledger.open"),
        ("Ledger:open", "Ledger.open"),
        ("open_ledger", "Ledger.open"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one_first(app, wrong, closest):
    """Typical slips, in module, class or function, or in the way of writing, are answered with the right name."""
    said = objection(wrong)

    assert said.startswith(f"faults.inject(): no failpoint or function is called {wrong!r}. Closest: ")
    assert closest in said.partition("Closest: ")[2].partition(". ")[0].removesuffix(".").split(", ")


def test_a_function_named_without_its_module_is_answered_with_how_to_name_it(app):
    """The name of a function alone leads nowhere, and the message says what is missing."""
    assert objection("qqqqq").endswith(". A function is named with its module: 'package.module:qqqqq'.")


def test_a_method_named_without_its_module_is_answered_with_its_whole_name(app):
    """What the class of a method would be found by is said, wherever that class has been loaded."""
    assert "target_app:Client.get" in objection("Client.get").partition("Closest: ")[2]


def test_a_server_is_answered_with_how_to_name_a_route():
    """A server is no place; its routes are."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        faults.inject(faults.server(), "1*status(503)")
    assert str(raised.value) == (
        "faults.inject(): a fault goes into a route of a server, such as fault_server.route('GET', '/items'), and not "
        "into the server"
    )


@pytest.mark.parametrize(
    ("place", "when", "what"),
    [
        ("GET https://api.example.com/*", lambda request, other: True, "the request"),
        ("tcp://db.internal:5432", lambda host: True, "host and port"),
    ],
)
def test_a_predicate_that_can_t_be_asked_is_refused(place, when, what):
    """It is told before any request or connection, and with what it would be called."""
    with pytest.raises(pytest.fail.Exception) as raised, Faults() as faults:
        faults.inject(place, "1*reset", when=when)
    assert (
        str(raised.value) == f"faults.inject(): at {place}, when= is called with {what}, which {when!r} does not take"
    )


def test_a_module_that_breaks_when_it_is_imported_is_named(pytester, monkeypatch):
    """A target in a module that can't be imported says why, rather than that there is no such name."""
    pytester.makepyfile(target_broken="import not_installed_anywhere", target_raising="raise RuntimeError('no config')")
    monkeypatch.syspath_prepend(pytester.path)

    assert objection("target_broken:run") == (
        "faults.inject(): 'target_broken:run' can't be found, since importing target_broken failed: "
        "ModuleNotFoundError: No module named 'not_installed_anywhere'"
    )
    assert objection("target_raising.run") == (
        "faults.inject(): 'target_raising.run' can't be found, since importing target_raising failed: "
        "RuntimeError: no config"
    )


@pytest.mark.parametrize("name", ["", ".", ":", "..x", "a:b:c", "not a name", "1.2", "x" * 300])
def test_a_text_that_is_no_name_at_all_is_unknown(name):
    """Anything may be asked for; what is no name gets the same answer."""
    assert objection(name).startswith(f"faults.inject(): no failpoint or function is called {name!r}. ")


def test_what_is_no_function_is_refused_with_what_to_write_instead(app):
    """Values, calls and built-in methods are each answered with the way to do it."""
    wanted = (
        "faults.inject(): a fault goes into a failpoint (its name), or a function, class, method or property (the "
        "object itself, not called, or 'package.module:qualname'), got "
    )
    import sqlite3

    with sqlite3.connect(":memory:") as connection:
        refusals = {
            objection(connection.execute),
            objection(sqlite3.Connection.execute),
            objection("sqlite3:Connection.execute"),
        }
    connection.close()
    (refusal,) = refusals
    assert refusal == (
        "faults.inject(): sqlite3:Connection.execute is built into Python, where nothing can be replaced: put the "
        'fault into the function of yours that calls it, or at a failpoint("name") beside the call'
    )
    for built_in in (ValueError, sqlite3.Connection, int):
        assert objection(built_in).startswith(f"faults.inject(): {built_in.__qualname__} is built into Python, where ")
    assert objection("target_app:Client.__new__") == (
        "faults.inject(): Client has no __new__ of its own: name the class itself, 'target_app:Client'"
    )
    assert objection(None) == f"{wanted}None"
    assert objection(app.plain()) == f"{wanted}1"
    assert objection(app) == f"{wanted}{app!r}"


def test_a_list_without_places_is_refused(app):
    """No fault could strike, and a script of `off` alone would not even be missed at the end."""
    assert objection([]) == "faults.inject(): a list of places names at least one, or no fault can strike"


class Lazily:
    """Makes a function at each look-up."""

    def __init__(self, function):
        self.function = function

    def __get__(self, receiver, owner=None):
        return lambda *args: self.function(receiver, *args)


class Scales:
    """Has such a method, and can be called."""

    @Lazily
    def weigh(self):
        return 5

    def __call__(self):
        return 6


scales = Scales()


def test_a_method_that_is_another_function_at_each_look_up_is_refused():
    """A fault in one of these functions would strike nobody."""
    assert objection(f"{__name__}:Scales.weigh") == (
        f"faults.inject(): {__name__}:Scales.weigh is another function at each look-up, which Lazily makes, so nobody "
        'would meet the fault: put it into the function of yours that these call, or at a failpoint("name") in it'
    )


def test_an_object_that_can_be_called_is_answered_with_what_that_calls():
    """The calls of the program's own objects are those of their class; those of mocks and of the kit are nobody's."""
    assert objection(scales).endswith(f", got {scales!r}: what is called is '{__name__}:Scales.__call__'")
    for other in (mock.Mock(), func_retry):
        assert objection(other).endswith(f", got {other!r}")
