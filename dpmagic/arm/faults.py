"""Azure's errors as ours, from the shapes in which it writes them, each with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dpmagic.errors import AzureError, NotFound

UNSURE = "Azure may have done it all the same: look with `show` or `list` before you run it again"
"""What to do where nobody knows whether a change was made."""

SIGN_IN = "the token is not, or no longer, accepted: run `az login` or give a new one, then connect again"
_EXPIRED = "ExpiredAuthenticationToken"
# What to do about a failure that passes, where the answer has no advice of its own.
_LATER = {
    412: "somebody changed it in the meantime: look at it again, then run it again",
    429: "Azure takes no more of you just now, and did nothing: run it again in a few minutes",
} | dict.fromkeys(
    (500, 502, 503, 504), "run it again in a few minutes; if it stays so, give Azure support the request id"
)
_BUSY = "wait until what is in progress has ended, with `resume` or a `wait` command, then run it again"


def fault(status: int, content: bytes, headers: Mapping[str, str]) -> AzureError:
    """The service's error as ours, from any of the three shapes in which Azure writes one."""
    try:
        body = json.loads(content or b"null")
    except ValueError:
        body = None
    error = fault_of(
        status, body, str(headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id") or "")
    )
    error.headers = headers
    return error


def fault_of(status: int, body: Any, request_id: str = "") -> AzureError:
    """An error body (``error{code,message}``, the legacy ``ErrorCode`` form, or a bare code) as an exception."""
    body = body if isinstance(body, dict) else {}
    error = body.get("error") if isinstance(body.get("error"), dict) else body
    legacy = body.get("Message") if isinstance(body.get("Message"), dict) else {}
    code = str(error.get("code") or body.get("ErrorCode") or f"HTTP {status}")
    message = str(error.get("message") or legacy.get("Value") or "the service gave no reason")
    details = [
        f"{detail.get('code', '')}: {detail.get('message', '')}".strip(": ")
        for detail in error.get("details") or []
        if isinstance(detail, dict) and (detail.get("message") or detail.get("code"))
    ]
    kind = NotFound if status == 404 else AzureError
    return kind(
        code,
        "; ".join([message.strip(), *details]),
        status=status,
        recommended_action=list(_advice(error)),
        request_id=request_id,
        hint=SIGN_IN if status == 401 else "",
    )


def _advice(error: Mapping[str, Any]) -> Iterator[str]:
    """The recommended actions of an error: Backup's are a list, other providers write one text."""
    for more in error.get("additionalInfo") or []:
        info = more.get("info") if isinstance(more, dict) else None
        actions = info.get("recommendedAction") if isinstance(info, dict) else None
        yield from [actions] if isinstance(actions, str) else actions or []


def expired(error: AzureError) -> bool:
    """Whether Azure says that the token is too old."""
    return error.status == 401 and error.code == _EXPIRED


def advised(error: AzureError, *, changing: bool) -> AzureError:
    """The error of a request, with what to do: after a failure of Azure's own nobody knows if a change was made."""
    if changing and error.status >= 500:
        later = UNSURE
    elif error.hint:
        later = ""
    else:
        later = _BUSY if "InProgress" in error.code else _LATER.get(error.status, "")
    error.hint = "; ".join(filter(None, [error.hint, later]))
    return error
