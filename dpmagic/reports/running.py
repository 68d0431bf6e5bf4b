"""A notebook run by its own kernel: the one of this Python, in the report's folder, told about as it goes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import IO, Any

from dpmagic.errors import DpmagicError, Interrupted, extra
from dpmagic.memory import for_large
from dpmagic.progress import Observer

_PARAMETERS = "parameters"
_AHEAD = ("--IPKernelApp.exec_lines=import dpmagic.reports.ahead",)
_TAKES, _STARTS = 3600, 300  # seconds that one cell may take, and the kernel with what it loads
# Seconds for the kernel to go, after half of which a signal ends it.  One in six hangs: a thread of ipykernel's waits
# for another that is gone already; jupyter_client would wait for 2.5 s.
_GOES = 1.0


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


@contextmanager
def started(notebook: Any, folder: Path, observer: Observer) -> Iterator[Callable[[], None]]:
    """A kernel in ``folder``, which loads what reports are made with while the caller has other things to do; gives
    what runs every cell of the notebook in it.

    That raises `ReportFailed` at the first cell that fails, with what it says, and `Interrupted` at Ctrl-C.
    """
    from jupyter_core.utils import run_sync

    sections = _sections(notebook)
    client = _client(notebook, folder, sections, observer)
    # What a kernel itself says is of interest only when it dies; what cells print is in the notebook.
    with tempfile.TemporaryFile() as log:
        client.start_new_kernel(stderr=log, env=for_large() | os.environ)
        try:
            yield partial(_run, client, sections, log, observer)
        finally:
            if client.km is not None and client.km.has_kernel:  # it was not run, or not to its end
                run_sync(client.km.shutdown_kernel)(now=True)
            observer.done()


def _run(client: Any, sections: list[str], log: IO[bytes], observer: Observer) -> None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    observer.stage("report: starting the notebook")
    try:
        client.execute()
    except DeadKernelError as error:
        raise ReportFailed(f"the kernel died: {_last_line(log)}", "report.ipynb has what was run") from error
    except (CellExecutionError, CellTimeoutError) as error:
        raise _failed(client.nb, sections, error) from error
    except AssertionError:
        if client.km is not None:
            raise
        # nbclient takes Ctrl-C itself: it ends the kernel, and then finds none that it could end.
        raise Interrupted("the report was stopped", "report.ipynb has what was run; run it again") from None
    except RuntimeError as error:
        if client.km is not None and client.km.has_kernel:
            raise
        raise ReportFailed(f"the kernel did not start: {_last_line(log)}", "is ipykernel as it should be?") from error


def _client(notebook: Any, folder: Path, sections: list[str], observer: Observer) -> Any:
    """What runs the notebook: the kernel of this Python, whatever others are installed under its name."""
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    def begun(cell: Any, cell_index: int) -> None:
        observer.stage(f"report: {sections[cell_index]} ({cell_index + 1} of {len(notebook.cells)})")
        if not cell_index:  # the page needs it, once all cells were run; until then there is time
            Thread(target=import_module, args=("nbconvert",)).start()

    text = "".join(cell.source for cell in notebook.cells)
    made = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=_TAKES,
        startup_timeout=_STARTS,
        record_timing=False,
        on_cell_start=begun,
        # How the kernel is talked to is no news of the report.
        extra_arguments=["--log-level=ERROR", *(_AHEAD if "charts." in text else ())],
        resources={"metadata": {"path": str(folder)}},
    )
    manager = made.create_kernel_manager()
    manager.kernel_spec_manager, manager.shutdown_wait_time = KernelSpecManager(kernel_dirs=[]), _GOES
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
