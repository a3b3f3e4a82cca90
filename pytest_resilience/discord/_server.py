"""A simulated Discord, as far as webhooks go: from `httpx.Request` to `httpx.Response`, without any patching.

Source: Discord developer documentation, "Execute Webhook". The order in which the real server makes its checks is not
documented there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, final

import httpx

from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord import _validation as validation
from pytest_resilience.discord._drafts import Draft, read_draft
from pytest_resilience.discord._limits import Limit, RateLimits, server_now_ns
from pytest_resilience.discord._messages import message_json, new_message
from pytest_resilience.discord._records import Message, WebhookRequest, channel_name
from pytest_resilience.discord._replies import Reply, as_httpx_raises, checked
from pytest_resilience.discord._visit import Refusal, Visit
from pytest_resilience.discord._webhooks import EveryChannel, Webhook, Webhooks
from resilience._failpoints.script import Script
from resilience._failpoints.script.actions import Action, Off, Raise, Return, Sleep
from resilience._failpoints.script.duration import NANOSECONDS, from_seconds
from resilience._failpoints.script.run import ScriptRun
from resilience.events import FaultInjected, stream

_INVALID_NS: Final = 600 * NANOSECONDS
_BAN_S: Final = 3600.0
_INVALID: Final = frozenset({401, 403, 429})
_DEAD: Final = frozenset({(401, 50027), (404, 10015)})


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request gets: an answer or an error, after a delay.

    Attributes:
        result: The one or the other.
        delay_s: The delay in seconds.
    """

    result: httpx.Response | Exception
    delay_s: float = 0.0


