"""Discord as a destination: what each answer to a message means for it, and for those that follow."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

from resilience._alerts.delivery.cooldowns import LONGEST_COOLDOWN_S, Cooldown, Cooldowns
from resilience._alerts.delivery.sink import Undelivered
from resilience._alerts.discord.payload import MOST_ALERTS, message_body, plainest_body
from resilience._alerts.events import AlertRefused
from resilience._events import stream
from resilience._support.fork import importing

if TYPE_CHECKING:
    import httpx

    from resilience._alerts.discord.client import Client
    from resilience._alerts.discord.refusals import DiscordError
    from resilience._alerts.discord.webhook_url import Webhook
    from resilience.alerts.notifier import Alert

_COOLDOWN_S: Final = 300.0  # after a ban that does not say how long it lasts
_LONGEST_JITTER_S: Final = 0.5  # enough for a fleet not to come back all at once
_UNKNOWN_CHANNEL: Final = 10003  # which a thread is that was deleted
_WEBHOOK_IS_GONE: Final = frozenset({(401, 50027), (404, 10015)})  # a wrong token, and an unknown webhook
_REFUSES_THE_MESSAGE: Final = frozenset({400, 403, 405, 413})  # for what it says, or how it is sent


@final
class DiscordSink:
    """One webhook. A URL that is none of Discord's fails every alert, saying why. ``substitute`` is the `Client`'s."""

    most_per_message = MOST_ALERTS
    _client: Client
    _webhook: Webhook

    def __init__(self, url: str, cooldowns: Cooldowns, substitute: httpx.BaseTransport | None = None) -> None:
        self._substitute = substitute
        self._url: str | None = url
        self._problem: str | None = None
        self._cooldowns = cooldowns
        self._first_sent_at: float | None = None
        self._refused: Sequence[Alert] = ()
        self._is_named = True
        self._bans = 0

    def cooldown(self) -> Cooldown | None:
        """Return what has to be waited for before the next message; nothing where it would not be sent anyway."""
        with contextlib.suppress(OSError):  # nothing could be loaded, which `send` tells
            if self._why_unusable() is None:
                return self._cooldowns.of(self._webhook)
        return None

    def send(self, alerts: Sequence[Alert], *, again: bool) -> Undelivered | None:
        """Post one message, once, and say what came of it."""
        problem = self._why_unusable()
        if problem is not None:
            return Undelivered(problem)
        if not again or self._first_sent_at is None:
            self._first_sent_at = time.time()
        plainest = any(each in self._refused for each in alerts)
        body = plainest_body(alerts) if plainest else message_body(alerts, self._first_sent_at if again else None)
        if not self._is_named:
            body.pop("username", None)
        self._cooldowns.count_sent(self._webhook)
        answer = self._client.post(self._webhook, body)
        if isinstance(answer, Undelivered):
            return answer
        if answer.empties_bucket_s > 0:
            self._cooldowns.begin(self._webhook, answer.empties_bucket_s, "the rate limit of the webhook is used up")
        if answer.error is not None:
            return self._judge(answer.error, alerts, plainest=plainest)
        self._bans, self._refused = 0, ()
        return None

    def close(self) -> None:
        if self._url is None and self._problem is None:
            self._client.close()

    def _why_unusable(self) -> str | None:
        """Return why nothing can be sent; None where it can.

        What that needs is loaded by the first delivering thread that asks, so that no failing call waits for it.
        """
        if self._url is not None:
            with importing:
                from resilience._alerts.discord.client import Client
                from resilience._alerts.discord.webhook_url import parse_webhook_url
            try:
                self._webhook, self._client = parse_webhook_url(self._url), Client(self._substitute)
            except ValueError as error:
                # Those that `configure` was told have been checked.
                variable = "RESILIENCE_DISCORD_WEBHOOK_URL or RESILIENCE_DISCORD_WEBHOOK_URL_<CHANNEL>"
                self._problem = f"the webhook URL in {variable} is not Discord's: {error}"
            self._url = None
        return self._problem or self._cooldowns.why_disabled(self._webhook)

    def _judge(self, error: DiscordError, alerts: Sequence[Alert], *, plainest: bool) -> Undelivered:
        """Do what an answer other than 2xx asks for, and say what became of the message."""
        if error.status == 429:
            return self._heed_rate_limit(error)
        if error.status >= 500:
            if error.asks_to_wait_s > 0:
                self._cooldowns.begin(self._webhook, error.asks_to_wait_s, str(error))
            return Undelivered(str(error), try_again=True, may_have_arrived=True)
        if error.status in {401, 403}:
            self._cooldowns.count_invalid()
        if error.status == 404 and error.code == _UNKNOWN_CHANNEL and self._webhook.thread_id:
            self._webhook = replace(self._webhook, thread_id=None)
            return Undelivered(str(error), try_again=True, backs_off=False)
        if error.refuses_username and self._is_named:
            self._is_named = False
            return Undelivered(str(error), try_again=True, backs_off=False)
        if error.status in _REFUSES_THE_MESSAGE and not error.is_edge_block and not plainest:
            stream.emit(AlertRefused(problem=str(error)))
            self._refused = tuple(alerts)
            return Undelivered(str(error), try_again=True, backs_off=False)
        return Undelivered(self._leave_alone(error))

    def _leave_alone(self, error: DiscordError) -> str:
        """Stop sending where that can only do harm, until it is configured anew or for a while; return the problem."""
        if (error.status, error.code) in _WEBHOOK_IS_GONE:
            problem = f"{error}; nothing more is sent to this webhook until another one is configured"
            self._cooldowns.disable(self._webhook, problem)
            return problem
        if error.is_edge_block:
            problem = f"blocked by Discord's edge, {error}"
            self._cooldowns.begin(None, _COOLDOWN_S, problem)
            return problem
        if error.status in {401, 404}:
            self._cooldowns.begin(self._webhook, _COOLDOWN_S, str(error))
        return str(error)

    def _heed_rate_limit(self, error: DiscordError) -> Undelivered:
        if error.scope != "shared":
            self._cooldowns.count_invalid()
        seconds = error.asks_to_wait_s
        if error.is_ban:
            self._bans += 1
            seconds = seconds or min(_COOLDOWN_S * 2 ** min(self._bans - 1, 4), LONGEST_COOLDOWN_S)
        everyone = error.is_ban or error.scope == "global"
        jitter = random.uniform(0, min(seconds / 10, _LONGEST_JITTER_S))  # noqa: S311  # jitter is no secret
        self._cooldowns.begin(None if everyone else self._webhook, seconds + jitter, f"rate limited, {error}")
        return Undelivered(f"rate limited, {error}", try_again=True, backs_off=seconds == 0)
