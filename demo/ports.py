"""TCP ports for programs that cannot be given port 0."""

import random
import socket

LOWEST = 10_000  # below it live the services that people know by their number
ATTEMPTS = 100
EPHEMERAL_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"


def free_port():
    """A port that nobody has on any IPv4 address, and that no outgoing connection is given either: it
    lies below the kernel's own range. It may still be taken before it is used: who can, tries
    again."""
    with open(EPHEMERAL_RANGE) as file:
        end = int(file.read().split()[0])
    candidates = range(LOWEST, end) or [0]
    for _ in range(ATTEMPTS):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", random.choice(candidates)))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise RuntimeError(f"no free TCP port between {LOWEST} and {end} in {ATTEMPTS} attempts")
