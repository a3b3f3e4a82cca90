"""A poller that alerts by a client that blocks, so that a slow webhook stops everything else in its event loop."""

import asyncio
import time

import httpx

from resilience import create_retry_decorator


def webhook(request):
    time.sleep(3)  # the seconds that it takes to answer
    return httpx.Response(204)


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def poll(self):
        return ["news"]

    def post(self, text):
        with httpx.Client(transport=httpx.MockTransport(webhook)) as client:
            client.post("https://alerts.example/hook", json={"content": text}).raise_for_status()

    async def alert(self, text):
        self.post(text)

    async def read(self):
        try:
            return await self.poll()
        except Exception as error:
            await self.alert(f"no news: {error}")
            raise


class Sound(Broken):
    async def alert(self, text):
        await asyncio.to_thread(self.post, text)


async def scenario(service):
    assert await service.read() == ["news"]
