"""One alert of a failing call, from the question whether it may be sent to its delivery."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from resilience._alerts.admission.admission import Admission
from resilience._alerts.delivery.queued_alert import QueuedAlert
from resilience._alerts.texts import context_of, escaped, failure_of, sender, text_of
from resilience._support.fork import importing
from resilience.events import AlertDelivered, AlertSuppressed, Call, stream
from resilience.redact import clean

if TYPE_CHECKING:
    from resilience.alerts.notifier import Alert


@final
class CallAlert(QueuedAlert):
    """One alert of a failing call.

    The failing call asks for it and queues it. A delivering thread asks whether it may leave, writes it, sends it, and
    says what became of it.
    """

    def __init__(self, admission: Admission, call: Call, attempt: int, error: BaseException) -> None:
        super().__init__(admission.claim_of_call(call, error))
        self._admission = admission
        self._call = call
        self._attempt = attempt
        self._failure = failure_of(error)  # its words alone: the error and its frames need not live on

    def ask(self) -> bool:
        """Ask for it, and report where it is held back."""
        if not super().ask():
            return self._is_suppressed()
        self._admission.alerting[self._call] = False
        return True

    def may_leave(self) -> bool:
        """Ask the fleet, too, and report where it is held back."""
        return super().may_leave() or self._is_suppressed()

    def write(self) -> Alert:
        """Put the failure into words."""
        write = functools.partial(text_of, self._call, self._attempt, self._failure, suppressed=self.claim.suppressed)
        return alert_of(
            write,
            function=clean(self._call.function),
            context=clean(context_of(self._call)),
            error_type=clean(self._failure.error_type),
            attempt=self._attempt,
            channel=self._call.policy.channel,
        )

    def on_delivered(self) -> None:
        """Report that it was sent, and remember it for the call's recovery."""
        self._admission.alerting[self._call] = True
        stream.emit(AlertDelivered(call=self._call, attempt=self._attempt))

    def _is_suppressed(self) -> bool:
        if stream.wants(AlertSuppressed):
            stream.emit(AlertSuppressed(call=self._call, attempt=self._attempt))
        return False


def alert_of(write: Callable[..., str], **about: Any) -> Alert:
    """Make an alert, in a delivering thread: to load its dataclass costs as much as all that a failing call needs."""
    with importing:
        from resilience.alerts.notifier import Alert
    return Alert(text=write(), markdown=write(shown=escaped), title=sender(), **about)
