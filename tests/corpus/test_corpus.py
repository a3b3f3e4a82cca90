"""Small services, each with one bug of a kind that is met in the wild, and its corrected twin.

Their scenarios are ordinary tests of what the service is for, and name no fault. Exploring has to find every bug, and to
find nothing in the twin.
"""

import importlib
from pathlib import Path

import pytest

from pytest_resilience import explore

SERVICES = sorted(path.stem for path in Path(__file__).parent.glob("services/[a-z]*.py"))
EXPECTED = {
    "alert_blocks_the_loop": "blocked loop",
    "alert_storm": "alert storm",
    "broken_error_path": "other error",
    "cache_stampede": "wrong result",
    "cancellation_swallowed": "swallowed cancellation",
    "charged_twice": "wrong result",
    "check_then_act": "wrong result",
    "connection_leaked": "leak",
    "deadline_ignored": "wrong result",
    "double_close": "other error",
    "give_up_never_said": "silent give-up",
    "half_written_file": "poisoned",
    "lock_left_held": "leak",
    "lock_order": "stuck",
    "lost_update": "wrong result",
    "lost_wake_up": "stuck",
    "nested_retries": "wrong result",
    "never_awaited": "never awaited",
    "no_jitter_at_the_cap": "no jitter",
    "retry_after_ignored": "Retry-After ignored",
    "secret_logged": "secret",
    "state_poisoned": "poisoned",
    "swallowed_exception": "wrong result",
    "task_forgotten": "unhandled",
    "temporary_file_left": "leak",
    "thread_left": "leak",
    "timeout_between_two_writes": "wrong result",
    "unbounded_queue": "unbounded queue",
    "waits_for_the_dead": "stuck",
}
every_service = pytest.mark.parametrize("service", SERVICES, indirect=True)
pytestmark = pytest.mark.filterwarnings("ignore::pytest_resilience.LeftoverThreadWarning")


@pytest.fixture
def service(request):
    """A module with a broken and a sound service, and a scenario for both."""
    module = importlib.import_module(f"tests.corpus.services.{request.param}")
    yield module
    getattr(module, "clean_up", lambda: None)()


def explored(service, kind):
    """What exploring the scenario with one of the two services comes to."""
    if service.scenario.__code__.co_flags & 0x80:  # a coroutine function

        async def scenario():
            await service.scenario(kind())
    else:

        def scenario():
            service.scenario(kind())

    return explore(scenario, **getattr(service, "limits", {}))


@every_service
def test_the_bug_is_found(service):
    """Exploring finds the bug of the service, as what it is."""
    name = service.__name__.rpartition(".")[2]
    assert EXPECTED[name] in [finding.kind for finding in explored(service, service.Broken).findings]


@pytest.mark.slow
@every_service
def test_the_corrected_twin_is_accepted(service):
    """Exploring goes through every plan, and has nothing to say."""
    exploration = explored(service, service.Sound)
    assert exploration.findings == []
    assert exploration.exhausted
