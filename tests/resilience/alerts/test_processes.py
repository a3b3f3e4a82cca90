"""Alerts at the end of a program, in forked children, and in worker processes: each in a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from resilience._alerts import system

PROGRAM = """
import atexit, os, sys, threading
import tenacity
import resilience

class Printer:
    def notify(self, alert):
        print(os.getpid() == MAIN, alert.text.splitlines()[-1] if alert.attempt is None else alert.attempt, flush=True)

class Stuck:
    def notify(self, alert):
        threading.Event().wait()

def connect_to(resource):
    @resilience.conn_retry(resource, "connect", max_retry=1, wait=tenacity.wait_fixed(0))
    def connect():
        raise ConnectionError("refused")
    try:
        connect()
    except ConnectionError:
        pass

MAIN = os.getpid()
"""


def ended(done):
    """Return the lines of a program's output and of its log, if it came to its end."""
    log = [line for line in done.stderr.splitlines() if not line.startswith("[PID-")]
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), log


@pytest.fixture
def run(run_program):
    """Runs a program in which the kit is imported, with all that an alert needs."""
    return lambda program: ended(run_program(PROGRAM + textwrap.dedent(program), warnings="ignore"))


@pytest.fixture
def run_anew(run_importing):
    """Runs a program that imports the kit itself."""
    return lambda program: ended(run_importing(PROGRAM + textwrap.dedent(program), warnings="ignore"))


def test_a_program_that_ends_at_once_still_sends_its_alert(run_anew):
    """An alert of the last moment is delivered before the program is gone."""
    program = "resilience.configure(notifiers=[Printer()]); connect_to('Redis')"
    assert run_anew(program) == (["True 2"], ["INFRASTRUCTURE ALERT SENT: Redis at 2 attempts"])


def test_an_alert_of_a_thread_that_outlives_the_main_one_is_sent(run):
    """Alerts of threads that the end of the program waits for are delivered, too."""
    program = """
        resilience.configure(notifiers=[Printer()])
        may_fail = threading.Event()
        def fail():
            may_fail.wait()
            connect_to("Redis")
        threading.Thread(target=fail).start()
        threading._register_atexit(may_fail.set)
    """
    assert run(program)[0] == ["True 2"]


def test_an_alert_of_an_exit_handler_is_sent(run_anew):
    """What fails in an exit handler alerts, although no thread may be started any more by then."""
    program = "resilience.configure(notifiers=[Printer()]); atexit.register(connect_to, 'Redis')"
    assert run_anew(program)[0] == ["True 2"]


def test_an_alert_by_hand_in_an_exit_handler_is_sent(run_anew):
    """The synchronous function works in an exit handler, too."""
    program = """
        resilience.configure(notifiers=[Printer()])
        send = resilience.send_rate_limited_discord_alert
        atexit.register(lambda: print(send("f", OSError("no"), "", "by hand")))
    """
    assert run_anew(program)[0] == ["True by hand", "True"]


def test_a_hanging_delivery_delays_the_end_by_a_bounded_time(run):
    """A program whose alert hangs ends all the same, and says that the alert was lost."""
    program = """
        from resilience._alerts import system
        system.EXIT_S = 0.01
        resilience.configure(notifiers=[Stuck()])
        connect_to("Redis")
    """
    assert run(program) == ([], ["Failed to send Discord alert: the program has ended first"])


def test_a_failing_call_loads_only_what_queues_its_alert(run_anew):
    """The client, the texts' rules and the alert itself are loaded by the thread that delivers, after the call."""
    program = """
        entered = threading.Event()
        threading.Thread.start = lambda thread: entered.set()
        resilience.configure(notifiers=[Printer()])
        connect_to("Redis")
        print(entered.is_set(), {"resilience.alerts.notifier", "httpx"} & set(sys.modules))
        os._exit(0)
    """
    assert run_anew(program)[0] == ["True set()"]


def test_an_interrupted_end_is_the_end(run):
    """Whoever is tired of waiting for the last alert ends the program at once, which says what was lost, in one line."""
    program = """
        import signal
        from resilience._alerts import system
        resilience.configure(notifiers=[Stuck()])
        connect_to("Redis")
        flush = system.flush
        def interrupted(timeout):
            signal.raise_signal(signal.SIGINT)
            return flush(timeout)
        system.flush = interrupted
    """
    assert run(program) == ([], ["Failed to send Discord alert: the program has ended first"])


