"""A transfer whose error path uses what is only known where all went well."""

from resilience import create_retry_decorator


class TransferError(Exception):
    """The money was not moved."""


class Broken:
    @create_retry_decorator(max_attempts=2, retry_on=ConnectionError)
    def move(self):
        return "receipt 7"

    def transfer(self):
        try:
            receipt = self.move()
        except Exception as error:
            raise TransferError(f"{receipt} is void") from error
        return receipt


class Sound(Broken):
    def transfer(self):
        try:
            return self.move()
        except Exception as error:
            raise TransferError("there is no receipt") from error


def scenario(service):
    assert service.transfer() == "receipt 7"
