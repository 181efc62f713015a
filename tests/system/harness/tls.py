"""A throw-away certification authority: certificates for PostgreSQL and for the daemon, and a
second authority that nobody trusts."""
import os
import subprocess


def _openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)


class Authority:
    """A CA in a directory of its own: `ca` is its certificate."""

    def __init__(self, folder, name):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.ca = os.path.join(folder, "ca.crt")
        self._ca_key = os.path.join(folder, "ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", f"/CN={name}", "-keyout", self._ca_key, "-out", self.ca)

    def issue(self, name, alt="DNS:localhost,IP:127.0.0.1", algorithm="ec"):
        """A key (ec or rsa) and a certificate signed by this CA, named NAME.key and NAME.crt."""
        how = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",)}[algorithm]
        key = os.path.join(self.folder, name + ".key")
        request = os.path.join(self.folder, name + ".csr")
        certificate = os.path.join(self.folder, name + ".crt")
        extension = os.path.join(self.folder, name + ".ext")
        with open(extension, "w") as out:
            out.write(f"subjectAltName={alt}\n")
        _openssl("req", "-newkey", *how, "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                 "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key,
                 "-CAcreateserial", "-days", "2", "-extfile", extension, "-out", certificate)
        os.chmod(key, 0o600)
        return key, certificate
