"""``> file``: a value in a file, as its suffix says, whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from dpmagic.errors import InvalidArgument
from dpmagic.output.formats import as_json, as_yaml


def write(value: Any, path: Path) -> str:
    """Write the value, decoded JSON or a DataFrame, to a file and give one line that says so.

    The suffix says how: ``.yaml`` ``.yml``; ``.csv`` ``.tsv`` (with a header) ``.parquet`` ``.xlsx``, a row for each
    row of `dpmagic.frames.frame`; any other, or none, is what ``-o json`` prints and a newline, the same bytes for the
    same value.  A file that is there is replaced whole, or left alone when anything fails.

    Raises `InvalidArgument` when it cannot be written there.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".parquet", ".xlsx"):
        data, count, noun = *_rows(value, suffix), "row"
    else:
        value = _plain(value)
        body = (as_yaml if suffix in (".yaml", ".yml") else as_json)(value).removesuffix("\n") + "\n"
        # Half of a surrogate pair is in no encoding; this is how JSON spells it.
        data, count, noun = body.encode(errors="backslashreplace"), _count(value), "object"
    try:
        _replace(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error
    return f"wrote {path}: {count:,} {noun}{'' if count == 1 else 's'}, {len(data):,} bytes"


def check_file(path: Path) -> None:
    """Raise what `write` would raise of the name alone, before anything is sent whose answer it is to hold."""
    if path.suffix.lower() in (".xls", ".xlsm", ".xlsb"):  # else it would be JSON, which Excel takes for damaged
        raise InvalidArgument(f"cannot write {path}: a workbook is written as .xlsx", f"{path.with_suffix('.xlsx')}")
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError())
    if not path.parent.is_dir():
        raise _unwritable(path, FileNotFoundError())


def _plain(value: Any) -> Any:
    """A DataFrame as JSON values, anything else as it is; pandas is not loaded to find out."""
    if not hasattr(value, "columns"):
        return value
    from dpmagic.frames.files import records

    return records(value)


def _rows(value: Any, suffix: str) -> tuple[bytes, int]:
    from dpmagic.frames import files, frame, sheets

    made = value if hasattr(value, "columns") else frame(value)
    match suffix:
        case ".parquet":
            return files.parquet_bytes(made), len(made)
        case ".xlsx":
            return sheets.xlsx_bytes(made), len(made)
        case _:
            return files.csv_bytes(made, "\t" if suffix == ".tsv" else ","), len(made)


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value is not None)


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` where ``path`` leads, through a file beside it, so that no reader sees half of it."""
    target = path.resolve()
    if target.exists() and not target.is_file():  # /dev/stdout is written to, never replaced; a folder is an error
        target.write_bytes(data)
        return
    beside = target.with_name(f".{uuid4().hex}.tmp")
    try:
        beside.write_bytes(data)
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> InvalidArgument:
    if isinstance(error, IsADirectoryError):
        return InvalidArgument(f"cannot write {path}: it is a folder", "give the name of a file in it")
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not path.parent.is_dir():
        return InvalidArgument(f"cannot write {path}: there is no folder {path.parent}", "make the folder first")
    reason = (error.strerror or type(error).__name__).lower()
    return InvalidArgument(f"cannot write {path}: {reason}", "give another file or folder")
