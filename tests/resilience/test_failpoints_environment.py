"""`RESILIENCE_FAILPOINTS`: a plan of faults for a process that is started with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

import resilience

HOUSE = str(Path(str(resilience.__file__)).parent.parent)

SHOP = """
import resilience

class OrderError(Exception):
    pass

class Payments:
    def charge(self, amount=1):
        return f"charged {amount}"

    @staticmethod
    def refund():
        return "refunded"

class Cheaper(Payments):
    pass

def plain():
    return "plain"

async def later():
    return "later"

@resilience.conn_retry("Redis", "connect", max_retry=0)
def connect():
    return "connected"
"""

TRY = """
import os

def tried(function, *args):
    try:
        said = f"{function(*args)}"
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    os.write(1, f"{said}\\n".encode())
"""


@pytest.fixture
def run(tmp_path, run_importing):
    """Runs a program with a plan, in a folder with a module ``shop``."""
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")

    def run(plan, program):
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{HOUSE}", "RESILIENCE_FAILPOINTS": plan}
        return run_importing(TRY + textwrap.dedent(program), warnings="error", environment=environment)

    return run


def lines(done):
    """What a program has printed, if it came to its end."""
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_plan_strikes_at_failpoints_and_functions(run):
    """Failpoints and functions are struck as the plan says, and one warning says what is armed."""
    plan = (
        "Redis.connect=1*raise(ConnectionError('https://me:secret@db'));inline=1*return(5);shop:plain=2*return(7);"
        "shop.Payments.refund=raise(shop.OrderError('closed')); shop:later=1*sleep(1ms)->1*raise(OSError('late'))"
    )
    done = run(
        plan,
        """
        import asyncio, shop, resilience
        for each in (shop.connect, shop.connect, shop.plain, shop.plain, shop.plain, shop.Payments.refund):
            tried(each)
        tried(resilience.failpoint, "inline")
        tried(resilience.failpoint, "inline")
        tried(lambda: asyncio.run(shop.later()))
        tried(lambda: asyncio.run(shop.later()))
        """,
    )
    assert lines(done) == [
        "ConnectionError: https://me:secret@db",
        *("connected", "7", "7", "plain", "OrderError: closed", "5", "None", "later", "OSError: late"),
    ]
    first, *_ = done.stderr.splitlines()
    assert first == (
        "RESILIENCE_FAILPOINTS is set, so faults strike in this process: "
        "Redis.connect=1*raise(ConnectionError('https://me:[redacted]@db')); inline=1*return(5); shop:plain=2*return(7); "
        "shop.Payments.refund=raise(shop.OrderError('closed')); shop:later=1*sleep(0.001)->1*raise(OSError('late'))"
    )
    assert done.stderr.count("RESILIENCE_FAILPOINTS") == 1


WAYS = """
import importlib.util, resilience, shop
from package import shop as in_package
import package.deeper.shop as in_deeper_package
import archived.shop as archived

