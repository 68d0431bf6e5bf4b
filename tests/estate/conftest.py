"""The default estate of the sandbox, opened once for all tests that only read it."""

from __future__ import annotations

import pytest

from dpmagic.connection import Connection, connect_sandbox
from dpmagic.estate import Estate
from dpmagic.estate.opening import open_live


@pytest.fixture(scope="package")
def connection() -> Connection:
    return connect_sandbox(estate="default")


@pytest.fixture(scope="package")
def live(connection: Connection) -> Estate:
    return open_live(connection)
