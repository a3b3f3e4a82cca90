"""What `resilience` adds to importing tenacity, and what the installed, unused plugin adds to starting pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 15
IMPORT = "import time; started = time.process_time(); import {module}; print(time.process_time() - started)"
LOADED = """
import sys
import pytest
pytest.main(["-q", "-p", "pytest_resilience.plugin", *sys.argv[1:]])
wanted = {"resilience", "respx", "freezegun", "httpx", "hypothesis", "asyncio", "tenacity"}
print("loaded:", sorted(wanted & set(sys.modules)))
"""
PYTEST = """
import time
import pytest
class Quiet:
    pass
started = time.process_time()
from _pytest.config import _prepareconfig
config = _prepareconfig(["-q", "--noconftest", "-p", "no:cacheprovider", *{arguments!r}], [Quiet()])
config._do_configure()
print(time.process_time() - started)
"""


def seconds(code: str) -> float:
    """Run a program of its own that prints how long something took, with its modules compiled as they usually are."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=compiled)
    return float(done.stdout.split()[-1])


def compare(title: str, base: tuple[str, str], other: tuple[str, str], *, target_ms: float) -> None:
    """Time two programs in turn, and print how much longer the second takes at its best than the first at its best.

    Processor time of a whole start is only ever too long: what disturbs it adds to it.
    """
    seconds(base[1]), seconds(other[1])  # the first of all compiles
    pairs = [(seconds(base[1]), seconds(other[1])) for _ in range(ROUNDS)]
    added = (min(b for _, b in pairs) - min(a for a, _ in pairs)) * 1e3
    print(f"\n{title}")
    for index, (name, _) in enumerate((base, other)):
        print(f"  {name:<34}{min(pair[index] for pair in pairs) * 1e3:>9.1f} ms")
    print(f"  {'added':<34}{added:>9.1f} ms  target <= {target_ms:g} ms{'' if added <= target_ms else '  MISSED'}")


def main() -> None:
    compare(
        "import",
        ("tenacity", IMPORT.format(module="tenacity")),
        ("resilience (imports tenacity)", IMPORT.format(module="resilience")),
        target_ms=10,
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        compare(
            "pytest, plugin installed and unused",
            ("without", PYTEST.format(arguments=["-p", "no:resilience", folder])),
            ("with", PYTEST.format(arguments=[folder])),
            target_ms=5,
        )
        done = subprocess.run(
            [sys.executable, "-c", LOADED, folder],
            check=True, capture_output=True, text=True, cwd=folder,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the plugins of others load what they like
        )  # fmt: skip
        print(f"  of our dependencies, {done.stdout.splitlines()[-1]}")


if __name__ == "__main__":
    main()
