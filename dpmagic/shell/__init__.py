"""The ``dpmagic`` command: the same statements in a shell, with az's exit codes.

0 for success, 1 when the service or a value is to blame, 2 when the command line is, 3 when a thing is not there.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from dpmagic.errors import DpmagicError, Interrupted
from dpmagic.memory import from_system
from dpmagic.shell.words import Parser


def main(words: Sequence[str] | None = None) -> int:
    """The entry point.  Returns the exit code."""
    _speak()
    from_system()
    try:
        arguments = _parser().parse_args(words)
        code = int(arguments.act(arguments))
        sys.stdout.flush()  # a full disk is to be heard of here, not when Python ends
        return code
    except DpmagicError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    except Interrupted as stopped:
        print("\n".join(stopped.lines()), file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in _FULL or error.filename:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(
            f"the output cannot be written: {error.strerror}\n  hint: free some room, then run it again",
            file=sys.stderr,
        )
        return 1


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _speak() -> None:
    """Have what is printed into a file or a pipe be UTF-8, whatever the locale of a scheduler's job, and no character
    that a terminal lacks be an error."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        told = out.isatty() or "PYTHONIOENCODING" in os.environ
        out.reconfigure(encoding=None if told else "utf-8", errors="backslashreplace")


def _parser() -> Parser:
    from dpmagic.shell import archive, query, report, run, sandbox

    parser = Parser(
        prog="dpmagic", description="Azure Backup vaults: the az dataprotection commands, in a shell or a notebook."
    )
    parser.add_argument("--version", action="version", version=f"dpmagic {version('dpmagic')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for room in (run, query, archive, report, sandbox):
        room.add(commands)
    return parser
