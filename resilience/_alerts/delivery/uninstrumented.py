"""Keeps the delivery of alerts out of the program's traces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from resilience._support.loaded import loaded


@contextlib.contextmanager
def uninstrumented() -> Iterator[None]:
    """Ask OpenTelemetry's instrumentations to leave out what is sent inside: a span would hold the URL, a password."""
    context = loaded("opentelemetry.context")
    if context is None:
        yield
        return
    suppressed = context.get_current()
    # Instrumentations have looked for these names, for both kinds of keys, in one version or another.
    for name in ("suppress_instrumentation", "suppress_http_instrumentation"):
        for key in {name, getattr(context, f"_{name.upper()}_KEY", name)}:
            suppressed = context.set_value(key, value=True, context=suppressed)
    token = context.attach(suppressed)
    try:
        yield
    finally:
        context.detach(token)
