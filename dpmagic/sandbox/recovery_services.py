"""Microsoft.RecoveryServices, as far as disks need it: what the backup of a virtual machine says of itself."""

from __future__ import annotations

from . import faults
from .messages import Request, answer, visible
from .reply import Reply
from .world import World

VAULTS = "Microsoft.RecoveryServices/vaults"
ITEMS = f"{VAULTS}/backupFabrics/protectionContainers/protectedItems"


def get_item(world: World, request: Request) -> Reply:
    """GET one protected item, with its list of disks if it has one."""
    vault = f"{world.group(request)['id']}/providers/{VAULTS}/{request['vault']}"
    found = world.store.get("protectedItem", vault, request["item"])
    if found is None:
        raise faults.not_found(ITEMS, request["item"], request["group"])
    return answer(200, visible(found))
