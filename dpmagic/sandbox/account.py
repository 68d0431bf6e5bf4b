"""The page about the sandbox: how to use it, what a spec can plant, what it does not do, what is modelled.

``python -m dpmagic.sandbox.account docs/sandbox.md`` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from .mishaps import KINDS as MISHAPS
from .modelled import MODELLED, NOT_DONE

_TOP = """\
<!-- Made by `make docs` from what the sandbox says of itself: change that, not this. -->

# The sandbox

A local Azure: backup vaults, disks, role assignments, jobs, recovery points and Resource Graph behind the same requests
and answers, on a clock of its own that moves only when told to. In a notebook or a script it is in the process; served,
it is there for any client, over TLS, on this machine alone.

```
%dataprotection connect sandbox
%dataprotection sandbox advance 7d
%dataprotection sandbox planted
```

```
dpmagic sandbox serve --estate default --json
```

In Python, `dpmagic.connect_sandbox()` gives the connection, and its `.sandbox` has `advance("7d")`, `now()` and
`planted()`: each defect with its kind, ids, times and reason, run by run and snapshot by snapshot.
"""

_ESTATES = """\
## Estates

What is in a sandbox beside the starter world (two subscriptions, three disks, no vault) comes from an estate:
`default`, `starter` for nothing more, or a YAML file of one's own, such as this one.

```yaml
{example}```

`end` is the instant at which the sandbox begins; the history of the `days` before it is there then. The same seed gives
the same world, to the byte, and a disk more changes nothing about the others. Instants may be spans back from the end
(`-3d`), spans are `6h`, `2h1m` or ISO 8601 periods.

## What can be planted

Each with `disks`, by name, or a `share` of all instances, `at` (a day before the end), `reason`, and what stands first
here.
"""

#: The example of the page, which a test makes an estate of.
EXAMPLE = """\
seed: 7
end: 2026-03-02T08:00:00Z
days: 14
managementGroups: {contoso: null, production: contoso}
policies:
  four-hourly: {every: PT4H, start: "2024-01-01T01:00:00+00:00", keep: P7D, daily: P14D}
  nightly: {every: P1D, start: "2024-01-01T22:00:00", timeZone: W. Europe Standard Time, keep: P30D}
subscriptions:
  - name: Shop
    managementGroup: production
    vaults:
      bv-shop: {policies: [four-hourly, nightly], redundancy: GeoRedundant}
    disks:
      - {name: web, count: 6, size: 128, perVm: 2, vault: bv-shop, policy: four-hourly, tags: {env: prod}}
      - {name: db, count: 3, size: 1024, vault: bv-shop, policy: nightly, group: rg-db}
      - {name: scratch, count: 2}
      - {name: app, count: 3, perVm: 3, vmBackup: rsv-shop, excludeLuns: [1], group: rg-app}
  - {name: Acquired, readable: false, disks: [{name: acq, count: 2}]}
plant:
  - {kind: late, disks: web-001, at: -3d, by: 2h1m}
  - {kind: failed, disks: db-002, at: -2d, runs: 2, code: InternalServerError}
  - {kind: exempt, disks: scratch-001, at: -30d, expires: +60d, reason: made anew each week}
"""


def page() -> str:
    """The page as Markdown."""
    from .estates import unasked  # numpy is heavy
    from .estates.plants import KINDS

    parts = [
        _TOP,
        _ESTATES.format(example=EXAMPLE),
        _table({kind: of.told for kind, of in KINDS.items()}),
        "These are listed without having been asked for:\n",
        _table(unasked.KINDS),
        "## What can be made to go wrong\n\nWith `sandbox.mishaps = Mishaps([Mishap(kind, ...)])`, or over HTTP by "
        "`PUT /sandbox/mishaps`; what goes wrong is the same for the same seed.\n",
        _table(MISHAPS),
        "## What it does not do\n",
        _table(NOT_DONE, code=False),
        "## Modelled rather than recorded\n\nThe rest is as recorded from Azure, or as its documents say.\n",
        _table(MODELLED, code=False),
    ]
    return "\n".join(parts)


def _table(rows: Mapping[str, str], *, code: bool = True) -> str:
    mark = "`" if code else ""
    lines = [f"| {mark}{name}{mark} | {text.replace('|', chr(92) + '|')} |" for name, text in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
