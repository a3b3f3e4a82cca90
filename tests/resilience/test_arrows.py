"""What imports what: production code stays light, and knows nothing of tests."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import resilience

PACKAGE = Path(resilience.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN = {"pytest", "_pytest", "respx", "freezegun", "pytest_resilience", "hypothesis"}
HEAVY = {
    "httpx",
    "redis",
    "asyncio",
    "trio",
    "anyio",
    "prometheus_client",
    "opentelemetry",
    "structlog",
    "apprise",
    "multiprocessing",
    "email",
    "http",
    "urllib.request",
    "unittest",
    "sqlite3",
}
AT_HOME = {
    "tenacity": {"engine"},
    "httpx": {"alerts/discord.py"},
    "redis": {"alerts/redis.py"},
    "apprise": {"alerts/apprise.py"},
    "prometheus_client": {"instrumentation/prometheus.py"},
    "opentelemetry": {"instrumentation/opentelemetry.py"},
    "structlog": {"instrumentation/structlog.py"},
}
# What a leaf may import of its own package.
LAYERS = {
    "errors.py": set(),
    "typing.py": set(),
    "_callables.py": set(),
    "_fork.py": set(),
    "events.py": {"_fork", "policy"},
    "failpoints.py": set(),
    "policy.py": {"typing"},
}


@cache
def imports_of(path: Path) -> frozenset[tuple[str, bool]]:
    """Every module that a file imports, and whether only type checkers see it."""
    found: set[tuple[str, bool]] = set()

    def visit(node: ast.AST, *, typing_only: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inside = typing_only or (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and child in node.body
            )
            if isinstance(child, ast.Import):
                found.update((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                found.add((base, inside))
                found.update((f"{base}.{alias.name}", inside) for alias in child.names)
            visit(child, typing_only=inside)

    visit(ast.parse(path.read_text("utf-8")), typing_only=False)
    return frozenset(found)


def at_run_time(path: Path) -> set[str]:
    """Every module that a file imports when it runs."""
    return {name for name, typing_only in imports_of(path) if not typing_only}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_production_code_knows_nothing_of_tests(path: Path) -> None:
    """No module of ``resilience`` imports pytest, a mock, or the plugin, not even lazily or for types."""
    assert {name.partition(".")[0] for name, _ in imports_of(path)}.isdisjoint(FORBIDDEN)


@pytest.mark.parametrize("package", AT_HOME)
def test_each_library_is_imported_in_one_place(package: str) -> None:
    """A third-party package is imported, at run time, by the one file (or the engine) that needs it."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if package in {name.partition(".")[0] for name in at_run_time(path)}
    }
    assert all(user in AT_HOME[package] or user.partition("/")[0] in AT_HOME[package] for user in users), users


def test_decorators_and_engine_know_no_alerts_and_no_log() -> None:
    """What reports an event doesn't know who listens."""
    reporting = [PACKAGE / "decorators.py", PACKAGE / "policy.py", *(PACKAGE / "engine").glob("*.py")]
    for path in reporting:
        listeners = {"resilience.alerts", "resilience.log", "resilience.instrumentation", "resilience.config"}
        assert not any(name.startswith(tuple(listeners)) for name in at_run_time(path)), path


@pytest.mark.parametrize("name", LAYERS)
def test_leaves_import_nothing_above_them(name: str) -> None:
    """A leaf of the package doesn't import what stands on it."""
    own = {each.split(".")[1] for each in at_run_time(PACKAGE / name) if each.startswith("resilience.")}
    assert own <= LAYERS[name]


@cache
def loaded_after(code: str) -> frozenset[str]:
    """The modules that a new interpreter has loaded after running the code, beyond those of an empty one."""
    dump = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", each + dump], capture_output=True, check=True).stdout)
        for each in ("", code)
    ]
    return frozenset(runs[1]) - frozenset(runs[0])


def test_importing_it_loads_nothing_heavy() -> None:
    """``import resilience`` loads none of the libraries that only some calls need."""
    tenacitys = loaded_after("import tenacity")
    extra = loaded_after("import resilience") - tenacitys
    assert {name for name in extra if name in HEAVY or name.partition(".")[0] in HEAVY} == set()


def test_importing_it_loads_little_more_than_tenacity() -> None:
    """Beyond tenacity and the package itself, a handful of modules of the standard library is loaded."""
    extra = loaded_after("import resilience") - loaded_after("import tenacity")
    foreign = {name.partition(".")[0] for name in extra} - {"resilience"}
    assert foreign <= set(sys.stdlib_module_names)
    assert len(foreign) <= 12, sorted(foreign)


def test_a_failing_sync_call_loads_nothing_heavy() -> None:
    """Retrying and giving up need no HTTP client and no event loop."""
    code = (
        "import logging, resilience, tenacity; logging.getLogger('resilience').addHandler(logging.NullHandler())\n"
        "@resilience.create_retry_decorator(2, wait=tenacity.wait_none())\n"
        "def f(): raise ValueError('x')\n"
        "try: f()\n"
        "except ValueError: pass\n"
    )
    loaded = loaded_after(code) - loaded_after("import resilience")
    assert {name.partition(".")[0] for name in loaded}.isdisjoint(HEAVY - {"email", "http"})


def test_everything_public_is_exported_and_nothing_else() -> None:
    """``__all__`` is sorted, every name of it is there, and nothing of ours is public without it."""
    ours = {
        name
        for name, value in vars(resilience).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("resilience")
    }
    assert ours <= set(resilience.__all__)
    assert all(hasattr(resilience, name) for name in resilience.__all__)
    assert set(resilience.__all__) <= set(dir(resilience))
    assert list(resilience.__all__) == sorted(resilience.__all__)


def test_the_contract_is_exported() -> None:
    """Every name of the public contract can be imported from ``resilience``."""
    contract = {
        "EXCESSIVE_RETRY_THRESHOLD",
        "ALERT_RATE_LIMIT_SECONDS",
        "create_retry_decorator",
        "func_retry",
        "conn_retry",
        "continuous_retry",
        "log_prefix",
        "should_send_alert",
        "send_rate_limited_discord_alert",
        "configure",
        "failpoint",
        "subscribe",
        "time_left",
    }
    assert contract <= set(resilience.__all__)


def test_the_version_is_that_of_the_distribution() -> None:
    """``__version__`` is looked up when it is asked for; another unknown name is an AttributeError."""
    from importlib.metadata import version

    assert resilience.__version__ == version("pytest-resilience")
    with pytest.raises(AttributeError, match=r"^module 'resilience' has no attribute 'nothing'$"):
        _ = resilience.nothing


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_examples_in_docstrings_are_true(path: Path) -> None:
    """What a docstring shows is what happens."""
    parts = ("resilience", *path.relative_to(PACKAGE).with_suffix("").parts)
    name = ".".join(parts).removesuffix(".__init__")
    try:
        module = importlib.import_module(name)
    except resilience.MissingExtraError:
        pytest.skip("an extra that is not installed")
    assert doctest.testmod(module).failed == 0


def test_it_is_typed() -> None:
    """Type checkers are told that the package has types."""
    assert (PACKAGE / "py.typed").is_file()
