"""`configure()` and the environment: what is set, what wins, and what is refused."""

from __future__ import annotations

import inspect
import sys

import pytest

from resilience import _config as config
from resilience import configure, log_prefix
from resilience._config import configured

WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/s3cr3t-t0ken"
OTHER = "https://discord.com/api/webhooks/223456789012345678/0ther-t0ken"


@pytest.fixture(autouse=True)
def restored():
    """Bring the settings back after each test."""
    with configured():
        yield


def service_in_prefix():
    """The service as it stands in a log prefix."""
    return log_prefix("Redis", "0").split("|")[2]


def test_everything_is_given_by_keyword():
    """Settings are keyword-only, and those of the contract are there."""
    parameters = inspect.signature(configure).parameters
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert {"service_name", "discord_webhook_url", "discord_channels", "redis_url", "max_alerts_per_minute"} <= set(
        parameters
    )


def test_the_service_is_what_was_configured():
    """A call wins over everything."""
    configure(service_name="billing")
    assert service_in_prefix() == "billing"


def test_the_environment_names_the_service(monkeypatch):
    """``RESILIENCE_SERVICE_NAME`` is read at the moment, and a call wins over it."""
    monkeypatch.setenv("RESILIENCE_SERVICE_NAME", "from-env")
    assert service_in_prefix() == "from-env"
    configure(service_name="from-call")
    assert service_in_prefix() == "from-call"
    configure(service_name=None)
    assert service_in_prefix() == "from-env"
    monkeypatch.setenv("RESILIENCE_SERVICE_NAME", "changed")
    assert service_in_prefix() == "changed"


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/srv/app/worker.py", "worker"),
        ("/usr/bin/gunicorn", "gunicorn"),
        ("-c", "python"),
        ("", "python"),
        ("-", "python"),
    ],
)
def test_the_default_is_the_programs_name(monkeypatch, program, name):
    """Without a setting the service is called like the program that runs."""
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert service_in_prefix() == name


def test_a_program_without_arguments_has_a_name(monkeypatch):
    """An embedded interpreter, whose ``sys.argv`` is empty, has a name as well."""
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert service_in_prefix() == "python"


def test_a_module_that_is_run_gives_its_name(run_program):
    """``python -m package`` is called by the name of the package."""
    code = "import runpy, sys; sys.argv = ['x']; runpy.run_module('shop', run_name='__main__', alter_sys=True)"
    shop = "import resilience; print(resilience.log_prefix('Redis', '0').split('|')[2])"
    program = (
        "import importlib.util, importlib.abc, sys\n"
        "class Loader(importlib.abc.InspectLoader):\n"
        "    def get_source(self, name): return " + repr(shop) + "\n"
        "    def get_code(self, name): return compile(self.get_source(name), 'shop', 'exec')\n"
        "class Finder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'shop': return importlib.util.spec_from_loader(name, Loader())\n"
        "sys.meta_path.insert(0, Finder)\n" + code
    )
    done = run_program(program)
    assert done.stdout == "shop\n"


def test_what_is_not_given_stays():
    """Each call changes only what it names."""
    configure(service_name="billing", max_alerts_per_minute=7)
    configure(discord_webhook_url=WEBHOOK)
    assert service_in_prefix() == "billing"
    assert config.settings().max_alerts_per_minute == 7
    assert config.discord_webhook_url() == WEBHOOK


def test_none_goes_back_to_the_default():
    """None undoes an earlier call."""
    configure(discord_webhook_url=WEBHOOK, redis_url="redis://cache", max_alerts_per_minute=3)
    default = 20
    configure(discord_webhook_url=None, redis_url=None, max_alerts_per_minute=None, discord_channels=None)
    assert config.discord_webhook_url() is None
    assert config.redis_url() is None
    assert config.settings().max_alerts_per_minute == default


