"""Tokens of another issuer: ES256 and RS256 with the keys of a JWKS file or URL."""
import http.server
import json
import threading
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from harness.horizon import PASSWORD
from harness.service import encode, sign
from harness.wait import until


def number(value, size):
    return encode(value.to_bytes(size, "big"))


class Key:
    """A private key and its public JWK."""

    def __init__(self, kid, kind):
        self.alg = {"EC": "ES256", "RSA": "RS256"}[kind]
        self.kid = kid
        if kind == "EC":
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = self.private.public_key().public_numbers()
            self.jwk = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32),
                        "y": number(public.y, 32)}
        else:
            self.private = rsa.generate_private_key(65537, 2048)
            public = self.private.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "n": number(public.n, 256), "e": number(public.e, 3)}
        self.jwk.update(kid=kid, alg=self.alg, use="sig")

    def sign(self, claims, **header):
        header = {"alg": self.alg, "kid": self.kid, **header}
        text = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
        if self.alg == "RS256":
            signature = self.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return text + "." + encode(signature)


@pytest.fixture(scope="module")
def keys():
    return [Key("ec", "EC"), Key("rsa", "RSA")]


@pytest.fixture
def external(service_factory, horizon_databases):
    service = service_factory(horizon_databases)
    service.ann = service.add_user("ann")
    return service


def claims(service, **more):
    return {"sub": service.ann, "exp": int(time.time()) + 600, "email": "ann@example.com", **more}


def test_keys_of_a_file_are_believed_each_for_its_own_algorithm(external, keys):
    path = external.file("keys.json", json.dumps({"keys": [key.jwk for key in keys]}))
    external.start(HORIZON_JWKS=path)
    stranger = Key("ec", "EC")
    for key in keys:
        assert external.get("/api/me", key.sign(claims(external))).json["login"] == "ann"
        late = external.get("/api/me", key.sign(claims(external, exp=int(time.time()) - 31)))
        assert (late.status, late.code) == (401, "token_expired")
        other = "RS256" if key.alg == "ES256" else "ES256"
        assert external.get("/api/me", key.sign(claims(external), alg=other)).code == \
            "invalid_signature"
    for forged in (stranger.sign(claims(external)),
                   sign(claims(external)),
                   sign(claims(external), json.dumps(keys[0].jwk), {"alg": "HS256", "kid": "ec"}),
                   keys[0].sign(claims(external), kid="rsa")):
        answer = external.get("/api/me", forged)
        assert (answer.status, answer.code) == (401, "invalid_signature")
    login = external.ask("POST", "/api/auth/login", {"login": "ann", "password": PASSWORD})
    assert (login.status, login.code) == (404, "external_issuer")


class Issuer:
    """Serves a key set on loopback; counts the fetches; can hang or send something else."""

    def __init__(self):
        self.body = b""
        self.status = 200
        self.fetches = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                issuer.may_answer.wait(30)
                self.send_response(issuer.status)
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def done(self):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer():
    made = Issuer()
    yield made
    made.done()


def test_keys_of_a_url_are_fetched_beside_the_requests(external, keys, issuer):
    issuer.body = json.dumps({"keys": [keys[0].jwk]}).encode()
    issuer.may_answer.clear()
    external.start(HORIZON_JWKS=issuer.url)
    until(lambda: issuer.fetches == 1, 10, "the keys are fetched")
    token = keys[0].sign(claims(external))
    assert external.get("/api/me", token).code == "invalid_signature", "no key yet: refused at once"
    issuer.may_answer.set()
    until(lambda: external.get("/api/me", token).status == 200, 10, "the keys are there")
    for _ in range(20):
        unknown = external.get("/api/me", keys[1].sign(claims(external), alg="ES256", kid="new"))
        assert (unknown.status, unknown.code) == (401, "invalid_signature")
    assert issuer.fetches == 1, "at most once a minute"


def test_key_set_that_cannot_be_had_leaves_the_service_serving(external, issuer):
    issuer.status = 500
    external.start(HORIZON_JWKS=issuer.url)
    external.await_log("key set http")
    assert external.get("/healthz").status == 200
    assert external.get("/api/me", sign(claims(external))).status == 401


@pytest.mark.parametrize("source, reason", [
    ("http://keys.example.com/jwks", "only https can be trusted"),
    ("/nonexistent/keys.json", "No such file"),
])
def test_source_of_keys_that_cannot_work_is_told_at_the_start(external, source, reason):
    process = external.start(wait=False, HORIZON_JWKS=source)
    assert process.wait(20) == 1
    external.processes.remove(process)
    assert reason in external.log()


def test_short_secret_is_told_at_the_start(external):
    process = external.start(wait=False, HORIZON_JWT_SECRET="short")
    assert process.wait(20) == 1
    external.processes.remove(process)
    assert "needs 32 at least" in external.log() and "short" not in external.log()
