"""Every error a person can meet: one line that says what is wrong, one that says what to do.

The classes are few and each has the exit code that ``az`` gives in the same place: 1 when the service or a value is
to blame, 2 when the command line is, 3 when a thing is not there.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_SECRETS = (
    (re.compile(r"(?i)\b(Bearer)\s+[\w\-.~+/=]+"), r"\1 ***"),
    (re.compile(r"(?i)([?&](?:sig|signature|access_token|code)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?i)\b((?:AccountKey|SharedAccessKey|SharedAccessSignature)=)[^;\s\"']+"), r"\1***"),
    (
        re.compile(
            r"(?i)([\"']?(?:client_?secret|password|access_?token|refresh_?token|assertion|account_?key)"
            r"[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&\"'}]+)"
        ),
        r"\1***",
    ),
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"), "***"),
    (re.compile(r"(?<![\w-])(--token(?:\s+|=|', '))[^\s'\"\x1b]+"), r"\1***"),
)
# Tokens that were given in so many words: an opaque one looks like any text.
_GIVEN: set[str] = set()
# A shorter one would take words of every other message with it.
_SHORTEST = 6


def hide(secret: str) -> None:
    """Never show this text again: `redact` takes it out of whatever is told from now on."""
    if len(secret) >= _SHORTEST:
        _GIVEN.add(secret)


def redact(text: str) -> str:
    """``text`` without bearer tokens, JWTs, SAS signatures, account keys, client secrets and what `hide` was given.

    >>> redact("GET https://x.blob/c?sv=1&sig=abc%3D&se=2")
    'GET https://x.blob/c?sv=1&sig=***&se=2'
    >>> redact("Authorization: Bearer abc.def")
    'Authorization: Bearer ***'
    """
    for secret in _GIVEN:
        text = text.replace(secret, "***")
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def nearest(word: object, known: Iterable[str]) -> str:
    """The known spelling closest to ``word``, ignoring case, or ``""`` when none is close; also where a number or a
    list was given for a word.

    >>> nearest("TestBkpVualt", ["prod", "TestBkpVault"])
    'TestBkpVault'
    """
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""


def did_you_mean(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the nearest right spelling, or ``otherwise``.

    >>> did_you_mean("--vualt-name", ["--vault-name", "--yes"])
    'did you mean --vault-name?'
    """
    found = nearest(word, known)
    return f"did you mean {found}?" if found else otherwise


class Told(BaseException):
    """What a person reads of an error: ``message``, and ``hint`` on what to do; both are free of secrets."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self._hint = redact(message), ""
        super().__init__(self.message)
        self.hint = hint

    @property
    def hint(self) -> str:
        """What to do; as a note, so that a script's traceback has it, too."""
        return self._hint

    @hint.setter
    def hint(self, text: str) -> None:
        before = f"hint: {self._hint}"
        notes = [note for note in getattr(self, "__notes__", []) if note != before]
        self._hint = redact(text)
        self.__notes__ = [*notes, f"hint: {self._hint}"] if text else notes

    def lines(self) -> list[str]:
        """The fault, then what to do."""
        return [f"{type(self).__name__}: {self.message}", *([f"  hint: {self.hint}"] if self.hint else [])]

    def _render_traceback_(self) -> list[str]:
        """IPython shows these lines in place of a traceback, unless ``%xmode Verbose`` asks for all of it.

        IPython is looked up, not imported: this module is at the bottom of the house and costs nothing to load.
        """
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        if shell is not None and shell.InteractiveTB.mode == "Verbose":
            # It shows the values of variables, tokens among them.
            full = shell.InteractiveTB.structured_traceback(type(self), self, self.__traceback__)
            return [redact(line) for line in full]
        name, *rest = self.lines()[0].split(":", 1)
        return [f"\x1b[31m{name}\x1b[0m:{rest[0]}", *self.lines()[1:]]


class DpmagicError(Told, Exception):
    """The base of all of them, but for `Interrupted`, which is no fault."""

    exit_code = 1


