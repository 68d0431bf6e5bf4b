"""What a statement gives besides frames: text, and the preview of a dry run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from dpmagic.arm.plans import Withheld
from dpmagic.errors import redact

if TYPE_CHECKING:
    import pandas


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
