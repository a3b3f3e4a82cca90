"""The notice of a call that has alerted and has recovered."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, final

from resilience._alerts.admission.admission import Admission, Claim
from resilience._alerts.call_alert import alert_of
from resilience._alerts.delivery.queued_alert import QueuedAlert, this_thread
from resilience._alerts.texts import context_of, recovery_text
from resilience.events import Call, RecoveryDelivered, stream
from resilience.redact import clean

if TYPE_CHECKING:
    from resilience.alerts.notifier import Alert


@final
class RecoveryNotice(QueuedAlert):
    """One notice. It is queued behind the call's alert, so that its turn comes when that one's fate is known."""

    def __init__(self, admission: Admission, call: Call, attempt: int) -> None:
        super().__init__(Claim(admission, signature="", place=call.failpoint))
        self._admission = admission
        self._call = call
        self._attempt = attempt

    def ask(self) -> bool:
        """Ask for room alone: a call recovers once."""
        return not this_thread.delivers and self.claim.ask_for_room()

    def may_leave(self) -> bool:
        """Tell whether anybody was told that the call was failing."""
        if self._admission.alerting.get(self._call, False):
            return True
        self.claim.withdraw()
        return False

    def write(self) -> Alert:
        """Put the recovery into words."""
        return alert_of(
            functools.partial(recovery_text, self._call, self._attempt),
            function=clean(self._call.function),
            context=clean(context_of(self._call)),
            error_type="",
            attempt=self._attempt,
            channel=self._call.policy.channel,
        )

    def on_delivered(self) -> None:
        """Report that it was sent."""
        stream.emit(RecoveryDelivered(call=self._call, attempt=self._attempt))
