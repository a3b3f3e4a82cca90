"""Installing a backend: once for each target, however often it is asked for, or not at all."""

from __future__ import annotations

import importlib
from types import ModuleType

import prometheus_client
import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from structlog.testing import CapturingLogger

import resilience.instrumentation.opentelemetry
import resilience.instrumentation.prometheus
import resilience.instrumentation.structlog
from resilience import create_retry_decorator


class Prometheus:
    """A registry, and how many calls it has counted."""

    module: ModuleType = resilience.instrumentation.prometheus

    def __init__(self):
        self.target = prometheus_client.CollectorRegistry()

    def count(self):
        """The calls that gave up."""
        samples = [sample for metric in self.target.collect() for sample in metric.samples]
        return sum(sample.value for sample in samples if sample.name == "resilience_calls_total")


class OpenTelemetry:
    """A provider, and how many calls it has counted."""

    module: ModuleType = resilience.instrumentation.opentelemetry

    def __init__(self):
        self.reader = InMemoryMetricReader()
        self.target = MeterProvider([self.reader])

    def count(self):
        """The calls that gave up."""
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else [each for resource in data.resource_metrics for each in resource.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics if metric.name == "resilience.calls"]
        points = [point for metric in metrics for point in metric.data.data_points]
        return sum(point.value for point in points)


class Structlog:
    """A logger, and how many lines it has."""

    module: ModuleType = resilience.instrumentation.structlog

    def __init__(self):
        self.lines = CapturingLogger()
        self.target = structlog.wrap_logger(self.lines, processors=[])

    def count(self):
        """The lines of calls that gave up."""
        return len(self.lines.calls)


BACKENDS = [Prometheus, OpenTelemetry, Structlog]
every_backend = pytest.mark.parametrize("kind", BACKENDS)


@pytest.fixture
def install():
    """Install a backend until the test ends."""
    ends = []

    def install(backend):
        ends.append(backend.module.install(backend.target))
        return ends[-1]

    yield install
    for end in ends:
        end()


def give_up():
    """Make a call that gives up."""

    @create_retry_decorator(1)
    def fetch():
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        fetch()


@every_backend
def test_installing_twice_counts_once(kind, install):
    """The second time, nothing is done, and either of the returned functions ends it."""
    backend = kind()
    end = install(backend)
    assert install(backend) is end
    give_up()
    assert backend.count() == 1
    end()
    end()
    before = backend.count()
    give_up()
    assert backend.count() == before


@every_backend
def test_it_can_be_installed_again_after_its_end(kind, install):
    """What was ended may begin anew, and the function of the first time has no power over the second."""
    backend = kind()
    old = install(backend)
    old()
    install(backend)
    old()
    before = backend.count()
    give_up()
    assert backend.count() == before + 1


@every_backend
def test_another_target_is_another_installation(kind, install):
    """Two registries, providers or loggers each have their own count."""
    backends = [kind(), kind()]
    for backend in backends:
        install(backend)
    give_up()
    assert [backend.count() for backend in backends] == [1, 1]


@every_backend
def test_loading_the_module_again_counts_once(kind, install):
    """`importlib.reload` and a second ``install()`` leave one listener."""
    backend = kind()
    install(backend)
    importlib.reload(backend.module)
    install(backend)
    give_up()
    assert backend.count() == 1


def test_a_failed_installation_leaves_nothing_in_the_registry(install):
    """Where one name is taken, none of our metrics stays registered, and it can be tried again."""
    backend = Prometheus()
    taken = prometheus_client.Counter("resilience_alerts", "Somebody else's.", registry=backend.target)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        install(backend)
    assert [metric.name for metric in backend.target.collect()] == ["resilience_alerts"]
    backend.target.unregister(taken)
    install(backend)
    give_up()
    assert backend.count() == 1


def test_what_was_foreseen_is_no_error_for_structlog(install):
    """A call whose first error is excluded is logged at INFO, as in the kit's own log."""
    backend = Structlog()
    install(backend)

    @create_retry_decorator(exclude_exceptions=PermissionError)
    def fetch():
        raise PermissionError("denied")

    with pytest.raises(PermissionError):
        fetch()
    give_up()
    assert [call.method_name for call in backend.lines.calls] == ["info", "error"]


@pytest.mark.parametrize(
    ("install", "message"),
    [
        (
            resilience.instrumentation.prometheus.install,
            "registry must be a prometheus_client.CollectorRegistry, got 9000",
        ),
        (
            resilience.instrumentation.opentelemetry.install,
            "meter_provider must be an opentelemetry.metrics.MeterProvider, got 9000",
        ),
    ],
)
def test_what_metrics_can_t_be_put_into_is_refused(install, message):
    """The message names the type that was expected."""
    with pytest.raises(TypeError) as refusal:
        install(9000)
    assert str(refusal.value) == message
