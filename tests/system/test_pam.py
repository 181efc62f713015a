"""auth_type = pam: the password is checked by PAM, beside the loop. libpam_wrapper gives the daemon
service files of the test's own, and pam_matrix a list of passwords in a file."""
import os
import subprocess
import threading

import psycopg2
import pytest

from harness import wire
from harness.daemon import BIN, CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only
LIB = "/usr/lib/x86_64-linux-gnu"
MATRIX = f"{LIB}/pam_wrapper/pam_matrix.so"


def preload():
    """The wrapper; behind the address sanitizer's library, which has to be first."""
    linked = subprocess.run(["ldd", BIN], capture_output=True, text=True, check=True).stdout
    asan = [line.split()[2] for line in linked.splitlines() if "libasan" in line]
    return " ".join([*asan, f"{LIB}/libpam_wrapper.so"])


def pam_weir(weir_factory, pg, users, service="pgbouncer", stack=None, **settings):
    """A daemon whose PAM knows these users for this service."""
    weir = weir_factory(pg, start=False)
    folder = os.path.join(weir.folder, "pam.d")
    os.makedirs(folder, exist_ok=True)
    known = weir.put("known", "".join(f"{user}:{password}:{service}\n"
                                      for user, password in users.items()))
    lines = stack or ["auth required {m} passdb={k}", "account required {m} passdb={k}"]
    with open(os.path.join(folder, service), "w") as out:
        out.write("".join(line.format(m=MATRIX, k=known) + "\n" for line in lines))
    weir.port = free_port()
    weir.write(**{"auth_type": "pam", "secrets": CONSOLE_PASSWORDS, **settings})
    weir.spawn(env={"LD_PRELOAD": preload(), "PAM_WRAPPER": "1",
                    "PAM_WRAPPER_SERVICE_DIR": folder,
                    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0"})
    until(lambda: weir.process.poll() is not None or "process up" in weir.log(), 20, "it is up")
    assert weir.process.poll() is None, weir.log()
    return weir


def refusal(weir, **more):
    with pytest.raises(psycopg2.OperationalError) as failed:
        weir.connect(**more).close()
    return str(failed.value)


def test_pam_says_whose_password_is_right(weir_factory, pg):
    """The user is not in auth_file, and weir logs in to PostgreSQL with the same password."""
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"], "u_md5": "other-3Ps8"})
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]
    assert 'PAM authentication failed for user "u_scram"' in refusal(weir, user="u_scram",
                                                                     password="wrong")
    assert "PAM authentication failed" in refusal(weir, user="nobody9", password="x")
    assert "PAM service pgbouncer: " in weir.log()
    # what PAM takes and PostgreSQL does not is told as PostgreSQL's refusal, to who is in
    assert "password authentication failed" in refusal(weir, user="u_md5", password="other-3Ps8")
    for secret in (PASSWORDS["u_scram"], "other-3Ps8"):
        assert secret not in weir.log()


def test_auth_file_has_the_servers_password(weir_factory, pg):
    weir = pam_weir(weir_factory, pg, {"u_md5": "other-3Ps8"},
                    secrets={"u_md5": PASSWORDS["u_md5"], **CONSOLE_PASSWORDS})
    assert weir.sql("SELECT current_user", user="u_md5", password="other-3Ps8") == [("u_md5",)]
    assert "PAM authentication failed" in refusal(weir, user="u_md5")


def test_an_account_that_pam_closes_does_not_get_in(weir_factory, pg):
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"]},
                    stack=["auth required {m} passdb={k}", "account required pam_deny.so"])
    assert "PAM authentication failed" in refusal(weir, user="u_scram")


def test_lines_of_hba_name_their_service(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    hba = weir.put("hba", "host all u_scram all pam pamservice=shop\nhost all all all md5\n")
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"]}, service="shop",
                    auth_type="hba", auth_hba_file=hba, secrets={
                        "u_md5": PASSWORDS["u_md5"], **CONSOLE_PASSWORDS})
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]
    assert weir.sql("SELECT current_user", user="u_md5") == [("u_md5",)]


def test_a_module_that_hangs_holds_nobody_else_up(weir_factory, pg):
    """The loop goes on, the client ends by client_login_timeout, and so does the daemon."""
    weir = weir_factory(pg, start=False)
    hba = weir.put("hba", "host all u_scram all pam\nhost all all all md5\n")
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"]}, auth_type="hba",
                    auth_hba_file=hba, client_login_timeout=1,
                    stack=["auth required pam_exec.so quiet /usr/bin/sleep 30"],
                    secrets={"app": PASSWORDS["app"], **CONSOLE_PASSWORDS})
    told = []
    waiting = [threading.Thread(target=lambda: told.append(refusal(weir, user="u_scram")))
               for _ in range(3)]
    for each in waiting:
        each.start()
    assert weir.sql("SELECT 1") == [(1,)]
    for each in waiting:
        each.join(30)
    assert len(told) == 3 and all("client_login_timeout" in text for text in told)
    assert weir.sql("SELECT 1") == [(1,)]


def test_clients_that_leave_while_pam_is_asked(weir_factory, pg):
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"]},
                    stack=["auth required pam_exec.so quiet /usr/bin/sleep 0.2",
                           "auth required {m} passdb={k}", "account required {m} passdb={k}"])
    for _ in range(20):
        client = RawClient(weir.host, weir.port)
        client.send(wire.startup("u_scram"))
        assert client.receive()[0] == b"R"
        client.send(wire.message(b"p", wire.text("x")))
        client.close()
    assert weir.sql("SELECT current_user", user="u_scram") == [("u_scram",)]


def test_an_empty_password_is_not_asked_about(weir_factory, pg):
    weir = pam_weir(weir_factory, pg, {"u_scram": PASSWORDS["u_scram"]},
                    stack=["auth required pam_permit.so", "account required pam_permit.so"])
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup("u_scram"))
        assert client.receive()[0] == b"R"
        client.send(wire.message(b"p", wire.text("")))
        assert client.receive()[0] == b"E"
