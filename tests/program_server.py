"""The process that has imported what programs of tests need, and forks one for each of them: see `programs.py`."""

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import types
import warnings

PATIENCE_S = 300


def begin(descriptor, *modules):
    """Return the program in each process that is forked for one. Here this ends when no more will come."""
    for each in modules:
        importlib.import_module(each)
    if os.fork():
        os._exit(0)  # the one that goes on is no child of the tests then, for which their virtual time would wait
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    with socket.socket(fileno=int(descriptor)) as connection:
        while True:
            request, descriptors, *_ = socket.recv_fds(connection, 1_000_000, 3)
            if not request:
                os._exit(0)
            child = os.fork()
            if not child:
                return json.loads(request), descriptors
            for each in descriptors:
                os.close(each)
            connection.send(b"%d" % code_of(child))


def code_of(child):
    handle = os.pidfd_open(child)
    if not select.select([handle], [], [], PATIENCE_S)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# The last thing in each program: Python looks for garbage three times as it ends, which takes longer than most of them.
atexit.register(gc.freeze)
program, files = begin(*sys.argv[1:])
for number, file in enumerate(files):
    os.dup2(file, number)
    os.close(file)
os.chdir(program["folder"])
os.environ.clear()
os.environ.update(program["environment"])
sys.argv[1:] = program["arguments"]
sys.path[1:1] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if program["warnings"]:
    warnings.simplefilter(program["warnings"])
main = sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(program["source"], "<string>", "exec"), vars(main))  # it ends as any program does
