"""Which way the arrows point in both packages, and what they export."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import inspect
import pickle
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import pytest_resilience
import resilience

PACKAGES = [resilience, pytest_resilience]
TEST_LIBRARIES = {"pytest", "_pytest", "respx", "freezegun", "pytest_resilience", "hypothesis"}
HOMES = {
    "tenacity": "resilience._engine",
    "httpx": "resilience._alerts.discord.client",
    "redis": "resilience._alerts.admission.redis_url",
    "apprise": "resilience.alerts.apprise",
    "prometheus_client": "resilience.instrumentation.prometheus",
    "opentelemetry": "resilience.instrumentation.opentelemetry",
    "structlog": "resilience.instrumentation.structlog",
    "ctypes": "pytest_resilience.clock._reach",
}
CLOCK = "pytest_resilience.clock"
ROOMS_OF_THE_CLOCK = ["virtual_clock", "_calls", "_outside", "_bubble", "_reach"]

both = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def files():
    """Every module of both packages, by name."""
    found = {}
    for package in PACKAGES:
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            name = ".".join((package.__name__, *path.relative_to(root).with_suffix("").parts))
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = files()


@cache
def source_of(name):
    """The text of a module."""
    return MODULES[name].read_text("utf-8")


def tree_of(name):
    """The parsed source of a module, which nobody keeps: together they are more objects than all else in the suite."""
    return ast.parse(source_of(name))


@cache
def facts_of(name):
    """Whether a module has a docstring, and its imports."""
    tree = tree_of(name)
    return bool(ast.get_docstring(tree)), frozenset(imports_in(tree))


def imports_of(name):
    """Every module that a module imports anywhere, also for types alone, and whether it does so at run time."""
    return facts_of(name)[1]


def imports_in(tree):
    """What the source of a module imports, and whether it does so at run time."""
    found = set()

    def visit(node, *, runs):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):  # the most of a module, in which no import stands
                continue
            typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and child in node.body
            child_runs = runs and not typing_only
            if isinstance(child, ast.Import):
                found.update((alias.name, child_runs) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = str(child.module)
                parts = [f"{base}.{alias.name}" for alias in child.names]
                found.update((part if part in MODULES else base, child_runs) for part in parts)
            visit(child, runs=child_runs)

    visit(tree, runs=True)
    return found


def imported_by(name):
    """Every module that a module imports, at run time or for types alone."""
    return {each for each, _ in imports_of(name)}


def is_in(name, package):
    """Whether a module is a package or in it."""
    return f"{name}.".startswith(f"{package}.")


def test_no_modules_import_each_other_in_a_circle():
    """Imports form no circle, not even inside functions or for type checkers: any module can be imported first."""
    graph = {name: (imported_by(name) & MODULES.keys()) - {name} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_production_code_knows_nothing_of_tests():
    """No module of `resilience` imports pytest, a mock or the plugin, not even lazily or for types."""
    wrong = {
        name: found
        for name in MODULES
        if is_in(name, "resilience")
        and (found := {each.partition(".")[0] for each in imported_by(name)} & TEST_LIBRARIES)
    }
    assert wrong == {}


def test_the_plugin_takes_nothing_private_from_production():
    """What the plugin needs of `resilience` is public, so that either can be changed without the other."""
    private = {
        f"{name} -> {each}"
        for name in MODULES
        if is_in(name, "pytest_resilience")
        for each in imported_by(name)
        if is_in(each, "resilience") and "._" in each
    }
    assert private == set()


@pytest.mark.parametrize("room", ROOMS_OF_THE_CLOCK)
def test_the_rooms_of_the_clock_open_one_way(room):
    """Each room of the clock imports only from those below it."""
    above = [f"{CLOCK}.{other}" for other in ROOMS_OF_THE_CLOCK[: ROOMS_OF_THE_CLOCK.index(room)]]
    wrong = {
        f"{name} -> {each}"
        for name in MODULES
        if is_in(name, f"{CLOCK}.{room}")
        for each in imported_by(name)
        if any(is_in(each, other) for other in above)
    }
    assert wrong == set()


def test_the_plugin_takes_of_the_clock_what_that_offers():
    """Whoever is outside of the clock imports its front, or the one file for the plugin, and none of its rooms."""
    wrong = {
        f"{name} -> {each}"
        for name in MODULES
        if not is_in(name, CLOCK)
        for each in imported_by(name)
        if is_in(each, CLOCK) and each not in {CLOCK, f"{CLOCK}._plugin"}
    }
    assert wrong == set()


def test_the_rule_of_the_clock_knows_neither_the_system_nor_a_library():
    """Who runs and when time moves is decided without ctypes, the operating system or any library to be patched."""
    foreign = {"ctypes", "os", "posix", "select", "socket", "subprocess", "multiprocessing", "asyncio", "trio"}
    wrong = {
        f"{name} -> {each}"
        for name in MODULES
        if is_in(name, f"{CLOCK}._bubble")
        for each in imported_by(name)
        if each.partition(".")[0] in foreign
    }
    assert wrong == set()


@pytest.mark.parametrize("library", HOMES)
def test_each_optional_or_dangerous_library_has_one_home(library):
    """A library that is optional, costly or dangerous is imported, at run time, in one place of each package."""
    users = {
        name
        for name in MODULES
        if is_in(name, HOMES[library].partition(".")[0])
        for each, runs in imports_of(name)
        if runs and each.partition(".")[0] == library
    }
    assert {name for name in users if not is_in(name, HOMES[library])} == set()
    assert users


def test_what_reports_an_event_does_not_know_who_listens():
    """Decorators, policy, engine and events import neither the log nor the alerts nor the settings."""
    listeners = ["resilience._log", "resilience._alerts", "resilience.alerts", "resilience._config"]
    reporters = ["resilience._engine", "resilience._policy", "resilience._decorators", "resilience._events"]
    wrong = {
        f"{name} -> {each}"
        for name in MODULES
        if any(is_in(name, reporter) for reporter in reporters)
        for each in imported_by(name)
        if any(is_in(each, listener) for listener in listeners)
    }
    assert wrong == set()


def test_each_module_is_documented_and_short():
    """A file begins with what it is for, and has 400 lines at most."""
    assert [name for name in MODULES if not facts_of(name)[0]] == []
    assert [name for name in MODULES if len(source_of(name).splitlines()) > 400] == []


def test_examples_in_docstrings_are_true():
    """What a docstring shows is what happens."""
    wrong = []
    for name in MODULES:
        with contextlib.suppress(pytest.skip.Exception):
            module = imported(name)
            if ">>>" in source_of(name) and doctest.testmod(module).failed:
                wrong.append(name)
    assert wrong == []


PUBLIC = [name for name in MODULES if "._" not in name and name != "pytest_resilience.plugin"]


every_public_module = pytest.mark.parametrize("name", PUBLIC)


def imported(name):
    """A module, all names of its `__all__` loaded."""
    try:
        module = importlib.import_module(name)
    except resilience.MissingExtraError:
        pytest.skip("an extra that is not installed")
    for each in getattr(module, "__all__", ()):
        getattr(module, each)
    return module


def public_names(name):
    """The names without underscore that a module makes and, if it is a package, those that it takes from its house."""
    made = set()
    for node in tree_of(name).body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                made.add(node.name)
            case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)):
                made.add(target)
            case ast.ImportFrom(module=str(base)) if MODULES[name].name == "__init__.py":
                if base.partition(".")[0] in {"resilience", "pytest_resilience"}:
                    made.update(
                        alias.asname or alias.name for alias in node.names if f"{base}.{alias.name}" not in MODULES
                    )
            case _:
                pass
    return {each for each in made if not each.startswith("_")}


@every_public_module
def test_all_is_what_is_public(name):
    """A public module has an `__all__`: sorted, complete, and each name of it is there."""
    exported = getattr(imported(name), "__all__", [])
    assert exported == sorted(set(exported))
    assert public_names(name) <= set(exported)


@every_public_module
def test_type_checkers_see_what_is_there(name):
    """Names that are loaded late are imported for type checkers from the very modules that they are loaded from."""
    module = importlib.import_module(name)
    late = {(home, each) for home, names in getattr(module, "_LATE", {}).items() for each in names.split()}
    seen = {
        (node.module, alias.name)
        for block in tree_of(name).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING" and hasattr(module, "_LATE")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert late == seen


@every_public_module
def test_what_is_public_says_where_it_is_imported_from(name):
    """The `__module__` of whatever a module exports is a public one that has it: users never see where it really is."""
    module = imported(name)
    for each in getattr(module, "__all__", []):
        thing = getattr(module, each)
        home = str(getattr(thing, "__module__", name))
        if home.partition(".")[0] in {"resilience", "pytest_resilience"}:
            assert home in PUBLIC
            assert getattr(importlib.import_module(home), each, thing) is thing


@both
def test_what_a_package_exports_says_so(package):
    """Functions and classes of both packages say in tracebacks and in `help` that they are from the package itself."""
    things = {name: getattr(package, name) for name in imported(package.__name__).__all__}
    homes = {
        name: thing.__module__ for name, thing in things.items() if inspect.isclass(thing) or inspect.isfunction(thing)
    }
    assert set(homes.values()) == {package.__name__}


@both
def test_what_a_package_exports_can_be_pickled(package):
    """Classes and functions are pickled by the name under which they are imported."""
    for name in imported(package.__name__).__all__:
        thing = getattr(package, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            pickled = pickle.dumps(thing)
            assert f"{package.__name__}".encode() in pickled
            assert pickle.loads(pickled) is thing


@both
def test_every_public_thing_is_documented(package):
    """Functions, classes, their public methods and properties, and the package itself have a docstring."""
    missing = [package.__name__] if not package.__doc__ else []
    for name in package.__all__:
        thing = getattr(package, name)
        if not callable(thing):
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
def test_a_name_that_is_not_there_is_an_attribute_error(package):
    """The lazy look-up answers as any module does."""
    with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute 'nonsense'$"):
        package.nonsense  # noqa: B018  # the look-up is the point


def test_the_contract_is_exported():
    """Every name of the public contract can be imported from `resilience`."""
    contract = {
        *(
            "EXCESSIVE_RETRY_THRESHOLD",
            "ALERT_RATE_LIMIT_SECONDS",
            "create_retry_decorator",
            "func_retry",
            "conn_retry",
        ),
        *("continuous_retry", "log_prefix", "should_send_alert", "send_rate_limited_discord_alert", "configure"),
        *("failpoint", "subscribe", "time_left"),
    }
    assert contract <= set(resilience.__all__)


def test_the_version_is_that_of_the_distribution():
    """`__version__` is looked up when it is asked for."""
    assert resilience.__version__ == version("pytest-resilience")


def test_without_metadata_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that was never installed has no version, as `hasattr` is told, instead of an error of another kind."""

    def not_found(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", not_found)
    assert not hasattr(resilience, "__version__")
    with pytest.raises(AttributeError) as missing:
        resilience.__version__  # noqa: B018  # the look-up is the point
    assert str(missing.value) == "module 'resilience' has no attribute '__version__': it is not installed"


@both
def test_it_is_typed(package):
    """Type checkers are told that the package has types."""
    assert (Path(str(package.__file__)).parent / "py.typed").is_file()
