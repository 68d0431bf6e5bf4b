"""A notebook run by its own kernel: the one of this Python, in the report's folder, told about as it goes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from dpmagic.errors import DpmagicError, Interrupted, extra
from dpmagic.progress import Observer

_PARAMETERS = "parameters"
_TAKES = 3600  # seconds that one cell may take


class ReportFailed(DpmagicError):
    """A cell of the report's notebook failed, or it is no notebook."""


def can_run() -> None:
    """Raises `NotInstalled` when there is nothing to run a notebook with: asked before an estate is read for it."""
    with extra("notebook", "a report"):
        for package in ("ipykernel", "nbclient", "nbconvert"):
            if find_spec(package) is None:
                raise ModuleNotFoundError(name=package)


def notebook_of(path: Path, given: Mapping[str, Any]) -> Any:
    """The notebook in ``path``, in which the cell tagged ``parameters`` says what is ``given``.

    Raises `ReportFailed` for a file that is no notebook, or has no such cell.
    """
    import nbformat

    try:
        reading: Any = nbformat.read  # it has no annotations
        made = reading(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        told = str(error).splitlines()[0]
        raise ReportFailed(f"{path} is no notebook: {told}", "begin with one that --eject gives") from error
    for cell in made.cells:
        if _PARAMETERS in cell.metadata.get("tags", []):
            cell.source = f"given = {dict(given)!r}"
            return made
    raise ReportFailed(
        f"{path} has no cell with the tag {_PARAMETERS}", "tag the one that says what is given, as --eject has it"
    )


def run(notebook: Any, folder: Path, observer: Observer) -> None:
    """Run every cell in ``folder``.

    Raises `ReportFailed` at the first cell that fails, with what it says, and `Interrupted` at Ctrl-C.
    """
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    sections = _sections(notebook)
    client = _client(notebook, folder, sections, observer)
    # What a kernel itself says is of interest only when it dies; what cells print is in the notebook.
    log = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
    try:
        client.execute(stderr=log)
    except DeadKernelError as error:
        raise ReportFailed(f"the kernel died: {_last_line(log)}", "report.ipynb has what was run") from error
    except (CellExecutionError, CellTimeoutError) as error:
        raise _failed(notebook, sections, error) from error
    except AssertionError:
        if client.km is not None:
            raise
        # nbclient takes Ctrl-C itself: it ends the kernel, and then finds none that it could end.
        raise Interrupted("the report was stopped", "report.ipynb has what was run; run it again") from None
    finally:
        log.close()
        observer.done()


def _client(notebook: Any, folder: Path, sections: list[str], observer: Observer) -> Any:
    """What runs the notebook: the kernel of this Python, whatever others are installed under its name."""
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    def begun(cell: Any, cell_index: int) -> None:
        observer.stage(f"report: {sections[cell_index]} ({cell_index + 1} of {len(notebook.cells)})")

    made = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=_TAKES,
        record_timing=False,
        on_cell_start=begun,
        extra_arguments=["--log-level=ERROR"],  # how the kernel is talked to is no news of the report
        resources={"metadata": {"path": str(folder)}},
    )
    observer.stage("report: starting the notebook")
    made.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    return made


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _sections(notebook: Any) -> list[str]:
    """For each cell the heading above it."""
    made, now = [], "begin"
    for cell in notebook.cells:
        heads = (
            [line for line in cell.source.splitlines() if line.startswith("#")] if cell.cell_type == "markdown" else []
        )
        now = heads[-1].lstrip("# ") if heads else now
        made.append(now)
    return made


def _failed(notebook: Any, sections: list[str], error: Exception) -> ReportFailed:
    for cell, section in zip(notebook.cells, sections, strict=True):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                told = f"{output.ename}: {output.evalue}".strip().splitlines()[0]
                return ReportFailed(f"the cell under {section!r} failed: {told}", "report.ipynb has all of it")
    return ReportFailed(f"the notebook stopped: {str(error).splitlines()[0]}", "report.ipynb has what was run")
