"""What tests of every room may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.kusto import KustoParser

# No test fails for being slow: how long an example takes is the machine's business.
settings.register_profile("dpmagic", deadline=None)
settings.load_profile("dpmagic")


@pytest.fixture(scope="session")
def kusto_parser() -> Iterator[KustoParser]:
    """Kusto's own parser: ``kusto_parser.faults(kql)`` is empty where the syntax is right."""
    with KustoParser() as parser:
        yield parser
