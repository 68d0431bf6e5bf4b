"""A table as it is asked of Resource Graph, and what comes of that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas

from dpmagic.estate import views
from dpmagic.estate.columns import Table, table
from dpmagic.estate.reading import LARGE, Wanted
from dpmagic.estate.source import at_least
from dpmagic.estate.window import Window
from dpmagic.frames.declared import Declared
from dpmagic.graph.answer import QueryAnswer
from dpmagic.graph.query import Asked
from dpmagic.graph.scope import Scope

CALLED = {"recovery_points": "instances", "deleted_instances": "vaults"}
"""What only ARM has, and of which table it takes a call for each row."""

# Tables that may have many pages are asked in parts at once, as far as the quota goes, when there are subscriptions
# enough for it: each part has pages of its own, the last one not full.
_PARTS, _EACH = 4, 10
MANY = (*LARGE, "disks", "instances")
"""Tables that may have many rows: only the columns that are wanted are asked for."""
# Tables of which a subscription inherits rows from its management groups.
_INHERITED = ("role_assignments", "exemptions")


def authorization(name: str | None) -> str:
    """Resource Graph's filter for a table, by whose rows a subscription inherits what stands above it."""
    return "AtScopeAboveAndBelow" if name in _INHERITED else ""


def parts(name: str, subscriptions: int) -> int:
    """In how many parts a table of so many subscriptions is asked, at least."""
    return max(1, min(_PARTS, subscriptions // _EACH)) if name in LARGE else 1


@dataclass
class Read:
    """A table that is being read: what of, and what there is to say of it."""

    known: Table
    now: datetime
    window: Window
    columns: Collection[str] | None = None
    clause: str = ""
    kql: str = ""
    of: int | None = None
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @classmethod
    def begun(cls, wanted: Wanted, now: datetime) -> Read:
        """Nothing of it is read yet."""
        excerpt = wanted.excerpt
        columns = wanted.columns if excerpt or wanted.name in MANY else None
        return cls(table(wanted.name), now, wanted.window, columns, excerpt.clause if excerpt else "")

    @property
    def first(self) -> Read:
        """What is asked of Resource Graph: the table, or the ids of those that ARM is called for."""
        of = CALLED.get(self.known.name)
        return self if of is None else Read(table(of), self.now, self.window, ["id"])

    @property
    def _how(self) -> Declared:
        wanted = at_least(self.known, self.columns)
        return Declared(*({column: one[column] for column in wanted} for one in (self.known.dtypes, self.known.wire)))

    def asked(self, subscriptions: Sequence[str]) -> Asked:
        """The query, of these subscriptions."""
        self._say()
        name = self.known.name
        scope = Scope(tuple(subscriptions), authorization=authorization(name))
        return Asked(self.kql, scope, parts(name, len(subscriptions)), self._how.pack)

    def nothing(self) -> pandas.DataFrame:
        """The table where there is no subscription to ask."""
        self._say()
        return self._how.of_objects([])

    def _say(self) -> None:
        some = None if self.columns is None else [self.known.wire[one] for one in at_least(self.known, self.columns)]
        self.kql = views.query(self.known.name, self.window, some, self.clause)

    def framed(self, answer: QueryAnswer) -> pandas.DataFrame:
        """The table that has come; what the answer says is noted."""
        made = self._how.frame([column["name"] for column in answer.columns], answer.pages)
        self.of, self.notes = answer.of, [*self.notes, *answer.notes]
        if self.known.name not in _INHERITED:
            return made
        # Subscriptions asked in several parts inherit the same rows.
        once = made.drop_duplicates("id", ignore_index=True)
        self.of -= len(made) - len(once)
        return once
