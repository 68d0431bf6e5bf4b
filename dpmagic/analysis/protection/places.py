"""Where a disk without a backup could be backed up: a vault of its region, a policy of it, a group for snapshots."""

from __future__ import annotations

from dataclasses import dataclass

import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection import eligibility
from dpmagic.analysis.protection.scopes import subscription_of

_DISKS = "microsoft.compute/disks"
_MOST_A_DAY = 2  # of Premium SSD v2 and Ultra disks


@dataclass(frozen=True)
class Place:
    """A vault (its id), a policy of it and a resource group of the disk's subscription; "" for what there is not."""

    vault: str = ""
    policy: str = ""
    snapshots: str = ""


class Places:
    """The vaults, disk policies and snapshot groups that are in use, to choose from."""

    def __init__(self, tables: dict[str, pandas.DataFrame]) -> None:
        vaults = tables["vaults"]
        self._vaults = pandas.DataFrame(
            {
                "id": vaults["id"],
                "key": key(vaults["id"]),
                "subscription": vaults["subscriptionId"].str.lower(),
                "location": vaults["location"].str.lower(),
            }
        )
        used = tables["instances"]
        used = used[used["dataSourceType"].str.lower().eq(_DISKS)]
        self._vaults["used"] = self._vaults["key"].map(key(used["vaultId"]).value_counts()).fillna(0)
        self._policies = _policies(tables.get("policies"), key(used["policyId"]).value_counts())
        groups = pandas.DataFrame({"vault": key(used["vaultId"]), "id": used["resourceGroupId"]}).dropna()
        groups["subscription"] = subscription_of(key(groups["id"]))
        self._groups = groups.groupby(["subscription", "vault", "id"], as_index=False).size()

    def best(self, subscription: str, location: str, slow: bool) -> Place:
        """The place for disks of a subscription in a region; ``slow`` ones take two backups a day at most.

        A vault that has a policy for disks, then one of the same subscription, then the one most used.
        """
        here = self._vaults[self._vaults["location"].eq(location)]
        if not len(here):
            return Place()
        fit = self._policies
        fit = fit[fit["perDay"].le(_MOST_A_DAY)] if slow else fit
        order = here.assign(fits=here["key"].isin(fit["vault"]), own=here["subscription"].eq(subscription))
        order = order.sort_values(["fits", "own", "used", "key"], ascending=[False, False, False, True])
        vault, key = str(order.iloc[0]["id"]), str(order.iloc[0]["key"])
        policies = fit[fit["vault"].eq(key)].sort_values(["used", "id"], ascending=[False, True])
        return Place(vault, str(policies.iloc[0]["id"]) if len(policies) else "", self._snapshots(subscription, key))

    def _snapshots(self, subscription: str, vault: str) -> str:
        """The group of the subscription that most snapshots go to, of this vault rather than of another."""
        here = self._groups[self._groups["subscription"].eq(subscription)]
        order = here.assign(own=here["vault"].eq(vault)).sort_values(
            ["own", "size", "id"], ascending=[False, False, True]
        )
        return str(order.iloc[0]["id"]).rsplit("/", 1)[-1] if len(order) else ""


def _policies(policies: pandas.DataFrame | None, used: pandas.Series) -> pandas.DataFrame:
    """The policies for disks, with how many backups a day and how many instances each has."""
    if policies is None:
        return pandas.DataFrame({"id": [], "vault": [], "perDay": [], "used": []})
    disks = policies["datasourceTypes"].map(lambda types: _DISKS in [str(one).lower() for one in _listed(types)])
    kept = policies[disks.astype(bool)]
    return pandas.DataFrame(
        {
            "id": kept["id"],
            "vault": key(kept["vaultId"]),
            "perDay": kept["policyRules"].map(eligibility.runs_a_day),
            "used": key(kept["id"]).map(used).fillna(0),
        }
    )


def _listed(types: object) -> list[object]:
    return list(types) if isinstance(types, list | tuple) else []