@final
class DiscordServer:
    """A simulated Discord.

    It reads ``time.monotonic_ns()`` at each request, so that whatever replaces that clock drives it. Limits are pairs
    of requests and seconds; None switches one off. Safe under threads.

    Args:
        started_ns: The instant from which ``at`` counts. Default: now.
        bucket: The limit of each webhook.
        channel_limit: The limit of each channel in messages, which no header tells of.
        global_limit: The limit of all requests together.
        failed_requests_count: Failed requests use up the bucket, too.
        invalid_limit: So many answers of 401, 403 or 429 within 10 minutes, those of a channel's limit apart, ban the
            address for an hour.
        accept_unknown_webhooks: Take any webhook; otherwise those of `add_webhook` only.
        accept_legacy: Serve v6 and v7, and with them URLs without a version, in their units and their shape of errors.
            Otherwise such requests are refused.
        bots_only: Refuse a ``User-Agent`` other than ``DiscordBot (<url>, <version>)``.
        forum: All channels are forums.
        lose_unawaited: Messages sent without ``wait=true`` are answered as always, and lost.

    Example:
        ``httpx.Client(transport=httpx.MockTransport(DiscordServer().handle))``
    """

    def __init__(
        self,
        *,
        started_ns: int | None = None,
        bucket: Limit = (5, 2.0),
        channel_limit: Limit = (30, 60.0),
        global_limit: Limit = (50, 1.0),
        failed_requests_count: bool = True,
        invalid_limit: int = 10_000,
        accept_unknown_webhooks: bool = False,
        accept_legacy: bool = False,
        bots_only: bool = False,
        forum: bool = False,
        lose_unawaited: bool = False,
    ) -> None:
        self.started_ns = time.monotonic_ns() if started_ns is None else started_ns
        self.calls_to_dead_webhooks = 0
        self._limits = RateLimits(bucket, channel_limit, global_limit)
        self._failed_requests_count = failed_requests_count
        if invalid_limit < 1:
            raise ValueError(f"invalid_limit is a number of requests, from 1; got {invalid_limit!r}")
        self._invalid: deque[int] = deque(maxlen=invalid_limit)
        self._accept_unknown_webhooks = accept_unknown_webhooks
        self._accept_legacy = accept_legacy
        self._bots_only = bots_only
        self._forum = forum
        self._lose_unawaited = lose_unawaited
        self._webhooks = Webhooks()
        self._dead: set[str] = set()
        self._ban: tuple[int, float | None] | None = None
        self._plan: ScriptRun | None = None
        self._requests: list[WebhookRequest] = []
        self._messages: list[Message] = []
        self._problems: list[str] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> list[WebhookRequest]:
        """Every request so far, in order, failed ones too."""
        with self._lock:
            return list(self._requests)

    @property
    def messages(self) -> list[Message]:
        """Every message that was stored so far, in order."""
        with self._lock:
            return list(self._messages)

    @property
    def problems(self) -> list[str]:
        """What was wrong with the requests so far, apart from what was planned."""
        with self._lock:
            return list(self._problems)

    @property
    def invalid_requests(self) -> int:
        """How many answers of the last 10 minutes count towards a ban."""
        now_ns = server_now_ns()
        with self._lock:
            return sum(0 <= now_ns - each < _INVALID_NS for each in self._invalid)

    @property
    def channels(self) -> EveryChannel:
        """A mapping with the URL of a webhook for every channel that is asked for."""
        return EveryChannel(self._webhooks)

    def add_webhook(self, channel: str | None = None, url: str | None = None) -> str:
        """Add a webhook of a channel, and return its URL.

        Args:
            channel: The channel; None for the default one. Several webhooks may share one.
            url: The URL, where it is to be this one.

        Raises:
            ValueError: The URL is not that of a Discord webhook; it is not shown.
        """
        return self._webhooks.add(channel, url).url

    def webhook_url(self, channel: str | None = None) -> str:
        """Return the URL of the webhook of a channel, made where there is none."""
        return self._webhooks.of(channel).url

    def delete_webhook(self, channel: str | None = None) -> None:
        """Delete the webhooks of a channel: from now on they are unknown."""
        self._webhooks.delete(channel)

    def ban(self, seconds: float = _BAN_S, *, says_how_long: bool = True) -> None:
        """Ban the address, as the edge does: nothing reaches Discord for so many seconds.

        Args:
            seconds: How long.
            says_how_long: Whether the answers carry a ``Retry-After``.
        """
        with self._lock:
            self._ban = (server_now_ns() + from_seconds(seconds), seconds if says_how_long else None)

    def respond(self, script: Script | str) -> ScriptRun:
        """Answer the next requests as a script says, in place of what is left of an earlier one.

        Raises:
            TypeError: No script, or one that Discord can't follow.
            ValueError: The same; `pytest_resilience.discord._replies` has what it can answer.
        """
        plan = ScriptRun(checked(script))
        with self._lock:
            self._plan = plan
        return plan

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise what a client of httpx gets where there is no answer."""
        request.read()
        outcome = self.receive(request)
        if outcome.delay_s:
            time.sleep(outcome.delay_s)
        return _result(outcome)

    async def handle_async(self, request: httpx.Request) -> httpx.Response:
        """Answer the request of an async client; see `handle`."""
        await request.aread()
        outcome = self.receive(request)
        if outcome.delay_s:
            import anyio  # httpx has it for its async clients

            await anyio.sleep(outcome.delay_s)
        return _result(outcome)

    def receive(self, request: httpx.Request) -> Outcome:
        """Return what a request gets, without waiting for the delay."""
        visit = Visit.of(request)
        with self._lock:
            now_ns = server_now_ns()
            action = Off() if self._plan is None else self._plan.next()
            draft = self._draft(visit)
            if isinstance(draft, Refusal) and draft.objection is not None:
                self._object(visit, draft.objection)
            outcome, message = self._outcome(visit, draft, action, now_ns)
            self._account(visit, outcome, now_ns)
            self._record(visit, action, outcome, message)
        if not isinstance(action, Off):
            stream.emit(FaultInjected("discord", str(action)))
        return outcome

    def _outcome(
        self, visit: Visit, draft: Draft | Refusal, action: Action, now_ns: int
    ) -> tuple[Outcome, Message | None]:
        match action:
            case Raise(error=Exception() as error):
                return Outcome(as_httpx_raises(error, visit.request)), None
            case Return(value=value) if value is not None:
                return self._planned(visit, draft, Reply.of(value), now_ns)
            case _:
                response, message = self._usual(visit, draft, now_ns)
                delay_s = action.seconds if isinstance(action, Sleep) else 0.0
                patience_s = (visit.request.extensions.get("timeout") or {}).get("read")
                if patience_s is not None and delay_s > patience_s:
                    late = httpx.ReadTimeout(f"no answer within {patience_s} s", request=visit.request)
                    return Outcome(late, patience_s), message
                return Outcome(response, delay_s), message

    def _planned(
        self, visit: Visit, draft: Draft | Refusal, reply: Reply, now_ns: int
    ) -> tuple[Outcome, Message | None]:
        message = self._store(visit, draft) if reply.recorded and isinstance(draft, Draft) else None
        usual = None if message is None else answers.answer_json(200, message_json(message))
        error = reply.raises(visit.request)
        if error is not None:
            return Outcome(error), message
        limits: dict[str, str] = {}
        if reply.via:
            self._limits.count_request(visit.webhook or "", now_ns)
            limits = self._bucket_headers(visit, now_ns, shared=reply.scope == "shared")
        return Outcome(reply.response(usual, limits, legacy=visit.legacy)), message

    def _usual(self, visit: Visit, draft: Draft | Refusal, now_ns: int) -> tuple[httpx.Response, Message | None]:
        by_edge = self._edge_response(draft, now_ns)
        if by_edge is not None:
            return by_edge, None
        channel = self._limit_channel(visit)
        refused = self._limits.refuse(visit.webhook or "", channel, now_ns)
        message = None
        if refused is not None:
            response = answers.rate_limited(refused.wait_s, refused.scope, legacy=visit.legacy)
        elif isinstance(draft, Refusal):
            response = draft.response
        else:
            message = self._store(visit, draft)
            self._limits.count_message(channel, now_ns)
            response = answers.answer_json(200, message_json(message)) if visit.wait else answers.answer_text(204, "")
        if refused is not None and refused.scope == "global":
            return response, None
        if response.is_success or self._failed_requests_count:
            self._limits.count_request(visit.webhook or "", now_ns)
        shared = refused is not None and refused.scope == "shared"
        response.headers.update(self._bucket_headers(visit, now_ns, shared=shared))
        return response, message

    def _edge_response(self, draft: Draft | Refusal, now_ns: int) -> httpx.Response | None:
        if self._ban is not None:
            until_ns, says_s = self._ban
            left_s = (until_ns - now_ns) / NANOSECONDS
            if left_s > 0:
                return answers.banned(None if says_s is None else min(left_s, says_s))
            self._ban = None
        return draft.response if isinstance(draft, Refusal) and draft.by_edge else None

    def _draft(self, visit: Visit) -> Draft | Refusal:
        refusal = visit.refusal(legacy_allowed=self._accept_legacy, bots_only=self._bots_only)
        if refusal is not None or visit.webhook is None:
            return refusal or Refusal(answers.typical(404))
        webhook = self._known(visit, visit.webhook)
        return webhook if isinstance(webhook, Refusal) else read_draft(visit, webhook, forum=self._forum)

    def _known(self, visit: Visit, webhook_id: str) -> Webhook | Refusal:
        """Look up the webhook of a request."""
        known = self._webhooks.get(webhook_id)
        if known is None and self._accept_unknown_webhooks:
            known = self._webhooks.accept(webhook_id, visit.token)
        if known is None:
            return Refusal(answers.typical(404), "its webhook is unknown: make one with add_webhook()")
        if self._webhooks.is_deleted(webhook_id):
            return Refusal(answers.typical(404))
        if known.token != visit.token:
            return Refusal(answers.typical(401), "the token of its webhook is wrong")
        return known

    def _store(self, visit: Visit, draft: Draft) -> Message:
        last = int(self._messages[-1].id) if self._messages else 0
        message = new_message(draft.webhook, draft.body, self._now_s(), visit.user_agent, after=last)
        if visit.wait or not self._lose_unawaited:
            self._messages.append(message)
        return message

    def _account(self, visit: Visit, outcome: Outcome, now_ns: int) -> None:
        """Count what leads to a ban, and what is sent to webhooks that are known to be dead."""
        response = outcome.result
        if visit.webhook in self._dead:
            self.calls_to_dead_webhooks += 1
            self._object(visit, "its webhook has been answered 401 or 404 before and must not be called again")
        if not isinstance(response, httpx.Response):
            return
        if response.status_code in _INVALID and response.headers.get("X-RateLimit-Scope") != "shared":
            self._invalid.append(now_ns)
            recent = sum(0 <= now_ns - each < _INVALID_NS for each in self._invalid)
            if recent == self._invalid.maxlen and self._ban is None:
                self._ban = (now_ns + from_seconds(_BAN_S), _BAN_S)
        if visit.webhook is not None and (response.status_code, _code_of(response)) in _DEAD:
            self._dead.add(visit.webhook)

    def _record(self, visit: Visit, action: Action, outcome: Outcome, message: Message | None) -> None:
        webhook = self._webhooks.get(visit.webhook)
        response = outcome.result if isinstance(outcome.result, httpx.Response) else None
        self._requests.append(
            WebhookRequest(
                at=self._now_s(),
                method=visit.request.method,
                webhook=visit.webhook,
                channel=None if webhook is None else webhook.channel,
                body=_body_of(visit.request),
                answer=_told(outcome.result),
                status=None if response is None else response.status_code,
                planned=None if isinstance(action, Off) else str(action),
                recorded=message is not None and self._messages[-1:] == [message],
            )
        )

    def _bucket_headers(self, visit: Visit, now_ns: int, *, shared: bool) -> dict[str, str]:
        return self._limits.headers(visit.webhook or "", now_ns, legacy=visit.legacy, at_least=int(shared))

    def _limit_channel(self, visit: Visit) -> str:
        webhook = self._webhooks.get(visit.webhook)
        return f"of {visit.webhook}" if webhook is None else repr(webhook.channel)

    def _object(self, visit: Visit, objection: str) -> None:
        webhook = self._webhooks.get(visit.webhook)
        place = "Discord" if webhook is None else channel_name(webhook.channel)
        self._problems.append(f"{visit.request.method} to {place} at {self._now_s():.3f} s: {objection}")

    def _now_s(self) -> float:
        return (time.monotonic_ns() - self.started_ns) / NANOSECONDS


def _result(outcome: Outcome) -> httpx.Response:
    if isinstance(outcome.result, Exception):
        raise outcome.result
    return outcome.result


def _body_of(request: httpx.Request) -> object:
    try:
        return validation.read_json(request.content)
    except ValueError:
        return None


def _code_of(response: httpx.Response) -> object:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("code") if isinstance(body, dict) else None


def _told(result: httpx.Response | Exception) -> str:
    """Say what a request got."""
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    wait = result.headers.get("Retry-After")
    if wait is not None:
        return f"{result.status_code}, to wait {wait} s"
    code = None if result.is_success else _code_of(result)
    return f"{result.status_code}" if not code else f"{result.status_code}, code {code}"
