"""mqtt[s]:// and ws[s]://[USER@]HOST[:PORT], and what is refused."""

import pytest

from floorsense.broker_url import BrokerUrl
from floorsense.errors import UsageError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mqtt://broker", BrokerUrl("broker", 1883)),
        ("mqtts://broker", BrokerUrl("broker", 8883, tls=True)),
        ("mqtt://10.0.0.7:18830/", BrokerUrl("10.0.0.7", 18830)),
        ("mqtt://line-3@broker:1884", BrokerUrl("broker", 1884, user="line-3")),
        ("mqtt://line%40plant@broker", BrokerUrl("broker", 1883, user="line@plant")),
        ("MQTT://Broker", BrokerUrl("broker", 1883)),
        ("mqtt://[::1]:1883", BrokerUrl("::1", 1883)),
        ("ws://broker", BrokerUrl("broker", 80, websocket="/mqtt")),
        ("wss://line-3@broker/", BrokerUrl("broker", 443, tls=True, user="line-3", websocket="/mqtt")),
        ("ws://broker:9001/x/y?z=1", BrokerUrl("broker", 9001, websocket="/x/y?z=1")),
    ],
)
def test_it_is_read(text: str, url: BrokerUrl) -> None:
    assert BrokerUrl.parse(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "write mqtt://HOST:PORT"),
        ("broker:1883", "write mqtt://HOST:PORT"),
        ("http://broker", "write mqtt://HOST:PORT"),
        ("mqtt://", "write mqtt://HOST:PORT"),
        ("mqtt://:1883", "names no host"),
        ("mqtt://bro ker", "names no host"),
        ("mqtt://broker:0", "port 0"),
        ("mqtt://broker:65536", "a port is 1 to 65535"),
        ("mqtt://broker:abc", "a port is 1 to 65535"),
        ("mqtt://[::1", "IPv6"),
        ("mqtt://broker/factory", "--topic"),
        ("mqtt://broker?x=1", "--topic"),
        ("mqtt://broker#x", "--topic"),
        ("ws://broker/a#b", "the path of a WebSocket"),
        ("wss://broker/p\u00e4th", "the path of a WebSocket"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as found:
        BrokerUrl.parse(text)
    assert reason in str(found.value)


@pytest.mark.parametrize("secret", ["s3cret", "s3/cret", "s3:cret", "s3@cret", "s3#cret", "s3?cret"])
def test_T67_a_password_is_refused_and_never_shown(secret: str) -> None:
    with pytest.raises(UsageError) as found:
        BrokerUrl.parse(f"mqtt://line-3:{secret}@broker")
    assert "FLOORSENSE_BROKER_PASSWORD" in str(found.value)
    assert "s3" not in str(found.value)
    assert "cret" not in str(found.value)


def test_the_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORSENSE_BROKER_PASSWORD", "s3cret")
    assert BrokerUrl("broker", 1883, user="line-3").password() == "s3cret"
    assert BrokerUrl("broker", 1883).password() is None


def test_without_a_password_and_without_a_terminal_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOORSENSE_BROKER_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="set FLOORSENSE_BROKER_PASSWORD"):
        BrokerUrl("broker", 1883, user="line-3").password()


def test_it_is_shown_without_its_user() -> None:
    assert str(BrokerUrl("::1", 1883, user="line-3")) == "[::1]:1883"
