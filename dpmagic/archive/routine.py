"""What an archive keeps of the changes that Azure Backup itself makes all day: snapshots that come and go.

They are most of all changes, and half of their bytes would be guids that soon lead nowhere: Azure forgets a change by
its id after 14 days, and what the activity log knows it by after 90.  Which snapshot it was, what happened, when and by
whom stays.  Of what a person did, or of any other change, all is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

_OURS = "/snapshots/AzureBackup_"  # how Azure Backup names its snapshots, as recorded
_GUIDS = ("id", "name", "correlationId")


def without_guids(rows: pyarrow.Table) -> pyarrow.Table:
    """Changes, those that are routine without ``id``, ``name`` and ``correlationId``; any other table as it is."""
    import pyarrow
    import pyarrow.compute as pc

    if "targetResourceId" not in rows.column_names:
        return rows
    made: Any = pc.is_in(rows["changeType"], value_set=pyarrow.array(["Create", "Delete"]))
    ours = pc.match_substring(rows["targetResourceId"], _OURS, ignore_case=True)
    person = pc.equal(pc.utf8_lower(rows["changedByType"]), "user")
    routine = pc.and_(pc.and_(made, pc.fill_null(ours, False)), pc.invert(pc.fill_null(person, True)))
    routine = pc.and_(routine, pc.is_valid(rows["timestamp"]))
    for name in _GUIDS:
        place = rows.column_names.index(name)
        kept = pc.if_else(routine, pyarrow.scalar(None, rows[name].type), rows[name])
        rows = rows.set_column(place, rows.schema.field(place), kept)
    return rows
