"""The tokenizer: the only place that knows quotes, escapes, comments and continuation.

It never raises.  What is wrong travels as the token's ``flaw``: `parse` raises the first, `partial` looks past them.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dpmagic.errors import LanguageError
from dpmagic.language.words import Piece, Quote, Word, error_at

Kind = Literal["word", "store", "assign", "file", "silent", "end", "comment", "shell"]

_BLANK = r"[^\S\r\n]"
_NEWLINE = r"(?:\r\n?|\n)"
_GAP = re.compile(rf"(?:{_BLANK}+|\\{_BLANK}*(?:{_NEWLINE}|\Z))*")
_HEAD = re.compile(rf"(?P<dollar>\$?)(?P<name>[^\W\d]\w*){_BLANK}*(?P<sign>=(?!=)|<<)")
_TOKEN = re.compile(
    rf"(?P<end>{_NEWLINE})|(?P<comment>#[^\r\n]*)|(?P<silent>;(?={_BLANK}*(?:[\r\n#]|\Z)))"
    r"|(?P<shell>;|&&|&|\|\||\||<<|<|`|\$\(|>>|>&)|(?P<file>>)|(?P<word>)"
)
_SPECIAL = r"\s'\"\\$><;|&`"
_WHOLE_WORD = re.compile(rf"[^{_SPECIAL}]+(?=\s|\Z)")
_BARE = re.compile(rf"[^{_SPECIAL}]+")
_WORD_ENDS = re.compile(r"[\s><;|&`]|\$\(|\Z")
_ESCAPE = re.compile(rf"\\(?:{_BLANK}*(?P<joined>{_NEWLINE}|\Z)|(?P<char>[{_SPECIAL}#]))")
_ESCAPE_BEFORE_COMMENT = re.compile(rf"\\{_BLANK}+#")
_SINGLE = re.compile(r"'([^']*)('|\Z)")
_DOUBLE = re.compile(r'[^"\\$]+')
_DOUBLE_ESCAPE = re.compile(rf'\\(?:{_NEWLINE}|(?P<char>["\\$`]))')
_REFERENCE = re.compile(r"\$(?:(?P<name>[^\W\d]\w*)|\{(?P<braced>[^\W\d]\w*)(?P<steps>(?:\.[\w-]+|\[-?\d{1,9}\])*)\})")
_STEP = re.compile(r"\.([\w-]+)|\[(-?\d+)\]")
_OPEN_REFERENCE = re.compile(r"\$(?:\{[\w.\[\]-]*)?\Z")

_SMART_QUOTES = "“”„‟‘’‚‛"
_DASHES = "‐‑‒–—―−"
_INVISIBLE = "\u200b\u2060\ufeff"
_FALSE_START = re.compile(f"-?[{_SMART_QUOTES}{_DASHES}{_INVISIBLE}]")

_QUOTE_IT = "in a word, such as a --query, put the word in quotes"
_SHELL = {
    ";": ("`;` only ends a statement", f"write one statement a line; {_QUOTE_IT}"),
    "&": ("nothing runs in the background here", f"--no-wait returns at once where the command has it; {_QUOTE_IT}"),
    "&&": ("statements are not joined by `&&`", "write one statement a line; a cell stops at the first failure"),
    "|": ("there are no pipes", f"use --query, or store the result (name << ...) and go on in Python; {_QUOTE_IT}"),
    "||": ("statements are not joined by `||`", f"write one statement a line; {_QUOTE_IT}"),
    "<<": ("`<<` stores a result only at the start: name << statement", "use a plain name, then ${name.field}"),
    "<": ("no input is read with `<`", f"options that take JSON also take a file's name; {_QUOTE_IT}"),
    "`": ("a backtick has no meaning here", r"end a line with \ to continue it; a --query with a literal needs quotes"),
    "$(": ("`$(...)` runs nothing here", "store the value first (name << statement), then write $name"),
    ">>": ("`>>` does not append", "`> file` writes the whole file anew"),
    ">&": ("output streams are not joined here", "`> file` writes the result; errors are shown"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text from ``start`` to ``end``: a word, or a sign with a meaning.

    ``name`` is set on ``store`` (``name <<``) and ``assign`` (``name =``), which stand first in a statement.
    """

    kind: Kind
    start: int
    end: int
    word: Word | None = None
    name: str = ""
    flaw: LanguageError | None = None


