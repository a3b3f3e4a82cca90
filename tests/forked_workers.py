"""Workers of xdist that begin as copies of this process: nothing has to be imported anew."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings

import _pytest.unraisableexception
from execnet import gateway_io
from execnet.gateway_base import Popen2IO


class ForkedWorker(gateway_io.Popen2IOMaster):
    """A process with which execnet speaks as with one that it has started. Put it in the place of its base class."""

    _own_ends = []  # of all pipes: a later worker must not keep them open

    def __init__(self, _arguments, execmodel):
        (its_input, to_it), (from_it, its_output) = os.pipe(), os.pipe()
        self._own_ends += [to_it, from_it]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # execnet has threads, which wait
            self._process = os.fork()
        if not self._process:
            _serve(its_input, its_output, self._own_ends)
        os.close(its_input)
        os.close(its_output)
        Popen2IO.__init__(self, os.fdopen(to_it, "wb"), os.fdopen(from_it, "rb"), execmodel)

    def wait(self):
        _, status = os.waitpid(self._process, 0)
        self._own_ends.clear()
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        os.kill(self._process, signal.SIGKILL)


def _serve(its_input, its_output, ends_of_others):
    """Do as Python does that execnet starts, but collect no garbage at the end: it would be looked for in all of this."""
    try:
        for end in ends_of_others:
            os.close(end)
        for number, end in enumerate((its_input, its_output)):
            os.dup2(end, number)
            os.close(end)
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        _pytest.unraisableexception.gc_collect_harder = lambda _iterations: None
        exec(gateway_io.popen_bootstrapline, {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)
