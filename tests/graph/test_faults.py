"""Every fault of the sandbox's, on hundreds of pages: the rows are exact each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from dpmagic.connection import Connection, connect_sandbox
from dpmagic.errors import AzureError, ConnectionFailed
from dpmagic.graph import paging
from dpmagic.graph.answer import QueryAnswer
from dpmagic.graph.query import ask, ask_all
from dpmagic.sandbox import Mishap, Mishaps

# Snapshots come and go with the clock, which goes on with every request; the others stay.
STEADY = "resources | where type !~ 'microsoft.compute/snapshots' | project id, name | order by id asc"

pytestmark = pytest.mark.slow


class Renewing:
    """A credential that gives another token each time it is asked."""

    def __init__(self) -> None:
        self.given = 0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.given += 1
        return AccessToken(f"token-{self.given}", 2**33)


@pytest.fixture(scope="module")
def estate() -> Connection:
    return connect_sandbox()


@pytest.fixture
def connection(estate: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection whose pages have one row each of some three hundred, and whose tokens can be renewed."""
    monkeypatch.setattr(paging, "PAGE", 1)
    yield replace(estate, credential=Renewing())
    estate.sandbox.mishaps = Mishaps()


@pytest.fixture(scope="module")
def whole(estate: Connection) -> QueryAnswer:
    """The rows as they come when nothing goes wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "PAGE", 1)
        found = ask(estate, STEADY)
    assert len(found.pages) > 300
    return found


def goes_wrong(connection: Connection, *mishaps: Mishap, seed: int = 1) -> Mishaps:
    connection.sandbox.mishaps = Mishaps(mishaps, seed=seed)
    found: Mishaps = connection.sandbox.mishaps
    return found


STORMS = {
    "429 storms": [Mishap("throttled", chance=0.2, seconds=7), Mishap("throttled-silently", chance=0.2)],
    "resets": [Mishap("reset", chance=0.15)],
    "truncated bodies": [Mishap("truncated", chance=0.15)],
    "failures": [Mishap("500", chance=0.08), Mishap("503", chance=0.08), Mishap("slow", chance=0.05, seconds=20)],
    "a long outage": [Mishap("throttled-silently", skip=100, times=10)],
    "all of it": [
        Mishap(kind, chance=0.05) for kind in ("throttled", "throttled-silently", "500", "503", "reset", "truncated")
    ],
}


@pytest.mark.parametrize("storm", STORMS)
def test_rows_are_exact_in_every_storm(whole: QueryAnswer, connection: Connection, storm: str) -> None:
    happened = goes_wrong(connection, *STORMS[storm]).happened
    again = ask(connection, STEADY)
    assert len(happened) >= 10
    assert again.rows == whole.rows
    assert (again.of, again.notes) == (whole.of, ())


def test_a_token_that_expires_on_page_400_is_renewed(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 20)
    kql = "resources | project id | order by id asc"
    happened = goes_wrong(connection, Mishap("expired", skip=399, times=1)).happened
    answer = ask(connection, kql)
    credential: Any = connection.credential
    assert len(answer.pages) > 400
    assert [kind for kind, _ in happened] == ["expired"]
    assert credential.given == 2
    assert len({row[0].lower() for row in answer.rows}) == answer.count == answer.of


def test_a_token_that_is_not_renewed_is_an_error_that_says_so(connection: Connection) -> None:
    from dpmagic.clouds import StaticToken

    goes_wrong(connection, Mishap("expired", skip=3, times=1))
    with pytest.raises(AzureError, match="ExpiredAuthenticationToken") as caught:
        ask(replace(connection, credential=StaticToken("one")), STEADY)
    assert "az login" in caught.value.hint


def test_rows_are_exact_when_several_queries_meet_a_storm_together(connection: Connection) -> None:
    kinds = ["microsoft.compute/virtualmachines", "microsoft.storage/storageaccounts", "microsoft.compute/disks"]
    queries = [f"resources | where type =~ '{one}' | project id | order by id asc" for one in kinds]
    whole = [answer.rows for answer in ask_all(connection, queries)]
    happened = goes_wrong(connection, *STORMS["all of it"]).happened
    assert [answer.rows for answer in ask_all(connection, queries)] == whole
    assert len(happened) > 20


def test_a_network_that_stays_down_is_an_error_and_the_connection_lives_on(connection: Connection) -> None:
    goes_wrong(connection, Mishap("reset", skip=2, times=50))
    with pytest.raises(ConnectionFailed, match="broke off"):
        ask(connection, STEADY)
    goes_wrong(connection)
    assert ask(connection, STEADY).count > 300
