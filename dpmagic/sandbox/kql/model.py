"""What a Resource Graph query is about: the tables, their columns, the answer and the refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

KustoType = Literal["string", "long", "int", "real", "bool", "datetime", "timespan", "dynamic", "guid"]

#: Every table of Resource Graph has these columns, in this order (recorded rows).
TABLE_COLUMNS: dict[str, KustoType] = {
    "id": "string",
    "name": "string",
    "type": "string",
    "tenantId": "string",
    "kind": "string",
    "location": "string",
    "resourceGroup": "string",
    "subscriptionId": "string",
    "managedBy": "string",
    "sku": "dynamic",
    "plan": "dynamic",
    "properties": "dynamic",
    "tags": "dynamic",
    "identity": "dynamic",
    "zones": "dynamic",
    "extendedLocation": "dynamic",
}


def words(text: str) -> frozenset[str]:
    """A set of words, written as one text.

    >>> sorted(words("take limit"))
    ['limit', 'take']
    """
    return frozenset(text.split())


#: The tables that Resource Graph documents and that backup reporting may touch.
TABLES = words(
    """resources resourcecontainers resourcechanges resourcecontainerchanges recoveryservicesresources
    advisorresources alertsmanagementresources authorizationresources computeresources guestconfigurationresources
    healthresources healthresourcechanges insightsresources maintenanceresources networkresources
    patchassessmentresources policyresources quotaresources securityresources servicehealthresources
    supportresources tagsresources"""
)

INVALID_QUERY = (
    "Query is invalid. Please refer to the documentation for the Azure Resource Graph service "
    "and fix the error before retrying."
)


@dataclass(frozen=True)
class Column:
    """One column of an answer and its Kusto type."""

    name: str
    type: KustoType


@dataclass(frozen=True)
class Answer:
    """The whole answer of a query, decoded only as far as it is read.

    ``table`` is an Arrow table with the columns in order, as DuckDB gave them. ``limited`` says that the query
    itself cuts the rows (limit, take, sample), which rules out paging; ``grouped`` that it groups them (summarize).
    """

    columns: tuple[Column, ...]
    table: Any = field(repr=False)
    limited: bool = False
    grouped: bool = False

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(self.table.num_rows)

    @property
    def size(self) -> int:
        """About how many bytes the answer holds."""
        return int(self.table.nbytes)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows; see :meth:`slice`."""
        return self.slice(0, self.count)

    def slice(self, start: int, count: int) -> list[tuple[Any, ...]]:
        """Some rows as plain values in the order of ``columns``, at a cost that ``start`` has no part in.

        Dynamics are decoded, datetimes are ``2026-01-01T00:00:00.0000000Z``, timespans ``d.hh:mm:ss.fffffff``.
        """
        from .values import read

        piece = self.table.slice(start, count)
        columns = [read(column.type, values) for column, values in zip(self.columns, piece.columns, strict=True)]
        return list(zip(*columns, strict=True))

    def records(self) -> list[dict[str, Any]]:
        """The rows as one dict a row, the shape of ``objectArray``."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class KqlError(Exception):
    """A query that Resource Graph, or this sandbox, does not run.

    ``code`` is the service's detail code. ``line`` is 1-based and ``position`` 0-based, as the service
    reports them; both are -1 where it gives none. ``token`` is the text at fault, ``expected`` what the
    parser wanted. The code ``SandboxUnsupported`` is ours alone: the service would run the query, the
    sandbox does not.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        line: int = -1,
        position: int = -1,
        token: str | None = None,
        expected: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.position = position
        self.token = token
        self.expected = expected


def semantic(message: str, token: str | None = None) -> KqlError:
    """A refusal of the meaning (unknown column, wrong types). The detail code is modelled, not recorded."""
    return KqlError("SemanticError", message, token=token)


def unsupported(what: str) -> KqlError:
    """A gap of the sandbox, said plainly, so that nobody takes it for a refusal of the service."""
    return KqlError("SandboxUnsupported", f"the sandbox does not run {what} yet.", token=what)


def outside_language(token: str) -> KqlError:
    """Outside Resource Graph's subset of KQL: recorded with -1 for line and position."""
    return KqlError("InvalidQueryLanguage", "InvalidQueryLanguage", token=token)
