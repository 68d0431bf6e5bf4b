"""YAML with the line of every member, so that a fault can say where it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from dpmagic.errors import InvalidArgument

_DEEPEST = 20  # an alias may hold itself
_WORDS = {"bool": ("true|True|TRUE|false|False|FALSE", "tTfF"), "int": ("[-+]?(?:0|[1-9][0-9]*)", "-+0123456789")}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no annotations
    """Scalars as YAML 1.2 has them: ``On`` and ``no`` are words, as Azure's settings and tags are, and ``0123`` too."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [one for one in some if one[0].rpartition(":")[2] not in _WORDS]
        for first, some in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _name, (_form, _first) in _WORDS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_form})$"), list(_first))


class Marked(dict[str, Any]):
    """A mapping that knows its file and the line of each of its members."""

    source = ""
    lines: dict[str, int]

    def at(self, member: str) -> str:
        """Where a member is, for a message: ``FILE line 3: ``."""
        return f"{self.source} line {self.lines.get(member) or min(self.lines.values(), default=1)}: "


def load(path: str | Path) -> Any:
    """What a YAML file holds, its mappings `Marked`.

    Raises `InvalidArgument` for a file that cannot be read, is not YAML, or has a member twice.
    """
    name = Path(path).name
    try:
        loader = _Loader(Path(path).expanduser().read_text("utf-8"))
        node = loader.get_single_node()
        return None if node is None else _built(loader, node, name, 0)
    except OSError as error:
        raise InvalidArgument(f"the controls {path} cannot be read: {error.strerror}", "name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise InvalidArgument(f"{name}{where}: not YAML: {problem}", "correct the file there") from error


def _built(loader: Any, node: Any, name: str, depth: int) -> Any:
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        raise InvalidArgument(f"{name} line {line}: too deep", "controls hold no more than a few levels")
    if isinstance(node, yaml.SequenceNode):
        return [_built(loader, item, name, depth + 1) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    made = Marked()
    made.source, made.lines = name, {}
    for held, value in node.value:
        member, at = str(held.value), held.start_mark.line + 1
        if member in made:
            raise InvalidArgument(f"{name} line {at}: {member} is there twice", f"see line {made.lines[member]}")
        made.lines[member] = at
        made[member] = _built(loader, value, name, depth + 1)
    return made
