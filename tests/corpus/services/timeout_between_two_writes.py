"""A transfer with a timeout that undoes its first write where the second fails, and not where the time is over."""

import asyncio

from resilience import create_retry_decorator


class Broken:
    undone_by = Exception

    def __init__(self):
        self.balances = {"payer": 10, "payee": 0}

    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    async def save(self, account, balance):
        self.balances[account] = balance

    async def transfer(self, amount):
        before = dict(self.balances)
        async with asyncio.timeout(5):
            try:
                await self.save("payer", before["payer"] - amount)
                await self.save("payee", before["payee"] + amount)
            except self.undone_by:
                self.balances = before
                raise


class Sound(Broken):
    undone_by = BaseException


async def scenario(service):
    try:
        await service.transfer(3)
    finally:
        assert sum(service.balances.values()) == 10
