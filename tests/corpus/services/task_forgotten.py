"""A request that leaves its audit to a task that nobody waits for."""

import asyncio

from resilience import create_retry_decorator


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def audit(self):
        return "audited"

    async def handle(self):
        task = asyncio.create_task(self.audit())
        await asyncio.sleep(30)
        del task
        return "handled"


class Sound(Broken):
    async def handle(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.audit())
        return "handled"


async def scenario(service):
    assert await service.handle() == "handled"