def by_hand(name, wrapped=lambda loader: loader):
    spec = importlib.util.find_spec(name)
    spec.loader = wrapped(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

ways = [shop, in_package, in_deeper_package, archived]
ways += [importlib.import_module("package.another"), __import__("package.builtin").builtin]
ways += [by_hand("package.by_hand"), by_hand("package.lazy", importlib.util.LazyLoader)]
for each in ways:
    tried(each.Payments().charge)
tried(shop.Cheaper().charge)
old = shop.Payments()
importlib.reload(importlib.reload(shop))
tried(old.charge)
tried(shop.Payments().charge)
"""


def test_whatever_is_loaded_later_is_struck_however_it_is_loaded(run, tmp_path):
    """A method that is named ``Class.method`` is armed in every way to load its module, with one count for all."""
    for name in ("__init__", "deeper/__init__", "deeper/shop", "shop", "another", "builtin", "by_hand", "lazy"):
        file = tmp_path / "package" / f"{name}.py"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text("" if name.endswith("__init__") else SHOP, "utf-8")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("archived/__init__.py", "")
        archive.writestr("archived/shop.py", SHOP)
    done = run(
        "Payments.charge=10*raise(TimeoutError('x'))",
        f"import sys\nsys.path.append({str(tmp_path / 'archive.zip')!r}){WAYS}",
    )
    assert lines(done) == [*(["TimeoutError: x"] * 10), "charged 1"]


def test_the_module_that_imports_the_kit_first_is_armed_too(run):
    """What is being loaded when the plan is read is armed at its end, and its own exceptions can be named."""
    done = run("shop:plain=1*raise(shop.OrderError('x'))", "import shop\ntried(shop.plain)\ntried(shop.plain)")
    assert lines(done) == ["OrderError: x", "plain"]
    assert done.stderr.startswith("RESILIENCE_FAILPOINTS is set")


def test_copies_of_a_function_are_struck(run, tmp_path):
    """A name that another module has taken from the first refers to what is armed, also after a reload."""
    (tmp_path / "till.py").write_text("from shop import plain", "utf-8")
    done = run(
        "shop:plain=3*return(1)",
        """
        import importlib, shop, till
        tried(till.plain)
        importlib.reload(shop)
        tried(till.plain)
        tried(shop.plain)
        tried(till.plain)
        """,
    )
    assert lines(done) == ["1", "1", "1", "plain"]


def test_a_crash_is_sigkill(run):
    """The process is killed where the plan says, with no chance to say a word."""
    done = run("shop:plain=@2 crash", "import shop\ntried(shop.plain)\ntried(shop.plain)")
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "plain\n")


def test_a_forked_process_goes_on_from_where_its_parent_stood(run):
    """Each process has its counts, which begin with those of its parent; forking amid a decision blocks nobody."""
    done = run(
        "shop:plain=3*return(1)",
        """
        import os, shop
        tried(shop.plain)
        child = os.fork()
        for _ in range(3):
            tried(shop.plain)
        if child:
            assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert sorted(lines(done)) == ["1"] * 5 + ["plain"] * 2
    assert done.stderr.count("RESILIENCE_FAILPOINTS") == 1


def test_chances_are_drawn_from_a_seed(run):
    """Two runs of a plan with a chance do the same."""
    program = "import shop\nfor _ in range(50): tried(shop.plain)"
    first = lines(run("shop:plain=50%return(1)", program))
    assert set(first) == {"1", "plain"}
    assert lines(run("shop:plain=50%return(1)", program)) == first


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            "a=off;Redis.connect=3*explode(500)",
            "RESILIENCE_FAILPOINTS: can't read the fault script at column 23: found 'explode'\n"
            "    a=off;Redis.connect=3*explode(500)\n"
            "                          ^\n"
            "Expected an action: off, raise, return, sleep, hang, pause, crash.\n"
            "Example: 2*off->1*raise(TimeoutError)\n",
        ),
        (
            "Redis.connect=2*off->1*reset",
            "RESILIENCE_FAILPOINTS: can't read the fault script at column 24: found 'reset', which is not for such a "
            "place\n"
            "    Redis.connect=2*off->1*reset\n"
            "                           ^\n"
            "Expected an action: off, raise, return, sleep, hang, pause, crash.\n"
            "Example: 2*off->1*raise(TimeoutError)\n",
        ),
        (
            "tcp://db:5432=hang",
            "RESILIENCE_FAILPOINTS: can't read the fault script at column 1: found 'tcp://db:5432'\n"
            "    tcp://db:5432=hang\n"
            "    ^\n"
            "Expected a failpoint or a function, such as Redis.connect or package.module:function, and '='.\n"
            "Example: Redis.connect=3*raise(ConnectionError('refused'))->off\n",
        ),
    ],
)
def test_a_wrong_plan_ends_the_process_at_import(run, plan, message):
    """The message shows the column of the whole plan, what was found there and what was expected."""
    done = run(plan, "try:\n    import resilience\nexcept Exception:\n    pass\nprint('went on')")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_a_wrong_plan_ends_the_process_from_any_thread(run):
    """A thread that imports the kit first ends the whole process, not only itself; a secret in the plan is not shown."""
    done = run(
        "Redis.connect=raise(OSError('https://me:secret@db'))x",
        "import threading\nthreading.Thread(target=__import__, args=('resilience',)).start()\nthreading.Event().wait()",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("RESILIENCE_FAILPOINTS: can't read the fault script at column 53: found 'x'\n")
    assert "secret@" not in done.stderr


def test_a_name_that_its_module_does_not_have_is_said(run):
    """Once the module is loaded, a warning names the functions that come closest; the program goes on."""
    done = run("shop:plane=off", "import shop\ntried(shop.plain)")
    assert lines(done) == ["plain"]
    assert done.stderr.splitlines()[1] == (
        "no fault can strike at shop:plane: there is no such failpoint or function. Closest: shop:plain, shop:later, shop:connect."
    )


SCRIPT = """
import resilience

def charge():
    return "charged"

class Payments:
    def refund(self):
        return "refunded"

@resilience.func_retry
def book():
    return "booked"

print(charge(), Payments().refund(), book())
"""
OVERLOOKED = (
    "a script has its functions only as it runs, so they can't be armed: decorate the function, pass a "
    'failpoint("name") in it, or move it into a module that the script imports'
)


@pytest.mark.parametrize(
    ("place", "printed", "said"),
    [
        ("__main__:book", "charged refunded 1", []),
        (
            "__main__:charge=return(1);script:charge=return(1);Payments.refund=return(1);__main__:chrage",
            "charged refunded booked",
            [
                f"no fault could strike at __main__:charge: {OVERLOOKED}",
                f"no fault could strike at script:charge: {OVERLOOKED}",
                f"no fault could strike at Payments.refund: {OVERLOOKED}",
                "no fault could strike at __main__:chrage: there was no such failpoint or function. "
                "Closest: __main__:charge, __main__:book.",
            ],
        ),
    ],
)
def test_what_the_script_itself_has_is_struck_or_named(tmp_path, place, printed, said):
    """A decorated function of the script that is run is struck; of any other it is said that it could not be."""
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    environment = {**os.environ, "PYTHONPATH": HOUSE, "RESILIENCE_FAILPOINTS": f"{place}=1*return(1)"}
    command = [sys.executable, "-m", "script"]

    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.stdout == f"{printed}\n"
    assert done.stderr.splitlines()[1:] == said


def test_a_misspelt_failpoint_is_named_at_the_end_of_a_script(run):
    """A name that is almost that of a failpoint is told; another may be that of another process."""
    done = run(
        "Redis.conect=1*raise(OSError);Payments.charge=1*raise(OSError)",
        """
        from resilience import conn_retry

        @conn_retry("Redis", "connect")
        def connect():
            pass
        """,
    )

    assert lines(done) == []
    assert done.stderr.splitlines()[1:] == [
        "no fault could strike at Redis.conect: there was no such failpoint or function. Closest: Redis.connect."
    ]


def test_every_kind_of_callable_is_struck(run):
    """Classes, properties, generators and what is inherited are struck; what a class can't do is said when it is known."""
    done = run(
        "shop:OrderError=1*raise(OSError('x'));shop:Cheaper.refund=raise(OSError('y'));shop:Payments=return(5)",
        """
        import shop
        tried(shop.OrderError)
        tried(shop.Cheaper.refund)
        tried(shop.Payments.refund)
        tried(shop.Payments().charge)
        """,
    )
    assert lines(done) == ["OSError: x", "OSError: y", "refunded", "charged 1"]
    assert done.stderr.splitlines()[1].startswith(
        "no fault can strike at shop:Payments: a class can't do return(5): it can do"
    )


def test_what_is_not_set_loads_nothing(run):
    """Without a plan the import system is left alone and none of the machinery is loaded."""
    done = run(
        "",
        """
        del __import__("os").environ["RESILIENCE_FAILPOINTS"]
        import importlib.machinery, sys
        before = importlib.machinery.SourceFileLoader.exec_module
        import resilience
        print(importlib.machinery.SourceFileLoader.exec_module is before)
        print([name for name in sys.modules if name.startswith("resilience._failpoints")])
        """,
    )
    expected = ["resilience._failpoints", "resilience._failpoints.table", "resilience._failpoints.misuse"]
    assert lines(done)[0] == "True"
    assert sorted(eval(lines(done)[1])) == sorted(expected)
