"""Transfers that lock both accounts, the paying one first: two that cross wait for each other."""

import threading


class Account:
    def __init__(self, number):
        self.number = number
        self.balance = 10
        self.lock = threading.Lock()


class Broken:
    def __init__(self):
        self.accounts = Account(1), Account(2)

    def order(self, payer, payee):
        return payer, payee

    def transfer(self, payer, payee):
        first, second = self.order(payer, payee)
        with first.lock, second.lock:
            payer.balance -= 1
            payee.balance += 1


class Sound(Broken):
    def order(self, payer, payee):
        return sorted((payer, payee), key=lambda account: account.number)


def scenario(service):
    one, other = service.accounts
    transfers = [threading.Thread(target=service.transfer, args=pair) for pair in ((one, other), (other, one))]
    for transfer in transfers:
        transfer.start()
    for transfer in transfers:
        transfer.join()
    assert [one.balance, other.balance] == [10, 10]
