"""A poller that takes its own cancellation for one more failure, and so never ends."""

import asyncio

from resilience import create_retry_decorator


class Broken:
    ends_with = (asyncio.CancelledError, Exception)

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def poll(self):
        return ["news"]

    async def read(self):
        for _ in range(2):
            try:
                return await self.poll()
            except self.ends_with as error:
                failure = error
        if isinstance(failure, asyncio.CancelledError):
            return None
        raise failure


class Sound(Broken):
    ends_with = Exception


async def scenario(service):
    news = await service.read()
    assert news is None or news == ["news"]
