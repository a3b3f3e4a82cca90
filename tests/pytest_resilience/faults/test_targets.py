"""Where a fault can be put, whom it strikes there, and what comes back after it."""

from __future__ import annotations

import asyncio
import gc
import os

import backoff
import pytest
import stamina
import tenacity

import resilience
from pytest_resilience import Faults, fail

STRIKES = "raise(OSError('struck'))"
CALLS = [
    ("Ledger.open", lambda app: app.open_ledger()),
    ("target_app:open_ledger", lambda app: app.open_ledger()),
    ("target_app.open_ledger", lambda app: app.open_ledger()),
    ("target_app:book", lambda app: app.book(1)),
    ("target_app.book", lambda app: app.book(1)),
    ("target_app:book_async", lambda app: asyncio.run(app.book_async(1))),
    ("target_app:plain", lambda app: app.plain()),
    ("target_app.plain", lambda app: app.plain()),
    ("target_app:plain_async", lambda app: asyncio.run(app.plain_async())),
    ("target_app:cached", lambda app: app.cached()),
    ("target_app:generated", lambda app: list(app.generated())),
    ("target_app:Client.get", lambda app: app.Client().get()),
    ("target_app.Client.get", lambda app: app.client.get()),
    ("target_app:Client.get_async", lambda app: asyncio.run(app.Client().get_async())),
    ("target_app:Client.make", lambda app: app.Client.make()),
    ("target_app:Client.make", lambda app: app.client.make()),
    ("target_app:Client.static", lambda app: app.Client.static()),
    ("target_app:Client.static", lambda app: app.client.static()),
    ("target_app:Client.retried", lambda app: app.client.retried()),
    ("target_app:Client.retried_class", lambda app: app.Client.retried_class()),
    ("target_app:Client.__init__", lambda app: app.Client()),
    ("target_app:Client._Client__hidden", lambda app: app.client.reveal()),
    ("target_app:Client.Inner.get", lambda app: app.Client.Inner().get()),
    ("target_app:Client.inherited", lambda app: app.client.inherited()),
    ("target_app:Client.inherited_class", lambda app: app.Client.inherited_class()),
    ("target_app:Client.inherited_static", lambda app: app.Client.inherited_static()),
    ("target_app:client.get", lambda app: app.client.get()),
    ("target_app:sleep", lambda app: app.sleep(0)),
    ("time:sleep", lambda app: app.sleep(0)),
    ("time.sleep", lambda app: app.time.sleep(0)),
    ("json:dumps", lambda app: app.json.dumps(1)),
    ("sqlite3:connect", lambda app: app.sqlite3.connect(":memory:").close()),
    ("os.path.exists", lambda app: __import__("os").path.exists(".")),
    ("threading:Event.wait", lambda app: app.threading.Event().wait(0)),
    (lambda app: app.open_ledger, lambda app: app.open_ledger()),
    (lambda app: app.book, lambda app: app.book(1)),
    (lambda app: app.plain, lambda app: app.plain()),
    (lambda app: app.plain_async, lambda app: asyncio.run(app.plain_async())),
    (lambda app: app.Client.get, lambda app: app.client.get()),
    (lambda app: app.client.get, lambda app: app.Client().get()),
    (lambda app: app.Client.make, lambda app: app.Client.make()),
    (lambda app: app.client.make, lambda app: app.Client.make()),
    (lambda app: app.Client.static, lambda app: app.client.static()),
    (lambda app: app.client.retried, lambda app: app.client.retried()),
    (lambda app: app.Client.retried_class, lambda app: app.Client.retried_class()),
    (lambda app: app.client._Client__hidden, lambda app: app.client.reveal()),
    (lambda app: app.client.inherited, lambda app: app.client.inherited()),
    (lambda app: app.time.sleep, lambda app: app.sleep(0)),
]


@pytest.mark.parametrize(("target", "call"), CALLS)
def test_a_fault_strikes_where_it_was_put_and_nothing_stays_patched(app, target, call):
    """Whatever a target is and however it is written, its calls are struck inside the block and work after it."""
    found = target(app) if callable(target) else target
    before = dict(vars(app)), dict(vars(app.Client)), dict(vars(app.Base))

    with Faults() as faults:
        injection = faults.inject(found, STRIKES)
        with pytest.raises(OSError, match="struck"):
            call(app)

    assert injection.fired >= 1
    assert (dict(vars(app)), dict(vars(app.Client)), dict(vars(app.Base))) == before
    call(app)


def test_a_function_is_found_without_looking_through_all_code(app, monkeypatch):
    """Where a name with a module resolves, the code of the other modules, which may be long, is not read."""
    monkeypatch.setattr("resilience._failpoints.functions.targets.names_in_code", pytest.fail)

    with Faults() as faults:
        faults.inject("target_app:plain", "1*return('struck')")
        assert app.plain() == "struck"


def test_every_module_level_copy_is_struck(app):
    """A fault on a function strikes it in modules that imported it by `from`, under any name, and in classes."""
    import target_copy

    with Faults() as faults:
        faults.inject("target_app:plain", "4*return('struck')")

        assert target_copy.plain() == target_copy.renamed() == target_copy.Holder.borrowed() == app.plain() == "struck"

    assert target_copy.plain is target_copy.renamed is target_copy.Holder.borrowed is app.plain
    assert app.plain() == 1


