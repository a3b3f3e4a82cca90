"""Settings of the process: what `configure` was told, else the environment, else the default."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

from resilience._support.explained import explained
from resilience._support.fork import renewed_lock
from resilience._support.kinds import is_async
from resilience.redact import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resilience.alerts.notifier import Notifier


class _Unset:
    """What an argument is that was not given, where None has a meaning of its own."""

    def __repr__(self) -> str:
        return "<unchanged>"


UNSET: Final = _Unset()
DEFAULT_MAX_ALERTS_PER_MINUTE: Final = 20  # a channel of Discord takes about 30 messages
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """What `configure` was told; None (or empty) where it was told nothing. Secrets stay out of the repr."""

    service_name: str | None = None
    discord_webhook_url: str | None = field(default=None, repr=False)
    discord_channels: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    max_alerts_per_minute: int = DEFAULT_MAX_ALERTS_PER_MINUTE
    notifiers: tuple[Notifier, ...] = ()
    alert_recoveries: bool = False


_DEFAULTS: Final = Settings()
_told = _DEFAULTS
_telling = renewed_lock(sys.modules[__name__], "_telling")


@explained(write="configure(service_name=...)", instead={})
def configure(
    *,
    service_name: str | _Unset | None = UNSET,
    discord_webhook_url: str | _Unset | None = UNSET,
    discord_channels: Mapping[str, str] | _Unset | None = UNSET,
    redis_url: str | _Unset | None = UNSET,
    max_alerts_per_minute: int | _Unset | None = UNSET,
    notifiers: Sequence[Notifier] | _Unset | None = UNSET,
    alert_recoveries: bool | _Unset | None = UNSET,
) -> None:
    """Set what is true for the whole process; call it once, where the program starts.

    What is not given stays as it was; None goes back to the environment variable, or to the default. Safe under
    threads; a call that raises changes nothing.

    Args:
        service_name: The name in log prefixes, in who alerts (``{service} on {host}``) and in the windows of a shared
            Redis. ``RESILIENCE_SERVICE_NAME``; default: the program's own name.
        discord_webhook_url: Where alerts go, as copied from Discord; ``?thread_id=`` posts in a thread.
            ``RESILIENCE_DISCORD_WEBHOOK_URL``; default: none, and no alert is sent, which is logged once.
        discord_channels: Webhook URLs by channel name, for ``channel=``. ``RESILIENCE_DISCORD_WEBHOOK_URL_<CHANNEL>``,
            in capitals and with ``_`` for ``-``; a channel without a URL has its alerts sent to the webhook above.
        redis_url: A Redis that shares the alert window of 300 seconds between processes: ``redis://``, ``rediss://`` or
            ``unix://`` (extra ``redis``). ``RESILIENCE_REDIS_URL``; default: none, each process has its own windows.
        max_alerts_per_minute: The most alerts that this process sends in any 60 seconds. Default: 20.
        notifiers: Other places that get every alert; see `resilience.alerts.Notifier`. Default: none.
        alert_recoveries: Whether a call that has alerted and then succeeds says so, once. Default: False.

    Raises:
        TypeError: A value of a wrong type, or an async notifier.
        ValueError: A webhook URL that is not Discord's or a Redis URL that can't be read (neither is ever printed), an
            empty name, a cap below 1.
        MissingExtraError: ``redis_url`` is given, and redis-py is not installed.

    Example:
        ::

            resilience.configure(
                service_name="billing",
                discord_webhook_url=os.environ["BILLING_WEBHOOK"],
                discord_channels={"ops": os.environ["OPS_WEBHOOK"]},
            )
    """
    given = {**locals()}  # the arguments: nothing else has a name here yet
    told: dict[str, Any] = {
        name: getattr(_DEFAULTS, name) if value is None else _CHECKS[name](value)
        for name, value in given.items()
        if value is not UNSET
    }
    global _told  # noqa: PLW0603  # one immutable value, replaced as a whole
    with _telling:
        _told = replace(_told, **told)


@contextlib.contextmanager
def configured(**settings: Any) -> Iterator[None]:
    """Apply settings for the length of a ``with`` block; the earlier ones come back whatever happens in it."""
    global _told  # noqa: PLW0603  # one immutable value, replaced as a whole
    before = _told
    try:
        configure(**settings)
        yield
    finally:
        with _telling:
            _told = before


def settings() -> Settings:
    """Return what `configure` was told, for those settings that no environment variable has."""
    return _told


def service_name() -> str:
    """Return the name of this service, as it stands in log prefixes."""
    return _told.service_name or os.environ.get("RESILIENCE_SERVICE_NAME") or _program_name()


def discord_webhook_url(channel: str | None = None) -> str | None:
    """Return the webhook of a channel, or the default one where the channel has none of its own."""
    if channel is not None:
        variable = f"RESILIENCE_DISCORD_WEBHOOK_URL_{channel.upper().replace('-', '_')}"
        own = _told.discord_channels.get(channel) or os.environ.get(variable)
        if own:
            return own
    return _told.discord_webhook_url or os.environ.get("RESILIENCE_DISCORD_WEBHOOK_URL") or None


def redis_url() -> str | None:
    """Return the URL of the Redis that shares the alert window, if there is one."""
    return _told.redis_url or os.environ.get("RESILIENCE_REDIS_URL") or None


def _program_name() -> str:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    if main is not None and main.name:  # python -m package.module
        return str(main.name).removesuffix(".__main__")
    name = os.path.basename(sys.argv[0] if sys.argv else "").removesuffix(".py")  # noqa: PTH119  # pathlib is slow to load
    return name if name not in {"", "-c", "-"} else "python"


# The checks return the value to keep, or raise, naming the setting and what it takes. A value of a wrong type is not
# shown, as it may be a secret that was given to the wrong setting.


def _checked_service_name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"service_name must be a str, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"service_name must not be empty, got {value!r}")
    return value


def _checked_webhook_url(value: object, name: str = "discord_webhook_url") -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {'None' if value is None else type(value).__name__}")
    from resilience._alerts.discord.webhook_url import parse_webhook_url

    try:
        parse_webhook_url(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a Discord webhook URL: {error}") from None
    return value


def _checked_channels(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(
            f"discord_channels must be a mapping of channel names to webhook URLs, got {type(value).__name__}"
        )
    for channel, url in value.items():
        if not isinstance(channel, str):
            raise TypeError(f"discord_channels must have str keys, got {type(channel).__name__}")
        if "://" in channel:
            raise ValueError("discord_channels must map names to webhook URLs, but a name in it is a URL itself")
        _checked_webhook_url(url, f"discord_channels[{clean(repr(channel))}]")
    return dict(value) if type(value) is dict else value  # another mapping may find its channels as it likes


def _checked_redis_url(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"redis_url must be a str, got {type(value).__name__}")
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError(
            "redis_url must start with redis://, rediss:// or unix://; it is not shown, as it may hold a password"
        )
    from resilience._alerts.admission.redis_url import check_redis_url

    try:
        check_redis_url(value)  # a missing extra is said now, too; at the end of the program, it can't be imported
    except ValueError as error:
        raise ValueError(f"redis_url is of no use: {error}") from None
    return value


def _checked_cap(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"max_alerts_per_minute must be an int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"max_alerts_per_minute must be at least 1, got {value!r}")
    return value


def _checked_notifiers(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(
            "notifiers must be a sequence of objects with a notify(alert) method, "
            f"got {type(value).__name__}{_hint(value)}"
        )
    found = tuple(value)
    for each in found:
        notify, name = getattr(each, "notify", None), type(each).__name__
        if not callable(notify):
            raise TypeError(f"notifiers must have a notify(alert) method, got {name}{_hint(each)}")
        if isinstance(each, type):
            name = each.__name__
            raise TypeError(
                f"notifiers must be objects with a notify(alert) method, got the class {name}: write {name}(...)"
            )
        if is_async(notify):
            raise TypeError(
                f"notifiers must have a notify(alert) method that nobody has to await, got the async one of {name}: "
                "write `def notify(self, alert)`, which may block, as it has a thread of its own"
            )
    return found


def _hint(value: object) -> str:
    """Say where URLs go, if it was one that was given in the place of a notifier."""
    return "; URLs go into resilience.alerts.apprise.AppriseNotifier(...)" if isinstance(value, str) else ""


def _checked_recoveries(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"alert_recoveries must be a bool, got {type(value).__name__}")
    return value


_CHECKS: Final[Mapping[str, Callable[[Any], object]]] = {
    "service_name": _checked_service_name,
    "discord_webhook_url": _checked_webhook_url,
    "discord_channels": _checked_channels,
    "redis_url": _checked_redis_url,
    "max_alerts_per_minute": _checked_cap,
    "notifiers": _checked_notifiers,
    "alert_recoveries": _checked_recoveries,
}
