"""The options, their twins in ini files, and bad values."""

from __future__ import annotations

import pytest

MARKED = """
    import pytest

    @pytest.mark.resilience
    def test_outage():
        pass

    def test_other():
        pass
"""
SEED = """
    def test_seed(request, faults):
        raise AssertionError
"""


def test_marked_tests_are_skipped_without_the_option_and_the_report_says_how_to_run_them(suite):
    """A test marked `resilience` is skipped in a plain run, with the reason."""
    suite.makepyfile(MARKED)

    result = suite.runpytest("-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * a resilience test: run it with --resilience"])


@pytest.mark.parametrize("ini", ["", "resilience = false", "resilience = no"])
def test_the_option_runs_the_marked_tests_too_whatever_the_ini_file_says(suite, ini):
    """With --resilience both marked and other tests run, also against the ini file."""
    suite.makeini(f"[pytest]\n{ini}")
    suite.makepyfile(MARKED)

    suite.runpytest("--resilience").assert_outcomes(passed=2)


@pytest.mark.parametrize("value", ["true", "1", "yes", "on"])
def test_the_ini_twin_runs_the_marked_tests(suite, value):
    """`resilience = true` in an ini file is the same as --resilience."""
    suite.makeini(f"[pytest]\nresilience = {value}")
    suite.makepyfile(MARKED)

    suite.runpytest().assert_outcomes(passed=2)


def test_the_ini_twins_work_in_pyproject(suite):
    """The options may stand in pyproject.toml, with the types that they have there."""
    suite.makepyprojecttoml('[tool.pytest.ini_options]\nresilience = true\nresilience_seed = "7"')
    suite.makepyfile(MARKED)

    result = suite.runpytest()

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["resilience: seed 7"])


def test_selecting_by_the_marker_alone_does_not_run_it(suite):
    """`-m resilience` selects the tests, and still leaves it to --resilience to run them."""
    suite.makepyfile(MARKED)

    suite.runpytest("-m", "resilience").assert_outcomes(skipped=1, deselected=1)
    suite.runpytest("-m", "resilience", "--resilience").assert_outcomes(passed=1, deselected=1)


def test_the_marker_is_registered(suite):
    """The marker passes --strict-markers, and --markers explains it."""
    suite.makepyfile(MARKED)

    suite.runpytest("--strict-markers").assert_outcomes(passed=1, skipped=1)
    suite.runpytest("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.resilience: a test of what happens in an outage; runs with --resilience"]
    )


@pytest.mark.parametrize("seed", ["0", "7", " 42 ", "4294967295"])
def test_a_given_seed_is_shown_in_the_header_and_with_a_failure(suite, seed):
    """The header names the seed, and a failure shows the option that replays it."""
    suite.makepyfile(SEED)

    result = suite.runpytest(f"--resilience-seed={seed}")

    result.stdout.fnmatch_lines([f"resilience: seed {int(seed)}", f"seed: --resilience-seed={int(seed)}"])


def test_a_drawn_seed_is_shown_too(suite):
    """Without a seed one is drawn; the header of a resilience run and the failure show the same one."""
    suite.makepyfile(SEED)

    text = suite.runpytest("--resilience").stdout.str()

    drawn = text.partition("resilience: seed ")[2].partition("\n")[0]
    assert drawn.isdigit()
    assert f"seed: --resilience-seed={drawn}\n" in text


def test_a_run_that_is_not_about_resilience_has_no_line_of_ours_in_its_header(suite):
    """The header of a plain run is as it was without the plugin."""
    suite.makepyfile("def test_plain(): pass")

    suite.runpytest().stdout.no_fnmatch_line("resilience: *")


def test_the_seed_of_the_command_line_wins_over_the_ini_file(suite):
    """--resilience-seed is stronger than resilience_seed, also where that one is bad."""
    suite.makeini("[pytest]\nresilience_seed = nonsense")
    suite.makepyfile("def test_plain(): pass")

    suite.runpytest("--resilience-seed=5").stdout.fnmatch_lines(["resilience: seed 5"])


@pytest.mark.parametrize("value", ["abc", "-1", "4294967296", "", "1.5", "1e3", "0x10", "٣", "9" * 5000])
def test_a_bad_seed_names_option_value_and_valid_values(suite, value):
    """A bad --resilience-seed is a usage error with the whole story, and no test runs."""
    suite.makepyfile("def test_plain(): pass")

    result = suite.runpytest(f"--resilience-seed={value}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.str().splitlines()[0] == (
        f"ERROR: --resilience-seed must be a whole number from 0 to 4294967295, got {value!r}"
    )
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        (
            "resilience_seed = abc",
            "ERROR: the ini option resilience_seed must be a whole number from 0 to 4294967295, got 'abc'",
        ),
        ("resilience = maybe", "ERROR: the ini option resilience must be true or false: invalid truth value 'maybe'"),
    ],
)
def test_a_bad_ini_value_names_option_value_and_valid_values(suite, ini, message):
    """A bad value in an ini file is a usage error with the whole story."""
    suite.makeini(f"[pytest]\n{ini}")
    suite.makepyfile("def test_plain(): pass")

    result = suite.runpytest()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str().splitlines()
    assert "Traceback" not in result.stderr.str()


def test_the_flag_takes_no_value(suite):
    """`--resilience=yes` is a usage error."""
    result = suite.runpytest("--resilience=yes")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*argument --resilience: ignored explicit argument 'yes'"])


def test_a_report_that_is_asked_for_is_one_of_a_resilience_run(suite):
    """--resilience-report on the command line turns on --resilience; its ini twin does not."""
    suite.makepyfile(MARKED)
    suite.runpytest("--resilience-report=asked.json").assert_outcomes(passed=2)
    suite.makeini("[pytest]\nresilience_report = wanted.json")
    suite.runpytest().assert_outcomes(passed=1, skipped=1)
    assert [each.name for each in suite.path.glob("*.json")] == ["asked.json"]


def test_the_help_explains_options_and_ini_twins(suite):
    """--help lists both options and both twins."""
    result = suite.runpytest("--help")

    result.stdout.fnmatch_lines(["resilience: faults, virtual time and alerts of code that retries:"])
    result.stdout.fnmatch_lines(["  --resilience  *", "  --resilience-seed=N*"])
    result.stdout.fnmatch_lines(["  resilience (bool):*", "  resilience_seed (string):*"])


def test_the_fixtures_explain_themselves(suite):
    """`pytest --fixtures` describes each fixture of the plugin, and shows none of its private ones."""
    text = suite.runpytest("--fixtures").stdout.str()

    for name in ("faults", "virtual_clock", "discord", "retry_log", "retries"):
        assert f"\n{name} -- " in text
    assert "\n_resilience" not in text
