"""An alert for the tests of what delivers it."""

from __future__ import annotations

from resilience._alerts.admission.admission import Admission, Claim
from resilience._alerts.delivery.queued_alert import QueuedAlert
from resilience.alerts import Alert


class FakeAlert(QueuedAlert):
    """An alert of nothing, which records what becomes of it in a list."""

    def __init__(self, text="a", told=None, *, leaves=True, writing=lambda: None):
        def write(_suppressed):
            writing()
            return Alert(text=text, function="f", context="", error_type="E")

        super().__init__(Claim(Admission(), text, text), write)
        self.text = text
        self._told = [] if told is None else told
        self._may_leave = leaves
        self.expect(1)

    def may_leave(self):
        """Do as the test says."""
        return self._may_leave

    def on_delivered(self):
        """Record."""
        self._told.append(f"{self.text} delivered")

    def failed(self, problem):
        """Record."""
        self._told.append(f"{self.text} failed: {problem}")
        super().failed(problem)
