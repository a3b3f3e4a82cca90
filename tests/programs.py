"""Programs in processes of their own, which begin as copies of one that has imported what they need."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = Path(__file__).with_name("program_server.py")


class Programs:
    """Runs programs as ``python -c`` does, and quicker: what has these modules in common is imported once.

    They begin in the folder and the environment of the test, and end as programs do: threads are waited for, and exit
    handlers run. Where a program is to see modules being imported, it has to do that in a process that is new.
    """

    def __init__(self, *modules):
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-c", SERVER.read_text("utf-8"), f"{theirs.fileno()}", *modules]
        with theirs:
            subprocess.run(command, check=True, pass_fds=[theirs.fileno()], start_new_session=True)

    def __call__(self, source, *arguments, warnings=None, environment=os.environ):
        """Run a program to its end. Return its code, and what it has written."""
        request = {
            "source": source,
            "arguments": arguments,
            "warnings": warnings,
            "environment": {**environment},
            "folder": os.getcwd(),
        }
        with contextlib.ExitStack() as opened:
            files = [opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)]
            socket.send_fds(self._connection, [json.dumps(request).encode()], [each.fileno() for each in files])
            code = int(self._connection.recv(100))
            return subprocess.CompletedProcess(source, code, *(each.seek(0) or each.read() for each in files[1:]))

    def end(self):
        """End the process that they are copies of."""
        self._connection.close()