class Interrupted(Told, KeyboardInterrupt):
    """Ctrl-C while something was waited for: the waiting has stopped, what Azure does has not.

    ``operation`` is what goes on, None when nothing does that could be followed.
    """

    exit_code = 130  # a shell's own for SIGINT

    def __init__(self, message: str, hint: str = "", operation: Any = None) -> None:
        super().__init__(message, hint)
        self.operation = operation


class CommandLineError(DpmagicError):
    """The words of a command do not fit: an unknown command or option, a bad choice, something missing."""

    exit_code = 2


class LanguageError(CommandLineError):
    """The text of a cell does not split into statements and words."""


class UnknownCommand(CommandLineError):
    """No command or group has this name."""


class UnknownOption(CommandLineError):
    """The command has no such option."""


class MissingOption(CommandLineError):
    """A required option is not there."""


class InvalidChoice(CommandLineError):
    """The option takes one of a list of values, and this is none of them."""


class InvalidArgument(DpmagicError):
    """A value has the wrong shape or does not fit the others (az: InvalidArgumentValueError)."""


class MissingArgument(InvalidArgument):
    """A value is needed because of another one (az: RequiredArgumentMissingError)."""


class NotConnected(DpmagicError):
    """There is no connection, no credential or no subscription to work with."""


class NotInstalled(DpmagicError):
    """A package is missing that only an extra of dpmagic brings: ``local`` or ``notebook``."""


class ConnectionFailed(DpmagicError):
    """The service could not be reached, or its answer could not be read."""


class OutOfTouch(ConnectionFailed):
    """Azure stopped answering while an operation was waited for; ``operation`` may well go on."""

    def __init__(self, message: str, hint: str = "", operation: Any = None) -> None:
        super().__init__(message, hint)
        self.operation = operation


class ReadOnly(DpmagicError):
    """The connection is read-only and the request would change something."""


class NotConfirmed(DpmagicError):
    """A question was answered with no, or nobody was there to answer it."""


class OperationTimeout(DpmagicError):
    """A long-running operation or a ``wait`` went on for longer than allowed."""


class IncompleteAnswer(DpmagicError):
    """An answer holds fewer rows than the service says there are, or its pages do not add up."""


class AzureError(DpmagicError):
    """The service's own error.

    ``status`` is the HTTP status, ``code`` and ``service_message`` are the service's, ``recommended_action`` its
    advice (often empty), ``request_id`` what Microsoft's support asks for, ``headers`` the answer's, where known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 0,
        recommended_action: Iterable[str] = (),
        request_id: str = "",
        hint: str = "",
    ) -> None:
        self.code, self.status, self.request_id = code, status, request_id
        self.headers: Mapping[str, str] = {}
        self.service_message = redact(message)
        self.recommended_action = [redact(action.strip()) for action in recommended_action if action.strip()]
        advice = " ".join([*([hint] if hint else []), *self.recommended_action])
        super().__init__(f"{code}: {message}", advice)

    def lines(self) -> list[str]:
        shown = super().lines()
        return [*shown, f"  request id: {self.request_id}"] if self.request_id else shown


class QueryError(AzureError):
    """Resource Graph's refusal of a query; ``line`` is the line that it means, ``caret`` points at the place in it."""

    def __init__(self, code: str, message: str, *, line: str = "", caret: str = "", **more: Any) -> None:
        super().__init__(code, message, **more)
        self.line, self.caret = line, caret

    def lines(self) -> list[str]:
        first, *rest = super().lines()
        return [first, *([f"  {self.line}", f"  {self.caret}"] if self.line else []), *rest]


class NotFound(AzureError):
    """The service says that the thing is not there (404)."""

    exit_code = 3


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Imports that ``what`` needs, and the extra ``name`` brings.  Raises `NotInstalled` when one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "dpmagic":
            raise
        raise NotInstalled(
            f"{what} needs {error.name}, which is not installed", f"pip install 'dpmagic[{name}]'"
        ) from error
