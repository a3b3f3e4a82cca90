"""Putting back what others have kept of a function while something else stood in its place."""

from __future__ import annotations

from collections.abc import Iterable
from types import FrameType
from typing import Any, final

from resilience._failpoints.functions.references import ABSENT, ClassAttribute, classes_of
from resilience._support.heap import referrers


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


def replace_everywhere(wanted: tuple[Any, ...], values: list[Any], heir: ClassAttribute | None = None) -> None:
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
        replace_everywhere(tuple(tuples), [tuple(fitting(each, holder) for each in holder) for holder in tuples])


def _names(attribute: ClassAttribute, values: list[Any]) -> bool:
    """Whether the class and the name are among values: if so, the function kept with them is to be put back there."""
    is_class_there = any(each is attribute.owner for each in values)
    return is_class_there and any(type(each) is str and each == attribute.name for each in values)
