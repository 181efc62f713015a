"""A raw client of protocol 3.0: says exactly what a test wants said, shows exactly what comes."""
import hashlib
import socket
import struct

SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)
PROTOCOL_3 = 196608


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def startup(user="app", database="app", version=PROTOCOL_3, **more):
    body = struct.pack("!I", version)
    for key, value in {"user": user, "database": database, **more}.items():
        body += text(key) + text(value)
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


def query(sql):
    return message(b"Q", text(sql))


def parse(name, sql, types=()):
    return message(b"P", text(name) + text(sql) + struct.pack("!H", len(types)) +
                   b"".join(struct.pack("!I", oid) for oid in types))


def bind(statement="", portal="", values=()):
    body = text(portal) + text(statement) + struct.pack("!HH", 0, len(values))
    for value in values:
        raw = value if isinstance(value, bytes) else str(value).encode()
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(raw)) + raw
    return message(b"B", body + struct.pack("!H", 0))


def describe(kind, name=""):
    return message(b"D", kind + text(name))


def execute(portal="", limit=0):
    return message(b"E", text(portal) + struct.pack("!I", limit))


def close(kind, name=""):
    return message(b"C", kind + text(name))


SYNC = message(b"S")
FLUSH = message(b"H")
TERMINATE = message(b"X")


def fields(body):
    """The fields of an ErrorResponse or NoticeResponse: {"C": sqlstate, "M": text, ...}."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace")
            for part in body.split(b"\0") if part}


def row(body):
    """The values of a DataRow."""
    count, = struct.unpack_from("!H", body)
    values, at = [], 2
    for _ in range(count):
        length, = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return values


class ServerError(Exception):
    """An ErrorResponse; `fields` has its parts."""

    def __init__(self, parts):
        super().__init__(f"{parts.get('S')} {parts.get('C')} {parts.get('M')}")
        self.fields = parts


class RawClient:
    """One socket. receive() returns (type, body); (None, b"") when the peer closed."""

    def __init__(self, host, port, timeout=15):
        self.socket = socket.create_connection((host, port), timeout)
        self.buffer = b""
        self.parameters = {}
        self.key = None
        self.notices = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def _need(self, count):
        while len(self.buffer) < count:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return False
            self.buffer += got
        return True

    def byte(self):
        """One byte outside of any message (the answer to SSLRequest); b"" when closed."""
        if not self._need(1):
            return b""
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def receive(self):
        if not self._need(5):
            return None, b""
        length, = struct.unpack_from("!I", self.buffer, 1)
        if not self._need(1 + length):
            return None, b""
        kind, body = self.buffer[:1], self.buffer[5:1 + length]
        self.buffer = self.buffer[1 + length:]
        if kind == b"N":
            self.notices.append(fields(body))
        return kind, body

    def until(self, *kinds):
        """All messages up to and including the first of these types (or the end, None)."""
        seen = []
        while True:
            kind, body = self.receive()
            seen.append((kind, body))
            if kind is None or kind in kinds:
                return seen

    def login(self, user="app", database="app", password=None, **more):
        """Start-up and authentication (trust, plain, md5). Raises ServerError."""
        self.send(startup(user, database, **more))
        while True:
            kind, body = self.receive()
            if kind == b"R":
                self._authenticate(body, user, password)
            elif kind == b"S":
                key, value = body.split(b"\0")[:2]
                self.parameters[key.decode()] = value.decode()
            elif kind == b"K":
                self.key = body
            elif kind == b"E":
                raise ServerError(fields(body))
            elif kind == b"Z":
                return self
            elif kind is None:
                raise EOFError("closed during login")

    def _authenticate(self, body, user, password):
        method, = struct.unpack_from("!I", body)
        if method == 3:
            self.send(message(b"p", text(password)))
        elif method == 5:
            inner = hashlib.md5((password + user).encode()).hexdigest()
            outer = hashlib.md5(inner.encode() + body[4:8]).hexdigest()
            self.send(message(b"p", text("md5" + outer)))
        elif method != 0:
            raise AssertionError(f"authentication method {method}")

    def ask(self, sql):
        """A simple query: the rows, or ServerError (after ReadyForQuery)."""
        self.send(query(sql))
        return self.answer()

    def answer(self):
        """Reads to ReadyForQuery: the rows; raises the first error."""
        rows, error = [], None
        for kind, body in self.until(b"Z"):
            if kind == b"D":
                rows.append(row(body))
            elif kind == b"E" and error is None:
                error = ServerError(fields(body))
            elif kind is None:
                raise error or EOFError("closed while waiting for ReadyForQuery")
        if error:
            raise error
        return rows

    def is_closed(self):
        """Whether the peer closes (reads the rest)."""
        return self.until(None)[-1][0] is None

    def cancel(self, host, port):
        """Sends a CancelRequest for this session on its own connection and waits for its end."""
        with socket.create_connection((host, port), 15) as other:
            other.sendall(struct.pack("!II", 16, 80877102) + self.key)
            while other.recv(64):
                pass
