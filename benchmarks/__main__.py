"""Run every benchmark."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks


def main() -> None:
    modules = [each.name for each in pkgutil.iter_modules(benchmarks.__path__)]
    for module in sorted(name for name in modules if not name.startswith("_")):
        print(f"\n== {module}")
        importlib.import_module(f"benchmarks.{module}").main()


if __name__ == "__main__":
    main()
