"""auth_type = hba: which line of auth_hba_file decides, what the methods ask for, maps of
auth_ident_file, certificates, and what a reload changes. The forms a line may have are in
tests/unit/config/test_hba.c."""
import getpass
import os

import psycopg2
import pytest

from harness import wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only
CONSOLE = "host pgbouncer admin 127.0.0.1/32 scram-sha-256\n"


def hba_weir(weir_factory, pg, hba, ident=None, authority=None, **more):
    weir = weir_factory(pg, start=False)
    more["auth_hba_file"] = weir.put("hba", CONSOLE + hba)
    if ident is not None:
        more["auth_ident_file"] = weir.put("ident", ident)
    if authority:
        key, certificate = weir.certificate(authority, "weir")
        more = {"client_tls_sslmode": "allow", "client_tls_key_file": key,
                "client_tls_cert_file": certificate, "client_tls_ca_file": authority.ca, **more}
    return weir.start(auth_type="hba", **more)


def comes_in(weir, **more):
    return weir.sql("SELECT 1", **more) == [(1,)]


def refusal(weir, **more):
    with pytest.raises(psycopg2.OperationalError) as failed:
        weir.connect(**more).close()
    return str(failed.value)


def test_the_first_line_that_fits_decides(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "host all u_md5 127.0.0.1/32 reject\n"
                                      "host app app,u_md5 127.0.0.0/8 trust\n"
                                      "host all u_scram samehost scram-sha-256\n")
    assert comes_in(weir, user="app", password="any")
    assert comes_in(weir, user="u_scram")
    assert "authentication failed" in refusal(weir, user="u_scram", password="wrong")
    text = refusal(weir, user="u_md5")
    assert "login rejected" in text
    assert 'auth_hba_file rejects connections for host "127.0.0.1", user "u_md5"' in text
    assert f"login rejected by {weir.folder}/hba:2" in weir.log()
    text = refusal(weir, user="u_trust")
    assert "No line of auth_hba_file fits" in text and "no encryption" in text


def test_a_rejection_has_postgresqls_sqlstate(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "local all all trust\n")
    with RawClient(weir.host, weir.port) as client, pytest.raises(ServerError) as failed:
        client.login("app", "app")
    assert failed.value.fields["C"] == "28000"


@pytest.mark.parametrize("method,asked", [("password", 3), ("md5", 5), ("scram-sha-256", 10)])
def test_each_line_has_its_own_method(weir_factory, pg, method, asked):
    weir = hba_weir(weir_factory, pg, f"host all app all {method}\nhost all all all trust\n")
    assert comes_in(weir)
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup("app", "app"))
        kind, body = client.receive()
        assert (kind, int.from_bytes(body[:4], "big")) == (b"R", asked)
    assert "authentication failed" in refusal(weir, password="wrong")


def test_trust_lets_only_known_users_in(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "host all all all trust\n")
    assert '"trust" authentication failed for user "nobody9"' in refusal(weir, user="nobody9")


def test_local_lines_are_for_the_unix_socket(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "local all all trust\n")
    assert comes_in(weir, host=weir.folder, password="")
    assert "login rejected" in refusal(weir)


def test_peer_takes_the_unix_users_name(weir_factory, pg):
    me = getpass.getuser()
    weir = hba_weir(weir_factory, pg, "local all all peer\n", secrets={
        me: "x", **PASSWORDS, **CONSOLE_PASSWORDS})
    assert "peer authentication failed" in refusal(weir, host=weir.folder, user="app")
    databases = {"app": weir.conninfo(user="app", password=PASSWORDS["app"])}
    weir = hba_weir(weir_factory, pg, "local all all peer\n", databases=databases,
                    secrets={me: "x", **CONSOLE_PASSWORDS})
    assert comes_in(weir, host=weir.folder, user=me, password="")
    assert "peer authentication failed" in refusal(weir, host=weir.folder, user="admin")


def test_a_map_says_which_unix_user_may_be_whom(weir_factory, pg):
    me = getpass.getuser()
    weir = hba_weir(weir_factory, pg, "local all all peer map=m\n",
                    f"m {me} app\nm /^{me[:2]}(.*)$ u_\\1\nother {me} u_md5\n")
    assert comes_in(weir, host=weir.folder, user="app", password="")
    assert "peer authentication failed" in refusal(weir, host=weir.folder, user="u_md5")
    assert "peer authentication failed" in refusal(weir, host=weir.folder, user=me)


