"""What the cells of a report's notebook use: questions asked once, their answers kept, shown and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas
from pyarrow import default_memory_pool

from dpmagic.analysis.controlling.reading import read as read_controls
from dpmagic.analysis.protection.baseline import read as read_baseline
from dpmagic.api import open as open_estate
from dpmagic.errors import AzureError, InvalidArgument, did_you_mean
from dpmagic.estate import Estate
from dpmagic.estate.completeness import KEY
from dpmagic.reports import cells, cover
from dpmagic.reports.cells import Shown
from dpmagic.reports.gate import summary, unanswered
from dpmagic.reports.pictures import Picture

Question = Callable[..., pandas.DataFrame]
_MUCH = 2**28  # bytes: of less, to take it anew costs more than it is worth


@dataclass
class Report:
    """An estate, and the answers that its report gives.

    ``estate`` is one, or the folder of one (`Estate.save`) or of an archive, then ``window`` and ``at`` as in
    `dpmagic.open`.  ``folder`` is where the report's files go.  ``controls`` is a file of them (see
    `dpmagic.controls`), ``baseline`` one of what vaults are held against (see `dpmagic.posture`), ``sizes`` are cost
    exports; ``worst`` is the severity of a finding that the gate does not let through (0: it lets all through); ``csv``
    writes answers as CSV too.  Raises `InvalidArgument` for files of controls and baselines that are not understood.
    """

    estate: Any
    folder: str | Path = "report"
    window: Any = None
    at: Any = None
    principal: str = ""
    controls: Any = None
    baseline: Any = None
    sizes: Any = None
    worst: int = 1
    csv: bool = False
    answers: dict[str, pandas.DataFrame] = field(default_factory=dict, init=False, repr=False)
    unanswered: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        read_controls(self.controls)
        read_baseline(self.baseline)
        if not isinstance(self.estate, Estate):
            self.estate = open_estate(self.estate, at=self.at, window=self.window)

    def ask(self, name: str, question: Question, /, **options: Any) -> Answer:
        """Ask ``question`` of the estate and keep the answer under ``name``, also as a file of the report.

        Where a table or a stretch of time that it needs is not there, or Azure refuses to tell, the report says so in
        its place, and in the summary; any other error is the cell's.
        """
        try:
            answer = question(self.estate, **options)
        except (InvalidArgument, AzureError) as error:
            self.unanswered[name] = error.message
            return Answer(self, name)
        finally:
            _release()
        return self.keep(name, answer)

    def ask_with(self, given: str, name: str, question: Question, /, **options: Any) -> Answer:
        """As `ask`, with what the report was ``given`` (``sizes``, ``controls``); not asked where it was given none."""
        value = getattr(self, given)
        if value is None:
            self.unanswered[name] = f"no {given} were given"
            return Answer(self, name)
        return self.ask(name, question, **{given: value}, **options)

    def keep(self, name: str, frame: pandas.DataFrame) -> Answer:
        """Keep a frame under ``name``: a file of the report, a sheet of its workbook."""
        self.answers[name] = frame
        self.unanswered.pop(name, None)
        return Answer(self, name)

    def answer(self, name: str) -> Answer:
        """The answer ``name`` once more, to show other parts of it."""
        return Answer(self, name)

    def frame(self, name: str) -> pandas.DataFrame:
        """The answer kept under ``name``.  Raises `InvalidArgument` when there is none."""
        if name not in self.answers:
            there = ", ".join(self.answers) or "none"
            why = self.unanswered.get(name, "it was not asked")
            raise InvalidArgument(f"there is no answer {name}: {why}", did_you_mean(name, self.answers, f"of {there}"))
        return self.answers[name]

    def chart(self, draw: Callable[..., Any], name: str, **options: Any) -> Any:
        """The answer ``name`` as ``draw`` draws it, one of `dpmagic.charts`; ``axes`` of it can be drawn on.

        An option that is a function is called with the estate first: tables are read only where there is an answer.
        """
        if name in self.unanswered:
            return cells.note(f"No picture of {name}: it was not answered.", "unknown")
        made = {option: value(self.estate) if callable(value) else value for option, value in options.items()}
        return Picture(draw(cover.drawn(self.frame(name)), **made))

    @property
    def verify(self) -> str | None:
        """What ``verify`` of the analyses is here: recovery points, where they were read."""
        return "recoveryPoints" if self.estate.has("recovery_points") else None

    def cover(self) -> Shown:
        """Who asked, where, when, over which window, and what of it could be read."""
        return cover.cover(self)

    def findings(self, most: int = 10) -> Shown:
        """The worst of the answer ``findings``, each with its fix: a command, or the advice that ``triage`` has."""
        if "findings" in self.unanswered:
            return Answer(self, "findings").show()
        found = self.frame("findings")
        shown = cover.worst(found, most, self._advice())
        unknown = [f"Findings of kind {kind} are not known: {why}." for kind, why in unanswered(found).items()]
        return Shown("".join(cells.note(one, "unknown").html for one in unknown) + shown.html, shown.text)

    def _advice(self) -> dict[str, str]:
        """What to do, by id in lower case: of a backup instance what Microsoft recommends, of a vault the baseline."""
        told: dict[str, str] = {}
        for name, column in (("posture", "advice"), ("triage", "recommendedAction")):
            if name in self.answers:
                found = self.frame(name).dropna(subset=column)
                said = found[column].groupby(found["id"].str.lower(), sort=False).agg("; ".join)
                told |= {str(one): str(text) for one, text in said.items()}
        return told

    def tally(self, name: str, by: str, of: str) -> Shown:
        """How many rows of the answer ``name`` have each value of the column ``of``, a row for each of ``by``."""
        if name in self.unanswered:
            return Answer(self, name).show()
        found = self.frame(name)
        counts = found.groupby([by, of], sort=False).size().unstack(fill_value=0)
        return cells.table(counts.reset_index(), rows=len(counts), more=f"all {len(found):,} in tables/{name}.parquet")

    def summary(self) -> dict[str, Any]:
        """What a machine reads of the report, as JSON: figures, files, and whether the gate holds."""
        return summary(self)

    def write(self) -> Shown:
        """Write the tables, the workbook and the summary; gives the evidence appendix, which has their sums."""
        from dpmagic.reports.evidence import write

        return write(self)


def _release() -> None:
    """Give back what an answer of a large estate took: many questions one after another each take much for a while."""
    pool = default_memory_pool()
    most = pool.max_memory()
    if most is None or most > _MUCH:
        pool.release_unused()


@dataclass(frozen=True)
class Answer:
    """An answer of the report's: shown by a notebook as its first rows."""

    report: Report = field(repr=False)
    name: str

    @property
    def frame(self) -> pandas.DataFrame:
        """All of it.  Raises `InvalidArgument` when the question was not answered."""
        return self.report.frame(self.name)

    def show(
        self, *columns: str, rows: int = 15, only: Mapping[str, Any] | None = None, tally: str | None = None
    ) -> Shown:
        """Its first ``rows``, of these ``columns``; ``only`` picks rows by a column's value or values.

        Above them stands how often each value of the column ``tally`` is there.
        """
        if self.name in self.report.unanswered:
            return cells.note(f"{self.name} is not answered: {self.report.unanswered[self.name]}.", "unknown")
        frame, more = self.frame, f"all in tables/{self.name}.parquet"
        if only:
            more = f"all {len(frame):,} in tables/{self.name}.parquet"
        for column, wanted in (only or {}).items():
            frame = frame[frame[column].isin([wanted] if isinstance(wanted, str) else list(wanted))]
        shown = cells.table(frame, columns, rows, more)
        remarks = "".join(cells.note(one, "unknown").html for one in self.frame.attrs.get(KEY, {}).get("remarks", ()))
        shown = Shown(shown.html + remarks, shown.text)
        return Shown(cells.tally(frame[tally]) + shown.html, shown.text) if tally else shown

    def _repr_html_(self) -> str:
        return self.show().html
