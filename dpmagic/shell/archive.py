"""``dpmagic collect`` and ``dpmagic archive``: a folder that keeps what Azure forgets, filled every night.

Made for schedulers: one line of summary, no progress bar off a terminal, and an exit code: 0 when all is well, 1 when
something was refused, left out or is damaged.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from dpmagic.errors import InvalidArgument
from dpmagic.shell import target

NEWS = 4
"""The exit code of a comparison that found something new."""
_NAMED = 3  # files of a list; the others are counted
FILES = (".csv", ".tsv", ".parquet", ".xlsx", ".json", ".yaml", ".yml")
"""What the name of an exported table can end in."""


def add(commands: Any) -> None:
    """Add both to the commands of ``dpmagic``."""
    _add_collect(commands)
    _add_compare(commands)
    archive = commands.add_parser("archive", help="look after the folder of `dpmagic collect`")
    rooms = archive.add_subparsers(required=True, metavar="COMMAND")
    for name, help, act in (
        ("check", "compare every file with its sum and its number of rows", _check),
        ("compact", "merge the files of past months", _compact),
        ("runs", "list the runs that filled it", _runs),
    ):
        room = rooms.add_parser(name, help=help)
        room.add_argument("directory", metavar="DIR")
        room.set_defaults(act=act)
    export = rooms.add_parser("export", help="write a table to a .csv, .parquet, .xlsx, .json or .yaml file")
    export.add_argument("directory", metavar="DIR")
    export.add_argument("table", metavar="TABLE", help="jobs, vaults, instances ...")
    export.add_argument("file", metavar="FILE")
    export.add_argument("--at", metavar="INSTANT", help="as it was known then (default: at the last run)")
    export.add_argument("--window", default="14d", metavar="SPAN", help="of jobs and changes: 14d, or FROM/TO")
    export.set_defaults(act=_export)


def _add_collect(commands: Any) -> None:
    collect = commands.add_parser(
        "collect",
        help="add what the estate is now to an archive",
        description="Adds the jobs since the last run, and what changed of everything else, to the archive in DIR, "
        "which is made when it is new.  Running it twice adds nothing.  Credentials for an unattended run come from "
        "the environment (AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_SECRET ...), or from a managed identity.",
    )
    collect.add_argument("directory", metavar="DIR")
    target.add_options(collect)
    collect.add_argument("--scope", action="append", metavar="NAME", help="subscription, name or id; repeatable")
    collect.add_argument("--expect", action="append", metavar="NAME", help="one that must be readable; repeatable")
    collect.add_argument("--since", metavar="INSTANT", help="how far back to ask for jobs; else since the last run")
    collect.add_argument("--only", action="append", metavar="TABLE", help="read this table only; repeatable")
    collect.add_argument("--no-recovery-points", action="store_true", help="spare the call for each instance")
    collect.set_defaults(act=_collect)


def _add_compare(commands: Any) -> None:
    compare = commands.add_parser(
        "compare",
        help="what changed between two instants of an archive",
        description="New, fixed, changed and still open, as Markdown to post.  Exit code 4 when something is new, "
        "else 1 when a subscription or a kind of findings could not be compared.",
    )
    compare.add_argument("directory", metavar="DIR")
    compare.add_argument(
        "--from", dest="start", default="yesterday", metavar="INSTANT", help="or 36h, 7d, 2w, yesterday"
    )
    compare.add_argument("--to", dest="end", default="now", metavar="INSTANT", help="or now: the last run")
    compare.add_argument("-o", "--output", default="markdown", choices=("markdown", "json", "html"))
    compare.set_defaults(act=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    import json

    from dpmagic.archive import telling
    from dpmagic.archive.compare import compare
    from dpmagic.frames.files import records

    found = compare(arguments.directory, arguments.start, arguments.end)
    told = found.attrs["dpmagic"]
    if arguments.output == "json":
        known = {name: told[name] for name in ("from", "to", "counts", "notes")}
        print(json.dumps({**known, "changes": records(found)}, indent=2, ensure_ascii=False))
    else:
        print({"markdown": telling.markdown, "html": telling.page}[arguments.output](found), end="")
    for note in told["uncompared"]:
        print(f"  {note}", file=sys.stderr)
    return NEWS if told["counts"]["new"] else 1 if told["uncompared"] else 0


def _collect(arguments: argparse.Namespace) -> int:
    from dpmagic import api
    from dpmagic.archive.collect import collect

    session = target.session(arguments)
    estate = api.open(subscriptions=arguments.scope, expected=arguments.expect)
    told = collect(
        estate,
        arguments.directory,
        since=arguments.since,
        only=arguments.only,
        recovery_points=not arguments.no_recovery_points,
        observer=session.observer,
    )
    missing = told[told["missing"].notna()]
    print(_summary(told))
    lines = [f"left out: {row.table}: {row.missing}" for row in missing.itertuples()]
    lines += _unread(told.attrs["dpmagic"], whole=not arguments.scope)
    for line in lines:
        print(f"  {line}", file=sys.stderr)
    return 1 if lines else 0


def _unread(run: dict[str, Any], *, whole: bool) -> list[str]:
    """What a run could not read, a line each; one of the ``whole`` estate has all subscriptions to see."""
    unreadable = run["subscriptions"]["unreadable"]
    lines = [f"unreadable: {', '.join(unreadable)}"] if unreadable else []
    if whole and run["vanished"]:
        lines.append(f"not seen any more: {', '.join(run['vanished'])}")
    return lines + [f"left out: {name} of {ids[0]}{_others(ids)}" for name, ids in run["unread"].items()]


def _others(ids: list[str]) -> str:
    return f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""


def _summary(told: Any) -> str:
    run, sums = told.attrs["dpmagic"], told[["new", "changed", "gone"]].sum()
    jobs = told.loc[told["table"] == "jobs", "new"].sum()
    scope = run["subscriptions"]
    return (
        f"run {run['run']} at {run['at'][:19]}Z: {sums['new']:,} new rows ({jobs:,} jobs), "
        f"{sums['changed']:,} changed, {sums['gone']:,} gone; {scope['answered']} of {scope['asked']} subscriptions"
    )


def _check(arguments: argparse.Namespace) -> int:
    from dpmagic.archive.compact import check
    from dpmagic.archive.leftovers import leftovers

    path = Path(arguments.directory).expanduser()
    found = check(path)
    bad = found[found["found"] != "sound"]
    for part in bad.itertuples():
        print(f"{part.found}: {part.file}")
    size = found["bytes"].sum() / 2**20
    print(f"{len(found)} files, {found['rows'].sum():,} rows, {size:,.1f} MiB: {len(bad) or 'none'} damaged")
    beside = leftovers(path)
    for files, what in (
        (beside.removed, "left over or being written, which the next run removes"),
        (beside.others, "not the archive's, which no run touches"),
    ):
        if files:
            print(f"{len(files)} more, {sum(files.values()):,} bytes, {what}: {_some(list(files))}")
    return 1 if len(bad) else 0


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} others" if len(names) > _NAMED else "")


def _compact(arguments: argparse.Namespace) -> int:
    from dpmagic.archive.compact import compact
    from dpmagic.connection import SystemClock

    fewer = compact(Path(arguments.directory).expanduser(), SystemClock().now())
    print(f"{fewer} files fewer")
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    from dpmagic.archive.folder import read_manifest

    for run in read_manifest(Path(arguments.directory).expanduser()).runs:
        lost = "".join(f"; without {name}: {why}" for name, why in run.missing.items())
        rows, scope = sum(run.rows.values()), run.subscriptions
        print(f"{run.number:>5}  {run.at:%Y-%m-%d %H:%M:%SZ}  {run.target}  {rows:,} rows", end="  ")
        print(f"{scope['answered']} of {scope['asked']} subscriptions{lost}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from dpmagic.archive.opening import open_archive
    from dpmagic.estate.columns import tables
    from dpmagic.estate.window import instant
    from dpmagic.output import check_file, write

    file = Path(arguments.file).expanduser()
    if file.suffix.lower() not in FILES:
        raise InvalidArgument(f"{file.name!r} does not say what kind of file it is", f"end it in {', '.join(FILES)}")
    check_file(file)
    try:
        at = None if arguments.at is None else instant(arguments.at)
    except InvalidArgument as error:
        hint = "write 2026-03-02 or 2026-03-02T09:00Z; without it, the last run's"
        raise InvalidArgument(f"--at {arguments.at!r} is not an instant", hint) from error
    window: Any = tuple(arguments.window.split("/", 1)) if "/" in arguments.window else arguments.window
    rows = open_archive(arguments.directory, at=at, window=window).table(arguments.table)
    print(write(rows, file), file=sys.stderr)
    if tables()[arguments.table].time:
        print(f"  of {' to '.join(rows.attrs['dpmagic']['window'])}; see --window", file=sys.stderr)
    for note in rows.attrs["dpmagic"]["notes"]:
        print(f"  {note}", file=sys.stderr)
    return 0
