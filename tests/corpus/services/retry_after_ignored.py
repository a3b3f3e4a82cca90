"""A client that tries again in its own rhythm, although the server says when to come back."""

import time

import httpx

limits = {"points": ["GET https://rates.example/*"]}


class Broken:
    def pause(self, response, attempt):
        return 2**attempt

    def rates(self, client):
        for attempt in range(3):
            response = client.get("https://rates.example/today")
            if response.status_code not in {429, 503}:
                break
            time.sleep(self.pause(response, attempt))
        return response.raise_for_status().json()


class Sound(Broken):
    def pause(self, response, attempt):
        return max(2**attempt, int(response.headers.get("Retry-After", 0)))


def scenario(service):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"EUR": 1}))
    with httpx.Client(transport=transport) as client:
        assert service.rates(client) == {"EUR": 1}
