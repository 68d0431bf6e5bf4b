"""The tables of an estate as methods, each with what is known of its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pandas

from dpmagic.estate.columns import table

_Method = Callable[["Named"], pandas.DataFrame]


def _documented(method: _Method) -> _Method:
    """The method with what ``columns.toml`` knows of its table as the end of its docstring."""
    known = table(method.__name__)
    width = max(map(len, known.columns))
    lines = [f"    {name:<{width}}  {one.dtype}: {one.what}" for name, one in known.columns.items()]
    method.__doc__ = "\n".join([(method.__doc__ or "").rstrip(), "", f"    From {known.origin}.", "", *lines, ""])
    return method


class Named(Protocol):
    """What has tables by name."""

    def table(self, name: str) -> pandas.DataFrame:
        """A table by its name."""

    @_documented
    def subscriptions(self) -> pandas.DataFrame:
        """The subscriptions that can be read, with their management groups."""
        return self.table("subscriptions")

    @_documented
    def vaults(self) -> pandas.DataFrame:
        """The Backup vaults and how they are set up."""
        return self.table("vaults")

    @_documented
    def policies(self) -> pandas.DataFrame:
        """The backup policies of the vaults."""
        return self.table("policies")

    @_documented
    def instances(self) -> pandas.DataFrame:
        """The backup instances: what is protected, by which policy, in which state."""
        return self.table("instances")

    @_documented
    def jobs(self) -> pandas.DataFrame:
        """The jobs that began within the window."""
        return self.table("jobs")

    @_documented
    def disks(self) -> pandas.DataFrame:
        """The managed disks, protected or not."""
        return self.table("disks")

    @_documented
    def snapshots(self) -> pandas.DataFrame:
        """The snapshots of disks, whoever made them."""
        return self.table("snapshots")

    @_documented
    def virtual_machines(self) -> pandas.DataFrame:
        """The disks of virtual machines: one row for each disk of each machine."""
        return self.table("virtual_machines")

    @_documented
    def protected_items(self) -> pandas.DataFrame:
        """The machines that Recovery Services vaults protect, and which of their disks are left out."""
        return self.table("protected_items")

    @_documented
    def role_assignments(self) -> pandas.DataFrame:
        """Who has which role where, inherited from above included."""
        return self.table("role_assignments")

    @_documented
    def changes(self) -> pandas.DataFrame:
        """What changed within the window, and by whom."""
        return self.table("changes")

    @_documented
    def exemptions(self) -> pandas.DataFrame:
        """What is exempt from Azure Policy, why and until when."""
        return self.table("exemptions")

    @_documented
    def recovery_points(self) -> pandas.DataFrame:
        """The recovery points of all instances: a call for each instance, so it takes a while."""
        return self.table("recovery_points")

    @_documented
    def deleted_instances(self) -> pandas.DataFrame:
        """The instances that were deleted and can still be brought back: a call for each vault."""
        return self.table("deleted_instances")
