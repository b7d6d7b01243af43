"""Reading settings, handing them on, and where runs are kept when nobody says."""

import ssl
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from celery import Celery

from runtail.appstore import settings_of_app
from runtail.errors import ConfigError
from runtail.settings import BY_NAME, SETTINGS, Settings, load_settings
from runtail.store import connect

PORTS = [setting for setting in SETTINGS if setting.name.endswith("_port")]


def test_a_field_is_all_there_is_to_a_setting() -> None:
    assert load_settings({}) == Settings()
    assert [field.name for field in fields(Settings)] == [setting.name for setting in SETTINGS] == [*BY_NAME]
    for field, setting in zip(fields(Settings), SETTINGS, strict=True):
        # The type that mypy sees is the one that a value is read as: an int would do for mypy where a float is said.
        assert field.type == type(setting.default).__name__, setting.name
        assert setting.parse(load_settings({}).environment()[setting.variable]) == setting.default
        assert setting.help.endswith("."), setting.name
        assert setting.section, setting.name
        assert not setting.choices or setting.default in setting.choices, setting.name


def test_no_password_is_printed_with_the_settings() -> None:
    settings = load_settings({"RUNTAIL_STORE_URL": "redis://:hush@h/0"})
    assert "hush" not in f"{settings!r} {settings}"


SECRETS = [setting for setting in SETTINGS if setting.secret]


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
def test_a_secret_can_come_from_a_file(setting: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("redis://:p@h:1/0\n")
    environ = {setting.file_variable: str(file)}
    assert setting.is_set(environ)
    assert not setting.is_set({})
    assert setting.read(environ) == "redis://:p@h:1/0"
    # Empty means not set, as in a Kubernetes manifest whose value is empty.
    assert setting.read({**environ, setting.variable: ""}) == "redis://:p@h:1/0"
    assert setting.read({**environ, setting.variable: "redis://other"}) == "redis://other"


def test_a_secrets_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    with pytest.raises(ConfigError, match=f"RUNTAIL_STORE_URL_FILE='{path}' cannot be read"):
        load_settings({"RUNTAIL_STORE_URL_FILE": path})


def test_only_secrets_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("1")
    assert load_settings({"RUNTAIL_WEB_PORT_FILE": str(file)}) == Settings()


@pytest.mark.parametrize("setting", PORTS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("link", ["tcp://10.96.3.7:8000", "udp://[fd00::7]:53", "sctp://10.0.0.1:9"])
def test_a_service_link_is_no_setting(setting: Any, link: str) -> None:
    assert getattr(load_settings({setting.variable: link}), setting.name) == setting.default
    with pytest.raises(ConfigError, match="is not a int"):
        load_settings({setting.variable: link.partition("://")[2]})


def test_only_ports_can_be_service_links() -> None:
    with pytest.raises(ConfigError):
        load_settings({"RUNTAIL_QUOTA_BYTES": "tcp://10.96.3.7:8000"})


def test_another_process_reads_the_same_settings_from_what_it_is_given() -> None:
    settings = load_settings(
        {"RUNTAIL_ECHO": "no", "RUNTAIL_LEASE_SECONDS": "7.25", "RUNTAIL_WEB_PORT": "tcp://10.0.0.1:1"},
        store_url="redis://:p%40ss@h/1",
        cr="keep",
    )
    assert load_settings(settings.environment()) == settings
    assert settings.changed() == {
        "RUNTAIL_STORE_URL": "redis://:p%40ss@h/1",
        "RUNTAIL_LEASE_SECONDS": "7.25",
        "RUNTAIL_CR": "keep",
        "RUNTAIL_ECHO": "off",
    }


@pytest.mark.parametrize(
    ("broker", "conf", "url"),
    [
        ("redis://h:6390/3", {}, "redis://h:6390/3"),
        ("redis://h", {}, "redis://h:6379/0"),
        ("redis://ann:p%40s%2Fs@h/2", {}, "redis://ann:p%40s%2Fs@h:6379/2"),
        ("redis://[::1]:7000//", {}, "redis://[::1]:7000/0"),
        (["redis://a/1", "redis://b/1"], {}, "redis://a:6379/1"),
        ("redis://a/1;redis://b/1", {}, "redis://a:6379/1"),
        ("amqp://a", {"broker_read_url": "redis://r", "broker_write_url": "redis://w/5"}, "redis://w:6379/5"),
        ("redis+socket:///run/redis.sock?virtual_host=2", {}, "unix:///run/redis.sock?db=2"),
        (
            f"rediss://h?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs={__file__}",
            {},
            f"rediss://h:6379/0?{urlencode({'ssl_ca_certs': __file__})}",
        ),
        ("redis://h", {"broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_NONE}}, "rediss://h:6379/0?ssl_cert_reqs=none"),
        (
            "sentinel://:pw@a:26380/1;sentinel://b",
            {"broker_transport_options": {"master_name": "mymaster"}},
            "redis+sentinel://:pw@a:26380,b:26379/1?master=mymaster",
        ),
        (
            "sentinel://a/1",
            {
                "broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": __file__},
                "broker_transport_options": {
                    "master_name": "m",
                    "sentinel_kwargs": {"password": "s p", "ssl": True, "ssl_cert_reqs": "none"},
                },
            },
            "rediss+sentinel://a:26379/1?"
            + urlencode({"master": "m", "sentinel_password": "s p", "ssl_ca_certs": __file__})
            + "&sentinel_ssl_cert_reqs=none&sentinel_ssl_ca_certs=",
        ),
        ("amqp://guest:guest@h//", {}, "amqp://"),
        (None, {}, "amqp://"),
        ("memory://", {}, "memory://"),
    ],
)
def test_the_store_of_an_app(broker: Any, conf: dict[str, Any], url: str) -> None:
    app = Celery("any", broker=broker, set_as_current=False)
    app.conf.update(conf)
    settings = load_settings({}, **settings_of_app(app, {}))
    assert settings.broker_url == url
    if url.startswith(("amqp", "memory")):
        with pytest.raises(ConfigError, match="set RUNTAIL_STORE_URL to a Redis or Valkey server"):
            settings.effective_store_url  # noqa: B018 - a property that raises
    else:
        # What we make of it is a URL that can be used.
        connect(settings).close()


@pytest.mark.parametrize("name", ["RUNTAIL_BROKER_URL", "RUNTAIL_STORE_URL"])
def test_a_variable_wins(name: str) -> None:
    app = Celery("any", broker="redis://h:6390/3", set_as_current=False)
    environ = {name: "redis://elsewhere:1/0"}
    assert load_settings(environ, **settings_of_app(app, environ)).effective_store_url == "redis://elsewhere:1/0"


def test_the_brokers_key_prefix() -> None:
    app = Celery("any", broker="redis://h", set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "team:"}
    assert load_settings({}, **settings_of_app(app, {})).key_prefix == "team:runtail:"
    environ = {"RUNTAIL_KEY_PREFIX": "mine:"}
    assert load_settings(environ, **settings_of_app(app, environ)).key_prefix == "mine:"
