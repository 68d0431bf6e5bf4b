"""A notebook that was run as one HTML page that loads nothing: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def page(notebook: Any, title: str) -> str:
    """The page: markdown, and what cells have given; their code is in the notebook."""
    import nbconvert

    made: Any = nbconvert.HTMLExporter  # it has no annotations
    exporter = made(
        template_name="page",
        extra_template_basedirs=[str(_HERE / "templates")],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        optimistic_validation=True,
    )
    style = (_HERE / "templates" / "page" / "style.css").read_text(encoding="utf-8")
    resources = {"metadata": {"name": title}, "style": style, "sections": _sections(notebook)}
    # HTMLExporter's own would read the page once more, to change what its own templates have and this one has not.
    body, _ = nbconvert.TemplateExporter.from_notebook_node(exporter, notebook, resources)
    return str(body)


def _sections(notebook: Any) -> list[tuple[str, str]]:
    """Of each heading of the second level its text and its anchor, which nbconvert makes of it."""
    lines = [line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    heads = [line.removeprefix("## ").strip() for line in lines if line.startswith("## ")]
    return [(head, head.replace(" ", "-")) for head in heads]
