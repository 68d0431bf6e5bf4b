"""Pages of a Resource Graph answer: the tokens, and the answers that they point into.

A token carries a serial number, the row where the next page starts and a digest of the query and its scope,
all under a keyed hash: it is opaque, the same run of queries gives the same tokens, and a changed one is
noticed. The answer is kept, so the tenth page costs what the second does and all pages show one instant.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections import OrderedDict

from .kql.model import Answer

_KEY = b"resource graph of the sandbox"
_HEAD = struct.Struct(">II12s")
_SEAL = 13  # 33 bytes in all: base64 without padding, so that no two texts are one token
_KEPT = 64


class TokenError(ValueError):
    """The ``$skipToken`` is not one of ours, or belongs to another query or scope."""


class Pages:
    """Answers by serial number, the latest ones kept."""

    def __init__(self) -> None:
        self._answers: OrderedDict[int, Answer] = OrderedDict()
        self._serial = 0

    def keep(self, answer: Answer) -> int:
        """Keep the answer to a first page and give its serial number."""
        self._serial += 1
        self.put(self._serial, answer)
        return self._serial

    def put(self, serial: int, answer: Answer) -> None:
        self._answers[serial] = answer
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)

    def get(self, serial: int) -> Answer | None:
        """The kept answer, or None when newer ones have pushed it out (the query is then run again)."""
        return self._answers.get(serial)

    def token(self, serial: int, scope: str, offset: int) -> str:
        head = _HEAD.pack(serial, offset, _digest(scope))
        return base64.urlsafe_b64encode(head + _seal(head)).decode()

    def open(self, token: str, scope: str) -> tuple[int, int]:
        """Serial number and row offset of a token; TokenError when it was not made here for this query."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise TokenError("The $skipToken is not valid.") from error
        head, seal = raw[: _HEAD.size], raw[_HEAD.size :]
        if len(head) != _HEAD.size or not hmac.compare_digest(seal, _seal(head)):
            raise TokenError("The $skipToken is not valid.")
        serial, offset, digest = _HEAD.unpack(head)
        if digest != _digest(scope):
            raise TokenError("The $skipToken belongs to another query or scope.")
        return serial, offset


def _digest(scope: str) -> bytes:
    return hashlib.sha256(scope.encode()).digest()[:12]


def _seal(head: bytes) -> bytes:
    return hmac.new(_KEY, head, hashlib.sha256).digest()[:_SEAL]
