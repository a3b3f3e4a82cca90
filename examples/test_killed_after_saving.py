"""The service is killed right after it has stored an order; the next process finds the order there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_resilience import Faults

pytestmark = pytest.mark.resilience

SERVICE = """
import sys
from pathlib import Path
from orders.database import connect, save, states

database = connect(Path(sys.argv[1]))
print(states(database), flush=True)
save(database, "A1", 1000, "paid")
"""


def run_service(path: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the service until it ends."""
    command = [sys.executable, "-c", SERVICE, str(path)]
    folder = Path(__file__).parent
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


def test_what_was_saved_outlives_the_process(tmp_path: Path, faults: Faults) -> None:
    """The first process dies by SIGKILL once the order is saved, the second one goes on from there."""
    killed = faults.inject("orders.database:save", "1*after crash")
    first, second = (run_service(tmp_path / "orders.db", env=faults.environment()) for _ in range(2))

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "{}\n")
    assert (second.returncode, second.stdout) == (0, "{'A1': 'paid'}\n")
    assert [call.done for call in killed.calls] == ["after crash", "off"]
