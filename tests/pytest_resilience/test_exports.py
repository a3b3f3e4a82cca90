"""What both packages export: complete, sorted, documented, loaded when it is needed; and which way the arrows point."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import pytest_resilience
import resilience

PACKAGES = [resilience, pytest_resilience]
FORBIDDEN = {"pytest", "_pytest", "respx", "freezegun", "pytest_resilience", "hypothesis"}
EXTRAS = {"redis", "prometheus_client", "opentelemetry", "structlog", "apprise", "trio", "anyio", "hypothesis"}

both = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def sources(package: ModuleType) -> Iterator[Path]:
    """Yield the files of a package."""
    assert package.__file__ is not None
    yield from sorted(Path(package.__file__).parent.rglob("*.py"))


def modules(package: ModuleType) -> Iterator[str]:
    """Yield the names of all modules of a package."""
    yield package.__name__
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield each.name


def imports_of(path: Path) -> Iterator[str]:
    """Yield the top-level packages that a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def loaded_by(code: str) -> set[str]:
    """Return the modules that are loaded in a new process after some code."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split())


def imported(names: list[str], *, forget: bool = False) -> str:
    """Return code that imports modules, but for those whose extra is not installed; each as the first one if asked."""
    return f"""
import importlib, sys
for name in {names!r}:
    for key in [*sys.modules] if {forget} else []:
        if key.partition(".")[0] in ("resilience", "pytest_resilience"):
            del sys.modules[key]
    try:
        importlib.import_module(name)
    except ImportError as missing:
        if type(missing).__name__ != "MissingExtraError":
            raise
"""


@both
def test_all_is_sorted_and_without_repetition(package: ModuleType) -> None:
    """`__all__` is in the order of an index."""
    assert package.__all__ == sorted(set(package.__all__))


@both
def test_all_is_exactly_what_is_public(package: ModuleType) -> None:
    """Every public name is listed, and every listed name is there."""
    for name in package.__all__:
        getattr(package, name)
    public = {
        name
        for name in dir(package)
        if not name.startswith("_") and not inspect.ismodule(getattr(package, name)) and name not in ANNOTATIONS
    }

    assert public == set(package.__all__)


ANNOTATIONS = {"annotations", "TYPE_CHECKING", "Any", "Final", "import_module"}


@both
def test_a_name_that_is_not_there_is_an_attribute_error(package: ModuleType) -> None:
    """The lazy look-up answers as any module does."""
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute 'nonsense'$"):
        package.nonsense  # noqa: B018  # the look-up is the point


@both
def test_every_public_thing_is_documented(package: ModuleType) -> None:
    """Functions, classes, their public methods and properties, and the package itself have a docstring."""
    missing = [package.__name__] if not package.__doc__ else []
    for name in package.__all__:
        thing = getattr(package, name)
        if not (inspect.isclass(thing) or callable(thing)):
            continue
        if not inspect.getdoc(thing):
            missing.append(name)
        if inspect.isclass(thing) and thing.__module__.partition(".")[0] == package.__name__:
            missing += [
                f"{name}.{key}"
                for key, member in vars(thing).items()
                if not key.startswith("_")
                and (inspect.isroutine(member) or isinstance(member, property))
                and not inspect.getdoc(getattr(thing, key))
            ]

    assert missing == []


@both
def test_every_module_is_documented(package: ModuleType) -> None:
    """Each file begins with what it is for."""
    missing = [str(path) for path in sources(package) if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]

    assert missing == []


@both
def test_no_file_is_too_long(package: ModuleType) -> None:
    """No file passes 400 lines by much."""
    long = {path.name: lines for path in sources(package) if (lines := len(path.read_text("utf-8").splitlines())) > 420}

    assert long == {}


@pytest.mark.parametrize("name", sorted(pytest_resilience.__all__))
def test_each_name_of_the_plugin_can_be_imported_alone(name: str) -> None:
    """Importing one name works in a fresh process, whatever else has been imported."""
    assert "pytest_resilience" in loaded_by(f"from pytest_resilience import {name}")


def test_the_plugin_s_package_loads_nothing_by_itself() -> None:
    """`import pytest_resilience` costs nothing until a name is used."""
    loaded = loaded_by("import pytest_resilience")

    assert {name for name in loaded if name.partition(".")[0] in {"resilience", "pytest_resilience"}} == {
        "pytest_resilience"
    }
    assert not loaded & {"pytest", "respx", "freezegun", "httpx", "tenacity", "asyncio"}


def test_the_production_package_never_imports_what_tests_need() -> None:
    """No file of `resilience` imports pytest, respx, freezegun or the plugin, not even inside a function."""
    wrong = {path.name: found for path in sources(resilience) if (found := set(imports_of(path)) & FORBIDDEN)}

    assert wrong == {}


def test_all_modules_of_the_production_package_load_without_what_tests_need() -> None:
    """With every module of `resilience` loaded, nothing that only tests need is."""
    loaded = loaded_by(imported([*modules(resilience)]))

    assert not {name.partition(".")[0] for name in loaded} & FORBIDDEN


def test_the_production_package_loads_its_extras_only_when_they_are_used() -> None:
    """`import resilience` loads tenacity, and neither httpx nor any optional library."""
    tops = {name.partition(".")[0] for name in loaded_by("import resilience")}

    assert "tenacity" in tops
    assert not tops & (EXTRAS | {"httpx"})


def test_only_the_engine_knows_tenacity() -> None:
    """The engine alone imports tenacity; elsewhere it is at most named for type checkers."""
    users = set()
    for path in sources(resilience):
        tree = ast.parse(path.read_text("utf-8"))
        guarded = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            named = isinstance(node, ast.Import) and any(alias.name.startswith("tenacity") for alias in node.names)
            taken = isinstance(node, ast.ImportFrom) and str(node.module).startswith("tenacity")
            if (named or taken) and node not in guarded:
                users.add(path.parent.name)

    assert users == {"engine"}


@both
def test_every_module_can_be_imported_first(package: ModuleType) -> None:
    """No module depends on another one having been imported before it."""
    names = [name for name in modules(package) if not name.startswith("pytest_resilience.clock")]  # one for a process

    assert package.__name__ in loaded_by(imported(names, forget=True))


def test_without_pytest_a_name_says_how_to_get_it() -> None:
    """An installation without the extra is told the one command, not the name of a module."""
    code = """
import sys
sys.modules["pytest"] = None
try:
    from pytest_resilience import Faults
except ImportError as missing:
    print(f"{type(missing).__name__}: {missing}")
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == (
        "MissingExtraError: pytest_resilience.Faults needs an optional dependency: "
        "pip install 'pytest-resilience[pytest]'\n"
    )
