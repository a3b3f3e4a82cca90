"""The rules behind `resilience.redact`.

A rule hides one kind of secret and stands alone: the passwords of URLs (``urls``), the values beside telling names
(``assignments``), and all that the table ``formats.toml`` tells by its shape or its place (``places``).

To add a secret's form: if it begins with something of its own, add a line to the ``tokens`` of ``formats.toml``. If its
place gives it away, add a ``[places.NAME]`` there. If it stands beside a name, add the name to ``words.toml``. Then add
texts that hold it to ``tests/resilience/data/secrets.toml`` under the rule's NAME, and texts that look alike to
``harmless.toml``. Code changes only if a value has a new reason to be left (an excuse of ``values``, a condition of
``conditions``) or is written beside its name in a new way (a reader of ``assignments``).
"""

from __future__ import annotations

from typing import Final

MARKER: Final = "[redacted]"
"""What stands in the place of a secret."""
