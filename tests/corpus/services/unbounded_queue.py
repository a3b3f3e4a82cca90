"""A logger that ships its lines in the background: while the log server is away, they pile up in memory."""

import asyncio
import contextlib

from resilience import conn_retry

limits = {"schedules": 0}


class Broken:
    def __init__(self):
        self.lines = asyncio.Queue()
        self.dropped = 0

    @conn_retry("Logs", "ship", max_retry=4, retry_on=ConnectionError)
    async def ship(self, lines):
        return len(lines)

    def log(self, line):
        self.lines.put_nowait(line)

    async def work(self):
        while True:
            await asyncio.sleep(2)
            lines = [self.lines.get_nowait() for _ in range(self.lines.qsize())]
            with contextlib.suppress(Exception):
                await self.ship(lines)

    async def run(self):
        worker = asyncio.create_task(self.work())
        for number in range(80):
            self.log(f"line {number}")
            await asyncio.sleep(0.1)
        worker.cancel()


class Sound(Broken):
    def __init__(self):
        super().__init__()
        self.lines = asyncio.Queue(maxsize=30)

    def log(self, line):
        try:
            super().log(line)
        except asyncio.QueueFull:
            self.dropped += 1


async def scenario(service):
    await service.run()
