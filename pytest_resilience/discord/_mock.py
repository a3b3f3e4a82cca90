"""A stand-in for Discord's webhooks: what the fixture ``discord`` gives.

Problem: alerts must be tested against a Discord that answers as the real one does, fails on demand, and is never the
real one. Solution: a simulated server (`DiscordServer`) behind respx, for requests to Discord's webhooks alone; the kit
is configured for it, and alerts with a memory of its own.

What is given up: clients that don't use httpx are not caught, nor are those whose transport a test replaces by its own,
as pytest-httpx does.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
from types import TracebackType
from typing import Final, NoReturn, Self, final

from pytest_resilience._objections import Objections
from pytest_resilience.discord._records import Alert, WebhookRequest, channel_name, listed
from pytest_resilience.discord._server import DiscordServer
from resilience import alerts as kit
from resilience._config import configured
from resilience._failpoints.script import Script
from resilience._failpoints.script.run import ScriptRun
from resilience._support.wording import counted
from resilience.errors import MissingExtraError

_PATIENCE_S: Final = 30.0
_SLICE_S: Final = 5.0
_real_seconds: Final = functools.partial(time.perf_counter)  # freezegun replaces references to the function itself


@final
class _AnyChannel:
    """What an argument is that was not given, where None stands for the default channel."""

    def __repr__(self) -> str:
        return "<any channel>"


_ANY: Final = _AnyChannel()


@final
class DiscordMock:
    """Stands in for Discord for the length of a ``with`` block.

    All alerts of the kit come here, of every channel, whatever was configured before. Requests to Discord's webhooks
    that other code makes with httpx come here, too; all other traffic is left alone, as are other routers of respx.

    At the end of a block without an exception, planned answers that were never given and requests that Discord would
    refuse are objected to.

    Args:
        started_ns: The instant of ``time.monotonic_ns()`` from which ``at`` counts. Default: the start of the block.
        server: A `DiscordServer` with other switches. By default its limits are the usual ones, and it takes unknown
            webhooks, for code under test may configure one of its own.
        verify: Whether to object at the end; otherwise that is left to whoever reads `complaint`.

    Attributes:
        server: The simulated Discord.

    Example:
        ::

            with DiscordMock() as discord:
                discord.respond("2*return(500)->1*return({'status': 429, 'retry_after': 40})")
                run_the_service()
                discord.assert_alerted(count=1, match="Approaching Failure Threshold")
    """

    def __init__(
        self, *, started_ns: int | None = None, server: DiscordServer | None = None, verify: bool = True
    ) -> None:
        self.server = DiscordServer(accept_unknown_webhooks=True) if server is None else server
        self._started_ns = started_ns
        self._verify = verify
        self._plans: list[tuple[ScriptRun, bool]] = []
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
        self.server.started_ns = time.monotonic_ns() if self._started_ns is None else self._started_ns
        server = self.server
        with contextlib.ExitStack() as opening:  # what comes last goes first: no alert is left when the router goes
            opening.enter_context(WebhookRouter(server))
            opening.enter_context(
                configured(discord_webhook_url=server.webhook_url(), discord_channels=server.channels)
            )
            opening.enter_context(kit.isolated())
            self._open = opening.pop_all()
        self._active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        try:
            if kind is None:
                self._complaint = self.complaint()
        finally:
            self._active = False
            self._open.close()
        if self._verify and self._complaint is not None:
            Objections().object(self._complaint)

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that reached their channel, in order, once none is on its way any more.

        Raises:
            RuntimeError: The block is over.
            TimeoutError: Alerts are still on their way after 30 s of real time.
        """
        self._settle()
        return [alert for message in self.server.messages for alert in message.alerts]

    @property
    def requests(self) -> list[WebhookRequest]:
        """Every request, in order, with the answer it got; failed ones, too. Waits as `alerts` does, in the block."""
        self._settle_if_active()
        return self.server.requests

    @property
    def problems(self) -> list[str]:
        """What was wrong with the requests, apart from what was planned. Waits as `alerts` does, in the block."""
        self._settle_if_active()
        return self.server.problems

    @property
    def unused(self) -> str:
        """The planned answers that were never given, as text; empty where all were, or need not be given."""
        if any(strict and not plan.exhausted for plan, strict in self._plans):
            self._settle_if_active()
        return ", ".join(plan.pending for plan, strict in self._plans if strict and not plan.exhausted)

    def webhook_url(self, channel: str | None = None) -> str:
        """Return the URL of the webhook of a channel, for code that is not configured through the kit."""
        return self.server.webhook_url(channel)

    def delete_webhook(self, channel: str | None = None) -> None:
        """Delete the webhook of a channel, None being the default one: Discord answers 404 from now on."""
        self._require_active("delete_webhook")
        self.server.delete_webhook(channel)

    def respond(self, script: Script | str, *, strict: bool = True) -> ScriptRun:
        """Answer the next requests as a script says, in place of what is left of an earlier one.

        Statuses, waits, bans, broken answers: `pytest_resilience.discord._replies` lists all that can be planned.

        Args:
            script: In code or as text. Requests beyond the script are answered as usual.
            strict: Fail the test at its end if a planned answer was never given.

        Returns:
            The running script: ``.fired``, ``.exhausted``, ``.pending``.

        Raises:
            TypeError: No script, or one that Discord can't follow.
            ValueError: The same; the text says what it can answer.

        Example:
            ::

                discord.respond("3*return(500)")
                discord.respond(fail(httpx.ConnectError("down")).times(2).then(rate_limited(40).times(1)))
        """
        self._require_active("respond")
        plan = self.server.respond(script)
        self._plans.append((plan, strict))
        return plan

    def assert_alerted(
        self,
        count: int | None = None,
        match: str | re.Pattern[str] | None = None,
        channel: str | _AnyChannel | None = _ANY,
    ) -> None:
        """Assert that alerts reached Discord.

        Args:
            count: How many; 0 for none. Without it, at least one.
            match: Only those count in whose text this regular expression is found.
            channel: Only those of this channel count; None is the default one. Without it, all do.

        Raises:
            AssertionError: Other alerts came. The text lists all alerts and requests.
            TypeError: A count or a regular expression of a wrong type.
            ValueError: A negative count, or a text that is no regular expression.
        """
        __tracebackhide__ = True
        _check_count(count)
        pattern = _pattern_of(match)
        alerts = self.alerts
        found = [each for each in alerts if channel in (_ANY, each.channel) and pattern.search(each.text)]
        if len(found) == count or (count is None and found):
            return
        wanted = "at least 1 alert" if count is None else counted(count, "alert")
        if match is not None:
            wanted += f" matching {pattern.pattern!r}"
        if not isinstance(channel, _AnyChannel):
            wanted += f" in {channel_name(channel)}"
        in_all = "" if len(found) == len(alerts) else f"; {counted(len(alerts), 'alert')} came in all"
        self._fail(f"expected {wanted}, got {len(found) or 'none'}{in_all}", alerts)

    def complaint(self) -> str | None:
        """Say what the test got wrong without noticing; None where that is nothing.

        At its end, when it is known, it is kept: it can be asked for after the block, too.
        """
        if not self._active:
            return self._complaint
        try:
            self._settle()
        except TimeoutError as late:
            return str(late)
        parts = []
        if self.problems:
            lines = "".join(f"\n  {each}" for each in self.problems)
            parts.append(f"Discord was sent what it does not take:{lines}")
        if self.unused:
            came = counted(len(self.requests), "request")
            parts.append(
                f"planned answers of Discord were never given, so the test has not proved what it set out to:\n"
                f"  {self.unused} ({came} came)\n"
                "Plan no more answers than there are requests, or pass strict=False to respond()."
            )
        return "\n".join(parts) or None

    def _settle(self) -> None:
        """Wait until no alert is on its way: as long as it takes on a virtual clock, else within a bound."""
        self._require_active("alerts")
        began = _real_seconds()
        while not kit.flush(_SLICE_S):
            waited_s = _real_seconds() - began
            if waited_s > _PATIENCE_S:
                raise TimeoutError(
                    f"alerts are still on their way after {waited_s:.0f} s. They wait to be sent again, in real time: "
                    "use the fixture virtual_clock, under which waits take none, or plan shorter waits.\n\n"
                    f"{self._requests_listed()}"
                )

    def _settle_if_active(self) -> None:
        if self._active:
            self._settle()

    def _require_active(self, name: str) -> None:
        if not self._active:
            raise RuntimeError(
                f"discord.{name}: this stand-in for Discord is not standing in; use it inside its test or `with` block"
            )

    def _requests_listed(self) -> str:
        return listed("requests, in seconds since the test began:", self.server.requests, "none came")

    def _fail(self, text: str, alerts: list[Alert]) -> NoReturn:
        __tracebackhide__ = True
        parts = [text, listed("alerts, in seconds since the test began:", alerts, "none came"), self._requests_listed()]
        if self.server.problems:
            parts.append(listed("problems:", [f"{'':>14}{each}" for each in self.server.problems], ""))
        raise AssertionError("\n\n".join(parts))


def _check_count(count: object) -> None:
    if count is None or (isinstance(count, int) and not isinstance(count, bool) and count >= 0):
        return
    problem = f"count is a number of alerts, from 0, or None for at least one; got {count!r}"
    raise ValueError(problem) if isinstance(count, int) and not isinstance(count, bool) else TypeError(problem)


def _pattern_of(match: object) -> re.Pattern[str]:
    if isinstance(match, re.Pattern) and isinstance(match.pattern, str):
        return match
    if match is not None and not isinstance(match, str):
        raise TypeError(f"match is a regular expression, as text or compiled; got {match!r}")
    try:
        return re.compile(match or "")
    except re.error as error:
        raise ValueError(f"match is a regular expression, and {match!r} is none: {error}") from None
