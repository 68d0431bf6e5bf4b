"""An estate as a folder: a Parquet file a table, and ``estate.json`` with what time it was and what was read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from dpmagic.errors import AzureError, InvalidArgument
from dpmagic.estate.columns import table, tables
from dpmagic.estate.completeness import KEY, Scope
from dpmagic.estate.completeness import told as told_of
from dpmagic.estate.excerpts import Excerpt
from dpmagic.estate.reading import Wanted, each
from dpmagic.estate.source import at_least, holes_of, of_window, refusal
from dpmagic.estate.window import Window, instant
from dpmagic.frames.declared import conform
from dpmagic.frames.files import parquet_bytes
from dpmagic.frames.times import format_time

if TYPE_CHECKING:
    from dpmagic.estate.estate import Estate

FILE = "estate.json"
_FORMAT, _VERSION = "dpmagic estate", 1
_KEYS = ("version", "target", "at", "window", "asked", "readable", "tables")
_HINT = "give a folder that estate.save(DIR) made, or one that dpmagic collect fills"


def save(
    estate: Estate,
    folder: str | Path,
    names: Iterable[str],
    partial: bool = False,
    keep: bool = True,
    excerpts: Collection[Excerpt] = (),
) -> Path:
    """Keep the tables of these names; see `Estate.save`.  Of those of which ``excerpts`` do, no more is asked for."""
    where = Path(folder)
    if where.exists() and not where.is_dir():
        raise InvalidArgument(f"{str(where)!r} is a file", "give the name of a folder")
    if where.is_dir() and any(where.iterdir()) and not (where / FILE).is_file():
        raise InvalidArgument(f"the folder {str(where)!r} holds other things", "give a new folder, or an empty one")
    # A window may end at the last midnight: what began since then is kept too, for questions about how things are now.
    until = max(estate.window.end, estate.now + timedelta.resolution)
    files, told, refused = _read(estate, estate.over((estate.window.start, until)), names, partial, keep, excerpts)
    scope = estate.source.scope
    said = {
        "format": _FORMAT,
        "version": _VERSION,
        "target": estate.source.target,
        "at": format_time(estate.now),
        "window": estate.window.texts(),
        "asked": list(scope.asked),
        "readable": list(scope.readable),
        "tables": told,
        "refused": {**estate.source.refused, **refused},
    }
    where.mkdir(parents=True, exist_ok=True)
    # All is written before anything is put in its place: what fails on the way leaves what was there.
    before = _named(where)
    _replace(where, files | {FILE: json.dumps(said, indent=1).encode()})
    for name in before - set(told):
        (where / f"{name}.parquet").unlink(missing_ok=True)
    return where


def _named(where: Path) -> set[str]:
    """The tables that an earlier save left, as far as it can be read."""
    try:
        before = set(json.loads((where / FILE).read_bytes())["tables"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in before if name in tables()}


def _read(
    estate: Estate, wider: Estate, names: Iterable[str], partial: bool, keep: bool, excerpts: Collection[Excerpt]
) -> tuple[dict[str, bytes], dict[str, Any], dict[str, str]]:
    """The tables as Parquet, by file, those with a time over the ``wider`` window; what each says of itself; and which
    of them Azure refused, in its words."""
    files: dict[str, bytes] = {}
    told: dict[str, Any] = {}
    refused: dict[str, AzureError] = {}
    of, asked = {one.table: one for one in excerpts}, list(dict.fromkeys(names))
    wanted = [_wanted(name, wider if table(name).time else estate, of.get(name)) for name in asked]
    # What the estate has already is not read again; what is read for this alone goes when it is written.
    for number, rows in each(estate, wanted, partial=partial, keep=keep):
        name = asked[number]
        if isinstance(rows, AzureError):
            refused[name] = rows
        else:
            files[f"{name}.parquet"], told[name] = parquet_bytes(rows), rows.attrs[KEY]
        del rows
    if refused and not files:
        raise min(refused.items(), key=lambda one: asked.index(one[0]))[1]
    told = {name: told[name] for name in asked if name in told}  # they come as they come
    return files, told, {name: refused[name].message for name in asked if name in refused}


def _wanted(name: str, over: Estate, excerpt: Excerpt | None) -> Wanted:
    return Wanted(name, over.window, frozenset(table(name).columns) if excerpt else None, excerpt)


def load(folder: str | Path) -> tuple[Saved, datetime, Window]:
    """The source, instant and window of a saved estate.

    Raises `InvalidArgument` for a folder that is none, or that a newer version has written.
    """
    where = Path(folder)
    if not where.is_dir():
        raise InvalidArgument(f"there is no folder {str(where)!r}", _HINT)
    try:
        said = json.loads((where / FILE).read_bytes())
    except FileNotFoundError:
        raise InvalidArgument(f"{str(where)!r} is no saved estate: it has no {FILE}", _HINT) from None
    except ValueError as error:
        raise InvalidArgument(f"{str(where / FILE)!r} is damaged: {error}", "save the estate again") from error
    if not isinstance(said, dict) or said.get("format") != _FORMAT:
        raise InvalidArgument(f"{str(where / FILE)!r} is of something else", _HINT)
    missing = [key for key in _KEYS if key not in said]
    if missing:
        raise InvalidArgument(f"{str(where / FILE)!r} is damaged: it has no {missing[0]}", "save the estate again")
    if said["version"] > _VERSION:
        raise InvalidArgument(f"{str(where)!r} was saved by a newer version", "pip install --upgrade dpmagic")
    at = instant(said["at"])
    return Saved(where, said), at, Window.of(said["window"], at)


class Saved:
    """The source of an estate that was saved: each table is read from its file when it is asked for."""

    def __init__(self, folder: Path, said: Mapping[str, Any]) -> None:
        self._folder, self._said, self.metered = folder, said, False

    @property
    def target(self) -> str:
        return str(self._said["target"])

    @property
    def scope(self) -> Scope:
        return Scope(self._said["asked"], self._said["readable"])

    @property
    def refused(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._said.get("refused", {})  # not there in what an earlier version saved
        return found

    def columns(self, name: str) -> Collection[str] | None:
        return list(table(name).columns) if name in self._said["tables"] and name in tables() else None

    def table(
        self, name: str, now: datetime, window: Window, columns: Collection[str] | None = None
    ) -> pandas.DataFrame:
        if name in self.refused:
            raise refusal(name, self.refused[name])
        if self.columns(name) is None:
            kept = [other for other in self._said["tables"] if other in tables()]
            raise InvalidArgument(
                f"the table {name!r} was not saved", f"these were: {', '.join(kept)}; save it with tables=[{name!r}]"
            )
        known, before = table(name), self._said["tables"][name]
        wanted = at_least(known, columns)
        read = conform(self._read(name, wanted), known.dtypes)
        missing = [column for column in wanted if column not in read]
        # Of a version before the column: nothing is known of it.
        read = conform(read.assign(**dict.fromkeys(missing)), known.dtypes)[wanted]
        rows = of_window(known, read, window)
        notes = [*before.get("notes", ()), *(f"saved before there was a column {column}" for column in missing)]
        says = self.says(name, now, window)
        notes += says["notes"]
        rows.attrs[KEY] = told_of(
            known,
            rows,
            target=self.target,
            now=now,
            window=window,
            scope=Scope(before["subscriptions"]["asked"], before["subscriptions"]["answered"]),
            since=before.get("since"),
            kql=before.get("kql", ""),
            notes=notes,
            unread=before.get("unread", ()),
        )
        rows.attrs[KEY].update({**says, "notes": notes})
        return rows

    def says(self, name: str, now: datetime, window: Window) -> Mapping[str, list[Any]]:
        said = self._said["tables"][name]
        before, holes = said["window"], holes_of(said, window)
        within = not table(name).time or Window(*map(instant, before)).contains(window)
        return {"notes": [] if within else [f"{name} were saved for {' to '.join(before)} only"], **holes}

    def seen(self, name: str) -> datetime | None:
        """When the rows were so, if they were an archive's: at its last run that read them."""
        said = self._said["tables"].get(name, {}).get("seen")
        return instant(said) if said else None

    def query(self, kql: str, names: Mapping[str, Any], now: datetime, window: Window) -> pandas.DataFrame:
        raise InvalidArgument("a saved estate answers no query", "ask the live one, or use pandas on its tables")

    def count(self, kql: str, now: datetime) -> pandas.DataFrame | None:
        return None

    def _read(self, name: str, columns: Collection[str]) -> pandas.DataFrame:
        from pyarrow import parquet

        path = self._folder / f"{name}.parquet"
        try:
            with parquet.ParquetFile(path) as file:
                rows = file.read([column for column in file.schema_arrow.names if column in columns])
            # Of texts that are in pieces Arrow makes one piece anew for whoever takes some of them.
            found: pandas.DataFrame = rows.combine_chunks().to_pandas()
            return found
        except FileNotFoundError:
            raise InvalidArgument(f"{str(path)!r} is not there", "save the estate again") from None
        except (OSError, ValueError) as error:
            told = str(error).splitlines()[0]
            raise InvalidArgument(f"{str(path)!r} is damaged: {told}", "save the estate again") from error


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    drafts = {name: folder / f".{name}.new" for name in files}
    for name, content in files.items():
        drafts[name].write_bytes(content)
    for name, draft in drafts.items():
        draft.replace(folder / name)
