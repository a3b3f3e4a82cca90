"""What importing the packages costs, and what it says where something is missing."""

import json
import pydoc
import subprocess
import sys
from functools import cache

import pytest_resilience

HEAVY = {
    *("httpx", "redis", "asyncio", "trio", "anyio", "prometheus_client", "opentelemetry", "structlog", "apprise"),
    *("multiprocessing", "email", "http", "urllib.request", "unittest", "sqlite3"),
}


@cache
def modules_after(code):
    """The modules that a new interpreter has loaded after some code."""
    dump = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", dump], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return frozenset(json.loads(done.stdout.splitlines()[-1]))


def loaded_by(code):
    """The modules that some code loads."""
    return modules_after(code) - modules_after("")


def tops(names):
    """The top-level packages of modules."""
    return {name.partition(".")[0] for name in names}


def test_errors_and_warnings_say_where_they_are_imported_from_before_they_have_been(run_importing):
    """A traceback names them as the program would, although nobody has asked the package for them."""
    homes = {
        "resilience._failpoints.script.error": "ScriptError",
        "pytest_resilience._faults.leftovers": "LeftoverWarning",
        "pytest_resilience._faults.scenario": "ScenarioError",
    }
    code = "".join(f"from {home} import {name}\nprint({name}.__module__)\n" for home, name in homes.items())
    done = run_importing(code)
    assert done.stdout.split() == ["resilience.testing", "pytest_resilience", "pytest_resilience"]


def test_importing_it_loads_little_more_than_tenacity():
    """Beyond tenacity and the package itself, a handful of modules of the standard library, none of them heavy."""
    extra = loaded_by("import resilience") - loaded_by("import tenacity")
    foreign = tops(extra) - {"resilience"}
    assert not {name for name in extra if name in HEAVY} | foreign & HEAVY
    assert foreign <= set(sys.stdlib_module_names)
    assert len(foreign) <= 12, sorted(foreign)


def test_a_failing_sync_call_loads_nothing_heavy():
    """Retrying and giving up need no HTTP client, no event loop, and no events of alerts."""
    code = (
        "import logging, resilience, tenacity; logging.getLogger('resilience').addHandler(logging.NullHandler())\n"
        "@resilience.create_retry_decorator(2, wait=tenacity.wait_none())\n"
        "def f(): raise ValueError('x')\n"
        "try: f()\n"
        "except ValueError: pass\n"
    )
    assert tops(loaded_by(code) - loaded_by("import resilience")).isdisjoint(HEAVY - {"email", "http"})
    assert "resilience._alerts.events" not in loaded_by(code)


def test_the_plugin_s_package_loads_nothing_by_itself():
    """`import pytest_resilience` costs nothing until a name is used, also where freezegun looks at all that is in it."""
    look = "import pytest_resilience as kit; found = [getattr(kit, name) for name in dir(kit)]"
    loaded = loaded_by(f"exec({look!r}, {{'__name__': 'freezegun.api'}})")
    assert {name for name in loaded if tops(frozenset({name})) <= {"resilience", "pytest_resilience"}} == {
        "pytest_resilience"
    }
    assert not tops(loaded) & {"pytest", "respx", "freezegun", "httpx", "tenacity", "asyncio"}


def test_help_and_completion_know_all_names():
    """What is loaded when it is used is listed by `dir` before."""
    assert {*pytest_resilience.__all__} <= {*dir(pytest_resilience)}
    text = pydoc.plain(pydoc.render_doc(pytest_resilience))
    assert "class VirtualClock(" in text


def test_without_pytest_a_name_says_how_to_get_it(run_importing):
    """An installation without the extra is told the one command, not the name of a module."""
    code = """
import sys
sys.modules["pytest"] = None
try:
    from pytest_resilience import Faults
except ImportError as missing:
    print(f"{type(missing).__name__}: {missing}")
"""
    done = run_importing(code)
    assert done.stdout == (
        "MissingExtraError: pytest_resilience.Faults needs an optional dependency: "
        "pip install 'pytest-resilience[pytest]'\n"
    )
