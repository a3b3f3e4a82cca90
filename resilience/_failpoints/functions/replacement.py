"""Putting something in the place of an object at every reference of a module or a class, and putting that back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Final, final

from resilience._failpoints.functions.references import (
    ABSENT,
    ClassAttribute,
    Reference,
    classes_of,
    references_to,
)
from resilience._support.heap import referrers


@final
class Replacement:
    """A stand-in at every reference to a function, or at one attribute of a class that has inherited it.

    What others put there meanwhile, such as a mock, stays until they take it away; and then they put back the function,
    though they had found the stand-in: what they have kept is replaced as well.
    """

    def __init__(self, original: Callable[..., Any], stand_in: Callable[..., Any], heir: ClassAttribute | None) -> None:
        self._original = original
        self._stand_in = stand_in
        self._heir = heir
        self._references: list[Reference] = [heir] if heir is not None else [*references_to(original)]
        self._placed: list[tuple[Reference, Any, Any]] = []
        self._unshared = 0

    @property
    def is_empty(self) -> bool:
        return not self._references

    def put(self) -> None:
        """Put the stand-in everywhere.

        Raises:
            TypeError: A class can't be changed; then nothing is.
        """
        self._unshared = sys.getrefcount(self._stand_in)
        try:
            for each in self._references:
                before = each.current()
                fitting = each.fitting(self._stand_in)
                each.point_to(fitting)
                self._placed.append((each, fitting, before))
        except TypeError:
            self.take_back()
            raise

    def take_back(self) -> None:
        """Put the function back, wherever its stand-in is by now."""
        kept, values = [], []
        put = None
        while self._placed:
            reference, put, before = self._placed.pop()
            if reference.current() is put or reference.current() is ABSENT:
                reference.point_to(before)
            if put is not self._stand_in and sys.getrefcount(put) > _HELD_HERE:
                kept.append(put)
                values.append(self._original if before is ABSENT else before)
        del put
        if kept:  # looking for references takes milliseconds
            _replace(tuple(kept), values, self._heir)
            kept.clear()
        if sys.getrefcount(self._stand_in) > self._unshared:
            _replace((self._stand_in,), [self._original], self._heir)


_HELD_HERE: Final = 2
"""References to an object that a local variable alone refers to: that, and the argument of the question."""


@final
class _Inherited:
    """What is put back in a class by those that replaced a stand-in there, where the class had nothing of its own.

    Once it is looked at, it is gone, and what the class inherits is found.
    """

    def __init__(self, heir: ClassAttribute) -> None:
        self._heir = heir

    def __get__(self, instance: object, owner: type) -> Any:
        if self._heir.current() is self:
            self._heir.point_to(ABSENT)
        return getattr(super(self._heir.owner, owner if instance is None else instance), self._heir.name)


def _replace(wanted: tuple[Any, ...], values: list[Any], heir: ClassAttribute | None = None) -> None:
    """Put values where objects are held: in namespaces, in lists and dictionaries, and in tuples in these."""
    values_of = {id(each): value for each, value in zip(wanted, values, strict=True)}
    tuples = []

    def fitting(each: Any, beside: Iterable[Any]) -> Any:
        if heir is not None and id(each) in values_of and _names(heir, [*beside]):
            return _Inherited(heir)
        return values_of.get(id(each), each)

    for holder in referrers(*wanted):
        if isinstance(holder, dict):
            keys = [key for key, each in list(holder.items()) if id(each) in values_of]
            owners = classes_of([holder], holder[keys[0]]) if keys and "__module__" in holder else []
            for key in keys:
                if owners:
                    setattr(owners[0][0], key, values_of[id(holder[key])])
                else:
                    holder[key] = fitting(holder[key], holder.values())
        elif isinstance(holder, list):
            holder[:] = [fitting(each, holder) for each in holder]
        elif isinstance(holder, tuple) and holder is not wanted:
            tuples.append(holder)
        elif not isinstance(holder, FrameType) and hasattr(holder, "__dict__"):
            for key in [key for key, each in list(vars(holder).items()) if id(each) in values_of]:
                vars(holder)[key] = fitting(vars(holder)[key], vars(holder).values())
    if tuples:
        _replace(tuple(tuples), [tuple(fitting(each, holder) for each in holder) for holder in tuples])


def _names(attribute: ClassAttribute, values: list[Any]) -> bool:
    """Whether the class and the name are among values: if so, the function kept with them is to be put back there."""
    is_class_there = any(each is attribute.owner for each in values)
    return is_class_there and any(type(each) is str and each == attribute.name for each in values)