def test_a_copy_that_is_imported_meanwhile_does_not_keep_the_stand_in(app, pytester):
    """A module that is first imported while a fault is armed has the real function afterwards."""
    pytester.makepyfile(target_late="from target_app import plain\nclass Late:\n    plain = plain\n    kept = [plain]")

    with Faults() as faults:
        faults.inject("target_app:plain", "2*return('struck')", strict=False)
        import target_late

        assert target_late.plain() == "struck"

    assert target_late.plain is target_late.Late.plain is app.plain
    assert target_late.Late.kept[0](7) == 7


def test_a_function_in_c_is_struck_and_back_where_the_heap_was_frozen():
    """What `gc.freeze` has put out of the collector's sight, as exploring does, is found all the same."""
    gc.freeze()
    try:
        with Faults() as faults:
            faults.inject(os.getpid, "1*return(1)")
            gc.freeze()
            assert os.getpid() == 1
        assert type(os.getpid) is type(len)
    finally:
        gc.unfreeze()


def test_a_stand_in_looks_like_its_function(app):
    """Name, documentation, signature and kind of a replaced function are those of the function."""
    import inspect

    with Faults() as faults:
        faults.inject(app.plain, "off")
        faults.inject(app.plain_async, "off")

        assert app.plain.__name__ == "plain"
        assert app.plain.__doc__ == "Count."
        assert str(inspect.signature(app.plain)) == "(number=1)"
        assert not inspect.iscoroutinefunction(app.plain)
        assert inspect.iscoroutinefunction(app.plain_async)


def test_an_inherited_method_named_by_its_heir_strikes_that_class_alone(app):
    """`Client.inherited` is struck for Client; Other, which inherits the same function, is not."""
    with Faults() as faults:
        injection = faults.inject("target_app:Client.inherited", "1*return('struck')")

        assert app.Other().inherited() == app.Base().inherited() == "inherited"
        assert app.Client().inherited() == "struck"

    assert injection.name == "target_app:Client.inherited"
    assert "inherited" not in vars(app.Client)


def test_a_method_that_a_python_class_inherits_from_c_can_be_a_target():
    """`socket.socket.connect`, which is written in C, is struck for the class that inherits it."""
    import socket

    with Faults() as faults, socket.socket() as connecting:
        faults.inject("socket:socket.connect", "1*raise(ConnectionRefusedError('struck'))")
        with pytest.raises(ConnectionRefusedError, match="struck"):
            connecting.connect(("127.0.0.1", 9))
        faults.inject(connecting.connect, "1*return('connected')")
        assert connecting.connect(("127.0.0.1", 9)) == "connected"

    assert "connect" not in vars(socket.socket)


def test_a_method_from_c_that_somebody_has_put_back_can_be_a_target(monkeypatch):
    """pytest-socket leaves `socket.socket.connect` as an attribute of the class itself, and so it stays."""
    import socket

    inherited = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", inherited)
    with Faults() as faults, socket.socket() as connecting:
        faults.inject("socket:socket.connect", "1*raise(ConnectionRefusedError('struck'))")
        with pytest.raises(ConnectionRefusedError, match="struck"):
            connecting.connect(("127.0.0.1", 9))

    assert vars(socket.socket)["connect"] is inherited


def test_a_method_of_a_base_class_strikes_its_heirs_too(app):
    """`Base.inherited` is struck wherever it is inherited."""
    with Faults() as faults:
        faults.inject(app.Base.inherited, "2*return('struck')")

        assert app.Client().inherited() == app.Other().inherited() == "struck"


def test_a_builtin_in_a_class_goes_on_not_binding(app):
    """A builtin function that is a class attribute gets no `self` while it is armed."""
    with Faults() as faults:
        injection = faults.inject("time:time", "1*return(7)->off", strict=False)

        assert app.Clock().now() == 7

    assert injection.calls[0].args == ()


def test_classes_made_inside_a_test_can_be_targets():
    """Methods of a local class are replaced in that class."""

    class Local:
        def get(self):
            return "got"

        @classmethod
        def make(cls):
            return "made"

        @staticmethod
        def static():
            return "static"

    with Faults() as faults:
        for target in (Local.get, Local().make, Local.static):
            faults.inject(target, "1*return('struck')")

        assert Local().get() == Local.make() == Local.static() == "struck"

    assert (Local().get(), Local.make(), Local.static()) == ("got", "made", "static")


def test_a_function_is_one_place_under_every_name(app):
    """However it is named, scripts on it stack; afterwards everything is back."""
    import target_copy

    with Faults() as faults:
        first = faults.inject(app.plain, "return('first')")
        second = faults.inject("target_app:plain", "1*return('second')")
        assert app.plain() == "second"
        third = faults.inject(target_copy.plain, "1*return('third')")
        assert target_copy.plain() == "third"
        assert app.plain() == "first"

    assert (first.fired, second.fired, third.fired) == (1, 1, 1)
    assert app.plain is target_copy.plain
    assert app.plain.__module__ == "target_app"
    assert not hasattr(app.plain, "__wrapped__")


