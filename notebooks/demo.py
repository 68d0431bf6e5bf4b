"""``make demo``: run the tour against the sandbox, write it as one HTML page, say where it is and what it found."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

TOUR = Path(__file__).with_name("01_back_up_a_disk.ipynb")


def main(page: Path) -> None:
    """Run `TOUR` in a folder of its own and write ``page``.  A cell that fails, fails the demo."""
    notebook = nbformat.read(TOUR, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        # Jupyter's own warnings, of how the kernel is talked to, are no news of the tour.
        run = ExecutePreprocessor(timeout=300, extra_arguments=["--log-level=ERROR"])
        run.preprocess(notebook, {"metadata": {"path": folder}})
    html, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    print(f"The tour, run against the sandbox: {page.resolve()}")
    for cell in notebook.cells:
        if "findings" in cell.metadata.get("tags", []):
            print("".join(output.get("text", "") for output in cell.outputs), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