class Scanner:
    """Tokens of ``text``, left to right; afterwards, what was still open where it ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open_quote: Quote = ""  # the quote that nothing closed
        self.open_reference: int | None = None  # where the `$...` begins that the text ends in
        self._flaw: LanguageError | None = None
        self._ascii = text.isascii()
        self._lines = [0, *(found.end() for found in re.finditer(_NEWLINE, text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def tokens(self) -> Iterator[Token]:
        """Every token; a statement's are followed by an ``end``, also at the end of the text."""
        first = True
        previous: Token | None = None
        while True:
            self._skip(_GAP)
            if self.at == len(self.text):
                yield Token("end", self.at, self.at)
                return
            token = (self._head() if first else None) or self._token(previous)
            yield token
            first = token.kind == "end"
            previous = token

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()

    def _fault(self, offset: int, message: str, hint: str) -> None:
        """Keep the first fault of the token being read."""
        if self._flaw is None:
            self._flaw = error_at(*self.place(offset), message, hint)

    def _take(self, kind: Kind, start: int, word: Word | None = None, name: str = "") -> Token:
        flaw, self._flaw = self._flaw, None
        return Token(kind, start, self.at, word, name, flaw)

    def _head(self) -> Token | None:
        """`name <<`, `name =` or `$name =` at the start of a statement."""
        found = _HEAD.match(self.text, self.at)
        if found is None:
            return None
        name, store = found["name"], found["sign"] == "<<"
        if store and found["dollar"]:
            self._fault(self.at, "a result is stored under a plain name", f"write {name} << ... without the dollar")
        self.at = found.end()
        return self._take("store" if store else "assign", found.start(), name=name)

    def _token(self, previous: Token | None) -> Token:
        start = self.at
        found = _TOKEN.match(self.text, start)
        assert found is not None and found.lastgroup is not None  # the last alternative is empty: it always matches
        kind: Kind = found.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
        if kind == "word":
            return self._word()
        self.at = found.end()
        if kind == "shell":
            self._fault(start, *_SHELL[found[0]])
        elif kind == "file" and previous is not None and previous.kind == "word" and previous.end == start:
            self._check_glued(previous)
        return self._take(kind, start)

    def _check_glued(self, word: Token) -> None:
        """`2>` is a shell's, and a `>` inside brackets was meant as JMESPath's: neither is a file to write."""
        text = self.text[word.start : word.end]
        if text.isdigit() and len(text) == 1:
            self._fault(word.start, f"`{text}>` redirects nothing here", "`> file` writes the result; errors are shown")
        elif text.count("[") > text.count("]"):
            self._fault(word.end, "a `>` outside quotes writes to a file", "put the expression in quotes")

    def _word(self) -> Token:
        start, text = self.at, self.text
        line, column = self.place(start)
        whole = _WHOLE_WORD.match(text, start)
        if whole:
            self.at = whole.end()
            pieces = [Piece(whole[0])]
        else:
            pieces = []
            while not _WORD_ENDS.match(text, self.at):
                self._part(pieces, first=self.at == start)
        if not self._ascii:
            self._check_lookalikes(start)
        return self._take("word", start, Word(tuple(pieces), line, column))

    def _part(self, pieces: list[Piece], first: bool) -> None:
        """One part of a word: bare text, an escape, a name or a quoted string."""
        char = self.text[self.at]
        if char == "'":
            self._single(pieces)
        elif char == '"':
            self._double(pieces)
        elif char == "$":
            self._dollar(pieces, "")
        elif char == "\\":
            self._backslash(pieces, first)
        else:
            found = _BARE.match(self.text, self.at)
            assert found is not None  # all that _BARE excludes ends a word or was handled above
            self._add(pieces, found[0], "", found.end())

    def _add(self, pieces: list[Piece], text: str, quote: Quote, end: int) -> None:
        """Literal text, joined to the piece before when both are of one kind."""
        self.at = end
        if pieces and pieces[-1].quote == quote and not pieces[-1].name:
            text = pieces.pop().text + text
        pieces.append(Piece(text, quote))

    def _backslash(self, pieces: list[Piece], first: bool) -> None:
        if first and _ESCAPE_BEFORE_COMMENT.match(self.text, self.at):
            message = r"a `\` continues a line only as its last character"
            self._fault(self.at, message, "move the comment to its own line")
        found = _ESCAPE.match(self.text, self.at)
        if found is None:
            self._add(pieces, "\\", "", self.at + 1)
        else:
            self._add(pieces, found["char"] or "", "", found.end())

    def _single(self, pieces: list[Piece]) -> None:
        found = _SINGLE.match(self.text, self.at)
        assert found is not None  # it matches any text that begins with a quote
        if not found[2]:
            self._unpaired(self.at, "'")
        self._add(pieces, found[1], "'", found.end())

    def _double(self, pieces: list[Piece]) -> None:
        opened, text = self.at, self.text
        self._add(pieces, "", '"', opened + 1)
        while self.at < len(text):
            if text[self.at] == '"':
                self.at += 1
                return
            if text[self.at] == "$":
                self._dollar(pieces, '"')
            elif found := _DOUBLE.match(text, self.at):
                self._add(pieces, found[0], '"', found.end())
            elif found := _DOUBLE_ESCAPE.match(text, self.at):
                self._add(pieces, found["char"] or "", '"', found.end())
            else:
                self._add(pieces, "\\", '"', self.at + 1)
        self._unpaired(opened, '"')

    def _unpaired(self, opened: int, quote: Quote) -> None:
        self.open_quote = quote
        hint = (
            "a name like O'Brien goes in double quotes" if quote == "'" else 'close it with " (a quote inside is \\")'
        )
        self._fault(opened, f"the quote {quote} that opens here is never closed", hint)

    def _dollar(self, pieces: list[Piece], quote: Quote) -> None:
        start, text = self.at, self.text
        found = _REFERENCE.match(text, start)
        if found:
            self.at = found.end()
            steps = _STEP.findall(found["steps"] or "")
            if quote and pieces[-1] == Piece("", quote):
                pieces.pop()  # the mark that a quote opened; the reference says so itself
            path = tuple(key or int(index) for key, index in steps)
            pieces.append(Piece(found[0], quote, found["name"] or found["braced"], path))
            if found["name"] and self.at == len(text):
                self.open_reference = start
        elif text.startswith("$$", start):
            self._add(pieces, "$", quote, start + 2)
        else:
            if _OPEN_REFERENCE.match(text, start):
                self.open_reference = start
            if text.startswith("${", start):
                hint = "write ${name}, ${name.field} or ${name[0]}; for a dollar write $$"
                self._fault(start, "`${` begins a name that is not well formed", hint)
            self._add(pieces, "$", quote, start + 1)

    def _check_lookalikes(self, start: int) -> None:
        """Typographic quotes and dashes come with text copied from a document; az would send them as they are."""
        found = _FALSE_START.match(self.text, start, self.at)
        if found:
            offset = found.end() - 1
        elif self.text[self.at - 1] in _SMART_QUOTES + _INVISIBLE:
            offset = self.at - 1
        else:
            return
        char = self.text[offset]
        plain = "a plain -" if char in _DASHES else "a plain quote" if char in _SMART_QUOTES else "nothing"
        message = f"U+{ord(char):04X} ({unicodedata.name(char).lower()}) is not what a keyboard types"
        self._fault(offset, message, f"type {plain} in its place; if the word is really so, put it in quotes")
