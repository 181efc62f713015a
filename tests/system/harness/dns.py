"""A name server for one zone, on 127.0.0.1 and a port of its own: answers A, AAAA and SOA from what
the test says, counts the questions."""
import socket
import struct
import threading

A, SOA, AAAA = 1, 6, 28


class NameServer:
    """`hosts` is {name: [IPv4 address, ...]}; a name that is not in it does not exist."""

    def __init__(self, zone, hosts):
        self.zone = zone
        self.hosts = hosts
        self.serial = 1
        self.questions = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def count(self, kind):
        return sum(asked == kind for _, asked in self.questions)

    def done(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                packet, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            self._socket.sendto(self._answer(packet), peer)

    def _answer(self, packet):
        number, = struct.unpack_from("!H", packet)
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        kind, = struct.unpack_from("!H", packet, at + 1)
        question = packet[12:at + 5]
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        data = self._records(name, kind)
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(d)) + d for d in data)
        missing = name not in self.hosts and name != self.zone
        return struct.pack("!HHHHHH", number, 0x8580 | (3 if missing else 0), 1, len(data), 0,
                           0) + question + records

    def _records(self, name, kind):
        if kind == A:
            return [socket.inet_aton(address) for address in self.hosts.get(name, [])]
        if kind == SOA and name == self.zone:
            return [b"\x02ns\xc0\x0c\x04root\xc0\x0c" +
                    struct.pack("!IIIII", self.serial, 1, 1, 1, 1)]
        return []
