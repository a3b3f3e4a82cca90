"""The reading of a message for a webhook that exists, up to the point where it can be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from pytest_resilience.discord import _answers as answers
from pytest_resilience.discord import _validation as validation
from pytest_resilience.discord._visit import Refusal, Visit
from pytest_resilience.discord._webhooks import Webhook


@final
@dataclass(frozen=True, slots=True)
class Draft:
    """A message that can be stored.

    Attributes:
        webhook: By which it comes.
        body: Its body, without form errors.
    """

    webhook: Webhook
    body: Mapping[str, Any]


def read_draft(visit: Visit, webhook: Webhook, *, forum: bool) -> Draft | Refusal:
    """Return the message in a request, or what is wrong with it.

    Args:
        visit: The request.
        webhook: Where it goes.
        forum: Whether the channel of the webhook is a forum.
    """
    legacy, request = visit.legacy, visit.request
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        tree = answers.leaf("CONTENT_TYPE_INVALID", 'Expected "Content-Type" header to be "application/json".')
        objection = f"its Content-Type is {kind!r}, not application/json"
        return Refusal(answers.form_errors(tree, legacy=legacy), objection)
    try:
        body = validation.read_json(request.content)
    except ValueError:
        message = "The request body contains invalid JSON."
        return Refusal(answers.error(400, 50109, message), "its body is not valid JSON")
    errors = {**validation.query_errors(visit.query), **validation.body_errors(body)}
    if errors or not isinstance(body, dict):
        return Refusal(answers.form_errors(errors, legacy=legacy), "; ".join(answers.fault_lines(errors)))
    if not validation.says_something(body):
        return Refusal(answers.error(400, 50006, "Cannot send an empty message"), "it has nothing to send")
    fault = _thread_fault(visit, body, forum=forum)
    return Draft(webhook, body) if fault is None else Refusal(answers.error(400, *fault), fault[1])


def _thread_fault(visit: Visit, body: Mapping[str, Any], *, forum: bool) -> tuple[int, str] | None:
    by_id, by_name = "thread_id" in visit.query, bool(body.get("thread_name"))
    if forum and not by_id and not by_name:
        return 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"
    if forum and by_id and by_name:
        return 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
    if not forum and by_name:
        return 220003, "Webhooks can only create threads in forum channels"
    return None
