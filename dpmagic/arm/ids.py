"""ARM resource ids: built, taken apart, compared.  Compared without case, shown as given."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from dpmagic.errors import InvalidArgument

DATA_PROTECTION = "Microsoft.DataProtection"


@dataclass(frozen=True)
class ResourceId:
    """The parts of an id.  ``types`` and ``names`` go together: backupVaults/v/backupInstances/b."""

    text: str
    subscription: str
    resource_group: str
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else self.resource_group

    def named(self, type_: str) -> str:
        """The name under one type, whatever its case, or ``""``."""
        for known, name in zip(self.types, self.names, strict=True):
            if known.lower() == type_.lower():
                return name
        return ""


_MOST = 200  # characters of what is no id that are shown


def parse_id(text: str) -> ResourceId:
    """An id taken apart.  Raises `InvalidArgument` when it is not a resource's or resource group's id.

    The subscription need not be a GUID: documents write placeholders, and only the service knows.

    >>> parse_id("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d").name
    'd'
    """
    parts = text.strip("/").split("/")
    if not text.startswith("/") or len(parts) < 4 or "" in parts:
        raise _malformed(text)
    if parts[0].lower() != "subscriptions" or parts[2].lower() != "resourcegroups":
        raise _malformed(text)
    rest = parts[4:]
    if not rest:
        return ResourceId(text, parts[1], parts[3], "", (), ())
    if rest[0].lower() != "providers" or len(rest) < 4 or len(rest) % 2:
        raise _malformed(text)
    return ResourceId(text, parts[1], parts[3], rest[1], tuple(rest[2::2]), tuple(rest[3::2]))


def _malformed(text: str) -> InvalidArgument:
    rows = text.startswith(("[", "{"))  # what a DataFrame goes in as, all of it
    shown = text if len(text) <= _MOST else f"{text[:_MOST]}…"
    like = "an id looks like /subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME"
    return InvalidArgument(f"{shown!r} is not a resource id", "give the ids of its rows: ${name.id}" if rows else like)


def same_id(one: str, other: str) -> bool:
    """Whether two ids name the same thing: one record of Azure's may spell it in two cases."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def group_path(subscription: str, group: str) -> str:
    """The path of a resource group."""
    return f"/subscriptions/{_segment(subscription)}/resourceGroups/{_segment(group)}"


def vault_path(subscription: str, group: str, vault: str, *rest: str) -> str:
    """The path of a Backup vault, or of something below it.

    >>> vault_path("s", "g", "v", "backupPolicies", "my policy")
    '/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/v/backupPolicies/my%20policy'
    """
    below = "".join(f"/{_segment(part)}" for part in rest)
    return f"{group_path(subscription, group)}/providers/{DATA_PROTECTION}/backupVaults/{_segment(vault)}{below}"


def _segment(name: str) -> str:
    return quote(name, safe="-._~()!*',;:@$&=+")