def test_scripts_on_one_place_stack(app):
    """The newest script is asked first, under either name of the place; what it leaves goes on to the older one."""
    with Faults() as faults:
        older = faults.inject("Ledger.open", "return('first')")
        newer = faults.inject(app.open_ledger, "1*return('second')->1*off")

        assert [app.open_ledger() for _ in range(3)] == ["second", "opened", "first"]
        assert [len(older.calls), len(newer.calls)] == [1, 3]


def test_faults_nest_and_the_outer_ones_come_back(app):
    """Inside of an inner block its faults come first; after it, function and failpoint are armed as before."""
    with Faults() as outer:
        outer.inject(app.plain, "return('outer')")
        outer.inject("Ledger.open", "return('outer')")
        with Faults() as inner:
            inner.inject(app.plain, "1*return('inner')")
            inner.inject("Ledger.open", "1*return('inner')")
            assert app.plain() == app.open_ledger() == "inner"
            assert app.plain() == app.open_ledger() == "outer"
        assert app.plain() == app.open_ledger() == "outer"

    assert app.plain() == 1


def test_a_patch_by_monkeypatch_below_or_above_comes_back(app):
    """A fault on a function that monkeypatch has replaced, and a replaced fault, both end as they began."""
    real = app.plain
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "plain", lambda number=2: number)
        with Faults() as faults:
            faults.inject("target_app:plain", "1*return('struck')")
            assert app.plain() == "struck"
            assert app.plain() == 2
        assert app.plain() == 2
    assert app.plain is real

    with Faults() as faults:
        faults.inject("target_app:plain", "1*return('struck')")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "plain", lambda: "patched")
            assert app.plain() == "patched"
        assert app.plain() == "struck"
    assert app.plain is real


def test_an_inline_failpoint_strikes_when_it_is_passed(app):
    """What the script says happens in the middle of the function."""
    with Faults() as faults:
        faults.inject("Ledger.between_charge_and_receipt", fail(RuntimeError("between")).times(1))

        with pytest.raises(RuntimeError, match="between"):
            app.never_called()
        app.never_called()


def test_what_the_code_under_test_deletes_stays_deleted(app):
    """A function that is armed stays what it is: who deletes its name has deleted it, and who holds it still has it."""
    real = app.plain
    with Faults() as faults:
        faults.inject(app.plain, "1*return('struck')")
        del app.plain
        assert [real(), real()] == ["struck", 1]

    assert not hasattr(app, "plain")


def test_a_function_of_any_namespace_can_be_a_target():
    """Code that was executed, as in a doctest or a notebook, or whose module was loaded anew, is struck there."""
    namespace = {"__name__": "nowhere"}
    exec("def load(): return 'loaded'\ndef fetch(): return load()", namespace)
    real = namespace["load"]

    with Faults() as faults:
        faults.inject(real, "1*return('struck')")

        assert [namespace["fetch"](), namespace["fetch"]()] == ["struck", "loaded"]

    assert namespace["load"] is real


def test_a_function_of_a_test_is_struck_where_others_close_over_it():
    """A function defined in a test is replaced for the test's other functions, and comes back."""

    def load():
        return "loaded"

    async def load_async():
        return "loaded"

    def fetch():
        return load()

    async def fetch_async():
        return await load_async()

    real = load, load_async
    with Faults() as faults:
        faults.inject(load, "1*return('struck')")
        faults.inject(load_async, "1*return('struck')")

        assert fetch() == asyncio.run(fetch_async()) == "struck"
        assert fetch() == asyncio.run(fetch_async()) == "loaded"

    assert (load, load_async) == real


def _with_tenacity(function):
    return tenacity.retry(stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_none())(function)


def _with_stamina(function):
    return stamina.retry(on=OSError, attempts=5, wait_initial=0, wait_jitter=0)(function)


def _with_backoff(function):
    return backoff.on_exception(backoff.constant, OSError, max_tries=5, interval=0, jitter=None)(function)


@pytest.mark.parametrize("decorate", [_with_tenacity, _with_stamina, _with_backoff])
def test_a_fault_can_be_put_behind_the_decorator_of_any_retry_library(decorate):
    """`fetch.__wrapped__` is the function that the library retries, and a fault there is retried by it."""

    @decorate
    def fetch():
        return "fetched"

    with Faults() as faults:
        injection = faults.inject(fetch.__wrapped__, "3*raise(OSError('x'))")

        assert fetch() == "fetched"

    assert (injection.fired, len(injection.calls)) == (3, 4)
    assert fetch() == "fetched"
    assert len(injection.calls) == 4


def test_the_kit_s_own_surface_can_be_a_target():
    """A fault may be put on a function of the production package too, such as the sending of alerts."""
    with Faults() as faults:
        faults.inject("resilience:send_rate_limited_discord_alert", "1*return(True)")

        assert resilience.send_rate_limited_discord_alert("f", OSError("x"), "c", "text") is True
