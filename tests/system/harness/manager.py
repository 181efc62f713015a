"""The service manager's side of sd_notify(3): a socket to which a daemon says how it is."""
import contextlib
import os
import socket

from .pg import give_to_postgres

DEADLINE_S = 20


class Manager:
    """Hears what is sent to its socket in `folder`; `environment` tells a daemon where that is."""

    def __init__(self, folder):
        path = os.path.join(folder, "notify")
        self.environment = {"NOTIFY_SOCKET": path}
        self._lines = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(DEADLINE_S)
        give_to_postgres(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _hear(self):
        said = self._socket.recv(4096).decode().splitlines()
        self._lines += said
        return said

    def wait_for(self, *lines):
        """Reads on until all of them have come, in any order; what has been said since."""
        said = []
        while not set(lines) <= set(said):
            said += self._hear()
        return said

    def all_lines(self):
        """All that has been said until now."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._hear()
        self._socket.settimeout(DEADLINE_S)
        return self._lines
