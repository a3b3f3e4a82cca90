"""A request to the simulated Discord, taken apart, and what is wrong with it before its webhook is looked up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import httpx

from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord import _validation as validation

HOSTS: Final = frozenset(
    prefix + domain for prefix in ("", "ptb.", "canary.") for domain in ("discord.com", "discordapp.com")
)
_ROUTE: Final = re.compile(
    r"/api(?:/v(?P<version>[0-9]{1,9}))?/webhooks/(?P<id>[^/]+)/(?P<token>[^/]+)(?P<rest>/.+)?/?", re.ASCII
)
_WEBHOOKS: Final = re.compile(r"/api(?:/v[0-9]+)?/webhooks(?:/|$)", re.ASCII)
_BOT: Final = re.compile(r"DiscordBot \([^\s,]+, [^)]+\)")
_LEGACY: Final = frozenset({6, 7})
_UNVERSIONED: Final = 6
_CURRENT: Final = frozenset({8, 9, 10})


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not granted.

    Attributes:
        response: What the client gets.
        objection: What is wrong with the request; None where nothing is.
        by_edge: Discord never sees it, so that it counts for no limit.
    """

    response: httpx.Response
    objection: str | None = None
    by_edge: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request.

    Attributes:
        request: As it came.
        version: The version in its URL; None without one.
        webhook: The id in its URL; None where that is no URL of a webhook.
        token: The token in its URL.
        rest: What follows the token, such as ``/slack``.
        query: Its query string.
    """

    request: httpx.Request
    version: int | None = None
    webhook: str | None = None
    token: str = field(default="", repr=False)
    rest: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: httpx.Request) -> Visit:
        """Take a request apart."""
        query = dict(request.url.params)
        route = _ROUTE.fullmatch(_path(request))
        if route is None:
            return cls(request=request, query=query)
        version = None if route["version"] is None else int(route["version"])
        rest = (route["rest"] or "").rstrip("/")
        return cls(request=request, version=version, webhook=route["id"], token=route["token"], rest=rest, query=query)

    @property
    def legacy(self) -> bool:
        """It is for a version before 8, whose units and form errors are others."""
        return (_UNVERSIONED if self.version is None else self.version) in _LEGACY

    @property
    def wait(self) -> bool:
        """It wants the stored message as its answer."""
        return validation.as_boolean(self.query.get("wait", "")) is True

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        return str(self.request.headers.get("User-Agent", ""))

    def refusal(self, *, legacy_allowed: bool, bots_only: bool) -> Refusal | None:
        """Return what the edge refuses, and what no webhook could take; None where it is a request to a webhook."""
        return self._user_agent_refusal(bots_only=bots_only) or self._route_refusal(legacy_allowed=legacy_allowed)

    def _user_agent_refusal(self, *, bots_only: bool) -> Refusal | None:
        agent = self.user_agent
        wrong = not agent or agent.startswith("Python-urllib") or (bots_only and not _BOT.match(agent))
        if not wrong:
            return None
        found = f"is {agent!r}" if agent else "is missing"
        objection = f"its User-Agent {found}, and Discord blocks such clients: send 'DiscordBot (<url>, <version>)'"
        return Refusal(answers.user_agent_blocked(), objection, by_edge=True)

    def _route_refusal(self, *, legacy_allowed: bool) -> Refusal | None:
        method, url = self.request.method, self.request.url
        if url.scheme != "https":
            moved = answers.answer_text(301, "", {"Location": "https://discord.com/"}, edge=True)
            return Refusal(moved, "it came without TLS: the URL must start with https://", by_edge=True)
        if self.webhook is None or self.rest:
            place = f"<webhook>{self.rest}" if self.rest else "its path"
            objection = f"there is nothing at {place}: the stand-in for Discord knows /api/v10/webhooks/<id>/<token>"
            return Refusal(answers.error(404, 0, "404: Not Found"), objection)
        if method != "POST":
            return Refusal(answers.typical(405), "a message is sent with POST")
        if self.legacy and not legacy_allowed:
            came = "has no version, which means v6" if self.version is None else f"is for v{self.version}"
            objection = f"its URL {came}, with other units and errors: write /api/v10/webhooks/<id>/<token>"
            return Refusal(answers.error(400, 50041, "Invalid API version"), objection)
        if not self.legacy and self.version not in _CURRENT:
            objection = f"there is no v{self.version} of the API: write /api/v10/webhooks/<id>/<token>"
            return Refusal(answers.error(400, 50041, "Invalid API version"), objection)
        errors = validation.snowflake(self.webhook)
        if errors:
            tree = {"webhook_id": errors}
            return Refusal(answers.form_errors(tree, legacy=self.legacy), "the id of its webhook is no snowflake")
        return None


def is_for_webhooks(request: httpx.Request) -> bool:
    """Tell whether a request goes to Discord's webhooks."""
    return request.url.host in HOSTS and _WEBHOOKS.match(_path(request)) is not None


def _path(request: httpx.Request) -> str:
    """Return the path as it was sent, in which an escaped slash is no slash."""
    return request.url.raw_path.partition(b"?")[0].decode("ascii", "replace")
