"""Every check that Discord makes on the body of a message, beyond those on lengths.

Source: Discord developer documentation, "Execute Webhook", "Embed Limits", "Allowed Mentions" and "Usernames and
Nicknames". The codes of single faults are not documented as a whole; these are what clients have met.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from pytest_resilience.discord import _length_limits as lengths
from pytest_resilience.discord._answers import Fault

Problem = tuple[str, str]
"""Discord's name for what is wrong with a value, and in words."""


def faults_of(body):
    """Return everything that is wrong in the body of a message."""
    rules = {
        "username": username_problem,
        "avatar_url": url_problem("http", "https"),
        "tts": boolean_problem,
        "flags": integer_problem(2**63 - 1),
        "thread_name": thread_name_problem,
        "applied_tags.*": snowflake_problem,
        "embeds.*.url": url_problem("http", "https"),
        "embeds.*.timestamp": timestamp_problem,
        "embeds.*.color": integer_problem(0xFFFFFF),
        "embeds.*.footer.icon_url": url_problem("http", "https", "attachment"),
        "embeds.*.image.url": url_problem("http", "https", "attachment"),
        "embeds.*.thumbnail.url": url_problem("http", "https", "attachment"),
        "embeds.*.author.url": url_problem("http", "https"),
        "embeds.*.author.icon_url": url_problem("http", "https", "attachment"),
        "embeds.*.fields.*.inline": boolean_problem,
        "allowed_mentions": allowed_mentions_problem,
        "allowed_mentions.parse.*": mentionable_problem,
        "allowed_mentions.users": at_most(100),
        "allowed_mentions.users.*": snowflake_problem,
        "allowed_mentions.roles": at_most(100),
        "allowed_mentions.roles.*": snowflake_problem,
    }
    faults = lengths.faults_of(body)
    for pattern, problem_of in rules.items():
        for path, value in lengths.values_at(body, pattern):
            problem = problem_of(value)
            if problem is not None and not any(fault.path == path for fault in faults):
                faults.append(Fault(path, *problem))
    for path, field in lengths.values_at(body, "embeds.*.fields.*"):
        for name in ("name", "value"):
            if isinstance(field, dict) and not str(field.get(name) or "").strip():
                faults.append(Fault(f"{path}.{name}", "BASE_TYPE_REQUIRED", "This field is required"))
    return faults


def username_problem(value):
    """Check the name that a message is shown under. One that nobody could see is taken, and the webhook's own shown."""
    if not isinstance(value, str) or not value:
        return "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length."
    for word in ("clyde", "discord"):
        if word in value.lower():
            return "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"'
    if value.strip().lower() in {"everyone", "here"}:
        return "USERNAME_INVALID", f'Username cannot be "{value.strip().lower()}"'
    return None


def snowflake_problem(value):
    """Check an id: an integer of 64 bits, as a number or a text."""
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    fits = isinstance(digits, str) and re.fullmatch("[0-9]{1,20}", digits) is not None and int(digits) < 2**64
    return None if fits else ("NUMBER_TYPE_COERCE", f'Value "{shown(value)}" is not snowflake.')


def boolean_problem(value):
    """Check a boolean."""
    return None if isinstance(value, bool) else ("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


def thread_name_problem(value):
    """Check the name of a new thread."""
    fits = isinstance(value, str) and 1 <= len(value.strip()) <= 100
    return None if fits else ("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")


def timestamp_problem(value):
    """Check a time as ISO 8601 writes it."""
    try:
        datetime.fromisoformat(str(value) if isinstance(value, str) else "")
    except ValueError:
        return "DATE_TIME_TYPE_PARSE", f'Could not parse "{shown(value)}". Should be ISO8601.'
    return None


def allowed_mentions_problem(value):
    """Check that no kind is both parsed and named."""
    if not isinstance(value, dict):
        return "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
    parse = value.get("parse") or []
    if not isinstance(parse, list):
        return "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
    for kind in ("users", "roles"):
        if kind in parse and value.get(kind):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            return "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message
    return None


def mentionable_problem(value):
    """Check a kind of mention."""
    kinds = ("everyone", "roles", "users")
    return None if value in kinds else ("BASE_TYPE_CHOICES", f"Value must be one of {kinds}.")


def integer_problem(most):
    """Check a number from 0."""

    def problem(value):
        if not isinstance(value, int) or isinstance(value, bool):
            return "NUMBER_TYPE_COERCE", f'Value "{type(value).__name__}" is not int.'
        if value < 0:
            return "NUMBER_TYPE_MIN", "int value should be greater than or equal to 0."
        return None if value <= most else ("NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")

    return problem


def at_most(most):
    """Check how many there are in a list."""

    def problem(value):
        if not isinstance(value, list):
            return "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"
        return None if len(value) <= most else ("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    return problem


def url_problem(*schemes):
    """Check a URL."""

    def problem(value):
        if not isinstance(value, str):
            return "STRING_TYPE_CONVERT", "Could not interpret it as string."
        try:
            parts = urlsplit(value)
        except ValueError:
            return "URL_TYPE_INVALID_URL", "Not a well formed URL."
        if value and parts.scheme not in schemes:
            return "URL_TYPE_INVALID_SCHEME", f'Scheme "{parts.scheme[:50]}" must be one of {schemes}.'
        return None if parts.netloc or not value else ("URL_TYPE_INVALID_URL", "Not a well formed URL.")

    return problem


def shown(value):
    """Return a text as far as a message shows it, and of anything else the type."""
    return value[:50] if isinstance(value, str) else type(value).__name__
