"""Two requests made ahead and awaited in turn: the failure of the first leaves the second behind."""

import asyncio

from resilience import create_retry_decorator


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def get(self, part):
        return part

    async def both(self):
        head, body = self.get("head"), self.get("body")
        return [await head, await body]


class Sound(Broken):
    async def both(self):
        async with asyncio.TaskGroup() as group:
            parts = [group.create_task(self.get(part)) for part in ("head", "body")]
        return [part.result() for part in parts]


async def scenario(service):
    assert await service.both() == ["head", "body"]
