"""From the text of a cell to its statements."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dpmagic.language.scanner import Scanner, Token
from dpmagic.language.words import Word, error_at

_CALL = re.compile(r"[^\W\d][\w.]*\(.*\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One command line.

    ``words`` are without the leading ``az dataprotection`` (none are left of a bare ``az``); ``target`` is the name of
    ``name << ...``; ``file`` the word after the last ``>``, which may hold names; ``line`` the line it begins on,
    from 1; ``text`` its source; ``silent`` whether a ``;`` ended it.
    """

    words: tuple[Word, ...]
    target: str | None
    file: Word | None
    line: int
    text: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = word`` or ``$name = word``; `expand_value` says what ``value`` stands for."""

    name: str
    value: Word
    line: int
    text: str


def parse(text: str) -> list[Statement | Assignment]:
    r"""The statements of a cell, in order.

    Raises `LanguageError`, with the line and column, for what is not a statement.

    >>> statement, = parse("jobs << az dataprotection job list \\\n  -g $rg > jobs.csv")
    >>> [str(word) for word in statement.words], statement.target, str(statement.file)
    (['job', 'list', '-g', '$rg'], 'jobs', 'jobs.csv')
    """
    scanner = Scanner(text)
    found: list[Statement | Assignment] = []
    tokens: list[Token] = []
    for token in scanner.tokens():
        if token.flaw:
            raise token.flaw
        if token.kind == "end":
            if tokens:
                found.append(_statement(scanner, tokens))
            tokens = []
        elif token.kind != "comment":
            tokens.append(token)
    return found


def without_prefix(words: Sequence[Word]) -> Sequence[Word]:
    """``words`` without a leading ``az dataprotection``, ``az`` or ``dataprotection``."""
    for name in ("az", "dataprotection"):
        if words and words[0].bare() == name:
            words = words[1:]
    return words


def _statement(scanner: Scanner, tokens: list[Token]) -> Statement | Assignment:
    head = tokens[0]
    text = scanner.text[head.start : tokens[-1].end]
    line, _ = scanner.place(head.start)
    silent = tokens[-1].kind == "silent"
    body = tokens[head.kind in ("store", "assign") : len(tokens) - silent]
    if head.name:
        _check_name(scanner, head)
    words, file = _split_file(scanner, body)
    if head.kind == "assign":
        return Assignment(head.name, _single_value(scanner, head, words, file), line, text)
    if not words:
        raise error_at(*scanner.place(head.start), "there is no command here", "write one, such as: backup-vault list")
    if (first := words[0].bare()).startswith("-") and first not in ("-h", "--help"):
        # Left behind by the line before, which would run without it: a --dry-run, a --query, a -g.
        hint = "options go after their command: on its line, or after a backslash that ends the line"
        raise error_at(words[0].line, words[0].column, f"`{first}` belongs to no command", hint)
    return Statement(tuple(without_prefix(words)), head.name or None, file, line, text, silent)


def _check_name(scanner: Scanner, head: Token) -> None:
    if keyword.iskeyword(head.name) or not head.name.isidentifier():
        message = f"`{head.name}` is not a name that Python lets you use"
        raise error_at(*scanner.place(head.start), message, "choose another name")


def _split_file(scanner: Scanner, tokens: list[Token]) -> tuple[list[Word], Word | None]:
    """The words, and apart from them the one after the last ``>``."""
    words: list[Word] = []
    file: Word | None = None
    redirect: Token | None = None
    for token in tokens:
        if token.word is None:
            if redirect:
                break
            redirect = token
        elif redirect:
            file, redirect = token.word, None
        else:
            words.append(token.word)
    if redirect:
        raise error_at(
            *scanner.place(redirect.start), "`>` names no file", "write > result.json; to compare, use quotes"
        )
    return words, file


def _single_value(scanner: Scanner, head: Token, words: list[Word], file: Word | None) -> Word:
    if len(words) == 1 and file is None:
        if _CALL.fullmatch(words[0].bare()):
            message = f"{words[0]} is Python, and would be stored as it stands"
            hint = f'for the text write {head.name} = "{words[0]}"; Python goes in a cell of its own'
            raise error_at(*scanner.place(head.start), message, hint)
        return words[0]
    hint = f'write {head.name} = "text", or to store a result: {head.name} << statement'
    raise error_at(*scanner.place(head.start), f"`{head.name} =` takes one word, a text or a $name", hint)