def test_tls_and_plain_connections_have_lines_of_their_own(weir_factory, pg, authority):
    weir = hba_weir(weir_factory, pg, "hostssl all u_scram all scram-sha-256\n"
                                      "hostnossl all u_md5 all md5\n", authority=authority)
    assert comes_in(weir, user="u_scram", sslmode="require")
    assert "login rejected" in refusal(weir, user="u_scram", sslmode="disable")
    assert comes_in(weir, user="u_md5", sslmode="disable")
    text = refusal(weir, user="u_md5", sslmode="require")
    assert "login rejected" in text and ", TLS." in text


def test_a_certificates_name_is_the_user(weir_factory, pg, authority, stranger, tmp_path):
    weir = hba_weir(weir_factory, pg, "hostssl all all all cert\nhostnossl all app all trust\n",
                    authority=authority)
    key, certificate = authority.issue("app")
    good = {"sslmode": "require", "sslkey": key, "sslcert": certificate, "password": ""}
    none = {"sslmode": "require", "sslkey": str(tmp_path / "none"),
            "sslcert": str(tmp_path / "none"), "password": ""}
    assert comes_in(weir, **good)
    assert "certificate authentication failed" in refusal(weir, **{**good, "user": "u_md5"})
    assert "certificate authentication failed" in refusal(weir, **none)
    key, certificate = stranger.issue("app")
    refusal(weir, sslmode="require", sslkey=key, sslcert=certificate)
    assert comes_in(weir, sslmode="disable", password="")


def test_a_certificates_name_goes_through_the_map(weir_factory, pg, authority):
    weir = hba_weir(weir_factory, pg, "hostssl all app,u_md5 all cert map=m\n"
                                      "hostssl all u_scram all cert clientname=DN map=d\n",
                    "m /^(.*)@example\\.com$ \\1\nd CN=app@example.com u_scram\n",
                    authority=authority)
    key, certificate = authority.issue("app@example.com")
    good = {"sslmode": "require", "sslkey": key, "sslcert": certificate, "password": ""}
    assert comes_in(weir, **good)
    assert "certificate authentication failed" in refusal(weir, **{**good, "user": "u_md5"})
    assert weir.sql("SELECT current_user", **{**good, "user": "u_scram"}) == [("u_scram",)]


@pytest.mark.parametrize("expression", [
    "^(u|u_md5)", "^(u|u_md5)(@x)?", "^(u_.*)@.*$", "(u_md5|app)$", "(md5|u_md5)", "^([^@]*)@.*$",
    "^(u|u_md5)(.*)$", "^(u_md5.*?)(@.*)$", "^(.*?)@", "^(.*?)_", "^([a-z0-9]+_?)+@"])
def test_a_part_is_what_postgresql_takes_or_nobodys(weir_factory, pg, authority, expression):
    """What PCRE2 finds first is not PostgreSQL's longest or shortest match."""
    name = "u_md5@x@app"
    weir = hba_weir(weir_factory, pg, "hostssl all all all cert map=m\n", f"m /{expression} \\1\n",
                    authority=authority)
    key, certificate = authority.issue(name)
    come = {"sslmode": "require", "sslkey": key, "sslcert": certificate, "password": ""}
    part = pg.sql("SELECT (regexp_match(%s, %s))[1] AS part", (name, expression))[0]["part"]
    is_unclear = expression in ("^(u|u_md5)(.*)$", "^(u_md5.*?)(@.*)$", "^([a-z0-9]+_?)+@")
    for user in ("u_md5", "app"):
        if user == part and not is_unclear:
            assert comes_in(weir, **{**come, "user": user})
        else:
            assert "authentication failed" in refusal(weir, **{**come, "user": user})


def test_a_line_may_ask_for_a_certificate_and_a_password(weir_factory, pg, authority, tmp_path):
    weir = hba_weir(weir_factory, pg,
                    "hostssl all app all scram-sha-256 clientcert=verify-full\n"
                    "hostssl all u_md5 all md5 clientcert=verify-ca\n", authority=authority)
    none = {"sslmode": "require", "sslkey": str(tmp_path / "none"),
            "sslcert": str(tmp_path / "none")}
    assert "valid client certificate" in refusal(weir, **none)
    assert "valid client certificate" in refusal(weir, user="u_md5", **none)
    key, certificate = authority.issue("app")
    good = {"sslmode": "require", "sslkey": key, "sslcert": certificate}
    assert comes_in(weir, **good)
    assert "authentication failed" in refusal(weir, password="wrong", **good)
    assert comes_in(weir, user="u_md5", **good)
    key, certificate = authority.issue("u_md5")
    assert "valid client certificate" in refusal(weir, sslmode="require", sslkey=key,
                                                 sslcert=certificate)


