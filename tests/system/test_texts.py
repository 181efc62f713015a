"""Error texts that monitoring and drivers match, beside those of Debian's pgbouncer, live: what it says
is in what weir says, which may say more."""
import contextlib
import struct

import psycopg2
import pytest

from harness import wire
from harness.wire import RawClient, ServerError
from test_console_columns import debians, debians_with  # noqa: F401 (a fixture)

pytestmark = pytest.mark.weir_only

NONE = "/nonexistent"  # no certificate of whoever runs the tests
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


def refusal(weir, **more):
    with pytest.raises(psycopg2.OperationalError) as refused:
        weir.connect(**more).close()
    return str(refused.value).split("FATAL:  ")[1].splitlines()[0]


def too_many(weir):
    with contextlib.closing(weir.connect()):
        return refusal(weir)


def over_plain_tcp(weir):
    return refusal(weir, sslmode="disable")


def over_tls(weir):
    return refusal(weir, sslmode="require", sslkey=NONE, sslcert=NONE)


def by_unix_socket(weir):
    return refusal(weir, host=weir.folder)


REFUSALS = {
    "clients": (too_many, {"max_client_conn": 1}, ""),
    "TLS": (over_plain_tcp, {"client_tls_sslmode": "require"}, ""),
    "peer": (by_unix_socket, {"auth_type": "hba"}, "local all all peer"),
    "line": (over_plain_tcp, {"auth_type": "hba"}, "host all nobody9 0.0.0.0/0 trust"),
    "certificate": (over_tls, {"auth_type": "hba", "client_tls_sslmode": "allow"},
                    "hostssl all all 0.0.0.0/0 cert"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_texts_of_what_the_configuration_refuses(weir_factory, pg, authority, what):
    refused, settings, line = REFUSALS[what]
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    with open(authority.ca) as ca:
        settings = {**settings, "auth_hba_file": weir.put("hba", line + "\n"),
                    "client_tls_key_file": key, "client_tls_cert_file": certificate,
                    "client_tls_ca_file": weir.put("ca.crt", ca.read())}
    with debians_with(pg, **settings) as debian:
        theirs = refused(debian)
    assert refused(weir.start(**settings)).startswith(theirs)


def test_what_the_log_says_of_certificates(weir_factory, pg, authority):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    weir.start(auth_type="cert", client_tls_sslmode="allow", client_tls_key_file=key,
               client_tls_cert_file=certificate, client_tls_ca_file=authority.ca)
    over_plain_tcp(weir)
    weir.await_log("TLS connection required")
    over_tls(weir)
    weir.await_log("TLS client certificate required")
    key, certificate = authority.issue("somebody")
    refusal(weir, sslmode="require", sslkey=key, sslcert=certificate)
    weir.await_log("TLS certificate name mismatch")


def test_the_text_of_a_removed_database(weir):
    with RawClient(weir.host, weir.port) as client:
        client.login()
        weir.write(databases={"other": weir.conninfo()})
        weir.console("RELOAD")
        kind, body = client.receive()
        assert kind == b"E" and wire.fields(body)["M"] == "database removed"


# What Debian's version does not say yet: PgBouncer 1.25, src/client.c.
@pytest.mark.parametrize("what, settings", [
    ("max_db_client_connections", {"max_db_client_connections": 1}),
    ("max_user_client_connections", {"max_user_client_connections": 1})])
def test_texts_of_limits_of_clients(weir_factory, pg, what, settings):
    assert too_many(weir_factory(pg, **settings)) == f"client connections exceeded ({what})"
