"""Payments that charge twice after a lost answer, and tests of them: what the tests of exploring explore."""

from __future__ import annotations

PAYMENTS = """
    import httpx, pytest
    from resilience import conn_retry

    charges = []

    @conn_retry("Payments", "charge", max_retry=3, retry_on=httpx.ReadTimeout)
    def charge(amount):
        charges.append(amount)

    @pytest.fixture(autouse=True)
    def no_charges():
        charges.clear()
"""
CHARGED_ONCE = (
    PAYMENTS
    + """
    @pytest.mark.explore
    def test_charged_once():
        charge(30)
        assert charges == [30]
"""
)
SOUND = (
    PAYMENTS
    + """
    class TestCharging:
        seen = False

        @pytest.mark.explore
        @pytest.mark.parametrize("amount", [1, 30])
        def test_charged(self, amount, tmp_path):
            assert not self.seen
            self.seen = True
            (tmp_path / "receipt").touch(exist_ok=False)
            charge(amount)
            assert charges
"""
)
