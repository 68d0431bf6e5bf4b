"""The reference of all commands as a page of Markdown, from the command table.

``python -m dpmagic.reference docs/commands.md`` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from dpmagic import session_commands
from dpmagic.commands.help import TAKES, describe, folded, needs, spellings
from dpmagic.commands.model import GLOBALS, Command, Option
from dpmagic.commands.table import GROUPS, commands

_TITLE = """\
<!-- Made by `make docs` from the command table: change that, not this. -->

# Commands

Every command of `az dataprotection`, and a few of dpmagic's own. `NAME --help` shows the same in a notebook or shell.
"""

# What stands in the fence runs, as every example of the page does: tests/test_reference.py.
_LANGUAGE = """\
## A line

In a cell that begins with `%%dataprotection`, and in `dpmagic.run("...")`, every line is a statement; they run one
after another and stop at the first that fails. After `%dataprotection`, and in a shell after `dpmagic run --`, stands
one.

```
connect sandbox
az dataprotection backup-vault create -g testBkpVaultRG --vault-name TestBkpVault -l westus \\
  --type SystemAssigned --storage-settings datastore-type=VaultStore type=LocallyRedundant
group = "testBkpVaultRG"
vault << backup-vault show -g $group --vault-name TestBkpVault
backup-policy get-default-policy-template --datasource-type AzureDisk > policy.json
backup-policy create -g $group --vault-name ${vault.name} -n diskPolicy --policy policy.json --dry-run
policy << backup-policy get-default-policy-template --datasource-type AzureDisk -o json;
backup-policy create -g $group --vault-name ${vault.name} -n diskPolicy --policy $policy
backup-vault list --query "[].{name: name, state: properties.provisioningState}" > vaults.csv
```

| | |
|---|---|
| `az dataprotection` | may stand in front, and need not |
| `\\` | the statement goes on in the next line; `#` begins a comment |
| `name << statement` | stores the result and shows it; `;` at the end shows nothing |
| `name = "text"` | stores a text |
| `$name`, `${name.field}` | what is stored, or a variable of yours: a list spreads, a dict goes in as JSON; `$$` is $ |
| `> file` | writes the answer, by suffix: `.json`, `.csv`, `.parquet`, `.xlsx`, `.yaml`; formulae in CSV get a `'` |
| `-o json` | the JSON that az prints, in place of a DataFrame: what an option that takes JSON needs `$name` to be |
| `--query` | JMESPath on that JSON |
| `--dry-run` | sends the reads, shows the changes and sends none |
"""

_KINDS = """\
## What options take

| | |
|---|---|
| TEXT | one word; quote what has spaces; `@file` is what is in the file |
| TEXT .. | one or more words, or `[a,b]` |
| ID | a resource id: `/subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME` |
| TIME | `2024-01-31T13:00:00Z`, in UTC when nothing else is said |
| JSON | a file or `@file`, JSON, az's shorthand `{key:value,list:[a,b]}`, or KEY=VALUE words |
| KEY=VALUE .. | one or more; `key.key=value` and `key[0]=value`, too |
| [true\\|false] | no word is true |
"""


_EXAMPLES = """\
## The examples

are about the sandbox's first world (`connect sandbox`) and run there, once what they name is made, in an order that
makes sense. Jobs, recovery points and backup instances have other ids there.
"""


def markdown() -> str:
    """The page."""
    parts = [_TITLE, _LANGUAGE, _KINDS, "## Options of every command\n", _table(GLOBALS), _EXAMPLES]
    for group, help_ in GROUPS.items():
        if of_group := [command for command in commands().values() if command.group == group]:
            parts += [f"## {group}\n\n{help_}\n", *(_section(command) for command in of_group)]
    parts += ["## dpmagic's own\n", *(_section(command) for command in session_commands.COMMANDS)]
    return "\n".join(parts)


def _section(command: Command) -> str:
    own = [option for option in command.all_options if option not in GLOBALS]
    examples = "\n".join(folded(example) for example in command.examples)
    parts = [f"### {command.name}\n", f"{command.help} {command.details}".strip() + "\n", f"```\n{examples}\n```\n"]
    if own:
        parts.append(_table(sorted(own, key=lambda option: not option.required)))
    asks = "Asks first; `--yes` answers. " if command.asks else ""
    return "\n".join([*parts, f"{asks}{needs(command)}\n"])


def _table(options: Iterable[Option]) -> str:
    return "\n".join(["| | takes | |", "|---|---|---|", *_rows(options), ""])


def _rows(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        names = " ".join(f"`{name}`" for name in spellings(option).split())
        required = "Required. " if option.required else ""
        yield _escaped(names, TAKES[option.kind], required + describe(option))


def _escaped(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
