"""Tables of typed columns: what an estate's jobs, recovery points and instances are kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

INSTANCES = {
    "key": "u8",  # of its id: what its random draws depend on
    "policy": "i4",
    "active": "?",  # whether policies run for it
    "fault": "i2",  # why every run of it fails, 0 if none does
    "why": "i2",  # the planted defect behind state and fault, -1 if none
    "ruled": "?",  # whether a rule of planted behaviour names it
    "median": "i8",  # ticks that its backups take
    "since": "i8",  # no run before
    "day": "i4",  # calendar day of the last success
    "busy": "i8",  # end of the last run
    "holder": "i2",  # the planted defect of the last run, -1 if none
    "held": "i8",  # since when stopped protection keeps its points, whatever their expiry; NEVER if it does not
    "life": "i1",  # how often its disk was made anew under the same name
}
RUNS = {
    "instance": "i4",
    "policy": "i4",
    "due": "i8",
    "start": "i8",
    "end": "i8",
    "status": "i1",
    "fault": "i2",
    "tag": "i4",
    "attempt": "i1",
    "cause": "i2",  # the planted defect, -1 if none
    "user": "?",
}
#: A run that is due but has not started: with what its start still depends on.
WAITING = {**RUNS, "day": "i4", "choice": "i4", "kept": "i8", "linger": "i8"}
POINTS = {
    "instance": "i4",
    "policy": "i4",
    "start": "i8",  # of the job that made it
    "created": "i8",
    "time": "i8",
    "expiry": "i8",
    "gone": "i8",  # when the snapshot goes: at the expiry, but for planted ones
    "tag": "i4",
    "life": "i1",
    "byHand": "?",  # whether somebody deleted the snapshot before its time
}


class Table:
    """Columns of one length by name."""

    __slots__ = ("columns",)

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = dict(columns)

    @classmethod
    def empty(cls, schema: Mapping[str, str]) -> Table:
        """A table without rows."""
        return cls({name: np.empty(0, kind) for name, kind in schema.items()})

    @classmethod
    def filled(cls, schema: Mapping[str, str], rows: int, **columns: Any) -> Table:
        """A table of so many rows; columns that are not given are zero."""
        made = {name: np.zeros(rows, kind) for name, kind in schema.items()}
        for name, values in columns.items():
            made[name][:] = values
        return cls(made)

    @classmethod
    def joined(cls, schema: Mapping[str, str], tables: Iterable[Table]) -> Table:
        """Tables of a schema, one after another; columns beyond the schema are left out."""
        parts = [table for table in tables if len(table)]
        if not parts:
            return cls.empty(schema)
        if len(parts) == 1:
            return cls({name: parts[0][name] for name in schema})
        return cls({name: np.concatenate([part[name] for part in parts]) for name in schema})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __setitem__(self, name: str, values: Any) -> None:
        self.columns[name][:] = values

    def take(self, rows: Any) -> Table:
        """The rows of a mask, of a slice or of indices."""
        return Table({name: column[rows] for name, column in self.columns.items()})

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(column.nbytes for column in self.columns.values())


class Ledger:
    """A table that grows at one end and is forgotten at the other, in pieces sorted by instance and start.

    ``last`` names the column whose greatest value says when a row may be forgotten.
    """

    def __init__(self, schema: Mapping[str, str], last: str) -> None:
        self._schema = schema
        self._last = last
        self._pieces: list[Table] = []
        self._middles: list[int] = []  # by piece: until then, less than half of it can be forgotten
        self._loose: list[Table] = []
        self.version = 0  # grows with every change

    def add(self, rows: Table) -> None:
        """Append rows that are sorted by instance and start."""
        if len(rows):
            self._loose.append(Table({name: rows[name] for name in self._schema}))
            self.version += 1

    def seal(self) -> None:
        """Make one piece of what was added since the last time: the end of a day."""
        if self._loose:
            self._pieces.append(self._sorted(self._loose))
            self._middles.append(_middle(self._pieces[-1][self._last]))
            self._loose = []

    def forget(self, before: int, stays: Callable[[Table], Column] | None = None) -> None:
        """Drop rows whose last instant is not later; a piece is only rewritten once half of it can go.

        ``stays`` says which rows stay all the same.
        """
        kept, middles = [], []
        for piece, middle in zip(self._pieces, self._middles, strict=True):
            if middle <= before:
                live = piece[self._last] > before
                piece = piece.take(live | stays(piece) if stays else live)
                middle = _middle(piece[self._last])
            if len(piece):
                kept.append(piece)
                middles.append(middle)
        self._pieces, self._middles = kept, middles

    def pieces(self) -> list[Table]:
        """Everything, each piece sorted by instance and start."""
        if len(self._loose) > 1:
            self._loose = [self._sorted(self._loose)]
        return [*self._pieces, *self._loose]

    def of(self, instance: int) -> Table:
        """The rows of one instance, in the order in which they were added."""
        return self.between(instance, instance + 1)

    def between(self, first: int, after: int) -> Table:
        """The rows of instances from ``first`` up to, not including, ``after``."""
        found = []
        for piece in self.pieces():
            low, high = np.searchsorted(piece["instance"], (first, after))
            found.append(piece.take(slice(low, high)))
        return Table.joined(self._schema, found)

    def everything(self) -> Table:
        """All rows as one table."""
        return Table.joined(self._schema, self.pieces())

    def set(self, instance: int, start: int, **values: Any) -> None:
        """Change columns of the row of an instance that started at an instant."""
        self.version += 1
        for piece in self.pieces():
            low, high = np.searchsorted(piece["instance"], (instance, instance + 1))
            for row in range(int(low), int(high)):
                if piece["start"][row] == start:
                    for name, value in values.items():
                        piece[name][row] = value
        self._measure()

    def end(self, instance: int, at: int) -> None:
        """Have points of an instance, and their snapshots, go at an instant if they would go later."""
        self.version += 1
        for piece in self.pieces():
            low, high = np.searchsorted(piece["instance"], (instance, instance + 1))
            for name in ("expiry", "gone"):
                piece[name][low:high] = np.minimum(piece[name][low:high], at)
        self._measure()

    def lapse(self, instance: int, since: int, at: int) -> None:
        """Have the points of an instance that would have gone since an instant, and their snapshots, go at another."""
        for piece in self.pieces():
            low, high = np.searchsorted(piece["instance"], (instance, instance + 1))
            for name in ("expiry", "gone"):
                column = piece[name][low:high]
                column[(column > since) & (column < at)] = at
        self.version += 1
        self._measure()

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(piece.nbytes for piece in self.pieces())

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces())

    def _measure(self) -> None:
        self._middles = [_middle(piece[self._last]) for piece in self._pieces]

    def _sorted(self, parts: list[Table]) -> Table:
        whole = Table.joined(self._schema, parts)
        if len(parts) == 1:
            return whole
        return whole.take(np.lexsort((whole["start"], whole["instance"])))


def _middle(instants: Column) -> int:
    """The instant at which half of the rows are past."""
    return int(np.partition(instants, len(instants) // 2)[len(instants) // 2]) if len(instants) else 0