def test_the_environment_gives_urls(monkeypatch):
    """Webhook and Redis come from the environment where no call has set them."""
    monkeypatch.setenv("RESILIENCE_DISCORD_WEBHOOK_URL", WEBHOOK)
    monkeypatch.setenv("RESILIENCE_REDIS_URL", "redis://cache")
    assert config.discord_webhook_url() == WEBHOOK
    assert config.redis_url() == "redis://cache"
    configure(discord_webhook_url=OTHER, redis_url="redis://other")
    assert config.discord_webhook_url() == OTHER
    assert config.redis_url() == "redis://other"


@pytest.mark.parametrize(("channel", "variable"), [("ops", "OPS"), ("on-call", "ON_CALL"), ("Ops2", "OPS2")])
def test_a_channel_has_its_own_webhook(monkeypatch, channel, variable):
    """A channel is found in what was configured, then in the environment, else it is the default one."""
    configure(discord_webhook_url=WEBHOOK)
    assert config.discord_webhook_url(channel) == WEBHOOK
    monkeypatch.setenv(f"RESILIENCE_DISCORD_WEBHOOK_URL_{variable}", OTHER)
    assert config.discord_webhook_url(channel) == OTHER
    third = WEBHOOK.replace("t0ken", "third")
    configure(discord_channels={channel: third})
    assert config.discord_webhook_url(channel) == third
    assert config.discord_webhook_url() == WEBHOOK


def test_an_empty_variable_is_no_setting(monkeypatch):
    """A variable that is set to nothing counts as not set."""
    for name in ("RESILIENCE_DISCORD_WEBHOOK_URL", "RESILIENCE_REDIS_URL", "RESILIENCE_SERVICE_NAME"):
        monkeypatch.setenv(name, "")
    assert config.discord_webhook_url() is None
    assert config.redis_url() is None
    assert service_in_prefix() not in {"", " "}


def test_a_mapping_that_changes_later_changes_nothing():
    """The channels are those that were given, not those that the caller's dictionary holds today."""
    channels = {"ops": WEBHOOK}
    configure(discord_channels=channels)
    channels["ops"] = "https://elsewhere.example"
    assert config.discord_webhook_url("ops") == WEBHOOK


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"service_name": 3}, TypeError, "service_name must be a str, got int"),
        ({"service_name": ""}, ValueError, "service_name must not be empty, got ''"),
        ({"service_name": "  "}, ValueError, "service_name must not be empty, got '  '"),
        ({"discord_webhook_url": 3}, TypeError, "discord_webhook_url must be a str, got int"),
        (
            {"discord_channels": [WEBHOOK]},
            TypeError,
            "discord_channels must be a mapping of channel names to webhook URLs, got list",
        ),
        ({"discord_channels": {3: WEBHOOK}}, TypeError, "discord_channels must have str keys, got int"),
        ({"discord_channels": {"ops": None}}, TypeError, "discord_channels['ops'] must be a str, got None"),
        ({"discord_channels": {"ops": 3}}, TypeError, "discord_channels['ops'] must be a str, got int"),
        ({"redis_url": 3}, TypeError, "redis_url must be a str, got int"),
        (
            {"redis_url": "http://:hunter2@cache"},
            ValueError,
            "redis_url must start with redis://, rediss:// or unix://; it is not shown, as it may hold a password",
        ),
        ({"max_alerts_per_minute": 0}, ValueError, "max_alerts_per_minute must be at least 1, got 0"),
        ({"max_alerts_per_minute": 1.5}, TypeError, "max_alerts_per_minute must be an int, got float"),
        ({"max_alerts_per_minute": True}, TypeError, "max_alerts_per_minute must be an int, got bool"),
        (
            {"notifiers": 3},
            TypeError,
            "notifiers must be a sequence of objects with a notify(alert) method, got int",
        ),
        ({"notifiers": [None]}, TypeError, "notifiers must have a notify(alert) method, got NoneType"),
    ],
)
def test_a_bad_value_is_refused(settings, kind, message):
    """The error names the setting and what it takes."""
    with pytest.raises(kind) as refused:
        configure(**settings)
    assert str(refused.value) == message


