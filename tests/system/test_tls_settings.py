"""client_tls_* and server_tls_*: each setting at its effect, and certificates that change while
the daemon runs."""
import socket
import ssl

import psycopg2
import pytest

from harness.daemon import CONSOLE_PASSWORDS
from harness.wait import free_port
from harness.wire import SSL_REQUEST, RawClient

pytestmark = [pytest.mark.weir_only, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def client_weir(weir_factory, pg, authority, algorithm="ec", **more):
    weir = weir_factory(pg, start=False)
    authority.issue("weir", algorithm=algorithm)
    files = [weir.put(name, open(f"{authority.folder}/{name}").read())
             for name in ("weir.key", "weir.crt")]
    return weir.start(**{"client_tls_sslmode": "require", "client_tls_key_file": files[0],
                         "client_tls_cert_file": files[1], **more})


def handshake(weir, versions=None, ciphers=None, curve=None):
    """Protocol and cipher of a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if versions:
        context.minimum_version, context.maximum_version = versions
    if ciphers:
        context.set_ciphers(ciphers)
    if curve:
        context.set_ecdh_curve(curve)
    with socket.create_connection((weir.host, weir.port), 15) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw) as tls:
            return tls.version(), tls.cipher()[0]


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("protocols,good,bad", [
    ("tlsv1.3", V13, V12), ("tlsv1.2", V12, V13), ("secure", V12, None), ("tlsv1.2,tlsv1.3", V13,
                                                                          None)])
def test_client_tls_protocols(weir_factory, pg, authority, protocols, good, bad):
    weir = client_weir(weir_factory, pg, authority, client_tls_protocols=protocols)
    assert handshake(weir, (good, good))[0] == good.name.replace("_", ".")
    if bad:
        with pytest.raises((ssl.SSLError, OSError)):
            handshake(weir, (bad, bad))


def test_client_tls_ciphers(weir_factory, pg, authority):
    weir = client_weir(weir_factory, pg, authority,
                       client_tls_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384",
                       client_tls13_ciphers="TLS_CHACHA20_POLY1305_SHA256")
    assert handshake(weir, (V12, V12))[1] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert handshake(weir, (V13, V13))[1] == "TLS_CHACHA20_POLY1305_SHA256"
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(weir, (V12, V12), ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")


def test_client_tls_ecdhcurve(weir_factory, pg, authority):
    weir = client_weir(weir_factory, pg, authority, client_tls_ecdhcurve="secp521r1")
    assert handshake(weir, curve="secp521r1")
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(weir, curve="prime256v1")


@pytest.mark.parametrize("setting,works", [("auto", True), ("none", False), ("legacy", True)])
def test_client_tls_dheparams(weir_factory, pg, authority, setting, works):
    weir = client_weir(weir_factory, pg, authority, "rsa", client_tls_dheparams=setting)
    only = {"versions": (V12, V12), "ciphers": "DHE-RSA-AES256-GCM-SHA384"}
    if works:
        assert handshake(weir, **only)[1] == "DHE-RSA-AES256-GCM-SHA384"
    else:
        with pytest.raises((ssl.SSLError, OSError)):
            handshake(weir, **only)
    assert handshake(weir)[0] == "TLSv1.3"


@pytest.mark.parametrize("settings,part", [
    ({"client_tls_dheparams": "2048"}, "client_tls_dheparams"),
    ({"client_tls_protocols": "sslv3"}, "client_tls_protocols"),
    ({"client_tls_ciphers": "nonsense"}, "invalid TLS cipher list"),
    ({"client_tls13_ciphers": "nonsense"}, "invalid TLS 1.3 cipher suites"),
    ({"client_tls_ecdhcurve": "nonsense"}, "unknown TLS curve"),
    ({"server_tls_sslmode": "verify-ca"}, "needs server_tls_ca_file"),
    ({"server_tls_cert_file": "weir.crt"}, "belong together")])
def test_settings_that_cannot_work_stop_the_start(weir_factory, pg, authority, settings, part):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    key, certificate = weir.certificate(authority, "weir")
    weir.write(**{"client_tls_sslmode": "require", "client_tls_key_file": key,
                  "client_tls_cert_file": certificate, **settings})
    weir.spawn()
    assert weir.process.wait(20) == 1
    weir.process = None
    assert part in weir.log()


def shown(weir):
    """The certificate that a client is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((weir.host, weir.port), 15) as raw:
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw) as tls:
            return tls.getpeercert(binary_form=True)


def test_certificates_change_without_a_restart(weir_factory, pg, authority):
    weir = client_weir(weir_factory, pg, authority)
    stays = weir.connect(sslmode="require")
    before = shown(weir)
    key, certificate = authority.issue("renewed")
    for path, name in ((key, "weir.key"), (certificate, "weir.crt")):
        weir.put(name, open(path).read())
    assert shown(weir) == before
    weir.console("RELOAD")
    assert shown(weir) != before
    with stays.cursor() as cursor:
        cursor.execute("SELECT 3")
        assert cursor.fetchone() == (3,)
    stays.close()
    renewed = shown(weir)
    weir.put("weir.crt", "no certificate\n")  # what does not fit together changes nothing
    with pytest.raises(psycopg2.Error, match="cannot load certificate file"):
        weir.console("RELOAD")
    assert shown(weir) == renewed


