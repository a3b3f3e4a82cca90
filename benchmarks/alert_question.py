"""What ``should_send_alert`` costs, and what it remembers after a million signatures."""

from __future__ import annotations

import time
import tracemalloc

from resilience import should_send_alert
from resilience.alerts import isolated

MOST_NS = 1000
CALLS = 20_000
ROUNDS = 15


def nanoseconds(errors: list[BaseException]) -> float:
    """Return the time of one question, at best."""
    best = float("inf")
    for _ in range(ROUNDS):
        with isolated():
            should_send_alert("fetch", errors[0], "billing")
            begun = time.perf_counter_ns()
            for error in errors:
                should_send_alert("fetch", error, "billing")
            best = min(best, (time.perf_counter_ns() - begun) / len(errors))
    return best


def main() -> None:
    """Print a table."""
    one: BaseException = ConnectionError("connection to db-1 refused: host unreachable")
    many: list[BaseException] = [ConnectionError(f"connection to db-1:{number} refused") for number in range(CALLS)]
    print(f"held back by its window    {nanoseconds([one] * CALLS):>6.0f} ns   (at most {MOST_NS})")
    print(f"the first of its signature {nanoseconds(many):>6.0f} ns")
    with isolated():
        tracemalloc.start()
        for number in range(1_000_000):
            should_send_alert("fetch", ConnectionError(f"connection to db-1:{number} refused"), "billing")
        print(f"memory after 1,000,000 signatures {tracemalloc.get_traced_memory()[0] / 1e6:.1f} MB")
        tracemalloc.stop()


if __name__ == "__main__":
    main()
