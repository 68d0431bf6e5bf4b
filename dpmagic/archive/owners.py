"""In which subscription the rows of a table lie, and below which of some things."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def owners(rows: pyarrow.Table) -> pyarrow.ChunkedArray:
    """The subscription of each row, in lower case: the one it says, else that of its id; "" for what lies in none."""
    import pyarrow.compute as pc

    told = pc.struct_field(pc.extract_regex(pc.utf8_lower(rows["id"]), r"^/subscriptions/(?P<one>[^/]+)"), "one")
    if "subscriptionId" in rows.column_names:
        told = pc.coalesce(pc.utf8_lower(rows["subscriptionId"]), told)
    return pc.fill_null(told, "")


def outside(rows: pyarrow.Table, subscriptions: Collection[str]) -> pyarrow.Table:
    """The rows that lie in none of these subscriptions."""
    import pyarrow
    import pyarrow.compute as pc

    if not subscriptions:
        return rows
    those = pyarrow.array([one.lower() for one in subscriptions], pyarrow.string())
    return rows.filter(pc.invert(pc.is_in(owners(rows), value_set=those)))


def below(rows: pyarrow.Table, ids: Collection[str]) -> pyarrow.Array:
    """Which rows' ids are below one of these: a recovery point's below its instance."""
    import pyarrow

    tops = {one.lower() for one in ids}
    return pyarrow.array([bool(tops) and _is_below(one, tops) for one in rows["id"].to_pylist()], pyarrow.bool_())


def _is_below(given: str | None, tops: Collection[str]) -> bool:
    above = (given or "").lower()
    while above:
        above = above.rpartition("/")[0]
        if above in tops:
            return True
    return False
