"""A healthy server for clients of httpx, the place of its requests, and a client."""

from __future__ import annotations

import httpx

URL = "https://api.example.com/items/7"
PLACE = "GET https://api.example.com/items/*"
TIMEOUT = 30


class Upstream:
    """A healthy server behind a transport of httpx, and the requests that reached it."""

    def __init__(self):
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        return httpx.Response(200, json={"item": 7}, headers={"X-From": "upstream"})


def with_sync(upstream, method="GET", url=URL, **kwargs):
    with httpx.Client(transport=httpx.MockTransport(upstream), timeout=TIMEOUT) as client:
        return client.request(method, url, **kwargs)
