"""What a statement gives besides frames: text, the preview of a dry run, an operation that goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dpmagic.arm.plans import Withheld
from dpmagic.errors import redact
from dpmagic.progress import Observer, Silent, elapsed

if TYPE_CHECKING:
    import pandas

    from dpmagic.arm.operations import Operation


_CODE = "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"


class Text(str):
    """A str that shows as itself, not quoted: the answer of ``-o json`` and its like."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@dataclass(frozen=True)
class Preview:
    """What a dry run would have changed.  Nothing of it was sent."""

    steps: tuple[Withheld, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """The changes in order: ``method``, ``url``, ``body``, ``purpose``, and ``later`` for what depends on them."""
        return [
            {
                "method": step.method,
                "url": redact(step.url),
                "body": json.loads(redact(json.dumps(step.body))),
                "purpose": step.purpose,
                "later": step.later,
            }
            for step in self.steps
        ]

    def to_frame(self) -> pandas.DataFrame:
        """The same as a DataFrame, one row a change."""
        import pandas

        return pandas.DataFrame(self.to_json(), columns=["method", "url", "body", "purpose", "later"])

    @property
    def headline(self) -> str:
        """How many changes were held back."""
        count = sum(not step.later for step in self.steps)
        return f"dry run: {count} change{'s' if count != 1 else ''} not sent"

    def __repr__(self) -> str:
        lines = [self.headline]
        for number, step in enumerate(self.to_json(), 1):
            depends = " (later: depends on the above)" if step["later"] else ""
            lines.append(f"{number}. {step['purpose'] or step['method']}{depends}")
            lines.append(f"   {step['method']} {step['url']}")
            if step["body"] is not None:
                body = json.dumps(step["body"], indent=2, ensure_ascii=False)
                lines += [f"   {line}" for line in body.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self.headline)}</b></p><ol>"]
        for step in self.to_json():
            depends = " <i>(later: depends on the above)</i>" if step["later"] else ""
            body = json.dumps(step["body"], indent=2, ensure_ascii=False) if step["body"] is not None else ""
            parts.append(
                f"<li>{escape(step['purpose'] or step['method'])}{depends}<br>"
                f"<code style='{_CODE}'>{escape(step['method'])} {escape(step['url'])}</code>"
                + (f"<pre style='{_CODE}'>{escape(body)}</pre>" if body else "")
                + "</li>"
            )
        return "".join([*parts, "</ol>"])


class Handle:
    """A change that Azure has accepted and that nobody waited for (``--no-wait``)."""

    def __init__(self, operation: Operation, observer: Observer | None = None) -> None:
        self._operation, self._observer = operation, observer or Silent()

    @property
    def status(self) -> str:
        """Azure's word for where it stood when last asked."""
        return self._operation.status

    @property
    def token(self) -> str:
        """What another process needs to follow it; it holds no bearer token."""
        return self._operation.token

    def wait(self) -> Any:
        """Follow it to its end; the service's final JSON, or None.  Raises `AzureError` when it failed."""
        return self._operation.wait(self._observer).json

    def __repr__(self) -> str:
        request = self._operation.request
        waited = (self._operation.connection.now() - self._operation.started).total_seconds()
        what = request.purpose or f"{request.method} {urlsplit(request.path).path}"
        return f"{what}: {self.status}, accepted {elapsed(waited)} ago; .wait() follows it to its end"