def test_client_authorities_change_without_a_restart(weir_factory, pg, authority, stranger):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    ca = weir.put("ca.crt", open(authority.ca).read())
    weir.start(client_tls_sslmode="verify-ca", client_tls_key_file=key,
               client_tls_cert_file=certificate, client_tls_ca_file=ca)
    mine, other = authority.issue("app"), stranger.issue("app")

    def comes_in(pair):
        try:
            return weir.sql("SELECT 1", sslmode="require", sslkey=pair[0], sslcert=pair[1])
        except psycopg2.OperationalError:
            return None

    assert comes_in(mine) and not comes_in(other)
    weir.put("ca.crt", open(stranger.ca).read())
    weir.signal(1)
    weir.await_log("reloaded")
    assert comes_in(other) and not comes_in(mine)


# ---- servers

def encryption(weir, **more):
    return weir.sql("SELECT ssl, version, cipher, client_dn FROM pg_stat_ssl WHERE"
                    " pid = pg_backend_pid()", **more)[0]


def test_server_tls_protocols_and_ciphers(weir_factory, pg):
    weir = weir_factory(pg, server_tls_sslmode="require", server_tls_protocols="tlsv1.2",
                        server_tls_ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    assert encryption(weir)[:3] == (True, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
    weir = weir_factory(pg, server_tls_sslmode="require", server_tls_protocols="tlsv1.3",
                        server_tls13_ciphers="TLS_AES_128_GCM_SHA256")
    assert encryption(weir)[:3] == (True, "TLSv1.3", "TLS_AES_128_GCM_SHA256")


def test_server_tls_ecdhcurve(weir_factory, pg):
    """PostgreSQL agrees to prime256v1 only (ssl_ecdh_curve)."""
    weir = weir_factory(pg, server_tls_sslmode="require", server_tls_ecdhcurve="prime256v1")
    assert encryption(weir)[0] is True
    weir = weir_factory(pg, server_tls_sslmode="require", server_tls_ecdhcurve="secp384r1",
                        server_tls_protocols="tlsv1.3", query_wait_timeout=0.5)
    with pytest.raises(psycopg2.OperationalError):
        weir.sql("SELECT 1")


def test_weir_shows_a_certificate_to_the_server(weir_factory, pg, authority):
    """PostgreSQL's method cert: the login has no password."""
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "u_cert")
    weir.start(server_tls_sslmode="require", server_tls_key_file=key,
               server_tls_cert_file=certificate,
               secrets={"u_cert": "", **CONSOLE_PASSWORDS})
    assert encryption(weir, user="u_cert")[3] == "/CN=u_cert"
    weir = weir_factory(pg, server_tls_sslmode="require", query_wait_timeout=0.5)
    with pytest.raises(psycopg2.Error):
        weir.sql("SELECT 1", user="u_cert")


def test_verify_full_takes_host_names_and_addresses(weir_factory, authority, pg):
    """The certificate is for both."""
    settings = {"server_tls_sslmode": "verify-full", "server_tls_ca_file": authority.ca,
                "query_wait_timeout": 2}
    for host in ("localhost", "127.0.0.1"):
        weir = weir_factory(pg, databases={"app": f"host={host} port={pg.port} dbname=app"},
                            **settings)
        assert encryption(weir)[0]


def test_a_certificate_for_another_name_is_refused(weir_factory, pg, authority, request):
    from harness.tlspeer import Middle
    key, certificate = authority.issue("elsewhere", "DNS:elsewhere.example,IP:127.0.0.9")
    middle = Middle(pg.port, key, certificate)
    request.addfinalizer(middle.done)
    databases = {"app": f"host=127.0.0.1 port={middle.port} dbname=app user=u_md5"}
    common = {"databases": databases, "server_tls_ca_file": authority.ca, "query_wait_timeout": 2}
    assert weir_factory(pg, server_tls_sslmode="verify-ca", **common).sql("SELECT 1") == [(1,)]
    weir = weir_factory(pg, server_tls_sslmode="verify-full", **common)
    with pytest.raises(psycopg2.Error):
        weir.sql("SELECT 1")
    assert "IP address mismatch" in weir.await_log("server login failed")
    databases["app"] = databases["app"].replace("127.0.0.1", "localhost")
    weir = weir_factory(pg, server_tls_sslmode="verify-full", **common)
    with pytest.raises(psycopg2.Error):
        weir.sql("SELECT 1")
    assert "hostname mismatch" in weir.await_log("server login failed")


@pytest.mark.parametrize("mode,works", [("allow", True), ("prefer", True), ("require", True),
                                        ("disable", False)])
def test_modes_with_a_server_that_demands_tls(weir_factory, pg, mode, works):
    weir = weir_factory(pg, server_tls_sslmode=mode, query_wait_timeout=120 if works else 0.5)
    if works:
        assert encryption(weir, user="u_tls")[0]
    else:
        with pytest.raises(psycopg2.Error):
            weir.sql("SELECT 1", user="u_tls")


def test_server_settings_change_on_reload(weir_factory, pg):
    weir = weir_factory(pg, server_tls_sslmode="disable")
    assert not encryption(weir)[0]
    weir.write(server_tls_sslmode="require")
    weir.console("RELOAD")
    weir.console("RECONNECT")
    assert encryption(weir)[0]


def test_a_raw_client_sees_which_modes_offer_tls(weir_factory, pg, authority):
    for mode, answer in (("disable", b"N"), ("allow", b"S"), ("prefer", b"S"), ("require", b"S")):
        weir = client_weir(weir_factory, pg, authority, client_tls_sslmode=mode)
        with RawClient(weir.host, weir.port) as client:
            client.send(SSL_REQUEST)
            assert client.byte() == answer
