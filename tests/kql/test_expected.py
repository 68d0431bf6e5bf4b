"""Every query of the reference battery is accepted, refused or a syntax error, as ``expected.toml`` says."""

from __future__ import annotations

import tomllib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dpmagic.sandbox.kql import Engine, KqlError, Tables
from tests.kql import estate

HERE = Path(__file__).resolve().parent
FILES = HERE.parents[1] / ".." / "shared" / "reference" / "kql"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the reference queries are not beside this checkout")

ENGINE = Engine()


def named(expect: str) -> list[str]:
    return [name for name, entry in EXPECTED.items() if entry["expect"] == expect]


def query(name: str) -> str:
    return (FILES / f"{name}.kql").read_text(encoding="utf-8")


def ask(text: str) -> Any:
    return ENGINE.run(text, Tables(frozenset(estate.ROWS), estate.ROWS.__getitem__), estate.NOW, version=1)


def refusal(name: str) -> KqlError:
    with pytest.raises(KqlError) as caught:
        ask(query(name))
    return caught.value


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return estate.database()


def plain(value: Any) -> Any:
    """A value of DuckDB as Resource Graph writes it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return float(value) if isinstance(value, Decimal) else value


def test_every_file_is_named_and_nothing_else() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in FILES.glob("*.kql"))
    assert {entry["expect"] for entry in EXPECTED.values()} == {"accepted", "refused", "syntax"}


@pytest.mark.parametrize("name", named("accepted"))
def test_accepted_with_the_answer_of_sql_by_hand(name: str, database: duckdb.DuckDBPyConnection) -> None:
    entry, answer = EXPECTED[name], ask(query(name))
    shown = entry.get("columns", [column.name for column in answer.columns])
    rows = [tuple(record[column] for column in shown) for record in answer.records()]
    expected = [tuple(map(plain, row)) for row in database.execute(entry["sql"]).fetchall()]
    assert expected, "the estate was made so that every accepted file finds something"
    if not entry.get("ordered"):
        rows, expected = sorted(rows, key=repr), sorted(expected, key=repr)
    assert rows == expected


@pytest.mark.parametrize("name", named("refused"))
def test_refused_with_its_reason(name: str) -> None:
    entry, error = EXPECTED[name], refusal(name)
    assert entry["reason"]
    assert (error.code, error.token) == (entry["code"], entry.get("token"))


@pytest.mark.parametrize("name", named("syntax"))
def test_syntax_errors_in_their_place(name: str) -> None:
    entry, error = EXPECTED[name], refusal(name)
    assert (error.code, error.line, error.position) == ("ParserFailure", entry["line"], entry["column"])