def test_auth_type_cert_and_peer_for_everybody(weir_factory, pg, authority):
    weir = weir_factory(pg, start=False)
    key, certificate = weir.certificate(authority, "weir")
    weir.start(auth_type="cert", client_tls_sslmode="verify-ca", client_tls_key_file=key,
               client_tls_cert_file=certificate, client_tls_ca_file=authority.ca)
    key, certificate = authority.issue("app")
    good = {"sslmode": "require", "sslkey": key, "sslcert": certificate, "password": ""}
    assert comes_in(weir, **good)
    assert "certificate authentication failed" in refusal(weir, **{**good, "user": "u_scram"})
    me = getpass.getuser()
    weir = weir_factory(pg, auth_type="peer", secrets={me: ""}, admin_users=me, databases={
        "app": f"host=127.0.0.1 port={pg.port} user=app password={PASSWORDS['app']}"})
    assert comes_in(weir, host=weir.folder, user=me, password="")
    assert "peer authentication failed" in refusal(weir, user=me)


@pytest.mark.parametrize("replication,comes_in_by", [("true", "replication"), ("database", "all"),
                                                     (None, "all")])
def test_physical_replication_has_lines_of_its_own(weir_factory, pg, replication, comes_in_by):
    """`all` does not mean it; a logical one names a database like everybody else."""
    more = {"replication": replication} if replication else {}
    for word, answer in ((comes_in_by, b"R"),
                         ("all" if comes_in_by == "replication" else "replication", b"E")):
        weir = hba_weir(weir_factory, pg, f"host {word} app all trust\n")
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup("app", "app", **more))
            assert client.receive()[0] == answer


def test_reload_takes_new_lines_and_refuses_wrong_ones(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "host all app all trust\n")
    stays = weir.connect(password="")
    weir.put("hba", CONSOLE + "host all app all reject\nhost all u_md5 all md5\n")
    weir.console("RELOAD")
    assert "configuration changed: auth_hba_file" in weir.log()
    assert "login rejected" in refusal(weir)
    assert comes_in(weir, user="u_md5")
    with stays.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
    stays.close()
    weir.put("hba", CONSOLE + "host all app all trust\nhost all all 10.0.0.0/99 trust\n")
    with pytest.raises(psycopg2.Error, match="hba:3: the length"):
        weir.console("RELOAD")
    assert "login rejected" in refusal(weir)


def test_a_start_with_wrong_lines_tells_all_of_them(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = 1
    hba = weir.put("hba", "host all all no:where trust\nlocal all all trust\n"
                          "local all +x reject\n")
    weir.write(auth_type="hba", auth_hba_file=hba)
    weir.spawn(["serve", "--check", weir.ini])
    assert weir.process.wait(20) == 1
    weir.process = None
    assert f"{weir.folder}/hba:1: \"no:where\" is not an address" in weir.log()
    assert f"{weir.folder}/hba:3: +x is not served" in weir.log()


def test_a_line_that_is_not_served_opens_no_door_and_is_told(weir_factory, pg):
    """A file that PgBouncer could use works; but nobody gets in by less than PostgreSQL asks for."""
    weir = hba_weir(weir_factory, pg, "host all +admins all scram-sha-256\n"
                                      "host all u_md5 db.example.com scram-sha-256\n"
                                      "host all u_plain all gss include_realm=0\n"
                                      "host all all all scram-sha-256\n"
                                      "host all u_md5 all md5\n")
    assert comes_in(weir, user="u_scram")
    assert "No line of auth_hba_file fits" not in refusal(weir, user="u_plain")
    weir.await_log("login rejected by " + f"{weir.folder}/hba:4: method gss is not served")
    for number, word in ((2, "+admins"), (3, "db.example.com"), (4, "gss")):
        line = weir.await_log(f"hba:{number}: ")
        assert line.startswith("advice: ") and word in line and "lets nobody in" in line
    assert "hba:4 is not served" in weir.await_log("hba:5: ")


def test_who_may_be_meant_by_a_line_that_is_not_served_needs_as_much(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "host all +admins all scram-sha-256\n"
                                      "host all u_md5 all md5\n"
                                      "host all u_scram all scram-sha-256\n")
    assert comes_in(weir, user="u_scram")
    said = refusal(weir, user="u_md5")
    assert "login rejected" in said and "weir cannot serve decides, or may" in said
    assert "members" not in said and "+admins" not in said
    weir.await_log(f"{weir.folder}/hba:2: +admins is not served")


def test_the_daemons_own_user_may_always_enter_the_console(weir_factory, pg):
    weir = hba_weir(weir_factory, pg, "local all all reject\n")
    assert os.path.exists(f"{weir.folder}/.s.PGSQL.{weir.port}")
    connection = weir.connect(host=weir.folder, user="pgbouncer", dbname="pgbouncer", password="")
    connection.close()
