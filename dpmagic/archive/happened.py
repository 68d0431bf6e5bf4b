"""What began within a window, from an archive's files: what ended is stored once, what had not is in a list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic.archive import deltas
from dpmagic.archive.compact import read_parts
from dpmagic.archive.halves import halved, joined
from dpmagic.archive.manifest import Kind, Manifest, Part
from dpmagic.estate.columns import Table
from dpmagic.estate.window import Window

if TYPE_CHECKING:
    import pyarrow

ENDED = ("endTime", "status")  # what tells whether a job had ended


def touches(part: Part, window: Window) -> bool:
    return part.first < window.end and part.last >= window.start


@dataclass(frozen=True)
class Happened:
    """The rows of a table of what happened that began within a window, by ``columns`` as files name them (None: all),
    texts ``packed`` as dictionaries; only those that hold, in any case, the text in each column of one list at least of
    ``holding``, if there is any."""

    path: Path
    manifest: Manifest
    known: Table
    window: Window
    columns: Collection[str] | None = None
    packed: bool = False
    holding: Sequence[Sequence[tuple[str, str]]] = ()

    def rows(self) -> pyarrow.Table | None:
        """All of them, in memory."""
        some = self._some()
        if some is not None and any(part.again for part in self.manifest.of(self.known.name, "rows")):
            some.update(deltas.KEYS)  # by which newer versions are found
        stored, going_on = self._within("rows", self.window, some, self.packed), self.going_on()
        if stored is None or going_on is None:
            return going_on if stored is None else stored
        if not going_on.num_rows:
            return stored
        if some is not None and "id" not in some:
            going_on = going_on.drop_columns(["id"])
        return _together([stored, halved(going_on) if self.packed else going_on])

    def parts(self) -> list[Part] | None:
        """The parts of what ended, where they hold each row once; None where some hold newer versions."""
        mine = [part for part in self.manifest.of(self.known.name, "rows") if touches(part, self.window)]
        return None if any(part.again for part in mine) else mine

    def going_on(self) -> pyarrow.Table | None:
        """Those that had not ended by the last run, with their ids; None where the archive has no list of them."""
        some = self._some()
        wanted = None if some is None else {*some, "id", self.known.time}
        found = self._within("latest", self.window, wanted, self.packed)
        if found is None or not found.num_rows:
            return found
        return _not_in(joined(found), self._ids_near(found))

    def _some(self) -> set[str] | None:
        return None if self.columns is None else {*self.columns, *ENDED}

    def _ids_near(self, rows: pyarrow.Table) -> pyarrow.Table | None:
        """The ids of what is stored of the time of these rows."""
        import pyarrow.compute as pc

        edges = pc.min_max(rows[self.known.time]).as_py()
        return self._within("rows", Window(edges["min"], edges["max"] + datetime.resolution), {"id"}, False)

    def _within(
        self, kind: Kind, window: Window, columns: Collection[str] | None, packed: bool
    ) -> pyarrow.Table | None:
        between = [(self.known.time, ">=", window.start), (self.known.time, "<", window.end)]
        parts = self.manifest.of(self.known.name, kind)
        chosen = [part for part in parts if touches(part, window)]
        filters = _holding(between, self.holding) if self.holding else between
        return read_parts(self.path, chosen or parts[:1], filters, columns, packed) if parts else None


def _holding(between: list[Any], lists: Sequence[Sequence[tuple[str, str]]]) -> Any:
    """Those filters, and that the texts are held, as one expression."""
    import pyarrow.compute as pc
    from pyarrow import parquet

    held = [
        reduce(and_, [pc.match_substring(pc.field(name), text, ignore_case=True) for name, text in texts])
        for texts in lists
    ]
    return parquet.filters_to_expression(between) & reduce(or_, held)


def _not_in(rows: pyarrow.Table, known: pyarrow.Table | None) -> pyarrow.Table:
    return rows if known is None else deltas.unknown(rows, known)[0]


def _together(pieces: list[pyarrow.Table]) -> pyarrow.Table:
    import pyarrow

    return pyarrow.concat_tables(pieces, promote_options="permissive")
