"""What the sandbox answers: one HTTP response, before any transport or server has touched it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """Status, headers (lower-case names) and the bytes of the body; no body is ``b""``."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
