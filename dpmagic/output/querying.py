"""``--query``: JMESPath, whose faults say where they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from dpmagic.errors import InvalidArgument, did_you_mean


def query(value: Any, expression: str) -> Any:
    """What the JMESPath ``expression`` picks from ``value``; None where it picks nothing.

    Objects that the expression makes (``{name: name}``) are ordered dicts, for their order is meant: `text` keeps it in
    tables and TSV, as az does.  Raises `InvalidArgument` for a bad expression, with the place in it.

    >>> query([{"name": "v1"}, {"name": "v2"}], "[?name=='v2'].name | [0]")
    'v2'
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, value, options=jmespath.Options(dict_cls=OrderedDict))
    except JMESPathError as error:
        # None: the library's own message can hold the data that it stumbled over.
        raise _bad_query(error, expression) from None


def check_query(expression: str) -> None:
    """Raise what `query` would raise of the expression alone, whatever the value: before anything is sent."""
    import jmespath
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    try:
        parsed = jmespath.compile(expression)
    except JMESPathError as error:
        fault = _bad_query(error, expression)
        fault.exit_code = 2  # as in az, to which such a text is a mistake of the command line
        raise fault from None
    called = set(_functions(parsed.parsed))
    if unknown := sorted(called - Functions.FUNCTION_TABLE.keys()):
        hint = did_you_mean(unknown[0], Functions.FUNCTION_TABLE, "functions are listed at jmespath.org")
        raise InvalidArgument(f"--query: Unknown function: {unknown[0]}()", hint)


def _functions(node: Any) -> Iterator[str]:
    """The names of the functions that a parsed expression calls."""
    if node.get("type") == "function_expression":
        yield node["value"]
    for child in node.get("children") or ():
        if isinstance(child, dict):
            yield from _functions(child)


def _where_missing(error: Any) -> str:
    """What to do about a function that stumbles over a field which not every item has; else ``""``."""
    if error.actual_type != "null":
        return ""
    if error.function_name.endswith("_by"):
        default = "''" if "string" in error.expected_types else "`0`"
        return f"give the items without it a value, &not_null(field, {default}), or leave them out first, [?field]"
    return "leave out first what has none, [?field], or give it a value: not_null(field, '')"


def _bad_query(error: Exception, expression: str) -> InvalidArgument:
    from jmespath.exceptions import ArityError, IncompleteExpressionError, JMESPathTypeError, ParseError

    if isinstance(error, JMESPathTypeError):
        takes = " or ".join(error.expected_types)
        return InvalidArgument(
            f"--query: {error.function_name}() takes {takes}, and here gets {error.actual_type}",
            _where_missing(error) or "look at the value without the function first",
        )
    if isinstance(error, ParseError) and not isinstance(error, ArityError):
        ends = isinstance(error, IncompleteExpressionError)
        fault = "ends too early" if ends else f"does not read on from {expression[error.lex_position :][:20]!r}"
        return InvalidArgument(
            f"--query: the expression {fault}, at position {error.lex_position}",
            "texts are in '...', filters in [?name=='x'], picks in [].{name:name}; see jmespath.org",
        )
    return InvalidArgument(f"--query: {str(error).rstrip('.')}", "functions are listed at jmespath.org")
