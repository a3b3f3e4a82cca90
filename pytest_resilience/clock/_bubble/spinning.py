"""Threads that spin: time passes for those who only ask, again and again, whether something has happened.

A loop such as ``while not event.is_set(): pass`` never blocks, so that by the scheduler's rule time would stand still,
and nobody else would have a turn. Here each question that comes to nothing counts as a look; whoever has looked often
enough without ever waiting sleeps for a moment with each further look, in virtual time like any other sleep. How often
is counted, not measured, so that every run takes the same course.
"""

from __future__ import annotations

from pytest_resilience.clock._bubble.waiting import Member, current

LIMIT = 100_000
"""So many looks, without any waiting in between, are no part of a program's work."""

GLANCE = 1
"""The weight of a look at the clock, or of a step of an event loop, which a program that works takes often."""

NOT_YET = 10
"""The weight of a question that got "not yet" for its answer."""

NOTHING_LEFT = 1_000
"""The weight of a wait for a time of exactly 0 s that somebody computed, and is about to compute again.

Loops of the kind ``while deadline - monotonic() >= 0: wait(deadline - monotonic())``, of which the standard library has
two, would never end if time stayed exactly at their deadline.
"""


def note_question(member: Member, weight: int) -> None:
    """Note that a thread has asked for something and got nothing; time passes for it if it does so on and on."""
    looks = member.looks = member.looks + weight
    length = (looks // LIMIT) ** 3  # 1 ns at first, 1,000 ns after ten times the limit
    if length and member is current():
        member.scheduler.spin(member, length)
        member.looks = looks  # which counts what came before as well


def wait_no_time(member: Member, zero: object) -> None:
    """Let every other thread that can run go first, in a wait of 0 s: an int was written so, a float was computed."""
    if isinstance(zero, float):
        note_no_time_left(member, member)
    else:
        note_question(member, NOT_YET)
    member.scheduler.yield_now(member)


def note_no_time_left(member: Member, by: object) -> None:
    """Note a wait for a computed time of exactly 0 s; if it is the second in a row, clocks go on by a trifle."""
    again = member.found_nothing_left == (by, member.scheduler.now)
    member.found_nothing_left = (by, member.scheduler.now)
    note_question(member, NOTHING_LEFT)
    if again:  # the wall clock, as a float, has no single nanoseconds
        member.scheduler.nudge(1 if member.looks < 10 * NOTHING_LEFT else 1_000)
