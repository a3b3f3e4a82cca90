"""One webhook of Discord, an alert to send to it, and what is asked of it afterwards."""

from __future__ import annotations

from resilience._alerts.discord.webhook_url import Webhook
from resilience.alerts import Alert

WEBHOOK = Webhook("123456789012345678", "a-token")
WEBHOOK_URL = f"https://discord.com/api/webhooks/{WEBHOOK.id}/{WEBHOOK.token}"
URL = f"https://discord.com/api/v10/webhooks/{WEBHOOK.id}/{WEBHOOK.token}"
VIA = {"Via": "1.1 google"}


def alert(text="down"):
    """Make an alert."""
    return Alert(text=text, function="connect", context="Redis_infrastructure", error_type="ConnectionError")


def send(sink, *, again=False):
    """Send one alert and return what is told about it, in short."""
    try:
        undelivered = sink.send([alert()], again=again)
    finally:
        sink.close()
    if undelivered is None:
        return None
    return undelivered.problem, undelivered.try_again, undelivered.backs_off, undelivered.may_have_arrived


def held(cooldowns, webhook=WEBHOOK):
    """Return the seconds for which a webhook is held."""
    cooldown = cooldowns.of(webhook)
    return 0.0 if cooldown is None else cooldown.left_s()
