"""The stand-in for Discord's webhooks: what the fixture ``discord`` gives.

Problem: alerts must be tested against a Discord that answers as the real one does, fails on demand, and is never the
real one. Solution: a simulated server, to which the kit hands its requests itself, and with which it alerts as if the
program had just begun. respx catches what other code sends to Discord's webhooks.

What is given up: other code that doesn't use httpx is not caught, nor is that whose transport a test replaces by its
own, as pytest-httpx does.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable
from types import EllipsisType
from typing import Final, Self

from pytest_resilience._objections import Objections
from pytest_resilience._openings import note_closed, note_open
from pytest_resilience._uninterrupted import Uninterrupted
from pytest_resilience._usage import note
from pytest_resilience._wording import check_number, count_named, is_count
from pytest_resilience.discord._records import Alert, WebhookRequest, channel_name, listed
from pytest_resilience.discord._server import DiscordServer
from resilience.errors import MissingExtraError
from resilience.testing import Outlet, Script, ScriptRun, configured, counted, flush, isolated

_PATIENCE_S: Final = 30.0  # of real time; on a virtual clock nothing takes that long
_SLICE_S: Final = 5.0  # of the test's clock, on which they may pass in no time; the patience counts real ones
_real_seconds: Final = functools.partial(time.perf_counter)  # freezegun replaces references to the function itself

at_the_end: Final[list[Callable[[list[Alert]], object]]] = []
"""Who is told of all alerts of a stand-in, when its block is over."""


class DiscordMock:
    """Stands in for Discord for the length of a ``with`` block.

    All alerts of the kit come here, of every channel, whatever is configured and whatever else replaces parts of httpx;
    notifiers get none. Requests to Discord's webhooks that other code makes with httpx come here, too; all other
    traffic is left alone, as are other routers of respx.

    It has Discord's rate limits (5 requests in 2 s for each webhook, 30 messages in 60 s for each channel, 50 requests
    in 1 s for everything) and its limits on lengths. At the end of a block without an exception, planned answers that
    were never given and requests that Discord would refuse are objected to.

    Args:
        started_ns: The instant of ``time.monotonic_ns()`` from which ``at`` counts. Default: the start of the block.
        verify: Whether to object at the end, which is the default; otherwise ask for `complaint`.

    Raises:
        MissingExtraError: respx is not installed; at the start of the block.

    Example:
        ::

            with DiscordMock() as discord:
                discord.respond("2*return(500)->1*return({'status': 429, 'retry_after': 40})")
                run_the_service()
                discord.assert_alerted(count=1, match="Approaching Failure Threshold")
    """

    def __init__(self, *, started_ns: int | None = None, verify: bool = True) -> None:
        self._server = DiscordServer()
        self._started_ns = started_ns
        self._verify = verify
        self._plans: list[ScriptRun] = []
        self._open = contextlib.ExitStack()
        self._active = False
        self._complaint: str | None = None

    def __enter__(self) -> Self:
        try:
            from pytest_resilience.discord._router import WebhookRouter
        except ModuleNotFoundError as missing:
            if missing.name != "respx":
                raise
            raise MissingExtraError("the stand-in for Discord", extra="pytest") from None
        if self._active:
            raise RuntimeError("this stand-in for Discord stands in already; to nest them, make another one")
        self._server.started_ns = time.monotonic_ns() if self._started_ns is None else self._started_ns
        webhooks = self._server.webhooks
        with contextlib.ExitStack() as opening:  # what comes last goes first: no alert is left when the router goes
            opening.enter_context(WebhookRouter(self._server))
            opening.enter_context(configured(discord_webhook_url=webhooks.url(None), discord_channels=webhooks))
            opening.enter_context(isolated(Outlet(self._server)))
            self._open = opening.pop_all()
        self._active = True
        note_open(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._complaint = self.complaint()
        finally:
            with Uninterrupted():
                note_closed(self)
                note(alerts=len(self._server.alerts))
                self._active = False
                self._open.close()
                for told in at_the_end.copy():
                    told(self._server.alerts)
        if self._verify and self._complaint is not None:
            Objections().object(self._complaint)

    def __repr__(self) -> str:
        return f"<DiscordMock with {counted(len(self._server.alerts), 'alert')}>"

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that reached their channel, in order, once none is on its way any more.

        Raises:
            RuntimeError: The block is over, or has not begun.
            TimeoutError: Alerts are still on their way after 30 s of real time.

        Example:
            ``assert [alert.channel for alert in discord.alerts] == [None, "ops"]``
        """
        self._settle()
        return list(self._server.alerts)

    @property
    def requests(self) -> list[WebhookRequest]:
        """Every request, in order, with the answer it got; failed ones, too. Can be read after the block as well.

        Raises:
            TimeoutError: Alerts are still on their way after 30 s of real time.

        Example:
            ``assert [request.status for request in discord.requests] == [500, 500, 200]``
        """
        if self._active:
            self._settle()
        return list(self._server.requests)

    def webhook_url(self, channel: str | None = None) -> str:
        """Return the URL of the webhook of a channel, for code that is not configured through the kit.

        It has no version, as Discord's own settings show it; the stand-in, like the kit, wants ``/api/v10/``.

        Args:
            channel: The channel, made as it is named; None, the default, is the default channel.

        Example:
            ``app.alert_url = discord.webhook_url().replace("/api/", "/api/v10/")``
        """
        return self._server.webhooks.url(channel)

    def respond(self, script: Script | str, *, strict: bool = True) -> ScriptRun:
        """Answer the next requests as a script says, in place of what is left of an earlier one.

        ========================================  ====================================================================
        ``status(503)``, ``answer(503)``          the typical answer with that status, the message not stored
        ``status(429, retry_after=40)``           the same, and to wait 40 s
        ``answer({"status": 503, ...})``          the answer that the entries below describe
        ``fail(httpx.ConnectError("down"))``      no answer; an `OSError` stands for what httpx makes of it
        ``delay(30)``                             the usual answer after 30 s; a request that waits less times out
        ``answer(None)``, ``passthrough()``       the usual answer
        ``rate_limited(40)``                      a 429 that asks to wait 40 s
        ``edge_ban()``                            a ban of the address
        ``lost_answer()``                         the message is stored, and the answer never arrives
        ========================================  ====================================================================

        ================  ============================================================================================
        ``status``        200 to 599
        ``error``         in place of a status: the name of a transport error of httpx, such as ``'ReadTimeout'``
        ``recorded``      whether the message is stored all the same; by default only with a 2xx
        ``retry_after``   with a 4xx or 5xx, the seconds to wait: a number, any text, or None; a 429 has 1.0
        ``scope``         with a 429, whose limit it was: ``'user'`` (the default), ``'shared'`` or ``'global'``
        ``via``           False for an answer of the edge, which Discord never sees; with 429, a ban of the address
        ================  ============================================================================================

        Args:
            script: In code or as text. Requests beyond the script are answered as usual.
            strict: Fail the test at its end if a planned answer was never given, which is the default.

        Returns:
            The running script: ``.fired``, ``.exhausted``, ``.pending``.

        Raises:
            TypeError: No script, or one that Discord can't follow.
            ValueError: The same; the text says what it can answer.
            RuntimeError: The block is over, or has not begun.

        Example:
            ::

                discord.respond("3*status(500)->1*status(429, retry_after=40)")
                discord.respond(fail(httpx.ConnectError("down")).times(2).then(rate_limited(40).times(1)))
        """
        self._require_active("respond")
        plan = self._server.respond(script)
        if strict:
            self._plans.append(plan)
        return plan

    def assert_alerted(
        self,
        count: int | None = None,
        match: str | re.Pattern[str] | None = None,
        channel: str | EllipsisType | None = ...,
    ) -> None:
        r"""Assert that alerts reached Discord, once none is on its way any more.

        Args:
            count: How many; 0 for none. Without it, at least one.
            match: Only those count in whose text this regular expression is found.
            channel: Only those of this channel count; None is the default one. Without it, all do.

        Raises:
            AssertionError: Other alerts came. The text lists all alerts and requests.
            TypeError: A count or a regular expression of a wrong type.
            ValueError: A negative count, or a text that is no regular expression.
            RuntimeError: The block is over, or has not begun.
            TimeoutError: Alerts are still on their way after 30 s of real time.

        Example:
            ::

                discord.assert_alerted()
                discord.assert_alerted(count=1, match=r"Current attempt: 50/\d+", channel="ops")
        """
        check_number("count", count)
        pattern = _pattern_of(match)
        alerts = self.alerts
        found = [each for each in alerts if channel in (..., each.channel) and pattern.search(each.text)]
        if is_count(len(found), count):
            return
        wanted = count_named(count, "alert")
        if match is not None:
            wanted += f" matching {pattern.pattern!r}"
        if not isinstance(channel, EllipsisType):
            wanted += f" in {channel_name(channel)}"
        in_all = "" if len(found) == len(alerts) else f"; {counted(len(alerts), 'alert')} came in all"
        text = f"expected {wanted}, got {len(found) or 'none'}{in_all}"
        parts = [text, listed("alerts, in seconds since the test began:", alerts), self._requests_listed()]
        if self._server.problems:
            parts.append(listed("problems:", [f"{'':>14}{each}" for each in self._server.problems]))
        raise AssertionError("\n\n".join(parts))

    def complaint(self) -> str | None:
        """Return what the test got wrong without noticing, in words; None where that is nothing.

        For users of ``verify=False``. At the end of the block it is kept, and can be asked for after it, too.
        """
        if not self._active:
            return self._complaint
        try:
            self._settle()
        except TimeoutError as late:
            return str(late)
        parts = []
        problems, unused = self._server.problems, [plan.pending for plan in self._plans if not plan.exhausted]
        if problems:
            lines = "".join(f"\n  {each}" for each in problems)
            parts.append(f"Discord was sent what it does not take:{lines}")
        if unused:
            parts.append(
                f"planned answers of Discord were never given, so the test has not proved what it set out to:\n"
                f"  {', '.join(unused)} ({counted(len(self._server.requests), 'request')} came)\n"
                "Plan no more answers than there are requests, or pass strict=False to respond()."
            )
        return "\n".join(parts) or None

    def _settle(self) -> None:
        """Wait until no alert is on its way: as long as it takes on a virtual clock, else within a bound."""
        self._require_active("alerts")
        began = _real_seconds()
        while not flush(_SLICE_S):
            waited_s = _real_seconds() - began
            if waited_s > _PATIENCE_S:
                raise TimeoutError(
                    f"alerts are still on their way after {waited_s:.0f} s. They wait to be sent again, in real time: "
                    "use the fixture virtual_clock, under which waits take none, or plan shorter waits.\n\n"
                    f"{self._requests_listed()}"
                )

    def _require_active(self, name: str) -> None:
        if not self._active:
            raise RuntimeError(
                f"discord.{name}: this stand-in for Discord is not standing in; use it inside its test or `with` block"
            )

    def _requests_listed(self) -> str:
        return listed("requests, in seconds since the test began:", self._server.requests)


def _pattern_of(match: object) -> re.Pattern[str]:
    if isinstance(match, re.Pattern) and isinstance(match.pattern, str):
        return match
    if match is not None and not isinstance(match, str):
        raise TypeError(f"match is a regular expression, as text or compiled; got {match!r}")
    try:
        return re.compile(match or "")
    except re.error as error:
        raise ValueError(f"match is a regular expression, and {match!r} is none: {error}") from None
