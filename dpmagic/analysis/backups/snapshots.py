"""Which snapshots Azure Backup made, for which instance, of which disk.

Nothing on a snapshot says so for certain. One is Azure Backup's for an instance if it is incremental, in the resource
group that the instance names for snapshots, and a copy of the instance's disk; and if its name begins with
``AzureBackup_``, as all recorded ones do, or its tag ``CreatedBy`` says AzureBackup. A disk that was deleted and made
anew under its name is another disk: its ``uniqueId`` tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas
import pyarrow as pa
import pyarrow.compute as pc

from dpmagic.analysis.backups.keys import DISK, among, key

PREFIX = "azurebackup_"
_GROUP = "(?i)^(?P<group>/subscriptions/[^/]+/resourcegroups/[^/]+)"
_APART = pandas.Timedelta(minutes=1)


def by_backup(snapshots: pandas.DataFrame) -> pandas.Series:
    """Which snapshots Azure Backup made, by their name or tag; only incremental ones."""
    named = snapshots["name"].astype("str").str.lower().str.startswith(PREFIX)
    tagged = snapshots.loc[~named, "tags"].map(_signed).astype(bool)
    return tagged.reindex(snapshots.index, fill_value=True) & snapshots["incremental"].fillna(False).astype(bool)


def newest(snapshots: pandas.DataFrame) -> pandas.DataFrame:
    """Those that may be the newest that Azure Backup made of a disk in a resource group, in the order that they have.

    What is left out is older than another one that is alike in all that `of_instances` goes by.
    """
    named = snapshots["name"].astype("str").str.lower().str.startswith(PREFIX) & snapshots["timeCreated"].notna()
    alike = ("sourceResourceId", "sourceUniqueId", "incremental")
    mine = {name: snapshots.loc[named, name].factorize()[0] for name in alike}
    mine["group"] = group_of(snapshots.loc[named, ["id"]]).factorize()[0]
    # Whoever looks for these by their names minds the case.
    mine["spelled"] = snapshots.loc[named, "name"].str[: len(PREFIX)].factorize()[0]
    order = pandas.DataFrame(mine, index=snapshots.index[named]).assign(at=snapshots.loc[named, "timeCreated"])
    last = order.sort_values("at", kind="stable").drop_duplicates(list(mine), keep="last").index
    kept = ~named | snapshots.index.isin(last)
    made = snapshots[kept].reset_index(drop=True)
    made.attrs = snapshots.attrs
    return made


def group_of(snapshots: pandas.DataFrame) -> pandas.Series:
    """The id of each snapshot's resource group, in lower case."""
    # Of ids that are all different, only what is looked for is made texts of.
    found = pc.struct_field(pc.extract_regex(pa.array(snapshots["id"].astype("str")), _GROUP), "group")
    return key(pandas.Series(found.to_pandas(), dtype="str").set_axis(snapshots.index))


def of_instances(snapshots: pandas.DataFrame, instances: pandas.DataFrame, disks: pandas.DataFrame) -> pandas.DataFrame:
    """The snapshots that Azure Backup made for instances that there are, each with its ``instance``'s id in lower case.

    ``ofDisk`` is whether it is a copy of the disk that has the name now; missing if no disk has it, or none that can
    be seen. The rest is the snapshot's own.
    """
    mine = instances[among(instances["dataSourceType"], (DISK,))]
    places = pandas.DataFrame(
        {"instance": key(mine["id"]), "group": key(mine["resourceGroupId"]), "source": key(mine["dataSourceId"])}
    ).drop_duplicates(["group", "source"])
    ours = snapshots[by_backup(snapshots) & snapshots["timeCreated"].notna()]  # one in the making has none yet
    ours = ours.assign(group=group_of(ours), source=key(ours["sourceResourceId"]))
    found = ours.merge(places, on=["group", "source"])
    now = pandas.Series(key(disks["uniqueId"]).to_numpy(), index=key(disks["id"]))
    current = found["source"].map(now[~now.index.duplicated()])
    same = (key(found["sourceUniqueId"]) == current).astype("boolean")
    return found.assign(ofDisk=same.mask(current.isna())).drop(columns=["group", "source"])


def of_points(points: pandas.DataFrame, snapshots: pandas.DataFrame) -> pandas.DataFrame:
    """Recovery points with the snapshot that each stands for: ``snapshotId``, ``ofDisk``, missing if it is not there.

    ``points`` are a table's rows with their ``instance``, ``snapshots`` what `of_instances` gives. A list of points
    does not name their snapshots: one that was made when the point was, give or take a minute, is its.
    """
    mine = points.drop(columns=["snapshotId"]).assign(told=key(points["snapshotId"]))
    there = snapshots[["instance", "timeCreated", "id", "ofDisk"]].rename(columns={"id": "snapshotId"})
    there = there.sort_values("timeCreated", kind="stable").assign(place=range(len(there)))
    made = mine["creationTime"].fillna(mine["recoveryPointTime"])
    by_time = pandas.merge_asof(
        mine.assign(made=made).sort_values("made", kind="stable"), there, left_on="made", right_on="timeCreated",
        by="instance", direction="nearest", tolerance=_APART,
    )  # fmt: skip
    # Where the point names its snapshot, the name decides.
    told = by_time["told"].notna()
    same = told & (key(by_time["snapshotId"]) == by_time["told"])
    named = there.assign(told=key(there["snapshotId"])).drop_duplicates("told").set_index("told")
    for name in ("snapshotId", "ofDisk", "timeCreated"):
        exact = named[name].reindex(by_time["told"]).set_axis(by_time.index)
        by_time[name] = by_time[name].where(~told | same, exact)
    return by_time.drop(columns=["told", "made", "place"])


def _signed(tags: object) -> bool:
    """Whether tags say that Azure Backup made what has them."""
    pairs = tags.items() if isinstance(tags, Mapping) else ()
    return any(name.lower() == "createdby" and str(value).lower() == "azurebackup" for name, value in pairs)