URLS_GO_INTO_APPRISE = "; URLs go into resilience.alerts.apprise.AppriseNotifier(...)"


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        (
            {"notifiers": "mailto://bob:s3cr3t@example.com"},
            TypeError,
            f"notifiers must be a sequence of objects with a notify(alert) method, got str{URLS_GO_INTO_APPRISE}",
        ),
        (
            {"notifiers": ["https://hooks.example.com/s3cr3t"]},
            TypeError,
            f"notifiers must have a notify(alert) method, got str{URLS_GO_INTO_APPRISE}",
        ),
        (
            {"discord_channels": {"https://hooks.example.com/s3cr3t": "ops"}},
            ValueError,
            "discord_channels must map names to webhook URLs, but a name in it is a URL itself",
        ),
        (
            {"discord_channels": {("ops", "s3cr3t"): WEBHOOK}},
            TypeError,
            "discord_channels must have str keys, got tuple",
        ),
        (
            {"discord_channels": {"discord.com/api/webhooks/123456789012345678/s3cr3t-t0ken": None}},
            TypeError,
            "discord_channels['discord.com/api/webhooks/[redacted]'] must be a str, got None",
        ),
        ({"max_alerts_per_minute": "s3cr3t"}, TypeError, "max_alerts_per_minute must be an int, got str"),
        ({"service_name": ["s3cr3t"]}, TypeError, "service_name must be a str, got list"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(settings, kind, message):
    """The error names the type of what was given, and where URLs go, instead of printing them."""
    with pytest.raises(kind) as refused:
        configure(**settings)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/api/webhooks/123456789012345678/s3cr3t-t0ken",
        "ftp://discord.com/api/webhooks/123456789012345678/s3cr3t-t0ken",
        "https://discord.com.evil.example/api/webhooks/123456789012345678/s3cr3t-t0ken",
        "https://discord.com/channels/s3cr3t-t0ken",
        "https://user:s3cr3t-t0ken@discord.com/api/webhooks/1/x",
        "s3cr3t-t0ken",
        "",
    ],
)
@pytest.mark.parametrize("how", ["webhook", "channel"])
def test_a_url_that_is_not_discords_is_refused_and_never_shown(url, how):
    """The text says why, and holds no part of what may be a secret; neither does anything that it was raised from."""
    settings = {"discord_webhook_url": url} if how == "webhook" else {"discord_channels": {"ops": url}}
    name = "discord_webhook_url" if how == "webhook" else "discord_channels['ops']"
    with pytest.raises(ValueError, match="is not a Discord webhook URL: ") as refused:
        configure(**settings)
    assert str(refused.value).startswith(f"{name} is not a Discord webhook URL: ")
    assert refused.value.__suppress_context__
    assert "s3cr3t" not in str(refused.value)


def test_a_refused_call_changes_nothing():
    """When one setting is refused, the others of the same call aren't applied either."""
    configure(service_name="before")
    with pytest.raises(ValueError, match="max_alerts_per_minute"):
        configure(service_name="after", max_alerts_per_minute=0)
    assert service_in_prefix() == "before"


def test_an_unknown_setting_is_refused():
    """A misspelt name is a TypeError."""
    with pytest.raises(TypeError):
        configure(servicename="billing")


def test_no_secret_is_in_a_repr():
    """Neither webhook nor Redis password can be read from the settings' repr."""
    settings = config.Settings(
        discord_webhook_url=WEBHOOK, discord_channels={"ops": OTHER}, redis_url="redis://:hunter2@cache"
    )
    assert "t0ken" not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_settings_of_a_block_end_with_it():
    """`configured` brings the earlier settings back, also after an exception."""
    configure(service_name="before")
    with pytest.raises(KeyError), configured(service_name="inside"):
        assert service_in_prefix() == "inside"
        raise KeyError
    assert service_in_prefix() == "before"
