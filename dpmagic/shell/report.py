"""``dpmagic report``: the estate as a page to hand over, tables, and an exit code to gate on."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from dpmagic.shell import target


def add(commands: Any) -> None:
    """Add it to the commands of ``dpmagic``."""
    report = commands.add_parser(
        "report",
        help="write a report that can be handed over",
        description="Asks every question of an estate and writes one HTML page that loads nothing from elsewhere, the "
        "answers as Parquet and as one workbook, and summary.json.  Exit code 0: all is well; 4: the report is "
        "written, and a subscription was unreadable, a control failed, or a finding is of the severity of --worst "
        "or worse; 1: there is no report.",
    )
    target.add_options(report)
    report.add_argument("--out", default="report", metavar="DIR", help="where to (default: report)")
    report.add_argument("--scope", action="append", metavar="NAME", help="subscription, name or id; repeatable")
    report.add_argument("--expect", action="append", metavar="NAME", help="one that must be readable; repeatable")
    report.add_argument("--since", default="14d", metavar="WHEN", help="jobs since then: 14d, or an instant")
    report.add_argument("--archive", metavar="DIR", help="of `dpmagic collect`: ask it, not Azure")
    report.add_argument("--controls", metavar="FILE", help="controls, as YAML; else the built-in ones")
    report.add_argument("--baseline", metavar="FILE", help="settings of vaults, as TOML; else the built-in ones")
    report.add_argument("--sizes", metavar="PATH", action="append", help="cost exports: a file or folder; repeatable")
    report.add_argument("--recovery-points", action="store_true", help="read those of every instance, a call each")
    report.add_argument("--worst", type=int, default=1, metavar="N", help="severity that shuts the gate; 0 none does")
    report.add_argument("--csv", action="store_true", help="the answers as CSV too")
    report.add_argument("--notebook", metavar="FILE", help="run this one")
    report.add_argument("--eject", metavar="FILE", help="write the notebook there, to be changed, and run nothing")
    report.set_defaults(act=_report)


def _report(arguments: argparse.Namespace) -> int:
    if arguments.eject is not None:
        return _eject(Path(arguments.eject).expanduser())
    from dpmagic.reports.report import report, understood

    understood(arguments.controls, arguments.baseline, arguments.worst)
    estate, observer = _estate(arguments)
    written = report(
        estate,
        arguments.out,
        controls=arguments.controls,
        baseline=arguments.baseline,
        sizes=arguments.sizes,
        notebook=arguments.notebook,
        recovery_points=arguments.recovery_points,
        worst=arguments.worst,
        csv=arguments.csv,
        observer=observer,
    )
    print("\n".join(written.lines()))
    return written.exit_code


def _estate(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """The estate that is meant over the window that is meant, and who shows how far it is."""
    from dpmagic import api
    from dpmagic.progress import Terminal

    if arguments.archive is not None:
        if arguments.target or arguments.endpoint is not None or arguments.scope or arguments.expect:
            from dpmagic.errors import CommandLineError

            told = "--archive is asked in place of Azure"
            raise CommandLineError(told, "leave --target, --endpoint, --scope and --expect out")
        return _since(api.open(arguments.archive), arguments.since), Terminal(lambda: True)
    target.session(arguments)
    made = api.open(subscriptions=arguments.scope, expected=arguments.expect)
    return _since(made, arguments.since), Terminal(lambda: True)


def _since(estate: Any, since: str) -> Any:
    from dpmagic.errors import InvalidArgument
    from dpmagic.estate.window import Window, instant

    try:
        return estate.over(Window.of(since, estate.now))
    except InvalidArgument:
        pass
    try:
        start = instant(since)
    except InvalidArgument as error:
        told = f"--since {since!r} is neither a span nor an instant"
        raise InvalidArgument(told, "write 14d, 36h or 2026-03-01T08:00:00Z") from error
    return estate.over((start, estate.now))


def _eject(path: Path) -> int:
    from dpmagic.errors import InvalidArgument
    from dpmagic.reports.report import NOTEBOOK

    if path.exists():
        raise InvalidArgument(f"{str(path)!r} is there already", "give the name of a new file")
    try:
        shutil.copyfile(NOTEBOOK, path)
    except OSError as error:
        told = (error.strerror or type(error).__name__).lower()
        raise InvalidArgument(f"cannot write {str(path)!r}: {told}", "give another file or folder") from error
    print(f"wrote {path}: change it, then run `dpmagic report --notebook {path}`", file=sys.stderr)
    return 0
