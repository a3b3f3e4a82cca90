"""The plugin's public interface as type checkers see it: what tests call, and what they annotate with. Never run."""

from __future__ import annotations

from typing import Any, assert_type

from pytest_resilience import (
    Alert,
    Attempt,
    Call,
    DeadlockError,
    DiscordMock,
    Entry,
    Faults,
    InjectedCall,
    Injection,
    Jump,
    LeftoverThreadWarning,
    LogLine,
    Prefix,
    Retries,
    RetryLog,
    Script,
    ScriptError,
    ScriptRun,
    Timeline,
    VirtualClock,
    answer,
    delay,
    fail,
    passthrough,
)
from resilience.testing import Decision, Interceptor, arming, configured, flush, isolated, known_names, wait_bounds
from resilience.typing import Policy

assert_type(fail(OSError).times(3).then(passthrough()), Script)
assert_type(answer({"ok": True}).then(delay("250ms")), Script)
assert_type(Script.parse("off"), Script)
assert_type(ScriptRun(Script.parse("off")).next(), Decision | None)
assert_type(ScriptError("x", 1, "x", "off", "off").column, int)
fail(3)  # type: ignore[arg-type]


def test_faults(faults: Faults) -> None:
    """A ledger."""
    injection = faults.inject("Redis.connect", fail(OSError).times(3), strict=False)
    assert_type(injection, Injection)
    assert_type(injection.calls, list[InjectedCall])
    assert_type(injection.calls[0].kwargs, dict[str, Any])
    assert_type(injection.exhausted, bool)
    assert_type(faults.environment(), dict[str, str])
    assert_type(faults.run("outage.toml"), list[Injection])
    faults.inject("Redis.connect", 3)  # type: ignore[arg-type]


def test_time(virtual_clock: VirtualClock) -> None:
    """A clock."""
    assert_type(virtual_clock.sleeps, list[float])
    assert_type(virtual_clock.jumps, list[Jump])
    assert_type(DeadlockError.__mro__, tuple[type, ...])
    assert_type(LeftoverThreadWarning("left").args, tuple[Any, ...])


def test_calls(retries: Retries, retry_log: RetryLog, discord: DiscordMock) -> None:
    """What the code made of it."""
    assert_type(retries["Redis.connect"], list[Call])
    assert_type(retries.all[0].attempts, list[Attempt])
    assert_type(retries.all[0].policy, Policy)
    retries.assert_gave_up("Redis.connect", attempts=3, error=OSError)
    retries.assert_waits(test_time, bounds=(1.0, 30.0))
    retries.assert_gave_up()  # type: ignore[call-arg]
    assert_type(retry_log.lines, list[LogLine])
    assert_type(retry_log.prefixes, list[Prefix])
    assert_type(discord.alerts, list[Alert])
    assert_type(discord.respond("2*return(500)"), ScriptRun)


with Timeline() as timeline, isolated(), configured(service_name="billing"):
    assert_type(timeline.entries, list[Entry])


def arm(interceptor: Interceptor, policy: Policy) -> None:
    """Build a kit of one's own."""
    with arming(known_names()[0], interceptor):
        assert_type(flush(1.0), bool)
        assert_type(wait_bounds(policy, 1, None), tuple[float, float] | None)
