"""The command table: every command by name, the groups above them, and finding one by the words typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from dpmagic.commands.elsewhere import instead
from dpmagic.commands.model import Command
from dpmagic.errors import MissingOption, UnknownCommand, did_you_mean

# One module a command group; each has COMMANDS.  GROUPS says what a group is for, in one line.
_MODULES = (
    "backup_vault",
    "backup_policy",
    "policy_rules",
    "initialize",
    "backup_instance",
    "deleted_backup_instance",
    "permissions",
    "restore",
    "restore_requests",
    "from_resourcegraph",
    "job",
    "recovery_point",
    "resource_guard",
)
GROUPS = {
    "": "Manage Azure Data Protection.",
    "backup-instance": "Protect datasources and manage their protection.",
    "backup-instance deleted-backup-instance": "See and bring back soft-deleted backup instances.",
    "backup-instance restore": "Prepare and start restores.",
    "backup-policy": "Say when backups are taken and how long they are kept.",
    "backup-policy retention-rule": "Edit how long a policy keeps its recovery points.",
    "backup-policy tag": "Edit which recovery points a policy keeps longer.",
    "backup-policy trigger": "Edit when a policy takes backups.",
    "backup-vault": "Manage Backup vaults.",
    "backup-vault resource-guard-mapping": "Put a vault under a resource guard.",
    "job": "See backup and restore jobs.",
    "recovery-point": "See what can be restored.",
    "resource-guard": "Manage resource guards, which ask a second person before a critical change.",
    "restorable-time-range": "See the times to which a datasource can be restored.",
}


@dataclass(frozen=True)
class Group:
    """A group of commands: its name, what it is for, the names right below it."""

    name: str
    help: str
    members: tuple[str, ...]


@cache
def commands() -> dict[str, Command]:
    """Every command by its name, in the order of the names."""
    found = [command for module in _MODULES for command in import_module(f"dpmagic.commands.{module}").COMMANDS]
    return {command.name: command for command in sorted(found, key=lambda command: command.name)}


@cache
def group(name: str) -> Group | None:
    """The group of this name, ``""`` being the top one; None when there is none."""
    if name not in GROUPS:
        return None
    start = f"{name} " if name else ""
    below = {full[len(start) :].split(" ")[0] for full in (*commands(), *GROUPS) if full.startswith(start)}
    return Group(name, GROUPS[name], tuple(sorted(below - {""})))


def resolve(words: Sequence[str]) -> tuple[Command | Group, list[str]]:
    """The command or group that the first words name, and the words after it.

    Raises `UnknownCommand` with the nearest right name, `MissingOption` for options of a group without a command.
    """
    name, here = "", group("")
    for position, word in enumerate(words):
        if word.startswith("-"):
            break
        full = f"{name} {word}".strip()
        if full in commands():
            return commands()[full], list(words[position + 1 :])
        below = group(full)
        if below is None:
            assert here is not None
            raise _unknown(name, word, here)
        name, here = full, below
    assert here is not None
    rest = list(words[len(name.split()) :])
    if rest and not {"-h", "--help"} & set(rest):
        needs = f"{name} needs a command" if name else "a command is needed"
        raise MissingOption(f"{needs} before {rest[0]}", f"there are: {', '.join(here.members)}")
    return here, rest


def _unknown(group_name: str, word: str, here: Group) -> UnknownCommand:
    if not group_name and (told := instead(word)):
        return UnknownCommand(*told)
    where = f"{group_name} has no command" if group_name else "there is no command or group"
    elsewhere = [name for name in commands() if name.endswith(f" {word}")]
    # The half of a name by which people speak of it: vault, policies.
    elsewhere = [one for one in here.members if len(word) > 4 and f"-{word[:5]}" in one] or elsewhere
    otherwise = f"did you mean {elsewhere[0]}?" if elsewhere else f"there are: {', '.join(here.members)}"
    hint = did_you_mean(word, here.members) or otherwise
    return UnknownCommand(f"{where} {word!r}", hint)
