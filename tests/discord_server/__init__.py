"""A Discord as exact as it is known, to test the kit's own client: the public stand-in with every rule of the API.

`ExactDiscord` is a `DiscordMock` in front of an `ExactServer`. What it adds: who may call, which webhooks exist, all
rules on the body of a message, threads, bans of the address, and what must not be called again.
"""

from tests.discord_server.exact import ExactDiscord, ExactServer
from tests.discord_server.mentions import notified
from tests.discord_server.rules import faults_of

__all__ = ["ExactDiscord", "ExactServer", "faults_of", "notified"]
