"""The plugin as a whole: what it leaves alone, how it is switched off, and what it can do without."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run_python(code, cwd=None):
    """Run code in a new process, warnings being errors, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plain_run_loads_nothing_of_the_kit_but_its_options(tmp_path):
    """Where no test uses the kit, pytest imports the plugin's few small files and nothing that they need later.

    The plugin adds none of the libraries that the kit may need.
    """
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass")

    loaded = run_python(
        "import sys, pytest, random\n"
        "before = set(sys.modules)\n"
        "import pytest_resilience.plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
        "assert pytest.main(['-q', '-p', 'pytest_resilience.plugin', '-p', 'no:cacheprovider']) == 0\n"
        "print()\nprint(*sorted(sys.modules))",
        cwd=tmp_path,
    )

    added, *_, modules = (set(line.split()) for line in loaded.splitlines())
    libraries = {"tenacity", "httpx", "respx", "freezegun", "hypothesis", "trio", "asyncio", "redis"}
    assert libraries & added == set()
    own = {name for name in modules if name.partition(".")[0] in {"resilience", "pytest_resilience"}}
    assert own == {
        "pytest_resilience",
        "pytest_resilience._pytest",
        "pytest_resilience._pytest.last_words",
        "pytest_resilience._pytest.options",
        "pytest_resilience._pytest.stash",
        "pytest_resilience._openings",
        "pytest_resilience._usage",
        "pytest_resilience.plugin",
    }


def test_the_random_numbers_of_other_tests_are_untouched(suite):
    """A test without our fixtures finds the generator as it left it, also after a test that has them."""
    suite.makepyfile("""
        import random

        def test_before():
            random.seed(1)

        def test_ours(faults):
            random.random()

        def test_after():
            assert random.random() == random.Random(1).random()
    """)

    suite.runpytest("--resilience").assert_outcomes(passed=3)


def test_the_plugin_can_be_switched_off(together):
    """`-p no:resilience` takes options, marker and fixtures away."""
    together.makepyfile("def test_it(faults): pass")

    result = together.runpytest("-p", "no:resilience")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E       fixture 'faults' not found"])
    assert together.runpytest("-p", "no:resilience", "--resilience").ret == pytest.ExitCode.USAGE_ERROR


def test_the_plugin_is_named_resilience(together):
    """The entry point carries the short name that `-p no:` takes."""
    together.makepyfile("def test_it(request): assert request.config.pluginmanager.has_plugin('resilience')")

    together.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("plugin", ["terminal", "capture", "logging", "junitxml", "unittest", "skipping"])
def test_the_plugin_needs_no_optional_part_of_pytest(suite, plugin):
    """With a part of pytest switched off, tests with our fixtures still run."""
    suite.makepyfile("def test_it(faults, retries, retry_log): open('ran', 'w').close()")

    result = suite.runpytest("--resilience", "-p", f"no:{plugin}")

    assert result.ret == 0
    assert (suite.path / "ran").exists()
