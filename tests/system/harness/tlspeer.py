"""The other ends of TLS connections: a man in the middle, and an upstream that shows what weir says
in a SCRAM login over TLS."""
import base64
import hashlib
import socket
import ssl
import struct
import threading

from . import wire


class _Peer:
    """A thread per connection on a port of the kernel's."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(peer,), daemon=True).start()

    def _guarded(self, peer):
        try:
            peer.settimeout(20)
            self.serve(peer)
        except (OSError, ssl.SSLError, EOFError, struct.error):
            pass
        finally:
            peer.close()

    def serve(self, peer):
        raise NotImplementedError

    def done(self):
        self._listener.close()


def _read(peer, count):
    data = b""
    while len(data) < count:
        got = peer.recv(count - len(data))
        if not got:
            raise EOFError
        data += got
    return data


def _server_context(key, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class Middle(_Peer):
    """Ends TLS with a certificate of its own and begins it anew towards host:port."""

    def __init__(self, port, key, certificate):
        self.target = port
        self.context = _server_context(key, certificate)
        super().__init__()

    def serve(self, peer):
        assert _read(peer, 8) == wire.SSL_REQUEST
        other = socket.create_connection(("127.0.0.1", self.target), 20)
        other.sendall(wire.SSL_REQUEST)
        assert _read(other, 1) == b"S"
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
        other = plain.wrap_socket(other)
        peer.sendall(b"S")
        peer = self.context.wrap_socket(peer, server_side=True)
        back = threading.Thread(target=self._copy, args=(other, peer), daemon=True)
        back.start()
        self._copy(peer, other)
        back.join(5)

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except (OSError, ssl.SSLError):
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Sasl(_Peer):
    """An upstream that offers `mechanisms`, with TLS when it has a key, and notes in `heard` what
    comes as mechanism and client-first-message; `first` makes its server-first-message of the
    client's nonce, and what answers that goes to `finals`."""

    def __init__(self, mechanisms, key=None, certificate=None, first=None):
        self.mechanisms = mechanisms
        self.context = _server_context(key, certificate) if key else None
        self.first = first
        self.heard, self.finals = [], []
        super().__init__()

    @staticmethod
    def _message(peer):
        kind = _read(peer, 1)
        return kind, _read(peer, struct.unpack("!I", _read(peer, 4))[0] - 4)

    def serve(self, peer):
        head = _read(peer, 8)
        if head == wire.SSL_REQUEST:
            peer.sendall(b"S" if self.context else b"N")
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            head = _read(peer, 8)
        _read(peer, struct.unpack("!II", head)[0] - 8)
        names = b"".join(wire.text(name) for name in self.mechanisms) + b"\0"
        peer.sendall(wire.message(b"R", struct.pack("!I", 10) + names))
        _, body = self._message(peer)
        mechanism, rest = body.split(b"\0", 1)
        self.heard.append((mechanism.decode(), rest[4:].decode()))
        if self.first:
            nonce = rest[4:].decode().rsplit("r=", 1)[1]
            peer.sendall(wire.message(b"R", struct.pack("!I", 11) + self.first(nonce)))
            self.finals.append(self._message(peer)[1])


def binding_of(certificate):
    """tls-server-end-point of a certificate file signed with SHA-256, as base64 in c=."""
    with open(certificate) as source:
        raw = ssl.PEM_cert_to_DER_cert(source.read())
    return base64.b64encode(b"p=tls-server-end-point,," + hashlib.sha256(raw).digest()).decode()
