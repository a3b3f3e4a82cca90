"""Hands requests for Discord's webhooks to a stand-in, whatever other routers of respx a test has."""

from __future__ import annotations

from typing import final

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

from pytest_resilience.discord._server import DiscordServer
from pytest_resilience.discord._webhooks import is_for_webhooks


@final
class WebhookRouter(respx.MockRouter):
    """A router of respx with one fixed rule.

    It comes before every other router, which may take all that it is asked for. To those it leaves all other requests;
    where there is none, they pass through to the network.
    """

    def __init__(self, server: DiscordServer) -> None:
        super().__init__(assert_all_called=False, using="httpcore")  # below the transports, which the client uses
        self._server = server

    def start(self) -> None:
        super().start()
        if self.Mocker is not None:  # respx asks in the order of the list, and has no other way to come first
            self.Mocker.routers.remove(self)
            self.Mocker.routers.insert(0, self)

    def handler(self, request: httpx.Request) -> httpx.Response:
        self._leave_to_others(request)
        return self._server.handle_request(request)

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        self._leave_to_others(request)
        return await self._server.handle_async_request(request)

    def _leave_to_others(self, request: httpx.Request) -> None:
        if is_for_webhooks(request):
            return
        routers = [] if self.Mocker is None else self.Mocker.routers
        if all(isinstance(each, WebhookRouter) for each in routers):
            raise PassThrough(f"{request!r} is not for Discord", request=request, origin=respx.Route())
        raise AllMockedAssertionError(f"RESPX: {request!r} not mocked!")
