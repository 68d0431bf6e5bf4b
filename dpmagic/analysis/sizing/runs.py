"""Runs of an export: which files belong to one, when it was made, and whether they are whole."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas

from dpmagic.errors import InvalidArgument

_MANIFESTS = ("manifest.json", "_manifest.json")
_AGAIN = "copy it from the storage account again"


@dataclass(frozen=True)
class Run:
    """``name`` tells it from others; ``made`` when, by its manifest, or else when the files were written here.

    ``export`` is what a later run of writes anew: an export's days from one on, as its manifest says; "" where it does
    not say, or not when.
    """

    name: str
    made: pandas.Timestamp
    export: str = ""


def run_of(file: Path) -> Run:
    """The run that a file is of: that of the manifest beside it, if it names the file; else of parts those of the
    folder (``part_0_0001.csv``); else the file is one by itself.

    Raises `InvalidArgument` for a file that is not as long as its manifest says, or one of several that are not there.
    """
    told = _manifest(file.parent)
    named = {Path(str(blob.get("blobName", ""))).name: blob.get("byteCount") for blob in told.get("blobs", [])}
    written = pandas.Timestamp(file.stat().st_mtime, unit="s", tz="UTC")
    if file.name not in named:
        return Run(str(file.parent if file.name.lower().startswith("part_") else file), written)
    if lost := [name for name in named if not (file.parent / name).is_file()]:
        raise InvalidArgument(f"{lost[0]}, a part of the export in {file.parent.name}, is not there", _AGAIN)
    size, wanted = file.stat().st_size, named[file.name]
    if isinstance(wanted, int) and size != wanted:
        raise InvalidArgument(f"{file.name} has {size:,} bytes; its manifest says {wanted:,}", _AGAIN)
    said = (told.get("runInfo") or {}).get("submittedTime")
    made = pandas.to_datetime(pandas.Series([said], dtype="str"), utc=True, errors="coerce", format="ISO8601").iloc[0]
    if pandas.isna(made):
        return Run(str(file.parent), written)
    return Run(str(file.parent), made, _export(file.parent, told))


def _export(folder: Path, told: Mapping[str, Any]) -> str:
    """An export and its first day, by the manifest, or else by the folders: ``NAME/20260301-20260331/RUN``."""
    config, begins = told.get("exportConfig") or {}, str((told.get("runInfo") or {}).get("startDate") or "")
    name = str(config.get("resourceId") or config.get("exportName") or "").lower()
    if name and begins:
        return f"{name} from {begins[:10]}"
    above = folder.parent
    return f"{above.parent / above.name[:8]}" if re.fullmatch(r"\d{8}-\d{8}", above.name) else ""


@cache
def _known(path: Path, written: int) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{path} cannot be read: {error}", _AGAIN) from error
    return told if isinstance(told, Mapping) and isinstance(told.get("blobs"), list) else {}


def _manifest(folder: Path) -> Mapping[str, Any]:
    """What the manifest of a folder says; nothing, if there is none."""
    there = next((path for name in _MANIFESTS if (path := folder / name).is_file()), None)
    return _known(there, there.stat().st_mtime_ns) if there else {}
