"""A query of Resource Graph as a person asks it: scopes by name, typed frames, other forms and files."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic import output
from dpmagic.arm.paging import uncollected
from dpmagic.connection import Connection
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.graph.answer import QueryAnswer
from dpmagic.graph.parameters import asked, in_quotes
from dpmagic.graph.query import ask
from dpmagic.graph.scope import Scope
from dpmagic.progress import Observer
from dpmagic.session import current

if TYPE_CHECKING:
    import pandas

TENANT = "tenant"
FORMS = ("frame", "json", "jsonc", "yaml", "yamlc", "raw", "tsv", "table", "none")
"""What ``-o`` takes in a notebook."""
_SUBSCRIPTION = re.compile(r"(?:/subscriptions/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?", re.IGNORECASE)
_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/([^/]+)/?", re.IGNORECASE)
_CONTAINERS = (
    "resourcecontainers | where type in~ ('microsoft.resources/subscriptions', 'microsoft.management/managementgroups')"
    " | project id, name, subscriptionId, displayName = tostring(properties.displayName) | order by id asc"
)


def query(
    kql: str,
    /,
    *,
    scope: Scope | str | Iterable[str] | None = None,
    top: int | None = None,
    connection: Connection | None = None,
    **names: Any,
) -> pandas.DataFrame:
    """All rows of a query of Azure Resource Graph, or the first ``top``, as a typed DataFrame.

    ``scope`` is what `resolved` takes; without it, all that the caller can see.  ``$name`` in the query is looked up in
    ``names`` and becomes a literal.  ``attrs["dpmagic"]`` says what the answer covers.

    Raises `QueryError`, with the place of the fault, when the service refuses the query; `IncompleteAnswer` when not
    all rows can be had; `InvalidArgument` for a scope or a name that is not there, and a name that is not asked for.
    """
    for name in names:
        if name not in (known := asked(kql)):
            hint = f"it has {', '.join(f'${one}' for one in known)}" if known else "a name in quotes is text"
            raise InvalidArgument(f"the query has no ${name}", did_you_mean(name, known, hint))
    used = connection or current().connected()
    with uncollected():
        answer = ask(used, kql, resolved(used, scope), names=names, top=top, observer=current().observer)
        return frame_of(answer, used)


def resolved(connection: Connection, scope: Scope | str | Iterable[str] | None) -> Scope:
    """A scope from words: ids or names of subscriptions, or of management groups, or ``tenant``; ARM's ids of both do.

    Raises `InvalidArgument` for a name that is not there, with the nearest that is, and for a mixture of both kinds.
    """
    if scope is None or isinstance(scope, Scope):
        return scope or Scope()
    words = _words(scope)
    if [word.lower() for word in words] == [TENANT]:
        return Scope()
    containers: list[Any] | None = None
    subscriptions, groups = [], []
    for word in words:
        if found := _SUBSCRIPTION.fullmatch(word):
            subscriptions.append(found[1])
        elif found := _GROUP.fullmatch(word):
            groups.append(found[1])
        else:
            containers = containers or ask(connection, _CONTAINERS, check=False).rows
            below, above = _named(word, containers)
            subscriptions += below
            groups += above
    if groups and not subscriptions:
        return Scope(management_groups=tuple(dict.fromkeys(groups)))
    if groups:
        raise InvalidArgument("a query goes to subscriptions or to management groups, not to both", "give one kind")
    return Scope.of(subscriptions)


def _words(scope: str | Iterable[str]) -> list[str]:
    wrong = type(scope).__name__
    if isinstance(scope, Iterable):
        words = [scope] if isinstance(scope, str) else list(scope)
        if all(isinstance(word, str) for word in words):
            return words
        wrong = f"a {wrong} with {next(type(word).__name__ for word in words if not isinstance(word, str))}"
    raise InvalidArgument(f"a scope is text or a list of texts, not {wrong}", "give names or ids, or 'tenant' for all")


def _named(word: str, containers: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    """The ids of the subscriptions of this name; where there are none, of the management groups."""
    lower = word.lower()
    below = [subscription for _, name, subscription, _ in containers if subscription and name.lower() == lower]
    above = [
        name
        for _, name, subscription, shown in containers
        if not subscription and lower in (name.lower(), shown.lower())
    ]
    if not below and not above:
        names = sorted({name if subscription else shown or name for _, name, subscription, shown in containers})
        raise InvalidArgument(
            f"there is no subscription or management group called {word!r}",
            did_you_mean(word, names, f"you can see: {', '.join(names[:8]) or 'none'}"),
        )
    return below, [] if below else above


def frame_of(answer: QueryAnswer, connection: Connection) -> pandas.DataFrame:
    """The answer as a typed DataFrame, with what it covers in ``attrs["dpmagic"]``."""
    from dpmagic.frames import table_frame
    from dpmagic.frames.times import format_time

    attrs = {"target": connection.target, "at": format_time(answer.at), **answer.told()}
    return table_frame(answer.table, attrs=attrs)


def records(answer: QueryAnswer) -> list[dict[str, Any]]:
    """The rows as objects, in the answer's order."""
    names = [column["name"] for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def text(answer: QueryAnswer, form: str, connection: Connection, width: int | None = None) -> str:
    """The rows as ``-o`` prints them; ``json`` and ``raw`` are a list of objects, keys sorted or in their order."""
    if form == "table":
        from dpmagic.frames.terminal import terminal_table

        return terminal_table(frame_of(answer, connection), width)
    return output.text(records(answer), form)


def write(answer: QueryAnswer, path: Path, connection: Connection) -> str:
    """Write the rows to a file, as its suffix says, and give one line that says so; see `dpmagic.output.write`."""
    table = path.suffix.lower() in (".csv", ".tsv", ".parquet", ".xlsx")
    return output.write(frame_of(answer, connection) if table else records(answer), path)


def data(answer: QueryAnswer, form: str, connection: Connection) -> bytes:
    """The rows as a file of this form would hold them: ``csv``, ``parquet`` or ``json``."""
    from dpmagic.frames import files

    if form == "json":
        return (json.dumps(records(answer), indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
    made = frame_of(answer, connection)
    return files.parquet_bytes(made) if form == "parquet" else files.csv_bytes(made)


def told(answer: QueryAnswer) -> list[str]:
    """What to know of an answer, a line each: of how many rows it is a part, who could not be asked, what moved."""
    lines = []
    if answer.count < answer.of:
        lines.append(f"the first {answer.count:,} of {answer.of:,} rows")
    covered = answer.covered
    if covered is not None and covered.unreadable:
        named = ", ".join(covered.unreadable[:3]) + (" ..." if len(covered.unreadable) > 3 else "")
        lines.append(f"{len(covered.unreadable)} of {len(covered.asked)} subscriptions cannot be read: {named}")
    return [*lines, *answer.notes]


def warn(kql: str, names: Container[str], observer: Observer) -> None:
    """Tell an observer of names in quotes, which stand for themselves: such a query mostly finds nothing."""
    for one in in_quotes(kql, names):
        observer.say(f"{one} in quotes is text, not the variable: write {one[1:-1]} without quotes")


def say(answer: QueryAnswer, observer: Observer) -> None:
    """Tell an observer."""
    for line in told(answer):
        observer.say(line)
