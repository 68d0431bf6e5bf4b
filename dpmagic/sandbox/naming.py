"""What vaults and policies may be called: letters, digits and hyphens, as Microsoft's Terraform provider has it."""

from __future__ import annotations

import re

from . import faults

_LONGEST = {"vault": 50, "policy": 150}


def check(kind: str, name: str) -> None:
    """Raise the fault of a name that nothing new may have: of a ``vault``, or of a ``policy``."""
    longest = _LONGEST[kind]
    if not re.fullmatch(r"[-A-Za-z0-9]+", name):
        reason = f"the name of a {kind} has letters, digits and hyphens only, unlike {name!r}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
    if len(name) > longest:
        reason = f"the name of a {kind} has {longest} characters at most, not {len(name)}"
        raise faults.backup("BMSUserErrorInvalidInput", reason=reason)
