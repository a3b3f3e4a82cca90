"""``"GET https://api.example.com/items/*"`` as a place: requests of httpx in this process, without a socket."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, final

from pytest_resilience._faults.injection import Injection
from resilience.testing import PlaceKind, UnknownTargetError

if TYPE_CHECKING:
    import httpx

_WRITTEN: Final = re.compile(r"(?P<method>[A-Z]+|\*) (?P<scheme>https?|\*)://(?P<host>[^/?#\s]+)(?P<rest>[/?][^#\s]*)?")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


@final
class HttpxPlace:
    """The requests of one method, or of any, whose URL is of a pattern.

    Attributes:
        name: As it was written.
        kind: ``httpx``.
        injections: What it is armed with, oldest first.

    Raises:
        UnknownTargetError: It is no method and URL.
    """

    kind: PlaceKind = "httpx"

    def __init__(
        self, name: str, armed: Callable[[HttpxPlace, Injection], None], disarmed: Callable[[Injection], None]
    ) -> None:
        written = _WRITTEN.fullmatch(name)
        if written is None:
            raise UnknownTargetError(
                f"{name!r} is no request of httpx: write the method, or '*', and the URL, such as "
                "'GET https://api.example.com/items/*'; '*' stands for any text in it"
            )
        self.name = name
        self._method = written["method"]
        self._url = re.compile(_pattern(written["scheme"], written["host"], written["rest"] or ""))
        self._has_query = "?" in (written["rest"] or "")
        self._armed, self._disarmed = armed, disarmed

    def arm(self, injection: Injection) -> None:
        self._armed(self, injection)

    def disarm(self, injection: Injection) -> None:
        self._disarmed(injection)

    def takes(self, request: httpx.Request) -> bool:
        return self._method in {"*", request.method} and self._url.fullmatch(self._text(request.url)) is not None

    def _text(self, url: httpx.URL) -> str:
        """A URL as patterns are compared with it: with the query only if the pattern has one."""
        port = "" if url.port is None else f":{url.port}"
        path, _, query = url.raw_path.decode("ascii", "replace").partition("?")
        return f"{url.scheme}://{url.host.lower()}{port}{path}{f'?{query}' if self._has_query else ''}"


def _pattern(scheme: str, host: str, rest: str) -> str:
    host = host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    if not rest.startswith("/") and not host.endswith("*"):
        rest = f"/{rest}"  # a URL without a path asks for the root
    return re.escape(f"{scheme}://{host}{rest}").replace(r"\*", ".*")
