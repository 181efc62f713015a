"""auth_type = ldap against a real slapd: simple bind, search and bind, TLS, what is wrong, and an
LDAP server that is silent or away. The forms of the options are in tests/unit/config/test_ldap.c."""
import os
import subprocess
import tempfile
import shutil

import psycopg2
import pytest

from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.wait import free_port, until

pytestmark = pytest.mark.weir_only
BASE = "dc=example,dc=net"
ROOT_PASSWORD = "root-8Lq3"


class Slapd:
    """A private LDAP server: entries uid=u_scram and uid=u_md5 below ou=people, one of them twice
    by its mail, and a helper that may search."""

    def __init__(self, authority):
        self.folder = tempfile.mkdtemp(prefix="weir-ldap-")
        os.mkdir(f"{self.folder}/db")
        key, certificate = authority.issue("slapd")
        with open(f"{self.folder}/conf", "w") as out:
            out.write(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {self.folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {authority.ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix {BASE}
rootdn cn=root,{BASE}
rootpw {ROOT_PASSWORD}
directory {self.folder}/db
access to attrs=userPassword by anonymous auth
access to * by dn.exact="cn=helper,{BASE}" read by anonymous auth
""")
        entries = [f"dn: {BASE}\nobjectClass: domain\ndc: example\n",
                   f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n",
                   f"dn: cn=helper,{BASE}\nobjectClass: person\ncn: helper\nsn: h\n"
                   "userPassword: helper-5Vd2\n"]
        for user in ("u_scram", "u_md5"):
            entries.append(f"dn: uid={user},ou=people,{BASE}\nobjectClass: inetOrgPerson\n"
                           f"uid: {user}\ncn: {user}\nsn: x\nmail: all@example.net\n"
                           f"employeeType: {user}\nuserPassword: {PASSWORDS[user]}\n")
        subprocess.run(["/usr/sbin/slapadd", "-f", f"{self.folder}/conf"], check=True,
                       input="\n".join(entries), text=True, capture_output=True, timeout=60)
        self.port, self.tls_port = free_port(), free_port()
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-d", "0", "-f", f"{self.folder}/conf", "-h",
             f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._listens, 20, "slapd listens")

    def _listens(self):
        import socket
        try:
            socket.create_connection(("127.0.0.1", self.tls_port), 1).close()
            return True
        except OSError:
            return False

    def done(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def slapd(authority):
    server = Slapd(authority)
    yield server
    server.done()


def ldap_weir(weir_factory, pg, authority, options, **settings):
    weir = weir_factory(pg, start=False)
    weir.port = free_port()
    weir.write(**{"auth_type": "ldap", "auth_ldap_options": options,
                  "secrets": CONSOLE_PASSWORDS, **settings})
    weir.spawn(env={"LDAPTLS_CACERT": authority.ca})
    until(lambda: weir.process.poll() is not None or "process up" in weir.log(), 20, "it is up")
    assert weir.process.poll() is None, weir.log()
    return weir


def refusal(weir, **more):
    with pytest.raises(psycopg2.OperationalError) as failed:
        weir.connect(**more).close()
    return str(failed.value)


HELPER = f'ldapbinddn="cn=helper,{BASE}" ldapbindpasswd=helper-5Vd2'
WAYS = {
    "simple": f'ldapserver=127.0.0.1 ldapport=PORT ldapprefix="uid=" ldapsuffix=",ou=people,{BASE}"',
    "search": f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" {HELPER}',
    "attribute": f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" {HELPER}'
                 " ldapsearchattribute=employeeType",
    "filter": f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" {HELPER}'
              ' ldapsearchfilter="(&(cn=$username)(employeeType=$username))"',
    "url": f'ldapurl="ldap://127.0.0.1:PORT/ou=people,{BASE}?uid?sub" {HELPER}',
    "ldaps": f'ldapurl="ldaps://127.0.0.1:TLS/{BASE}?uid?sub", {HELPER}',
    "starttls": f'ldapserver=127.0.0.1 ldapport=PORT ldaptls=1 ldapbasedn="{BASE}" {HELPER}',
    "second": f'ldapserver="127.0.0.9 127.0.0.1" ldapport=PORT ldapbasedn="{BASE}" {HELPER}',
}


@pytest.mark.parametrize("way", WAYS)
def test_right_and_wrong_passwords(weir_factory, pg, authority, slapd, way):
    options = WAYS[way].replace("PORT", str(slapd.port)).replace("TLS", str(slapd.tls_port))
    weir = ldap_weir(weir_factory, pg, authority, options)
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]
    assert weir.sql("SELECT current_user", user="u_md5") == [("u_md5",)]
    assert 'LDAP authentication failed for user "u_scram"' in refusal(weir, user="u_scram",
                                                                      password="wrong")
    assert "LDAP authentication failed" in refusal(weir, user="nobody9", password="x")
    for user in ("*", "u_scram)(cn=*", "u_*", "u_scram,ou=people"):
        assert "LDAP authentication failed" in refusal(weir, user=user,
                                                       password=PASSWORDS["u_scram"])
    for secret in (PASSWORDS["u_scram"], "helper-5Vd2"):
        assert secret not in weir.log()


@pytest.mark.parametrize("options,why", [
    (f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" ldapsearchfilter="(mail=all@example.net'
     f')(|(cn=$username))" {HELPER}', "the search failed"),
    (f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" {HELPER} ldapsearchfilter='
     '"(|(mail=all@example.net)(cn=$username))"', "several entries"),
    (f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="{BASE}" ldapbinddn="cn=helper,{BASE}"'
     " ldapbindpasswd=wrong", "the bind for the search failed"),
    (f'ldapserver=127.0.0.1 ldapport=1 ldapbasedn="{BASE}"', "contact LDAP server"),
    (f'ldapserver=127.0.0.1 ldapport=PORT ldapbasedn="dc=nowhere" {HELPER}', "the search failed"),
    (f'ldapurl="ldaps://127.0.0.9:TLS/{BASE}?uid?sub" {HELPER}', "contact LDAP server"),
])
def test_what_goes_wrong_is_in_the_log(weir_factory, pg, authority, slapd, options, why):
    options = options.replace("PORT", str(slapd.port)).replace("TLS", str(slapd.tls_port))
    weir = ldap_weir(weir_factory, pg, authority, options)
    text = refusal(weir, user="u_scram")
    assert "LDAP authentication failed" in text and "LDAP: " not in text
    assert why.lower() in weir.await_log("LDAP: ").lower()


def test_an_unknown_authority_is_not_trusted(weir_factory, pg, stranger, slapd):
    options = WAYS["ldaps"].replace("TLS", str(slapd.tls_port))
    weir = ldap_weir(weir_factory, pg, stranger, options)
    assert "LDAP authentication failed" in refusal(weir, user="u_scram")


def test_lines_of_hba_have_options_of_their_own(weir_factory, pg, authority, slapd):
    weir = weir_factory(pg, start=False)
    hba = weir.put("hba", f'host all u_scram all ldap ldapserver=127.0.0.1 ldapport={slapd.port}'
                          f' ldapprefix="uid=" ldapsuffix=",ou=people,{BASE}"\n'
                          "host all all all md5\n")
    weir = ldap_weir(weir_factory, pg, authority, "", auth_type="hba", auth_hba_file=hba)
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]
    assert "LDAP authentication failed" in refusal(weir, user="u_scram", password="x")
    assert "password authentication failed" in refusal(weir, user="u_md5", password="x")


def test_a_silent_server_holds_nobody_else_up(weir_factory, pg, authority, fake):
    silent = fake("Silent")
    weir = weir_factory(pg, start=False)
    hba = weir.put("hba", f"host all u_scram all ldap ldapserver=127.0.0.1 ldapport={silent.port}"
                          f' ldapprefix="uid=" ldapsuffix=",{BASE}"\nhost all all all md5\n')
    weir = ldap_weir(weir_factory, pg, authority, "", auth_type="hba", auth_hba_file=hba,
                     client_login_timeout=1, secrets={"app": PASSWORDS["app"], **CONSOLE_PASSWORDS})
    assert "client_login_timeout" in refusal(weir, user="u_scram")
    assert weir.sql("SELECT 1") == [(1,)]


def test_the_console_does_not_show_the_options(weir_factory, pg, authority, slapd):
    options = WAYS["search"].replace("PORT", str(slapd.port))
    weir = ldap_weir(weir_factory, pg, authority, options, admin_users="u_scram")
    connection = weir.connect(user="u_scram", dbname="pgbouncer")
    with connection.cursor() as cursor:
        cursor.execute("SHOW CONFIG")
        rows = {row[0]: row[1] for row in cursor.fetchall()}
    connection.close()
    assert rows["auth_ldap_options"] == "***"


def test_wrong_options_stop_the_start(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = 1
    weir.write(auth_type="ldap", auth_ldap_options="ldapserver=h ldapbindpasswd=sesame ldapbase=x")
    weir.spawn(["serve", "--check", weir.ini])
    assert weir.process.wait(20) == 1
    weir.process = None
    assert "auth_ldap_options is not allowed with auth_type = ldap: ldapbase is no option" in weir.log()
    assert "sesame" not in weir.log()