def test_the_bound_is_five_seconds():
    """The end of a program is delayed by five seconds at most."""
    assert system.EXIT_S == 5.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_sends_its_own_alerts_and_not_its_parents(run):
    """A child starts with an empty queue and a thread of its own; the parent delivers what it had queued."""
    program = """
        entered, may_go = threading.Event(), threading.Event()
        class Slow(Printer):
            def notify(self, alert):
                if os.getpid() == MAIN:
                    entered.set()
                    may_go.wait()
                super().notify(alert)
        resilience.configure(notifiers=[Slow()])
        connect_to("Redis")
        connect_to("Kafka")
        entered.wait()
        child = os.fork()
        if child == 0:
            connect_to("Postgres")
            sys.exit()
        os.waitpid(child, 0)
        may_go.set()
    """
    assert run(program)[0] == ["False 2", "True 2", "True 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_inherits_the_windows(run):
    """What has alerted before the fork does not alert again in the child."""
    program = """
        resilience.configure(notifiers=[Printer()])
        connect_to("Redis")
        resilience.alerts.flush()
        child = os.fork()
        if child == 0:
            connect_to("Redis")
            connect_to("Kafka")
            sys.exit()
        os.waitpid(child, 0)
    """
    assert run(program)[0] == ["True 2", "False 2"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_process_sends_its_alert_before_it_ends(method, tmp_path):
    """A process of multiprocessing delivers what it has queued, however it was started."""
    module = tmp_path / "program.py"
    module.write_text(
        textwrap.dedent(PROGRAM)
        + textwrap.dedent(f"""
        import multiprocessing
        resilience.configure(notifiers=[Printer()])
        if __name__ == "__main__":
            worker = multiprocessing.get_context("{method}").Process(target=connect_to, args=("Redis",))
            worker.start()
            worker.join()
        """)
    )
    ended = subprocess.run([sys.executable, str(module)], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in ended.stdout.splitlines()] == ["2"]


def test_a_worker_of_celery_sends_its_alert_before_it_ends(run):
    """A process of Celery's pool, which ends without exit handlers, delivers what it has queued when Celery says so."""
    program = """
        import types
        receivers = []
        signals = types.ModuleType("celery.signals")
        signals.worker_process_shutdown = types.SimpleNamespace(connect=lambda receiver, weak: receivers.append(receiver))
        sys.modules["celery.signals"] = signals
        resilience.configure(notifiers=[Printer()])
        threading.Thread.start = lambda thread: (_ for _ in ()).throw(RuntimeError("not now"))
        connect_to("Redis")
        connect_to("Kafka")
        for receive in receivers:
            receive(signal=None, sender=None, pid=os.getpid(), exitcode=0)
        os._exit(0)
    """
    assert run(program)[0] == ["True 2", "True 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_of_billiard_sends_its_alert_before_it_ends(run):
    """A process of billiard, which the multiprocessing of the standard library knows nothing of, is flushed like its own."""
    program = """
        import types
        from multiprocessing import util
        process = types.ModuleType("billiard.process")
        process.current_process = lambda: types.SimpleNamespace(_parent_pid=MAIN)
        sys.modules |= {"billiard.process": process, "billiard.util": util}
        resilience.configure(notifiers=[Printer()])
        child = os.fork()
        if child == 0:
            threading.Thread.start = lambda thread: (_ for _ in ()).throw(RuntimeError("not now"))
            connect_to("Redis")
            util._exit_function()
            os._exit(0)
        os.waitpid(child, 0)
        os._exit(0)
    """
    assert run(program)[0] == ["False 2"]


def test_nothing_heavy_is_imported_and_no_thread_started_before_the_first_alert(run_anew):
    """Importing the package and calls that succeed load no client and start no thread."""
    program = """
        @resilience.conn_retry("Redis", "connect")
        def connect():
            pass
        connect()
        print(sorted({"httpx", "redis", "asyncio", "respx", "pytest"} & set(sys.modules)), threading.active_count())
    """
    assert run_anew(program)[0] == ["[] 1"]
