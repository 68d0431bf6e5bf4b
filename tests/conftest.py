"""What tests of every room may use."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from dpmagic.session import current
from tests.kusto import KustoParser

# No test fails for being slow: how long an example takes is the machine's business.
settings.register_profile("dpmagic", deadline=None)
settings.load_profile("dpmagic")
# A shell starts what it runs in the background deaf to Ctrl-C, and so would be what the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def kusto_parser() -> Iterator[KustoParser]:
    """Kusto's own parser: ``kusto_parser.faults(kql)`` is empty where the syntax is right."""
    with KustoParser() as parser:
        yield parser


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The session of this process as it was: the shell's commands, run in process, make it theirs."""
    session = current()
    before = dict(vars(session))
    yield
    vars(session).update(before)
