"""When the rules of redaction are loaded, and what is shown where that can't be."""

from __future__ import annotations

import threading

from resilience._support.fork import importing
from resilience.redact import traceback_of


def test_importing_it_loads_nothing_else(run_importing):
    """The rules and whatever they need are loaded when the first text is redacted."""
    program = (
        "import sys, re, threading, typing\n"
        "import resilience.redact\n"
        "print(sorted(name for name in sys.modules if name.startswith('resilience._secrets')))"
    )
    done = run_importing(program)
    assert done.stdout.strip() == "['resilience._secrets']"


def test_no_import_is_waited_for_once_the_rules_are_loaded():
    """While another thread imports what its alert needs, failing calls write their lines."""
    assert traceback_of(ValueError("a long text")) == "ValueError: a long text"
    said = []
    with importing:
        thread = threading.Thread(target=lambda: said.append(traceback_of(ValueError("a long text"))))
        thread.start()
        thread.join(60)
    assert said == ["ValueError: a long text"]


def test_a_first_failure_without_a_file_descriptor_left_hides_all_and_is_told(run_importing):
    """The rules can't be read then: names stay, texts are hidden as a whole until they can be."""
    program = """if True:
        import os, resource
        from resilience.redact import message_of, traceback_of, type_name
        error = OSError(24, "Too many open files")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(1), limits[1]))  # a copy gets the lowest number that is free
        print(type_name(error), message_of(error), traceback_of(error), sep="|")
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(message_of(error))
    """
    done = run_importing(program)
    assert done.stdout.splitlines() == [
        "OSError|[redacted]|OSError: [redacted] (no traceback: OSError)",
        "[Errno 24] Too many open files",
    ]
