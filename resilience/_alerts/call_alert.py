"""The alert of a failing call and the notice of its recovery, each from its admission to its delivery."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, final

from resilience._alerts.admission.admission import Admission, Claim
from resilience._alerts.delivery.queued_alert import QueuedAlert, this_thread
from resilience._alerts.events import AlertDelivered, AlertSuppressed, RecoveryDelivered
from resilience._alerts.texts import context_of, escaped, failure_of, recovery_text, sender, text_of
from resilience._events import Call, stream
from resilience._support.fork import importing
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
        failure = failure_of(error)  # its words alone: the error and its frames need not live on

        def write(suppressed: int) -> Alert:
            text = functools.partial(text_of, call, attempt, failure, suppressed=suppressed)
            return _alert_of_call(text, call, attempt, failure.error_type)

        super().__init__(admission.claim_of_call(call, error), write)
        self._admission = admission
        self._call = call
        self._attempt = attempt

    def ask(self) -> bool:
        """Ask for it, and report where it is held back."""
        if not super().ask():
            return self._is_suppressed()
        self._admission.alerting[self._call] = False
        return True

    def may_leave(self) -> bool:
        """Ask the fleet, too, and report where it is held back."""
        return super().may_leave() or self._is_suppressed()

    def on_delivered(self) -> None:
        """Report that it was sent, and remember it for the call's recovery."""
        self._admission.alerting[self._call] = True
        stream.emit(AlertDelivered(call=self._call, attempt=self._attempt))

    def _is_suppressed(self) -> bool:
        if stream.wants(AlertSuppressed):
            stream.emit(AlertSuppressed(call=self._call, attempt=self._attempt))
        return False


@final
class RecoveryNotice(QueuedAlert):
    """The notice that a call has recovered.

    It is queued behind the call's alert: at each destination its turn comes when that one's fate there is known.
    """

    def __init__(self, admission: Admission, call: Call, attempt: int) -> None:
        text = functools.partial(recovery_text, call, attempt)
        claim = Claim(admission, signature="", place=call.failpoint)
        super().__init__(claim, lambda _: _alert_of_call(text, call, attempt, error_type=""))
        self._admission = admission
        self._call = call
        self._attempt = attempt

    def ask(self) -> bool:
        """Ask for room alone: a call recovers once."""
        return not this_thread.delivers and self.claim.ask_for_room()

    def leaves(self) -> bool:
        """Tell each destination anew, as others may take longer, whether anybody was told that the call was failing."""
        return self._admission.alerting.get(self._call, False)

    def abandoned(self) -> None:
        super().abandoned()
        if self.finished.is_open and not self.reached:
            self.claim.withdraw()

    def on_delivered(self) -> None:
        stream.emit(RecoveryDelivered(call=self._call, attempt=self._attempt))


def _alert_of_call(write: Callable[..., str], call: Call, attempt: int, error_type: str) -> Alert:
    return alert_of(write, call.function, context_of(call), error_type, call.policy.channel, attempt)


def alert_of(
    write: Callable[..., str],
    function: str,
    context: str,
    error_type: str,
    channel: str | None,
    attempt: int | None = None,
) -> Alert:
    """Make an alert, in a delivering thread: to load its dataclass costs as much as all that a failing call needs.

    ``write`` returns the text; its keyword ``shown`` says what is done to each foreign part of it. The others are the
    fields of `Alert`, not cleaned yet.
    """
    with importing:
        from resilience.alerts.notifier import Alert
    return Alert(
        text=write(),
        markdown=write(shown=escaped),
        title=sender(),
        function=clean(function),
        context=clean(context),
        error_type=clean(error_type),
        channel=channel,
        attempt=attempt,
    )
