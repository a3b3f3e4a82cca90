"""The simulated Discord, as far as webhooks go: from `httpx.Request` to `httpx.Response`, without any patching.

Source: Discord developer documentation, "Execute Webhook". The order in which the real server makes its checks is not
documented there.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import httpx

from pytest_resilience._httpx_errors import as_httpx_raises
from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord._length_limits import faults_of
from pytest_resilience.discord._planned_answers import PlannedAnswer, checked, planned_by
from pytest_resilience.discord._rate_limits import SECOND_NS, RateLimits, server_now_ns
from pytest_resilience.discord._records import Alert, WebhookRequest, alerts_in, channel_name
from pytest_resilience.discord._webhooks import Incoming, Webhooks
from resilience.events import FaultInjected, stream
from resilience.redact import summary_of
from resilience.testing import Action, Off, Raise, Script, ScriptRun, Sleep

_VERSIONS: Final = ("8", "9", "10")  # what older ones answer has other units and another shape of errors
_FIRST_MESSAGE: Final = 1_000_000_000_000_000_001  # as long as the ids of real ones
_CHANNEL_ID: Final = "990000000000000000"


class Refusal(NamedTuple):
    """What a request gets that is not granted, and what is wrong with it; None where nothing is."""

    response: httpx.Response
    objection: str | None


class DiscordServer(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A Discord that takes what its limits allow, whichever webhook it is for.

    It reads ``time.monotonic_ns()`` at each request: whatever replaces that clock drives it. Safe under threads. It is
    no `httpx.MockTransport`, which tools that take requests away, such as vcrpy, patch as well.

    Args:
        limits: Other rate limits than the usual ones.

    Attributes:
        started_ns: The instant from which ``at`` counts.
        webhooks: The URL of a webhook for every channel.
        requests: Every request so far, in order, failed ones too.
        alerts: Every alert in the messages that were stored so far, in order.
        problems: What was wrong with the requests so far, apart from what was planned.

    Example:
        ``httpx.Client(transport=DiscordServer())``
    """

    _faults_of = staticmethod(faults_of)

    def __init__(self, limits: RateLimits | None = None) -> None:
        self.started_ns = time.monotonic_ns()
        self.webhooks = Webhooks()
        self.requests: list[WebhookRequest] = []
        self.alerts: list[Alert] = []
        self.problems: list[str] = []
        self._limits = limits or RateLimits()
        self._plan: ScriptRun | None = None
        self._messages = 0
        self._lock = threading.Lock()

    def respond(self, script: Script | str) -> ScriptRun:
        """Answer the next requests as a script says; see `DiscordMock.respond`."""
        self._plan = plan = ScriptRun(checked(script))
        return plan

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise what a client of httpx gets where there is no answer."""
        request.read()
        result, delay_s = self.receive(request)
        if delay_s:
            time.sleep(delay_s)
        return _returned(result)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        result, delay_s = self.receive(request)
        if delay_s:
            import anyio  # httpx has it for its async clients

            await anyio.sleep(delay_s)
        return _returned(result)

    def receive(self, request: httpx.Request) -> tuple[httpx.Response | Exception, float]:
        """Return what a request gets, and after how many seconds, without waiting for them."""
        with self._lock:
            incoming = Incoming(request, self.webhooks, at=(time.monotonic_ns() - self.started_ns) / SECOND_NS)
            decision = None if self._plan is None else self._plan.next()
            action = Off() if decision is None else decision.action
            refusal, messages = self._refusal_of(incoming), self._messages
            if refusal is not None and refusal.objection is not None:
                place = "Discord" if incoming.webhook is None else channel_name(incoming.channel)
                self.problems.append(f"{request.method} to {place} at {incoming.at:.3f} s: {refusal.objection}")
            result, delay_s = self._result_of(incoming, refusal, action)
            self.requests.append(
                WebhookRequest(
                    at=incoming.at,
                    method=request.method,
                    webhook=incoming.webhook,
                    channel=incoming.channel,
                    body=incoming.body,
                    answer=_told(result),
                    status=result.status_code if isinstance(result, httpx.Response) else None,
                    planned=None if isinstance(action, Off) else str(action),
                    recorded=self._messages > messages,
                )
            )
        if not isinstance(action, Off):
            stream.emit(FaultInjected("discord", str(action)))
        return result, delay_s

    def _refusal_of(self, incoming: Incoming) -> Refusal | None:
        """Return what is wrong with a request; None where it can be granted."""
        if incoming.webhook is None or incoming.rest:
            place = f"<webhook>{incoming.rest}" if incoming.rest else "its path"
            objection = f"there is nothing at {place}: the stand-in for Discord knows /api/v10/webhooks/<id>/<token>"
            return refuse(404, 0, "404: Not Found", objection)
        if incoming.request.method != "POST":
            return refuse(405, 0, "405: Method Not Allowed", "a message is sent with POST")
        if incoming.version not in _VERSIONS:
            came = "has no version, which means v6" if incoming.version is None else f"is for v{incoming.version}"
            objection = f"its URL {came}, with other units and errors: write /api/v10/webhooks/<id>/<token>"
            return refuse(400, 50041, "Invalid API version", objection)
        return self._refusal_of_body(incoming)

    def _refusal_of_body(self, incoming: Incoming) -> Refusal | None:
        kind = incoming.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = 'Expected "Content-Type" header to be "application/json".'
            response = answers.form_errors([answers.Fault("", "CONTENT_TYPE_INVALID", message)])
            return Refusal(response, f"its Content-Type is {kind!r}, not application/json")
        if not incoming.is_json:
            return refuse(400, 50109, "The request body contains invalid JSON.", "its body is not valid JSON")
        faults = self._faults_of(incoming.body)
        if faults:
            return Refusal(answers.form_errors(faults), "; ".join(map(str, faults)))
        if not incoming.content and not any(map(incoming.body.get, ("embeds", "components", "poll"))):
            return refuse(400, 50006, "Cannot send an empty message", "it has nothing to send")
        return None

    def _result_of(
        self, incoming: Incoming, refusal: Refusal | None, action: Action
    ) -> tuple[httpx.Response | Exception, float]:
        if isinstance(action, Raise) and isinstance(action.error, Exception):
            return as_httpx_raises(action.error, incoming.request), 0.0
        planned = planned_by(action)
        if planned is not None:
            return self._planned(incoming, refusal, planned), 0.0
        response = self._usual(incoming, refusal)
        wait_s = action.seconds if isinstance(action, Sleep) else 0.0
        patience_s = (incoming.request.extensions.get("timeout") or {}).get("read")
        if patience_s is not None and wait_s > patience_s:
            return httpx.ReadTimeout(f"no answer within {patience_s} s", request=incoming.request), patience_s
        return response, wait_s

    def _planned(
        self, incoming: Incoming, refusal: Refusal | None, planned: PlannedAnswer
    ) -> httpx.Response | Exception:
        now_ns = server_now_ns()
        message = self._store(incoming) if planned.recorded and refusal is None else None
        if planned.via:
            self._limits.webhooks[incoming.webhook].take(now_ns)
        bucket = self._limits.headers(incoming.webhook, now_ns, planned.scope)
        return planned.error_for(incoming.request) or planned.response(message, bucket)

    def _usual(self, incoming: Incoming, refusal: Refusal | None) -> httpx.Response:
        now_ns = server_now_ns()
        scope, wait_s = self._limits.hit(incoming.webhook, incoming.channel, now_ns)
        if scope is not None:
            response = answers.rate_limited(wait_s, scope)
        elif refusal is not None:
            response = refusal.response
        else:
            message = self._store(incoming)
            self._limits.channels[incoming.channel].take(now_ns)
            response = answers.answer(200, message) if incoming.wait else answers.answer(204, "")
        response.headers.update(self._limits.headers(incoming.webhook, now_ns, scope))
        return response

    def _store(self, incoming: Incoming) -> dict[str, Any]:
        """Store the message in a request, and return it as the API shows it."""
        self.alerts += alerts_in(incoming)
        self._messages += 1
        return {  # source: "Message Structure"; all that is not optional there, and by which webhook it came
            "id": str(_FIRST_MESSAGE + self._messages),
            "type": 0,
            "content": incoming.content,
            "channel_id": _CHANNEL_ID,
            "author": {"id": incoming.webhook, "username": incoming.body.get("username") or "Alerts", "avatar": None},
            "embeds": [{"type": "rich", **embed} for embed in incoming.embeds],
            **dict.fromkeys(("attachments", "mentions", "mention_roles"), ()),
            **dict.fromkeys(("mention_everyone", "pinned", "tts"), False),
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "webhook_id": incoming.webhook,
        }


def refuse(status: int, code: int, message: str, objection: str | None) -> Refusal:
    """Refuse a request with an error that has no form errors."""
    return Refusal(answers.answer(status, {"message": message, "code": code}), objection)


def _returned(result: httpx.Response | Exception) -> httpx.Response:
    if isinstance(result, Exception):
        raise result
    return result


def _told(result: httpx.Response | Exception) -> str:
    if isinstance(result, Exception):
        return summary_of(result)
    wait = result.headers.get("Retry-After")
    if wait is not None:
        return f"{result.status_code}, to wait {wait} s"
    is_json = result.headers.get("Content-Type") == "application/json"
    code = result.json().get("code") if is_json and not result.is_success else None
    return f"{result.status_code}, code {code}" if code else f"{result.status_code}"
