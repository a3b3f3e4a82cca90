"""Exceptions that scripts of several tests raise."""

from __future__ import annotations


class Outer:
    class InnerError(Exception):
        """Hides what it was made with."""

        def __init__(self, message, number=0, *, key=0):
            super().__init__(message)
            self.hidden = (number, key)
