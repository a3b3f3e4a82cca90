"""`Faults`: arms scripts at places until the test ends, and accounts for them then."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, final

from pytest_resilience._faults.injection import Injection, Place
from pytest_resilience._faults.leftovers import held_calls, warn_of
from pytest_resilience._objections import Objections
from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._timeline.timeline import Timeline, opened
from pytest_resilience._uninterrupted import Uninterrupted
from pytest_resilience._usage import note
from resilience.events import FaultInjected
from resilience.redact import clean
from resilience.testing import (
    FunctionPlace,
    PlaceKind,
    Script,
    UnknownPlaceError,
    UnknownTargetError,
    as_script,
    counted,
    place_at,
    target_of,
)

if TYPE_CHECKING:
    from pytest_resilience._faults.children import Children
    from pytest_resilience._faults.servers import Servers
    from pytest_resilience._servers.proxy import FaultProxy, ProxyPlace
    from pytest_resilience._servers.routes import Route
    from pytest_resilience._servers.server import FaultServer

_LONGEST_PLAN: Final = 200  # characters of what is pending of a script
_ADDRESS: Final = re.compile(r"://|^(?:[A-Z]+|\*) /")
"""What is meant for a URL or an address, also where the host is forgotten: ``GET /items``."""

_ASKED: Final[dict[PlaceKind, str]] = {"httpx": "the request", "http": "the request", "tcp": "host and port"}
_KINDS: Final[dict[PlaceKind, str]] = {
    "function": "a function or failpoint",
    "class": "a class",
    "httpx": "a URL of httpx",
    "http": "a route of fault_server",
    "tcp": "a TCP place",
    "discord": "Discord",
}

Target: TypeAlias = "str | Callable[..., Any] | Route | FaultProxy | ProxyPlace"


@final
class Faults:
    """Arms faults for the length of a ``with`` block, and says at its end which of them never struck.

    The fixture ``faults`` is one, with the seed of the run.

    Args:
        timeline: Where what happens is recorded, if that is open already. Default: one of its own.
        objections: Where mistakes are kept for the end of the test. Default: they are raised at the end of the block.
        seed: From which chances and ranges are drawn, together with the name of each place.

    Attributes:
        injections: What was armed so far, in order.

    Raises:
        pytest.fail.Exception: At the end of a block without another exception: a planned fault never struck.

    Example:
        ::

            with Faults() as faults:
                outage = faults.inject("Redis.connect", "3*raise(ConnectionError('refused'))")
                run_the_service()
            assert outage.fired == 3
    """

    def __init__(
        self, timeline: Timeline | None = None, objections: Objections | None = None, *, seed: object = 0
    ) -> None:
        self.injections: list[Injection] = []
        self._given = timeline
        self._timeline: Timeline | None = None
        self._objections = objections or Objections()
        self._ends_children = objections is not None  # of a test; the program's own block may end before they do
        self._seed = seed
        self._servers: Servers | None = None
        self._children: Children | None = None
        self._armed = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._timeline = self._armed.enter_context(opened(self._given))
        note_open(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with Uninterrupted():
            left = self._close()
        if kind is None:
            warn_of(left, stacklevel=2)
        if kind is None and self._given is None:
            self._objections.settle(self.complaint())

    def _close(self) -> list[str | None]:
        note_closed(self)
        timeline, self._timeline = self._timeline, None
        left = [held_calls(self.injections)]
        if self._servers is not None and timeline is not None and not timeline.of(FaultInjected):
            # After a fault, exceptions that the log keeps hold the frames, and so the clients, of calls that are over.
            left.append(self._servers.left_open())
        self._armed.close()
        if self._children is not None:
            left += self._children.left_over(end=self._ends_children)
        note(calls=sum(len(each.calls) for each in self.injections))
        return left

    def inject(
        self,
        place: Target | Sequence[Target],
        script: Script | str,
        *,
        when: Callable[..., object] | None = None,
        strict: bool = True,
    ) -> Injection:
        """Arm a script at a place until the test ends, or until `Injection.disarm`.

        Injections at one place stack: the newest is asked first, and a call to which none of its terms applies goes on
        to the older one.

        Args:
            place: The name of a failpoint, ``"package.module:qualname"``, or a function, class, method or property
                itself, wherever it is called; a route of `FaultServer`; a `FaultProxy`, or one of its
                directions; ``"tcp://host:port"``, where either may be ``*``; ``"GET https://api.example.com/items/*"``
                for requests of httpx; or a list of these, with one count.
                A fault on a function that another library retries strikes outside of its retries; ``fetch.__wrapped__``
                is the function inside.
            script: What to do to its calls, in code (``fail(OSError("x")).times(3)``) or as text
                (``"3*raise(OSError('x'))"``). Calls beyond the script go through.
            when: A predicate over the arguments of the call; a call that it refuses is let through and not counted.
            strict: Fail the test at its end if a planned fault never struck.

        Raises:
            ScriptError: A text that is no script; the message shows the column.
            TypeError: A script that is neither, or a predicate that can't be called.
            pytest.fail.Exception: No such place, or one that can't do what the script says. The message lists the
                closest names, or what the place can do.

        Example:
            ``faults.inject("Payments.charge", "1*raise(TimeoutError)", when=lambda order: order.total > 100)``
        """
        if self._timeline is None:
            self._objections.object(
                f"faults.inject({place!r}): these faults are not open; arm a fault inside the test that has them, or "
                "inside `with Faults() as faults:`"
            )
        planned = as_script(script)
        if when is not None and not callable(when):
            raise TypeError(f"when= takes a function of the call's arguments that returns a bool, got {when!r}")
        targets = list(place) if isinstance(place, (list, tuple)) else [place]
        if not targets:
            self._objections.object("faults.inject(): a list of places names at least one, or no fault can strike")
        try:
            places = [self._place(target) for target in targets]
            _check_actions(planned, places)
            _check_predicate(when, places)
            injection = Injection(places, planned, self._timeline, seed=self._seed, when=when, strict=strict).arm()
        except UnknownTargetError as unknown:
            text = str(unknown)
        else:
            self._armed.callback(injection.disarm)
            self.injections.append(injection)
            self._spread(injection)
            return injection
        self._objections.object(f"faults.inject(): {text}")

    def run(self, scenario: str | Path, *, strict: bool = True) -> list[Injection]:
        """Arm what a scenario scripts, a TOML file; its windows of time count from here.

        A scenario is an outage in time, which tests and runs of the real program share: ``python -m pytest_resilience
        outage.toml -- COMMAND`` runs any command under it. Each ``[[fault]]`` has a ``place``, or a list of them, a
        ``script``, and, if it is not for the whole time, ``from`` and ``to``.

        Args:
            scenario: The path of the file.
            strict: Fail the test at its end if a planned fault never struck.

        Returns:
            The injections, in the order of the file.

        Raises:
            OSError: The file can't be read.
            ScenarioError: It is no scenario; the message says where.
            pytest.fail.Exception: As from `inject`.

        Example:
            ``database, payments = faults.run("outage.toml")``
        """
        from pytest_resilience._faults.scenario import read_scenario

        return [self.inject(each.places, each.script, strict=strict) for each in read_scenario(scenario).faults]

    def server(self) -> FaultServer:
        """Open an HTTP server on loopback until the test ends; the fixture ``fault_server`` is one.

        For a test that needs several, or that uses no fixtures. Requests that no route takes fail the test.

        Raises:
            pytest.fail.Exception: These faults are not open.

        Example:
            ``faults.inject(faults.server().route("GET", "/items", json=[]), "1*status(503)")``
        """
        return self._wire().server()

    def proxy(self, upstream: str | None) -> FaultProxy:
        """Open a TCP proxy on loopback until the test ends; the fixture ``fault_proxy`` is this.

        Args:
            upstream: ``"host:port"``, the path of a UNIX domain socket, or None: nobody is there.

        Raises:
            TypeError: An upstream that is no str.
            ValueError: An upstream that is neither.
            pytest.fail.Exception: These faults are not open.

        Example:
            ``database = faults.proxy("127.0.0.1:5432"); faults.inject(database, "1*reset")``
        """
        return self._wire().proxy(upstream)

    def environment(self) -> dict[str, str]:
        """Return the environment for processes that the test starts: what it injects strikes in them, too.

        That is `os.environ` with one more variable, which is there as well until the test ends, for multiprocessing.
        Pass it to `subprocess`, or to a server under test. In each process that imports `resilience`, and in forked
        ones, the failpoints and functions that are injected, before or later, ask this test about each call: all
        processes share one count, and their calls are in `Injection.calls` and in the timeline. Places may be named
        from here on that only such a process knows. Sleeps are real there, and a ``crash`` is SIGKILL. Arguments arrive
        as JSON can say them, others as the text by which they show themselves, for ``when=`` too. When the test is
        over, or was killed, nothing strikes any more. What still runs then is ended by the fixture ``faults``, which
        warns of it (SIGTERM, and SIGKILL after two seconds); workers of a pool that is still open are left to it.

        Raises:
            pytest.fail.Exception: These faults are not open.

        Example:
            ``subprocess.run([sys.executable, "-m", "orders"], env=faults.environment())``
        """
        if self._children is None:
            from pytest_resilience._faults.children import Children

            if self._timeline is None:
                self._objections.object("these faults are not open: use them inside `with Faults() as faults:`")
            self._children = self._armed.enter_context(Children(self._objections.texts.append))
            for injection in self.injections:
                self._spread(injection)
        return self._children.environment()

    def __repr__(self) -> str:
        return f"<Faults with {counted(len(self.injections), 'injection')}>"

    def complaint(self) -> str | None:
        """Say which planned faults never struck, and what servers were asked for in vain; None where all is well."""
        said = [self._unstruck(), None if self._servers is None else self._servers.complaint()]
        return "\n".join(filter(None, said)) or None

    def _unstruck(self) -> str | None:
        left = [each for each in self.injections if each.strict and not each.exhausted]
        if not left:
            return None
        lines = "\n".join(
            f"  {clean(each.name)}: {clean(each.pending, limit=_LONGEST_PLAN)} never fired ({_reached(each)})"
            for each in left
        )
        return (
            f"planned faults never fired, so the test has not proved what it set out to:\n{lines}\n"
            "Plan no more faults than the code meets, or pass strict=False to inject()."
        )

    def _place(self, target: Any) -> Place:
        if getattr(type(target), "is_served", False) or (isinstance(target, str) and _ADDRESS.search(target)):
            return self._wire().place_of(target)
        try:
            found = target_of(target)
        except UnknownPlaceError:
            if self._children is None:
                raise
            from pytest_resilience._faults.children import PlaceElsewhere

            return PlaceElsewhere(target)
        return place_at(found)

    def _spread(self, injection: Injection) -> None:
        if self._children is not None and all(place.kind in {"function", "class"} for place in injection.places):
            injection.spread(self._children)

    def _wire(self) -> Servers:
        if self._servers is None:
            from pytest_resilience._faults.servers import Servers

            if self._timeline is None:
                self._objections.object("these faults are not open: use them inside `with Faults() as faults:`")
            self._servers = self._armed.enter_context(Servers(self._timeline))
        return self._servers


def _check_actions(script: Script, places: Sequence[Place]) -> None:
    for place in places:
        refusal = script.refusal_by(place.kind)
        if refusal is not None:
            raise UnknownTargetError(f"{clean(place.name)} is {_KINDS[place.kind]}, which {clean(refusal)}")


def _check_predicate(when: Callable[..., object] | None, places: Sequence[Place]) -> None:
    """Refuse a predicate that does not take what it will be called with, which of a function nobody knows."""
    for place in places:
        what = _ASKED.get(place.kind)
        if when is not None and what is not None:
            with contextlib.suppress(ValueError):  # written in C, without a signature
                try:
                    inspect.signature(when).bind(*what.split(" and "))
                except TypeError:
                    refusal = f"when= is called with {what}, which {when!r} does not take"
                    raise UnknownTargetError(f"at {clean(place.name)}, {refusal}") from None


def _reached(injection: Injection) -> str:
    calls = len(injection.calls)
    if calls:
        return f"{counted(injection.fired, 'fault')} fired in {counted(calls, 'call')}"
    overlooked = [name for place in injection.places if isinstance(place, FunctionPlace) for name in place.overlooked()]
    if not overlooked:
        return "never called"
    hold = "hold" if overlooked[1:] else "holds"
    return (
        f"never called; {' and '.join(overlooked)} {hold} it, where what is written in C can't be replaced: "
        "put the fault into the function of yours that calls it"
    )
