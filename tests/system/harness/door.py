"""How a driver gets in: pool mode and transport, in the words of each driver."""
import ssl

import pytest

from .daemon import IS_PGBOUNCER

POOL_SIZE = 4
DOORS = [f"{mode}-{transport}" for mode in ("session", "transaction")
         for transport in ("tcp", "tls")]
UNPREPARED = "pgbouncer 1.18 knows no prepared statements in transaction mode"


class Door:
    """How a driver of this test gets in: mode and transport."""

    def __init__(self, weir, mode, transport, ca):
        self.weir, self.mode, self.transport, self.ca = weir, mode, transport, ca
        self.is_tls = transport == "tls"

    @property
    def libpq(self):
        """Keywords for anything built on libpq."""
        extra = {"sslmode": "verify-full", "sslrootcert": self.ca} if self.is_tls else \
                {"sslmode": "disable"}
        return self.weir.dsn("app", **extra)

    @property
    def asyncpg(self):
        context = ssl.create_default_context(cafile=self.ca) if self.is_tls else False
        dsn = self.weir.dsn("app")
        return {"host": dsn["host"], "port": dsn["port"], "user": "app", "database": "app",
                "password": dsn["password"], "ssl": context, "timeout": 20}

    def url(self, driver):
        dsn = self.weir.dsn("app")
        return f"postgresql+{driver}://app:{dsn['password']}@127.0.0.1:{dsn['port']}/app"

    def prepares(self):
        """For what pgbouncer 1.18 cannot do."""
        if IS_PGBOUNCER and self.mode == "transaction":
            pytest.skip(UNPREPARED)
