"""What is being typed where the text ends, for completion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dpmagic.language.scanner import Scanner, Token
from dpmagic.language.statements import without_prefix
from dpmagic.language.words import Quote, Word


@dataclass(frozen=True, slots=True)
class Partial:
    """A statement up to the cursor.

    ``words`` are its complete words, prefix dropped, quotes undone and names not expanded.  ``word`` is the source of
    what is being typed, quote and all, and always ends the text; ``typed`` is the same with the quotes undone and
    ``quote`` the quote still open.  ``kind`` says what it is: a ``word`` of the command, a ``file`` (after ``>``), a
    ``name`` (then ``word`` is the reference from its dollar, ``$na`` or ``${name.at``, and ``typed`` what follows the
    dollar and brace), or ``none``: a comment, the text of an assignment, or what the language refuses.
    """

    words: tuple[str, ...]
    word: str
    kind: Literal["word", "file", "name", "none"]
    typed: str = ""
    quote: Quote = ""


def partial(text: str) -> Partial:
    """What is being typed at the end of ``text``, the part of a cell before the cursor.  Never raises.

    >>> partial("job list\\naz dataprotection backup-vault show -g 'my rg' --na")
    Partial(words=('backup-vault', 'show', '-g', 'my rg'), word='--na', kind='word', typed='--na', quote='')
    """
    scanner = Scanner(text)
    tokens: list[Token] = []
    for token in scanner.tokens():
        if token.kind != "end":
            tokens.append(token)
        elif token.start < len(text):  # the end that closes the text closes nothing: the cursor is there
            tokens = []
    last = tokens.pop() if tokens and tokens[-1].word and tokens[-1].end == len(text) else None
    words, kind = _before(tokens)
    if last is None or last.word is None:
        return Partial(words, "", kind)
    if scanner.open_reference is not None:
        word = text[scanner.open_reference :]
        return Partial(words, word, "name", word.lstrip("${"), scanner.open_quote)
    return Partial(words, text[last.start :], kind, str(last.word), scanner.open_quote)


def _before(tokens: list[Token]) -> tuple[tuple[str, ...], Literal["word", "file", "none"]]:
    """The complete words of the statement, and what comes after them."""
    words: list[Word] = []
    kind: Literal["word", "file", "none"] = "word"
    for token in tokens:
        if token.word is None:
            kind = {"file": "file", "store": "word"}.get(token.kind, "none")  # type: ignore[assignment]
        elif kind == "file":
            kind = "word"
        else:
            words.append(token.word)
        if kind == "none":
            break
    return tuple(str(word) for word in without_prefix(words)), kind
