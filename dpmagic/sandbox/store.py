"""Where the sandbox keeps what exists: ARM documents by kind, parent and name, in memory or in one SQLite file.

Keys compare without case, as ARM's do. Documents go in and come out as copies, so only :meth:`Store.put` changes the
world. With a folder, what changed since the last :meth:`Store.commit` is written in one transaction: a process that is
killed leaves the world as the last answered request left it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson

Document = dict[str, Any]
Key = tuple[str, str, str]  # kind, parent and name, the latter two in lower case

FILE_NAME = "sandbox.sqlite"
_APPLICATION_ID = 0x44504D47  # "DPMG", in the file's header: how we know one of ours
_FORMAT = 2
_INNER = frozenset(
    {"clock", "counter", "event", "operation", "diskOperation", "running", "unlock", "databaseOperation"}
)  # the sandbox's own bookkeeping
_INDEXED = dict.fromkeys(("instance", "deletedInstance"), ("properties", "dataSourceInfo", "resourceID"))


class StateError(Exception):
    """The state folder cannot be used. ``str()`` says what is wrong, ``hint`` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Observer(Protocol):
    """Told of every document of its kinds that is put or dropped, with what it was before and is now."""

    kinds: frozenset[str]

    def __call__(self, kind: str, before: Document | None, after: Document | None) -> None: ...


class Store:
    """Documents of the world; see the module's text. ``observer``, if set, is told of changes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._kinds: dict[str, dict[str, dict[str, bytes]]] = {}
        self._changed: dict[Key, bytes | None] = {}
        self._index: dict[tuple[str, str], set[Key]] = {}
        self._file = None if folder is None else _open(folder)
        self.observer: Observer | None = None
        self.version = 0  # grows with every change to what a reader of the world can see
        if self._file is not None:
            for kind, parent, name, body in self._file.execute("SELECT kind, parent, name, body FROM document"):
                self._bucket(kind, parent)[name] = body
                self._note((kind, parent, name), orjson.loads(body) if kind in _INDEXED else {})

    def get(self, kind: str, parent: str, name: str) -> Document | None:
        """A copy of the document, or None."""
        body = self._kinds.get(kind, {}).get(parent.lower(), {}).get(name.lower())
        return None if body is None else orjson.loads(body)

    def put(self, kind: str, parent: str, name: str, document: Document) -> None:
        """Add the document or replace the one of that name."""
        key = kind, parent.lower(), name.lower()
        body = orjson.dumps(document)
        self._forget(key)
        before = self._bucket(kind, key[1]).get(key[2])
        self._bucket(kind, key[1])[key[2]] = body
        self._note(key, document)
        self.version += kind not in _INNER
        if self._file is not None:
            self._changed[key] = body
        self._observe(kind, before, body)

    def drop(self, kind: str, parent: str, name: str) -> None:
        """Remove the document; none of that name is no error."""
        key = kind, parent.lower(), name.lower()
        self._forget(key)
        before = self._bucket(kind, key[1]).pop(key[2], None)
        if before is None:
            return
        self.version += kind not in _INNER
        if self._file is not None:
            self._changed[key] = None
        self._observe(kind, before, None)

    def children(self, kind: str, parent: str) -> list[Document]:
        """The documents of one parent, by name."""
        bucket = self._kinds.get(kind, {}).get(parent.lower(), {})
        return [orjson.loads(bucket[name]) for name in sorted(bucket)]

    def below(self, kind: str, scope: str = "") -> Iterator[Document]:
        """The documents whose parent is the scope or lies below it, by parent and name; "" is everything."""
        scope = scope.lower()
        for parent in sorted(self._kinds.get(kind, {})):
            if not scope or parent == scope or parent.startswith(scope + "/"):
                yield from self.children(kind, parent)

    def protecting(self, kind: str, datasource: str) -> list[Document]:
        """The instances, of the kind ``instance`` or ``deletedInstance``, of a datasource, by parent and name."""
        keys = sorted(self._index.get((kind, datasource.lower()), ()))
        return [orjson.loads(self._kinds[kind][parent][name]) for _, parent, name in keys]

    def commit(self) -> None:
        """Write what changed since the last commit; nothing to do in memory."""
        if self._file is None or not self._changed:
            return
        with self._file:
            self._file.executemany(
                "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)",
                [(*key, body) for key, body in self._changed.items() if body is not None],
            )
            self._file.executemany(
                "DELETE FROM document WHERE kind = ? AND parent = ? AND name = ?",
                [key for key, body in self._changed.items() if body is None],
            )
        self._changed.clear()

    def close(self) -> None:
        """Commit and let go of the file."""
        if self._file is not None:
            self.commit()
            self._file.close()
            self._file = None

    def _observe(self, kind: str, before: bytes | None, after: bytes | None) -> None:
        if self.observer is not None and kind in self.observer.kinds:
            read = [None if body is None else orjson.loads(body) for body in (before, after)]
            self.observer(kind, *read)

    def _bucket(self, kind: str, parent: str) -> dict[str, bytes]:
        return self._kinds.setdefault(kind, {}).setdefault(parent, {})

    def _note(self, key: Key, document: Document) -> None:
        if key[0] in _INDEXED:
            self._index.setdefault((key[0], _indexed(key[0], document)), set()).add(key)

    def _forget(self, key: Key) -> None:
        if key[0] in _INDEXED and (before := self.get(*key)) is not None:
            self._index.get((key[0], _indexed(key[0], before)), set()).discard(key)


def _indexed(kind: str, document: Document) -> str:
    value: Any = document
    for member in _INDEXED[kind]:
        value = value[member]
    return str(value).lower()


def _open(folder: Path) -> sqlite3.Connection:
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists() and any(folder.iterdir()):
            raise StateError(
                f"{folder} holds files but no sandbox", "Name an empty folder, or one that a sandbox made."
            )
    except OSError as error:
        raise StateError(
            f"{folder} cannot be used: {error.strerror}", "Name a folder that you can write to."
        ) from error
    try:
        return _connect(path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StateError(
                f"{folder} is in use by another sandbox", "Close the other one, or name another folder."
            ) from error
        raise StateError(f"{path} cannot be written: {error}", "Name a folder that you can write to.") from error
    except sqlite3.DatabaseError as error:
        raise StateError(f"{path} is not a sandbox's state: {error}", "Name another folder.") from error


def _connect(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        file.execute("PRAGMA locking_mode = EXCLUSIVE")  # two worlds over one file would each overwrite the other
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute("BEGIN IMMEDIATE")
        (application,) = file.execute("PRAGMA application_id").fetchone()
        (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != _APPLICATION_ID:
            raise sqlite3.DatabaseError("another program's database")
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if tables and version != _FORMAT:
            raise sqlite3.DatabaseError(f"its format is {version}, this release reads {_FORMAT}")
        file.execute(
            "CREATE TABLE IF NOT EXISTS document (kind TEXT, parent TEXT, name TEXT, body BLOB,"
            " PRIMARY KEY (kind, parent, name)) WITHOUT ROWID"
        )
        file.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        file.execute(f"PRAGMA user_version = {_FORMAT}")
        file.commit()
    except sqlite3.Error:
        file.close()
        raise
    return file
