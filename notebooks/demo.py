"""``make demo``: run the tour and the report against the sandbox, say what they found and where their pages are."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

import dpmagic

TOUR = Path(__file__).with_name("01_back_up_a_disk.ipynb")


def main(page: Path, folder: Path) -> None:
    """The tour as ``page``, then the report of the default estate in ``folder``.  A cell that fails, fails the demo."""
    tour(page)
    dpmagic.connect_sandbox(estate="default", read_only=True)
    found, _, where = dpmagic.report(out=folder).lines()
    print(f"The default estate's report: {found}")
    print(where)


def tour(page: Path) -> None:
    """Run `TOUR` in a folder of its own, write ``page``, and say what was found."""
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
    main(Path(sys.argv[1]), Path(sys.argv[2]))
