"""The public stand-in for Discord, with every rule of the API."""

from __future__ import annotations

import re
import time
from collections import deque

import httpx

from pytest_resilience.discord import DiscordMock
from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord._rate_limits import SECOND_NS, RateLimits
from pytest_resilience.discord._server import DiscordServer, Refusal, refuse
from tests.discord_server.mentions import notified
from tests.discord_server.rules import faults_of, snowflake_problem

UNLIMITED = (1_000_000_000, 1.0)
NO_LIMITS = {"webhook": UNLIMITED, "channel": UNLIMITED, "everything": UNLIMITED}
_BOT = re.compile(r"DiscordBot \([^\s,]+, [^)]+\)")
_INVALID = frozenset({401, 403, 429})  # source: "Invalid Request Limit"
_INVALID_NS = 600 * SECOND_NS
_BAN_S = 3600.0
_DEAD = frozenset({(401, 50027), (404, 10015)})


class EdgeRefusal(Refusal):
    """A refusal that Discord never sees, so that it counts for no limit."""


class ExactServer(DiscordServer):
    """A Discord that takes what the real one would, and objects to what it asks clients not to do.

    Args:
        limits: Other rate limits, by name; `NO_LIMITS` for none.
        invalid_limit: So many answers of 401, 403 or 429 within 10 minutes, those of a channel's limit apart, ban the
            address for an hour.
        forum: All channels are forums.
        threads: The threads that there are; None for any.
        lose_unawaited: Messages sent without ``wait=true`` are answered as always, and lost.

    Attributes:
        calls_to_dead_webhooks: How often a webhook was called that had been answered 401 or 404.
        notified: For each stored message, the mentions in it that notify somebody.
    """

    def __init__(self, *, limits=None, invalid_limit=10_000, forum=False, threads=None, lose_unawaited=False):
        super().__init__(RateLimits(**(limits or {})))
        self.calls_to_dead_webhooks = 0
        self.notified = []
        self._invalid = deque(maxlen=invalid_limit)
        self._forum, self._threads, self._lose_unawaited = forum, threads, lose_unawaited
        self._deleted = set()
        self._dead = set()
        self._banned_until_ns = None

    @property
    def invalid_requests(self):
        """How many answers of the last 10 minutes count towards a ban."""
        return sum(0 <= time.monotonic_ns() - each < _INVALID_NS for each in self._invalid)

    def delete_webhook(self, channel=None):
        """Delete the webhook of a channel: from now on it is unknown."""
        self._deleted.add(channel)

    def ban(self, seconds=_BAN_S):
        """Ban the address, as the edge does: nothing reaches Discord for so many seconds."""
        self._banned_until_ns = time.monotonic_ns() + round(seconds * SECOND_NS)

    def _refusal_of(self, incoming):
        return self._refusal_by_edge(incoming) or super()._refusal_of(incoming)

    def _refusal_of_body(self, incoming):
        return (
            self._refusal_of_webhook(incoming)
            or super()._refusal_of_body(incoming)
            or self._refusal_of_thread(incoming)
        )

    def _faults_of(self, body):
        return faults_of(body)

    def _refusal_by_edge(self, incoming):
        left_s = ((self._banned_until_ns or 0) - time.monotonic_ns()) / SECOND_NS
        if self._banned_until_ns is not None and left_s > 0:
            return EdgeRefusal(answers.banned(left_s), None)
        if incoming.request.url.scheme != "https":
            moved = answers.answer(301, "", {"Location": "https://discord.com/"}, by_edge=True)
            return EdgeRefusal(moved, "it came without TLS: the URL must start with https://")
        agent = incoming.request.headers.get("User-Agent")
        if agent is None or not _BOT.match(agent):
            blocked = answers.answer(403, "error code: 1010", by_edge=True)
            return EdgeRefusal(blocked, f"its User-Agent is {agent!r}: send 'DiscordBot (<url>, <version>)'")
        return None

    def _refusal_of_webhook(self, incoming):
        urls = [self.webhooks.url(None), *self.webhooks.values()]
        tokens = dict(url.split("/")[-2:] for url in urls)
        problem = snowflake_problem(incoming.webhook)
        if problem is not None:
            fault = answers.Fault("webhook_id", *problem)
            return Refusal(answers.form_errors([fault]), "the id of its webhook is no snowflake")
        if incoming.webhook not in tokens:
            return Refusal(answers.typical(404), "its webhook is unknown")
        if self.webhooks.channel_of(incoming.webhook) in self._deleted:
            return Refusal(answers.typical(404), None)
        if incoming.token != tokens[incoming.webhook]:
            return Refusal(answers.typical(401), "the token of its webhook is wrong")
        return None

    def _refusal_of_thread(self, incoming):
        by_id, by_name = incoming.request.url.params.get("thread_id"), incoming.body.get("thread_name")
        if self._forum and not by_id and not by_name:
            message = "Webhooks posted to forum channels must have a thread_name or thread_id"
            return refuse(400, 220001, message, message)
        if self._forum and by_id and by_name:
            message = "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
            return refuse(400, 220002, message, message)
        if by_name and not self._forum:
            message = "Webhooks can only create threads in forum channels"
            return refuse(400, 220003, message, message)
        if by_id and self._threads is not None and by_id not in self._threads:
            return refuse(404, 10003, "Unknown Channel", None)
        return None

    def _result_of(self, incoming, refusal, action):
        result, delay_s = super()._result_of(incoming, refusal, action)
        if incoming.webhook in self._dead:
            self.calls_to_dead_webhooks += 1
            self.problems.append("a webhook that was answered 401 or 404 was called again")
        if isinstance(result, httpx.Response):
            self._count(incoming, result)
        return result, delay_s

    def _usual(self, incoming, refusal):
        return refusal.response if isinstance(refusal, EdgeRefusal) else super()._usual(incoming, refusal)

    def _store(self, incoming):
        if self._lose_unawaited and not incoming.wait:
            return {}
        self.notified.append(notified(incoming.content, incoming.body.get("allowed_mentions")))
        return super()._store(incoming)

    def _count(self, incoming, response):
        """Count what leads to a ban, and learn which webhooks must not be called again."""
        if response.status_code in _INVALID and response.headers.get("X-RateLimit-Scope") != "shared":
            self._invalid.append(time.monotonic_ns())
            if self.invalid_requests == self._invalid.maxlen:
                self.ban()
        is_json = response.headers.get("Content-Type") == "application/json"
        code = response.json().get("code") if is_json else None
        if incoming.webhook is not None and (response.status_code, code) in _DEAD:
            self._dead.add(incoming.webhook)


class ExactDiscord(DiscordMock):
    """A `DiscordMock` in front of an `ExactServer`, whose switches it takes."""

    def __init__(self, *, verify=True, **switches):
        super().__init__(verify=verify)
        self.server = self._server = ExactServer(**switches)
