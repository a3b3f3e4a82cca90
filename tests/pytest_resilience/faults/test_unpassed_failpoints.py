"""The names of failpoints in code that has not run yet: they are found, and nothing strange is touched on the way."""

from __future__ import annotations

import sys

import pytest

from pytest_resilience import Faults
from resilience._failpoints.functions.unpassed_failpoints import names_in_code


@pytest.mark.parametrize(
    "name",
    [
        "Ledger.between_charge_and_receipt",
        "Orders.before_commit",
        "Orders.total",
        "Orders.lines",
        "Ledger.in_a_closure",
        "Ledger.refund",
        "Orders.ship",
        "Ledger.close",
    ],
)
def test_a_failpoint_that_was_never_passed_is_found_in_the_code(app, name):
    """What a function, a method, a property or a closure names, by itself or by a constant, can be armed before it runs."""
    with Faults() as faults:
        injection = faults.inject(name, "off")

    assert injection.name == name


def test_looking_for_names_touches_no_strange_object(app, monkeypatch):
    """Proxies that load something, or raise, when they are looked at are left alone by the search."""

    class Proxy:
        def __getattr__(self, name):
            raise RuntimeError("working outside of application context")

        @property
        def __class__(self):
            raise RuntimeError("working outside of application context")

    from unittest import mock

    monkeypatch.setattr(app, "proxy", Proxy(), raising=False)
    monkeypatch.setattr(app, "call", mock.call, raising=False)
    monkeypatch.setitem(sys.modules, "a_lazy_module", Proxy())

    assert "Orders.before_commit" in names_in_code()
