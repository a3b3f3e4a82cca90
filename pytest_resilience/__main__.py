"""``python -m pytest_resilience outage.toml -- COMMAND``: run any command under a scenario, in real time.

What strikes is shown as it strikes, and what became of each fault at the end. Signals are passed on. The exit status is
the command's own, or 128 and the signal that has killed it; 2 is for a scenario that is wrong, or has a place that
nobody knew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

USAGE = "usage: python -m pytest_resilience SCENARIO.toml -- COMMAND [ARGUMENT ...]"


def main(arguments: Sequence[str]) -> int:
    """Run a command under a scenario; return the exit status."""
    if len(arguments) < 3 or arguments[1] != "--":
        asked = any(each in {"-h", "--help"} for each in arguments[:1])
        if asked:
            sys.stdout.write(f"{USAGE}\n")
            return 0
        sys.stderr.write(f"{USAGE}\nThe scenario, two dashes and a command are all needed.\n")
        return 2
    from pytest_resilience._faults.command import run_command
    from pytest_resilience._faults.scenario import ScenarioError, read_scenario

    try:
        return run_command(read_scenario(arguments[0]), list(arguments[2:]))
    except OSError as error:
        problem = f"can't read {arguments[0]!r}: {error.strerror}"
    except ScenarioError as error:
        problem = str(error)
    sys.stderr.write(f"resilience: {problem}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
