"""First words that belong elsewhere: to az's other groups, to a shell, to Python, to PowerShell, to another magic."""

from __future__ import annotations

import keyword
import re

_HERE = "only commands of az dataprotection run here"
_AZ = {
    "login": "run `az login` in a terminal, in a notebook `!az login`; then `connect azure`",
    "logout": "run `az logout` in a terminal, in a notebook `!az logout`",
    "account": "`connect azure --subscription NAME` chooses a subscription, `context` shows it",
    "cloud": "`connect azure --cloud NAME` chooses a cloud",
    "configure": "`connect azure --subscription NAME` sets the default; other options go with each command",
    "config": "`connect azure --subscription NAME` sets the default; other options go with each command",
    "extension": "nothing is to be installed: the commands of the extension are built in",
    "rest": 'in Python: dpmagic.rest("GET", "/subscriptions/...", api_version="...")',
    "backup": "`az backup` is for Recovery Services vaults; Backup vaults have `backup-vault`, `job` and more",
}
_TO_ASK = frozenset(
    {"graph", "query", "kql", "resourcegraph", "resources", "resourcecontainers", "recoveryservicesresources"}
)
# Those of az's other groups that come up around backups: their own hint is the same.
_AZ_GROUPS = frozenset(
    {"ad", "aks", "disk", "disk-access", "feature", "group", "identity", "image", "keyvault", "lock", "monitor"}
    | {"mysql", "network", "postgres", "provider", "resource", "role", "security", "snapshot", "storage", "vm", "vmss"}
)
_SHELL = frozenset(
    {"cat", "cd", "cp", "curl", "dir", "echo", "env", "export", "grep", "jq", "ls", "mkdir", "mv", "pip", "pwd", "rm"}
    | {"set", "source", "sudo"}
)
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")


def instead(word: str) -> tuple[str, str] | None:
    """What is wrong with a command's first word that belongs elsewhere, and what to do; None for any other word.

    >>> instead("login")[1]
    'run `az login` in a terminal, in a notebook `!az login`; then `connect azure`'
    """
    lower = word.lower()
    if word.startswith("%") and lower.lstrip("%") == "dataprotection":
        two = word.startswith("%%")
        told = (
            "a cell has one %%dataprotection, on its first line" if two else "the lines of a cell are commands already"
        )
        return f"{told}: {word} inside it is none", f"leave {word} out{', or make two cells of it' if two else ''}"
    if word[:1] in ("%", "!"):
        return f"{word} is no command of az dataprotection", "magics and shell commands go in cells of their own"
    if word in ("$", ">>>"):
        return f"the line begins with a prompt, {word}", f"leave the {word} out"
    if lower in _TO_ASK:
        return (
            f"{word} is no command of az dataprotection",
            "Resource Graph is asked with %resourcegraph, or %%resourcegraph",
        )
    if lower in _AZ:
        return f"{_HERE}, not `az {lower}`", _AZ[lower]
    if lower in _AZ_GROUPS:
        return f"{_HERE}, not `az {lower}`", f"run it in a terminal, in a notebook `!az {lower} ...`; or %resourcegraph"
    if re.match(r"[a-z]+-az", lower):
        return f"{_HERE}, not PowerShell's {word}", "write az's: backup-vault list"
    if lower in _SHELL:
        return f"{_HERE}, not the shell's {word}", f"in a cell of its own: !{lower} ..."
    if keyword.iskeyword(word) or _CALL.match(word):
        return f"{_HERE}, not Python", "Python goes in cells of its own"
    return None
