"""A store over an estate: what requests put or dropped lies above what was generated, which is never written down.

A generated document that is dropped leaves a document of its own, of a kind named ``gone`` and the dropped one's, so a
state folder keeps it like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import orjson

from .store import Document, Store


class Backing(Protocol):
    """What is below: documents by kind, and by parent and name in lower case."""

    def get(self, kind: str, parent: str, name: str) -> Document | None: ...

    def children(self, kind: str, parent: str) -> Mapping[str, Document]: ...

    def parents(self, kind: str) -> Iterable[str]: ...

    def protecting(self, kind: str, datasource: str) -> Iterable[tuple[str, str]]: ...


class LayeredStore(Store):
    """A :class:`~.store.Store` that may get a backing; without one it is a plain store."""

    def __init__(self, folder: Path | None = None) -> None:
        self._below: Backing | None = None
        self._told: Callable[[str, str, str], None] = lambda kind, parent, name: None
        super().__init__(folder)

    def lay(self, below: Backing, told: Callable[[str, str, str], None]) -> None:
        """Put a backing under the store. ``told`` hears of every put and drop: kind, parent and name in lower case."""
        self._below, self._told = below, told
        self.version += 1

    def get(self, kind: str, parent: str, name: str) -> Document | None:
        """A copy of the document, or None."""
        found = super().get(kind, parent, name)
        return found if found is not None else self._generated(kind, parent.lower(), name.lower())

    def put(self, kind: str, parent: str, name: str, document: Document) -> None:
        """Add the document or replace the one of that name."""
        if self._below is not None:
            self._lift(kind, parent.lower(), name.lower())
        super().put(kind, parent, name, document)
        self._told(kind, parent.lower(), name.lower())

    def drop(self, kind: str, parent: str, name: str) -> None:
        """Remove the document; none of that name is no error."""
        key = kind, parent.lower(), name.lower()
        if self._below is not None and self._below.get(*key) is not None:
            self._lift(*key)
            super().put(f"gone {kind}", parent, name, {})
        super().drop(kind, parent, name)
        self._told(*key)

    def children(self, kind: str, parent: str) -> list[Document]:
        """The documents of one parent, by name."""
        ours = super().children(kind, parent)
        if self._below is None:
            return ours
        generated = self._below.children(kind, parent.lower())
        if not generated:
            return ours
        hidden = {*self.names(kind, parent), *self.names(f"gone {kind}", parent)}
        merged = {name: document for name, document in generated.items() if name not in hidden}
        merged |= zip(self.names(kind, parent), ours, strict=True)
        return [merged[name] for name in sorted(merged)]

    def below(self, kind: str, scope: str = "") -> Iterator[Document]:
        """The documents whose parent is the scope or lies below it, by parent and name; "" is everything."""
        if self._below is None:
            yield from super().below(kind, scope)
            return
        scope = scope.lower()
        for parent in sorted({*self._kinds.get(kind, {}), *self._below.parents(kind)}):
            if not scope or parent == scope or parent.startswith(scope + "/"):
                yield from self.children(kind, parent)

    def protecting(self, kind: str, datasource: str) -> list[Document]:
        """The instances, of the kind ``instance`` or ``deletedInstance``, of a datasource, by parent and name."""
        found = super().protecting(kind, datasource)
        if self._below is None:
            return found
        known = {document["id"].lower() for document in found}
        keys = self._below.protecting(kind, datasource.lower())
        more = [document for key in keys if (document := self.get(kind, *key)) and document["id"].lower() not in known]
        return sorted([*found, *more], key=lambda document: str(document["id"]).lower())

    def names(self, kind: str, parent: str) -> list[str]:
        """The lower-case names of what was put under a parent, in order."""
        return sorted(self._kinds.get(kind, {}).get(parent.lower(), {}))

    def own(self, kind: str) -> Iterator[Document]:
        """All documents of a kind that were put, without those that are generated."""
        for parent in sorted(self._kinds.get(kind, {})):
            yield from super().children(kind, parent)

    def hidden(self, kind: str) -> frozenset[tuple[str, str]]:
        """Parent and name of the documents of a kind that were put or dropped: of these, the generated ones are not."""
        buckets = [*self._kinds.get(kind, {}).items(), *self._kinds.get(f"gone {kind}", {}).items()]
        return frozenset((parent, name) for parent, bucket in buckets for name in bucket)

    def _generated(self, kind: str, parent: str, name: str) -> Document | None:
        if self._below is None or name in self._kinds.get(f"gone {kind}", {}).get(parent, {}):
            return None
        found = self._below.get(kind, parent, name)
        return None if found is None else orjson.loads(orjson.dumps(found))

    def _lift(self, kind: str, parent: str, name: str) -> None:
        """Copy a generated document up before its first change, so that an observer sees what it was."""
        before = None if super().get(kind, parent, name) is not None else self._generated(kind, parent, name)
        if before is not None:
            observer, self.observer = self.observer, None
            super().put(kind, parent, name, before)
            self.observer = observer
