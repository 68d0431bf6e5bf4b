"""What is left out of coverage on purpose: by whom, until when, and which disks it concerns."""

from __future__ import annotations

from typing import Any

import pandas

from dpmagic.analysis.protection.assessment import assess


def exclusions(given: Any, exclude: Any = None) -> pandas.DataFrame:
    """Every exclusion, of the caller and of Azure Policy: one row each, also those that have run out.

    Columns: ``kind`` (tag, list, policy exemption), ``id`` (of the scope, or missing), ``tag``, ``value``, ``reason``,
    ``by``, ``until``, ``expired``; ``disks``, ``diskSizeGB`` and ``diskIds`` that it holds now, each disk under the
    first exclusion that holds it, and none under one that has run out.

    ``exclude`` is one exclusion or several: ``"tags.backup=none"``, ``"tags.nobackup"``, the id of a disk, resource
    group or subscription, or ``{"id": ..., "reason": ..., "by": ..., "until": ...}`` (``tag`` and ``value`` for
    ``id``), or a frame of such rows; at ``until`` it has run out.  Exemptions count when they are from a built-in
    policy for backups of disks, or from an assignment whose name, or name for people, says backup.
    Raises `InvalidArgument` for an exclusion that says nothing.
    """
    found = assess(given, exclude=exclude)
    held = found.disks[found.disks["exclusionPlace"].notna()].groupby("exclusionPlace")
    made = found.exclusions.copy()
    made["disks"] = held.size().reindex(made.index, fill_value=0).astype("Int64")
    made["diskSizeGB"] = held["diskSizeGB"].sum().reindex(made.index, fill_value=0).astype("Int64")
    ids = held["id"].agg(list)
    made["diskIds"] = [ids.get(place, []) for place in made.index]
    return found.told(made)
