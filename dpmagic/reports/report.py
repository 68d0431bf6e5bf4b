"""The report: the estate read once, a notebook run over it, and the folder that can be handed over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpmagic.analysis.arguments import file_of
from dpmagic.analysis.controlling.reading import read as read_controls
from dpmagic.analysis.protection.baseline import read as read_baseline
from dpmagic.errors import Interrupted, InvalidArgument
from dpmagic.estate import Estate
from dpmagic.estate.columns import tables
from dpmagic.estate.excerpts import EVENTS
from dpmagic.estate.saved import save
from dpmagic.output import write as write_file
from dpmagic.progress import Observer, Silent
from dpmagic.reports.files import written as tables_of
from dpmagic.reports.page import page
from dpmagic.reports.running import ReportFailed, can_run, notebook_of, started

if TYPE_CHECKING:
    import pandas

    from dpmagic.analysis.sizing.chains import Sizes

NOTEBOOK = Path(__file__).with_name("report.ipynb")
"""The notebook that ships with the package."""

PAGE, RUN, SUMMARY, WORKBOOK = "report.html", "report.ipynb", "summary.json", "report.xlsx"
CONTROLS, BASELINE, SIZES = "controls.yaml", "baseline.toml", "sizes.parquet"


@dataclass(frozen=True)
class Written:
    """A report that was written: its ``folder``, its ``page``, and its ``summary`` as in ``summary.json``."""

    folder: Path
    page: Path
    summary: dict[str, Any] = field(repr=False)

    @property
    def exit_code(self) -> int:
        """0 when the gate holds, else `dpmagic.reports.gate.SHUT`."""
        return int(self.summary["exitCode"])

    def lines(self) -> list[str]:
        """What it found, in three lines, the last of which says where it is."""
        found, gate = self.summary["findings"], self.summary["gate"]
        scope = self.summary["completeness"]["subscriptions"]
        worst = found.get("bySeverity", {})
        counts = ", ".join(f"{count:,} of severity {level}" for level, count in worst.items())
        of = f"{len(scope['answered'])} of {len(scope['asked'])} subscriptions, as of {self.summary['at']}"
        told = "holds" if gate["holds"] else f"does not hold: {'; '.join(gate['reasons'])}"
        return [
            f"{found.get('total', 0):,} findings ({counts or 'none'}) in {of}",
            f"the gate {told}",
            f"the report: {self.page.resolve()}",
        ]


def report(
    estate: Estate | str | Path | None = None,
    out: str | Path = "report",
    *,
    archive: str | Path | None = None,
    controls: str | Path | None = None,
    baseline: str | Path | None = None,
    sizes: Sizes | None = None,
    notebook: str | Path | None = None,
    recovery_points: bool = False,
    worst: int = 1,
    csv: bool = False,
    observer: Observer | None = None,
) -> Written:
    """Run the report's notebook over an estate and write what it gives to the folder ``out``.

    ``estate`` is what `dpmagic.open` gives, or a folder that it opens; without it what the current connection shows.
    ``archive`` is a folder of `dpmagic.collect`, taken in its place.  In ``out`` are ``report.html``, one page that
    loads nothing from elsewhere; ``tables/*.parquet``, the answers, and ``report.xlsx``, the same in sheets;
    ``summary.json``; ``estate/``, what was read (`Estate.load` reads it again), of a live estate's changes, and those
    of an archive that may have more than 250,000, only the deletions of disks and those of vaults; and
    ``report.ipynb`` as it was run.

    ``controls`` is a YAML file of controls, as `dpmagic.controls` takes it, in place of those that ship; ``baseline``
    a TOML file of what vaults are held against, as `dpmagic.posture` takes it; both are kept with the report.
    ``sizes`` are cost exports, or a frame, for the section on capacity, kept as ``sizes.parquet``;
    ``notebook`` is another one than that of the package; ``recovery_points`` reads those of every instance, a call
    each, and holds policies against them; ``csv`` writes the answers as CSV too.  The gate is shut by an unreadable
    subscription or table, a control of ``controls`` or setting of ``baseline`` that fails, and a finding of severity
    ``worst`` or worse (1 is the worst, 0 lets all pass).

    Raises `InvalidArgument` for controls, a baseline or sizes that are not understood, before anything is read, and for
    a folder that holds other things, `ReportFailed` when a cell fails, `NotInstalled` without the extra ``notebook``,
    and what reading the estate raises, but for tables that Azure refuses: the questions that need one say so.
    """
    understood(controls, baseline, worst)
    folder, daily = _free(file_of(out, "folder", "name a folder for the report")), _sizes(sizes)
    source = NOTEBOOK if notebook is None else file_of(notebook, "notebook", "name one, as `--eject` writes it")
    observer = observer or Silent()
    meant, given = _opened(estate, archive)
    given |= {"folder": ".", "principal": _principal(meant), "worst": worst, "csv": csv}
    kept = {"controls": (controls, CONTROLS), "baseline": (baseline, BASELINE), "sizes": (sizes, SIZES)}
    given |= {name: file for name, (value, file) in kept.items() if value is not None}
    made = notebook_of(source, given)
    _prepared(folder, {CONTROLS: _content(controls), BASELINE: _content(baseline)}, daily)
    with started(made, folder, observer) as run:
        observer.stage("report: reading the estate")
        try:
            save(meant, folder / "estate", _names(meant, recovery_points), partial=True, keep=False, excerpts=[EVENTS])
        except KeyboardInterrupt:
            told = "the report was stopped while the estate was read"
            raise Interrupted(told, f"there is no report in {folder}: run it again") from None
        try:
            run()
        finally:
            _keep(made, folder / RUN)
    observer.stage("report: writing the page")
    written = _written(made, folder)
    observer.done()
    return written


def understood(controls: str | Path | None, baseline: str | Path | None, worst: int) -> None:
    """Raises what `report` raises for these, and where there is nothing to run a notebook with: before one connects."""
    can_run()
    if not isinstance(worst, int) or not 0 <= worst <= 4:
        raise InvalidArgument(f"there is no severity {worst!r}", "1 is the worst, 4 the least, 0 lets all pass")
    _content(controls), _content(baseline)
    read_controls(controls), read_baseline(baseline)


def _free(folder: Path) -> Path:
    """A folder for the report: new, empty, or of an earlier report.  Raises `InvalidArgument` for any other."""
    if folder.exists() and not folder.is_dir():
        raise InvalidArgument(f"{str(folder)!r} is a file", "give the name of a folder")
    known = any((folder / name).is_file() for name in (RUN, SUMMARY)) or (folder / "estate" / "estate.json").is_file()
    if folder.is_dir() and any(folder.iterdir()) and not known:
        raise InvalidArgument(f"the folder {str(folder)!r} holds other things", "give a new folder, or an empty one")
    return folder


def _prepared(folder: Path, files: Mapping[str, bytes | None], daily: pandas.DataFrame | None) -> None:
    """The folder with what the report is given, and nothing of an earlier report that could be taken for this one's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (SUMMARY, PAGE, WORKBOOK, SIZES, *files):
            (folder / name).unlink(missing_ok=True)
        for old in tables_of(folder):
            old.unlink()
        for name, content in files.items():
            if content is not None:
                (folder / name).write_bytes(content)
    except OSError as error:
        told = f"cannot write to {str(folder)!r}: {(error.strerror or type(error).__name__).lower()}"
        raise InvalidArgument(told, "give a folder that you may write to") from error
    if daily is not None:
        write_file(daily, folder / SIZES)


def _opened(estate: Any, archive: str | Path | None) -> tuple[Estate, dict[str, Any]]:
    """The estate, and how the notebook opens it: an archive by itself, all else as it is saved for the report."""
    from dpmagic.api import open as open_estate
    from dpmagic.archive.source import Archive

    if archive is not None and estate is not None:
        raise InvalidArgument("an estate and an archive", "give one of them: an archive is an estate of its own")
    where = archive if estate is None else estate
    meant = where if isinstance(where, Estate) else open_estate(where)
    if not isinstance(meant.source, Archive):
        return meant, {"estate": "estate"}
    at = meant.now.isoformat().replace("+00:00", "Z")
    return meant, {"estate": _whole(meant.source.path), "at": at, "window": tuple(meant.window.texts())}


def _names(estate: Estate, recovery_points: bool) -> Iterable[str]:
    return [name for name in tables() if estate.has(name) and (recovery_points or name != "recovery_points")]


def _principal(estate: Estate) -> str:
    connection = getattr(estate.source, "connection", None)
    return str(connection.principal) if connection is not None else ""


def _whole(path: str | Path) -> str:
    return str(Path(path).expanduser().resolve())


def _content(given: str | Path | None) -> bytes | None:
    """What a file holds that is kept with the report, so that it says what things were held against."""
    if given is None:
        return None
    try:
        return file_of(given, "file", "a report takes it from a file, and keeps that").read_bytes()
    except OSError:
        return None  # what reads it says what is wrong


def _sizes(given: Sizes | None) -> pandas.DataFrame | None:
    from dpmagic.analysis.sizing.chains import sizes_of

    return None if given is None else sizes_of(given)


def _keep(notebook: Any, path: Path) -> None:
    import nbformat

    written: Any = nbformat.write  # it has no annotations
    written(notebook, path)


def _written(notebook: Any, folder: Path) -> Written:
    """The page of a notebook that was run.  Raises `ReportFailed` when it has written no summary."""
    if not (folder / SUMMARY).is_file():
        raise ReportFailed("the notebook wrote no summary", "end it with a cell that says report.write()")
    summary = json.loads((folder / SUMMARY).read_bytes())
    (folder / PAGE).write_text(page(notebook, f"Backup report, {summary['at']}"), encoding="utf-8")
    return Written(folder, folder / PAGE, summary)
