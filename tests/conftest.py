"""What tests of every room may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kusto import KustoParser


@pytest.fixture(scope="session")
def kusto_parser() -> Iterator[KustoParser]:
    """Kusto's own parser: ``kusto_parser.faults(kql)`` is empty where the syntax is right."""
    with KustoParser() as parser:
        yield parser
