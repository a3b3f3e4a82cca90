"""The public signatures: names, order, defaults and kinds of the arguments."""

from __future__ import annotations

import inspect

import resilience
from resilience import conn_retry, continuous_retry, create_retry_decorator


def parameters(function):
    """Name, default, and whether it is keyword-only, of each parameter."""
    return [
        (each.name, each.default, each.kind is inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(function).parameters.values()
    ]


BOUNDED = [
    ("retry_on", Exception, True),
    ("retry_on_result", None, True),
    ("alert_threshold", None, True),
    ("timeout", None, True),
    ("wait", None, True),
    ("max_retry_after", 300.0, True),
    ("stop_event", None, True),
    ("channel", None, True),
]  # of the two whose attempts come to an end


def test_create_retry_decorator_has_its_signature():
    """Names, order, defaults and kinds are the public ones."""
    assert parameters(create_retry_decorator) == [
        ("max_attempts", 5, False),
        ("exclude_exceptions", (), False),
        ("max_wait", 30.0, False),
        ("context", "", False),
        ("reraise", True, False),
        *BOUNDED,
    ]


def test_conn_retry_has_its_signature():
    """Names, order, defaults and kinds are the public ones."""
    assert parameters(conn_retry) == [
        ("resource_name", inspect.Parameter.empty, False),
        ("action_name", inspect.Parameter.empty, False),
        ("max_retry", 100, False),
        ("max_wait", 30.0, False),
        ("exclude_exceptions", (), True),
        *BOUNDED,
    ]


def test_continuous_retry_has_its_signature():
    """Names, defaults and kinds are the public ones."""
    assert parameters(continuous_retry) == [
        ("retry_delay", 1.0, True),
        ("stop_event", None, True),
        ("stop_on", (), True),
        ("alert_threshold", None, True),
        ("timeout", None, True),
        ("max_retry_after", 300.0, True),
        ("channel", None, True),
    ]


def test_helpers_have_their_signatures():
    """Names and defaults of the functions around the decorators are the public ones."""
    empty = inspect.Parameter.empty
    assert parameters(resilience.log_prefix) == [("resource_name", empty, False), ("conn_id", empty, False)]
    assert parameters(resilience.failpoint) == [("name", empty, False)]
    assert parameters(resilience.should_send_alert) == [
        ("func_name", empty, False),
        ("exception", empty, False),
        ("context", "", False),
    ]
    assert parameters(resilience.send_rate_limited_discord_alert) == [
        ("func_name", empty, False),
        ("exception", empty, False),
        ("context", empty, False),
        ("alert_msg", empty, False),
        ("channel", None, False),
    ]
