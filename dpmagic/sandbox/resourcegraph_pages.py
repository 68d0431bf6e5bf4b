"""Pages of a Resource Graph answer: the tokens, and the answers that they point into.

A token carries a serial number, the row where the next page starts, the second it was made in and a digest of the
query and its scope, all under a keyed hash: it is opaque, the same run of queries gives the same tokens, and a changed
one is noticed. The answer is kept, so the tenth page costs what the second does and all pages show one instant.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta

from .kql.model import Answer

#: How long a token can be used. Modelled: the documents say that tokens expire, not when.
LIFETIME = timedelta(hours=1)

_KEY = b"resource graph of the sandbox"
_HEAD = struct.Struct(">III12s")
_SEAL = 12  # 36 bytes in all: base64 without padding, so that no two texts are one token
_KEPT = 64
_KEPT_BYTES = 2**31


class TokenError(ValueError):
    """The ``$skipToken`` is not one of ours, has expired, or belongs to another query or scope."""


class Pages:
    """Answers by serial number, the latest ones kept."""

    def __init__(self) -> None:
        self._answers: OrderedDict[int, Answer] = OrderedDict()
        self._serial = 0
        self._bytes = 0

    def keep(self, answer: Answer) -> int:
        """Keep the answer to a first page and give its serial number."""
        self._serial += 1
        self.put(self._serial, answer)
        return self._serial

    def put(self, serial: int, answer: Answer) -> None:
        """Keep an answer under its number; the oldest ones go when there are many, or large ones."""
        self._drop(serial)
        self._answers[serial] = answer
        self._bytes += answer.size
        while len(self._answers) > _KEPT or (self._bytes > _KEPT_BYTES and len(self._answers) > 1):
            self._drop(next(iter(self._answers)))

    def get(self, serial: int) -> Answer | None:
        """The kept answer, or None when newer ones have pushed it out (the query is then run again)."""
        return self._answers.get(serial)

    def token(self, serial: int, scope: str, offset: int, now: datetime) -> str:
        """The token of the page that starts at a row of an answer."""
        head = _HEAD.pack(serial, offset, int(now.timestamp()), _digest(scope))
        return base64.urlsafe_b64encode(head + _seal(head)).decode()

    def open(self, token: str, scope: str, now: datetime) -> tuple[int, int]:
        """Serial number and row offset of a token; TokenError when it was not made here for this query, or long ago."""
        serial, offset, made, digest = _unseal(token)
        if digest != _digest(scope):
            raise TokenError("The $skipToken belongs to another query or scope.")
        if int(now.timestamp()) - made > LIFETIME.total_seconds():
            raise TokenError("The $skipToken has expired.")
        return serial, offset

    def shift(self, token: str, rows: int) -> None:
        """Add a row to the front of the answer behind the token (``rows`` is 1), take its first one (-1), or take that
        one and add another at the end (0).

        Nothing to do for a token that is not ours, or whose answer is not kept.
        """
        try:
            serial, *_ = _unseal(token)
        except TokenError:
            return
        answer = self.get(serial)
        if answer is not None and answer.count:
            self.put(serial, replace(answer, table=_shifted(answer.table, rows)))

    def _drop(self, serial: int) -> None:
        answer = self._answers.pop(serial, None)
        if answer is not None:
            self._bytes -= answer.size


def _shifted(table: object, rows: int) -> object:
    import pyarrow as pa

    assert isinstance(table, pa.Table)
    if rows > 0:
        return pa.concat_tables([table.slice(0, 1), table])
    if rows < 0:
        return table.slice(1)
    came = table.slice(table.num_rows - 1)
    if "id" in table.column_names:  # as the last one, with an id behind it
        at = table.column_names.index("id")
        came = came.set_column(at, table.field(at), pa.array([f"{came['id'][0]}~"]).cast(table.field(at).type))
    return pa.concat_tables([table.slice(1), came])


def _unseal(token: str) -> tuple[int, int, int, bytes]:
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise TokenError("The $skipToken is not valid.") from error
    head, seal = raw[: _HEAD.size], raw[_HEAD.size :]
    if len(head) != _HEAD.size or not hmac.compare_digest(seal, _seal(head)):
        raise TokenError("The $skipToken is not valid.")
    serial, offset, made, digest = _HEAD.unpack(head)
    return serial, offset, made, digest


def _digest(scope: str) -> bytes:
    return hashlib.sha256(scope.encode()).digest()[:12]


def _seal(head: bytes) -> bytes:
    return hmac.new(_KEY, head, hashlib.sha256).digest()[:_SEAL]
