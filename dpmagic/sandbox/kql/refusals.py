"""What the text of a query alone shows to be refused: brackets, operators, limits, options of joins and unions."""

from __future__ import annotations

from collections.abc import Sequence

from .model import KqlError, outside_language, words
from .tokens import FOREIGN_OPERATORS, LIMITS, OPERATORS, Token, operators

JOIN_KINDS = frozenset({"innerunique", "inner", "leftouter", "fullouter"})
#: Kinds of join, union, mv-expand and parse, Resource Graph's or not: how the option is told from the column ``kind``.
KIND_VALUES = words(
    "innerunique inner leftouter rightouter fullouter leftanti rightanti anti leftsemi rightsemi leftantisemi "
    "rightantisemi outer array bag simple regex relaxed"
)
MAX_JOINS = 3
MAX_MV_EXPANDS = 3

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_ENDS = ("|", ";", ")", "}", "<EOF>")
#: What has to follow an operator; all others take any expression.
_FOLLOWED_BY = {"order": "by", "sort": "by"}
#: Functions of Kusto that stand for a table elsewhere.
_ELSEWHERE = frozenset({"arg", "adx", "cluster", "database", "workspace", "app", "external_table"})


class Refusals:
    """The checks of one query, each of which raises KqlError with the place of the fault."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._operators = [self._tokens[index] for _, index in operators(tokens)]

    def check(self) -> None:
        """Raise what the service would refuse first."""
        self._statements()
        self._brackets()
        self._operator_names()
        self._openings()
        self._counts()
        self._options()
        self._predicates()

    def _at(self, index: int) -> str:
        return self._tokens[index].text if 0 <= index < len(self._tokens) else "<EOF>"

    def _failure(self, index: int, expected: str) -> KqlError:
        """A ``ParserFailure`` at the token of this index, or at the end of the query."""
        token = self._tokens[index] if index < len(self._tokens) else None
        line, column = locate(self._text, len(self._text) if token is None else token.start)
        return KqlError(
            "ParserFailure", "ParserFailure", line=line, position=column, token=self._at(index), expected=expected
        )

    def _statements(self) -> None:
        """A query is one statement behind any number of lets; management commands and other places are none."""
        if self._at(0) == ".":
            raise self._failure(0, "resources")
        for index, token in enumerate(self._tokens):
            if token.text in _ELSEWHERE and self._at(index + 1) == "(" and self._at(index - 1) in ("<EOF>", ";", "("):
                raise outside_language(token.text)
        last = max((i for i, token in enumerate(self._tokens) if token.text == "let"), default=None)
        ends = [index for index, token in enumerate(self._tokens) if token.text == ";" and index > (last or 0)]
        if last is not None and (not ends or ends[-1] + 1 == len(self._tokens)) and len(ends) < 2:
            raise self._failure(len(self._tokens), "resources")

    def _brackets(self) -> None:
        wanted: list[str] = []
        for index, token in enumerate(self._tokens):
            if token.text in _CLOSERS:
                wanted.append(_CLOSERS[token.text])
            elif token.text in _CLOSERS.values() and (not wanted or wanted.pop() != token.text):
                raise self._failure(index, "<EOF>")
            elif token.text in ("'", '"'):
                raise self._failure(index, token.text)
        if wanted:
            raise self._failure(len(self._tokens), wanted[-1])

    def _operator_names(self) -> None:
        for index, token in enumerate(self._tokens):
            previous, following = self._at(index - 1) if index else "|", self._at(index + 1)
            word = token.text.lower()
            if previous == "|" and index and word not in OPERATORS | FOREIGN_OPERATORS:
                raise self._failure(index, "where")
            if token.kind != "word" or word not in FOREIGN_OPERATORS:
                continue
            if previous == "|" or (previous in ("(", ";", "=") and following not in (".", ",", ")", "==", "=~")):
                if word == "range" and following == "(":
                    continue
                raise outside_language(token.text)

    def _openings(self) -> None:
        """What stands behind an operator, where the parser alone would complain of the pipe before it."""
        if self._at(len(self._tokens) - 1) == "|":
            raise self._failure(len(self._tokens), "where")
        for index, token in enumerate(self._tokens):
            if self._at(index - 1) != "|" or index == 0 or token.text in ("count", "summarize"):
                continue
            following = self._at(index + 1)
            wanted = _FOLLOWED_BY.get(token.text)
            if following in (*_ENDS, "=", ",", "|") or (wanted and following != wanted):
                raise self._failure(index + 1, wanted or "identifier")
            if token.text == "top" and self._at(index + 2) != "by":
                raise self._failure(index + (1 if following == "by" else 2), "by")
            if token.text in LIMITS and following == "-":
                raise self._failure(index + 1, "long")
            if token.text in ("join", "lookup") and not self._has_keys(index):
                raise self._failure(self._end(index), "on")

    def _end(self, start: int) -> int:
        """The index behind the operator at an index: of the pipe or bracket that ends it."""
        depth = 0
        for index in range(start, len(self._tokens)):
            token = self._tokens[index]
            depth += (token.text in _CLOSERS) - (token.text in _CLOSERS.values())
            if depth < 0 or (not depth and token.text in ("|", ";")):
                return index
        return len(self._tokens)

    def _has_keys(self, start: int) -> bool:
        """Whether a join says what it joins on."""
        depth = 0
        for token in self._tokens[start : self._end(start)]:
            depth += (token.text in _CLOSERS) - (token.text in _CLOSERS.values())
            if not depth and token.text == "on":
                return True
        return False

    def _counts(self) -> None:
        named = [token.text for token in self._operators]
        if named.count("join") + named.count("lookup") + named.count("union") > MAX_JOINS:
            raise KqlError(
                "DisallowedMaxNumberOfJoinsOrUnions", f"A query may hold {MAX_JOINS} join or union together."
            )
        if named.count("mv-expand") + named.count("mvexpand") > MAX_MV_EXPANDS:
            raise KqlError("DisallowedMaxNumberOfMvExpands", f"A query may hold {MAX_MV_EXPANDS} mv-expand.")

    def _options(self) -> None:
        """Kinds of join, hints and fuzzy unions."""
        owner = ""
        starts = {token.start for token in self._operators}
        for index, token in enumerate(self._tokens):
            if token.start in starts and token.text in OPERATORS:
                owner = token.text
            option, value = (token.text, self._at(index + 1)), self._at(index + 2).lower()
            if owner in ("join", "lookup"):
                if option == ("kind", "=") and value in KIND_VALUES and value not in JOIN_KINDS:
                    raise self._failure(index + 2, "inner")
                if option == ("hint", "."):
                    raise outside_language(f"hint.{self._at(index + 2)}")
                if token.text in ("on", "("):
                    owner = ""
            elif owner == "union" and option == ("isfuzzy", "=") and value == "true":
                raise outside_language("isfuzzy")

    def _predicates(self) -> None:
        """``where type = 'x'`` is a slip that the parser would read as a name for the value."""
        depth, opened = 0, None
        for index, token in enumerate(self._tokens):
            depth += (token.text in ("(", "{", "[")) - (token.text in (")", "}", "]"))
            if opened is not None and token.text == "=":
                raise self._failure(index, "==")
            if token.text == "where":
                opened = depth
            elif token.text in ("|", ";") or (opened is not None and depth < opened):
                opened = None


def locate(text: str, offset: int) -> tuple[int, int]:
    """Line (1-based) and column (0-based) of an offset into a text.

    >>> locate("resources\\n| count", 12)
    (2, 2)
    """
    line = text.count("\n", 0, offset)
    return line + 1, offset - (text.rfind("\n", 0, offset) + 1)
