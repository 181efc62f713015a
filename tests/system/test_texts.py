"""Error texts that monitoring and drivers match, beside those of Debian's pgbouncer, live: what it says
is in what weir says, which may say more."""
import struct

import pytest

from harness import wire
from harness.wire import RawClient, ServerError
from test_console_columns import debians  # noqa: F401 (a fixture)

pytestmark = pytest.mark.weir_only

OLD_PROTOCOL = struct.pack("!II", 12, 2 << 16) + b"app\0"


def message_of(door, parts=None, **login):
    """What the refusal of a login says, without the program's prefix."""
    with RawClient(*door) as client:
        try:
            if parts:
                client.send(*parts)
                while True:
                    kind, body = client.receive()
                    if kind == b"E":
                        return wire.fields(body)["M"]
            client.login(**login)
            client.ask("SELECT 1")
        except ServerError as refused:
            return refused.fields["M"]
        except EOFError:
            return "closed"
    return "let in"


CASES = {
    "unknown database": {"database": "nowhere"},
    "unknown user": {"user": "nobody9"},
    "nobody": {"parts": [wire.startup("", "app")]},
    "old protocol": {"parts": [OLD_PROTOCOL]},
    "not for the console": {"database": "pgbouncer"},
}


def test_texts_of_refused_logins(weir, debians):  # noqa: F811
    for what, case in CASES.items():
        theirs = message_of(debians, **case)
        ours = message_of((weir.host, weir.port), **case)
        assert theirs not in ("closed", "let in") and theirs in ours, what


def test_the_text_of_a_disabled_database(weir, debians):  # noqa: F811
    said = []
    for door in (debians, (weir.host, weir.port)):
        with RawClient(*door) as console:
            console.login("admin", "pgbouncer")
            console.ask("DISABLE app")
            said.append(message_of(door))
            console.ask("ENABLE app")
    assert said[0] == said[1] == 'database "app" is disabled'
