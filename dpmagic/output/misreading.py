"""What a ``--query`` asks for that nothing in the answer has: JMESPath makes null or an empty list of it, in silence.

The expression is followed through the answer as it would be evaluated, but that filters let everything through: so what
is told of is missing in every item that it is looked for in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dpmagic.errors import did_you_mean

# In these a field may well be missing: that is what they are for.
_MAY_LACK = frozenset({"or_expression", "not_expression"})
_MAY_LACK_CALLS = frozenset({"not_null", "keys", "values", "type", "merge"})
_Values = list[Any]


def nowhere(value: Any, expression: str) -> list[str]:
    """A line for each field of a sound ``expression`` that nothing in the answer has, where it is looked for.

    >>> nowhere([{"name": "j", "properties": {"status": "Failed"}}], "[?status=='Failed'].name")
    ['--query: nothing here has a field status; did you mean properties.status?']
    """
    import jmespath

    reader = _Reader()
    reader.visit(jmespath.compile(expression).parsed, [value])
    return list(dict.fromkeys(reader.told))


class _Reader:
    def __init__(self) -> None:
        self.told: list[str] = []
        self._compared = False  # whether the node is what something is compared with

    def visit(self, node: Any, items: _Values) -> _Values:
        """The values that the node can have, of each of the items; [] where there are none, or they are not known."""
        kind = node["type"]
        known: dict[str, Callable[[Any, _Values], _Values]] = {
            "field": self._field,
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._chain,
            "projection": self._projection,
            "filter_projection": self._projection,
            "value_projection": self._projection,
            "flatten": self._flatten,
            "multi_select_dict": self._object,
            "multi_select_list": self._each,
            "comparator": self._comparator,
            "and_expression": self._each,
            "function_expression": self._call,
        }
        if kind in ("identity", "current"):
            return items
        if kind == "index":
            return [item[node["value"]] for item in items if isinstance(item, list) and _has(item, node["value"])]
        if kind == "slice":
            return items
        return known[kind](node, items) if kind in known and kind not in _MAY_LACK else []

    def _field(self, node: Any, items: _Values) -> _Values:
        name = node["value"]
        objects = [item for item in items if isinstance(item, dict)]
        found = [item[name] for item in objects if name in item]
        if objects and not found:
            self.told.append(f"--query: nothing here has a field {name}; {self._instead(name, objects)}")
        elif items and not objects and all(isinstance(item, list) for item in items) and any(items):
            self.told.append(f"--query: {name} is asked of a list, which has no fields; begin with [], as in [].{name}")
        return found

    def _instead(self, name: str, objects: list[dict[str, Any]]) -> str:
        below = [
            key for one in objects[:100] for key, inner in one.items() if isinstance(inner, dict) and name in inner
        ]
        if below:
            return f"did you mean {below[0]}.{name}?"
        otherwise = f"for the text write '{name}'" if self._compared else "see -o json for those there are"
        return otherwise if self._compared else did_you_mean(name, dict.fromkeys(_keys(objects)), otherwise)

    def _chain(self, node: Any, items: _Values) -> _Values:
        for child in node["children"]:
            items = self.visit(child, items)
        return items

    def _projection(self, node: Any, items: _Values) -> _Values:
        base, right, *condition = node["children"]
        inner: _Values = []
        for item in self.visit(base, items):
            inner += item if isinstance(item, list) else list(item.values()) if isinstance(item, dict) else []
        for one in condition:
            self.visit(one, inner)
        return [self.visit(right, inner)] if inner else []

    def _flatten(self, node: Any, items: _Values) -> _Values:
        flat: _Values = []
        for item in self.visit(node["children"][0], items):
            for one in item if isinstance(item, list) else []:
                flat += one if isinstance(one, list) else [one]
        return [flat] if flat else []

    def _object(self, node: Any, items: _Values) -> _Values:
        parts = {pair["value"]: self.visit(pair["children"][0], items) for pair in node["children"]}
        return [{key: values[0] if values else None for key, values in parts.items()}] if items else []

    def _each(self, node: Any, items: _Values) -> _Values:
        for child in node["children"]:
            self.visit(child, items)
        return []

    def _comparator(self, node: Any, items: _Values) -> _Values:
        left, right = node["children"]
        self.visit(left, items)
        self._compared = right["type"] == "field"  # most likely a text without its quotes
        self.visit(right, items)
        self._compared = False
        return []

    def _call(self, node: Any, items: _Values) -> _Values:
        if node["value"] in _MAY_LACK_CALLS:
            return []
        first: _Values = []
        for number, child in enumerate(node["children"]):
            if child["type"] == "expref":  # it is of each item of the list before it
                self.visit(child["children"][0], [one for item in first if isinstance(item, list) for one in item])
            elif number == 0:
                first = self.visit(child, items)
            else:
                self.visit(child, items)
        return first if node["value"] in ("sort_by", "sort", "reverse") else []


def _has(item: list[Any], index: int) -> bool:
    return -len(item) <= index < len(item)


def _keys(objects: Iterable[dict[str, Any]]) -> Iterable[str]:
    return (key for one in objects for key in one)
