"""Drivers of other languages, with their defaults, through the daemon (drivers/ has the programs,
harness/drivers.py how they are built): every pool mode, plain and TLS, SCRAM on both sides. A
program reports its cases; each counts as one."""
import pytest

from harness.door import POOL_SIZE
from harness.drivers import DRIVERS, built, outcome

CLIENTS = 20


@pytest.fixture(scope="module", params=[name for name in DRIVERS if DRIVERS[name].cases])
def driver(request):
    """The name of a driver whose program is compiled: that may take longer than a test may."""
    built(request.param)
    return request.param


def test_driver(driver, door, table, record_property):
    door.prepares()
    dsn = door.weir.dsn("app")
    results, said = outcome(driver, {
        "WEIR_HOST": "localhost", "WEIR_PORT": str(dsn["port"]), "WEIR_USER": "app",
        "WEIR_DATABASE": "app", "WEIR_PASSWORD": dsn["password"], "WEIR_TABLE": table,
        "WEIR_CA": door.ca if door.is_tls else "", "WEIR_CLIENTS": str(CLIENTS),
        "WEIR_POOL_SIZE": str(POOL_SIZE), "WEIR_MODE": door.mode})
    expected = DRIVERS[driver].cases
    missing = [case for case in expected if case not in results]
    failed = {case: why for case, why in results.items() if why}
    record_property("cases", len(expected))
    record_property("cases_failed", len(missing) + len(failed))
    assert not failed, said
    assert not missing, f"never reported: {missing}\n{said}"
    assert set(results) == set(expected)
