"""Every private name of other people's code that the clock relies on: what to look at when a new release comes out.

A name that vanishes makes a test hang, or be exact no longer; so `test_internals` walks this table on every interpreter
and tells which row is no longer true. It also holds that no private name is used that has no row.
"""

from __future__ import annotations

from typing import NamedTuple


class Internal(NamedTuple):
    """One private name.

    Attributes:
        path: Where it is. Parentheses stand for an object of the class before them.
        assumed: What the clock assumes of it.
        since: The first version of Python that has it, if 3.11 has not.
        until: The last version of Python that has it, if there is one.
    """

    path: str
    assumed: str
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (4, 0)


INTERNALS = (
    # --- The interpreter
    Internal("sys._current_frames", "where each thread stands, by identifier"),
    Internal("sys._getframe", "where the calling thread stands"),
    Internal("sys._is_gil_enabled", "whether only one thread runs at a time", since=(3, 13)),
    Internal("importlib.machinery.ModuleSpec()._initializing", "true while the module is being imported"),
    # --- Threads
    Internal("threading._active", "the threads that run, by identifier; may be copied without a lock"),
    Internal("threading._register_atexit", "has a function called before the threads that are no daemons are joined"),
    Internal("threading.Thread()._target", "the function that it was given, until it ends"),
    Internal("threading.Thread()._args", "the arguments that it was given, until it ends"),
    Internal("threading.Thread()._started", "the event that `start` waits for"),
    Internal("threading.Thread()._bootstrap", "the name of the method that a new thread runs"),
    Internal("threading.Thread()._delete", "the last method that a thread calls, found on the object itself"),
    Internal("threading.Thread()._invoke_excepthook", "what `run` ends in after an error, found on the object itself"),
    Internal("threading.Thread()._tstate_lock", "released by the interpreter when the thread is gone", until=(3, 12)),
    Internal("_thread._count", "how many threads there are, without the main thread"),
    Internal("_thread.start_joinable_thread", "what `threading.Thread.start` calls", since=(3, 13)),
    # --- Locks and queues
    Internal("_thread.RLock._is_owned", "whether the calling thread holds it"),
    Internal("threading.Condition()._is_owned", "what `wait` and `notify` ask first"),
    Internal("threading.Condition()._lock", "the lock that was given, or an `RLock`"),
    Internal("threading.Condition()._waiters", "a queue of locks, which `notify` releases, oldest first"),
    Internal(
        "threading.Condition()._release_save", "releases the lock, and returns how often it was held, for an `RLock`"
    ),
    Internal("threading.Condition()._acquire_restore", "undoes `_release_save`"),
    Internal("queue._PySimpleQueue", "what `SimpleQueue` is where there is none in C"),
    # --- Signals, sockets, selectors and processes
    Internal("_signal", "the module in C whose functions `signal` has"),
    Internal("_socket.socket", "the base of `socket.socket`, with all that waits in C"),
    Internal("socket.socket._accept", "what `accept` calls"),
    Internal("selectors.EpollSelector()._fd_to_key", "what is registered, by descriptor"),
    Internal("_uuid", "the module in C by whose `generate_time_safe` `uuid1` takes the time, where there is one"),
    Internal("subprocess.Popen._wait", "what `wait` calls; with a timeout, a loop of short sleeps"),
    Internal("_multiprocessing.SemLock", "what the locks and queues of `multiprocessing` wait for, in C"),
    Internal("_multiprocessing.SemLock._is_zero", "whether nobody can have it now"),
    Internal("multiprocessing.queues.Queue()._thread", "the thread that writes to its pipe, or None"),
    # --- Pools of threads
    Internal("concurrent.futures.thread._worker", "the function whose code an idle worker stands in"),
    Internal("concurrent.futures.ThreadPoolExecutor()._threads", "the set of its workers"),
    Internal("concurrent.futures.ThreadPoolExecutor()._work_queue", "a `SimpleQueue`, also among a worker's arguments"),
    # --- asyncio
    Internal("asyncio._get_running_loop", "the loop of the calling thread, or None"),
    Internal("asyncio.events._get_running_loop", "the same"),
    Internal(
        "asyncio.futures._set_result_unless_cancelled", "what a timer of `asyncio.sleep` calls, with the future first"
    ),
    Internal("asyncio.tasks.__sleep0", "what `asyncio.sleep` awaits where no time is left"),
    Internal("asyncio.tasks._GatheringFuture", "what a task waits for in `asyncio.gather`"),
    Internal("asyncio.tasks._all_tasks", "a weak set of all tasks, with the references in `data`", until=(3, 11)),
    Internal("asyncio.tasks._scheduled_tasks", "a weak set of all tasks, with the references in `data`", since=(3, 12)),
    Internal("asyncio.tasks._eager_tasks", "the tasks that run in the middle of another's step", since=(3, 12)),
    Internal("asyncio.BaseEventLoop()._ready", "what is to be called in the next step, or nothing"),
    Internal("asyncio.BaseEventLoop()._scheduled", "a heap of timers, the next one first"),
    Internal("asyncio.BaseEventLoop()._stopping", "true once `stop` has been called"),
    Internal("asyncio.BaseEventLoop()._debug", "whether long steps are complained about"),
    Internal("asyncio.BaseEventLoop()._selector", "a selector of the standard library"),
    Internal("asyncio.BaseEventLoop()._csock", "the socket by which other threads wake the loop"),
    Internal("asyncio.BaseEventLoop()._thread_id", "the thread that runs it, or None"),
    Internal("asyncio.BaseEventLoop()._write_to_self", "what wakes the loop, by that socket"),
    Internal("asyncio.BaseEventLoop()._read_from_self", "the name of what is called when the loop is woken"),
    Internal("asyncio.BaseEventLoop()._signal_handlers", "the handlers of signals that wake it, or nothing"),
    Internal("asyncio.TimerHandle()._source_traceback", "where it was made, the latest frame last, or None"),
    Internal("asyncio.TimerHandle()._when", "when it rings, in seconds of the loop's time"),
    Internal("asyncio.TimerHandle()._callback", "what it calls"),
    Internal("asyncio.TimerHandle()._args", "the arguments of that"),
    Internal("asyncio.Task()._fut_waiter", "the future that it waits for, or None"),
    Internal("asyncio.Task()._must_cancel", "whether its next step raises `CancelledError`"),
    # --- trio
    Internal("trio._core._run", "the module with the clock, the runner and the tasks"),
    Internal("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", "whether Hypothesis may shuffle the tasks"),
    Internal("trio._core._run._r", "decides whether a batch of tasks is reversed"),
    Internal("trio._core._run.TheIOManager()._epoll", "the epoll object that it waits by"),
    Internal("trio._core._run.TheIOManager()._registered", "what it waits for, by descriptor"),
    Internal(
        "trio._core._thread_cache.THREAD_CACHE._idle_workers", "a dictionary with the idle worker threads as keys"
    ),
    Internal("trio._core._thread_cache.WorkerThread._worker_lock", "the lock at which it waits when it is idle"),
    Internal("trio._core._run.Deadlines()._heap", "deadlines, each with what tells equal ones apart and its scope"),
    Internal("trio.CancelScope()._registered_deadline", "the deadline that counts, others in the heap are stale"),
    Internal("trio._timeouts.sleep_until", "what `trio.sleep` calls, by this name"),
    Internal("trio.lowlevel.Task()._abort_func", "set while the task waits"),
    Internal("trio.lowlevel.Task()._attempt_abort", "wakes it with an error"),
    # --- Other libraries
    Internal("anyio._backends._asyncio", "the module with anyio's worker threads for asyncio"),
    Internal("anyio._backends._asyncio._threadpool_idle_workers", "the idle workers of a loop"),
    Internal("anyio.lowlevel._run_vars", "the values of such variables, by loop and then by variable"),
    Internal("freezegun.api._get_fake_monotonic", "what `time.monotonic` is while frozen"),
    Internal("freezegun.api._get_fake_monotonic_ns", "what `time.monotonic_ns` is while frozen"),
    Internal("freezegun.api._freeze_time", "the class of freezers, with `start` and `stop`"),
    Internal("freezegun.api._parse_time_to_freeze", "turns what `move_to` is given into an instant"),
    Internal("gevent._hub_local.get_hub_if_exists", "the hub of the calling thread, or None"),
    Internal("_pytest.timing", "the clock by which pytest dates and times its reports"),
)
"""All of them, the standard library first."""
