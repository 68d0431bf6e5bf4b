"""Which tables a run reads, and whether what it reads belongs into the archive."""

from __future__ import annotations

from collections.abc import Iterable

from dpmagic.archive.folder import Writer
from dpmagic.errors import InvalidArgument
from dpmagic.estate.columns import tables, unknown_table
from dpmagic.estate.estate import Estate


def fits(writer: Writer, estate: Estate) -> None:
    """Raises `InvalidArgument` where adding the estate would mix two worlds, or turn time back."""
    if not writer.manifest.runs:
        return
    last = writer.manifest.runs[-1]
    if last.target != estate.source.target:
        raise InvalidArgument(
            f"the archive is of {last.target}, the estate of {estate.source.target}", "collect it into another folder"
        )
    if estate.now < last.at:
        raise InvalidArgument(
            f"the archive already reaches {last.at.isoformat()}, beyond the estate's {estate.now.isoformat()}",
            "open the estate anew; is the clock right?",
        )


def chosen(estate: Estate, only: Iterable[str] | None, recovery_points: bool) -> list[str]:
    """The tables to read, in their order."""
    wanted = set(tables()) if only is None else {"subscriptions", *([only] if isinstance(only, str) else only)}
    for name in sorted(wanted - set(tables())):
        raise unknown_table(name, tables())
    if not recovery_points:
        wanted.discard("recovery_points")
    return [name for name in tables() if name in wanted and estate.has(name)]
