"""YAML with the line of every member, so that a fault can say where it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from dpmagic.errors import InvalidArgument, did_you_mean

_DEEPEST = 20  # an alias may hold itself
_DIGITS = "-+0123456789"
# What is no word without quotes.  A number only if it would be written so again: 1.10 is a version.
_WORDS = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", _DIGITS),
    "float": (r"[-+]?(?:0|[1-9][0-9]*)\.(?:0|[0-9]*[1-9])", _DIGITS),
    "timestamp": ("", ""),
}
_PLAIN = {yaml.MappingNode: "tag:yaml.org,2002:map", yaml.SequenceNode: "tag:yaml.org,2002:seq"}
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no annotations
    """Scalars as YAML 1.2 has them: ``On`` and ``no`` are words, as Azure's settings and tags are, ``0123``, ``1.10``
    and days too."""

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


def at(holder: Any, member: str) -> str:
    """Where a member is, if its holder is of a file."""
    return holder.at(member) if isinstance(holder, Marked) else ""


def known(holder: Any, what: str, word: Any, names: Iterable[str], member: str) -> str:
    """The word, which must be one of these names.  Raises `InvalidArgument` with the nearest one."""
    if word not in (there := list(names)):
        hint = did_you_mean(str(word), there, f"it is one of {', '.join(there)}")
        raise InvalidArgument(f"{at(holder, member)}{what} {word} is not known", hint)
    return str(word)


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
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{name} is no UTF-8: byte {error.start + 1:,}", "save the file as UTF-8") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InvalidArgument(f"{name}{where}: not YAML: {problem}", "correct the file there") from error


def _built(loader: Any, node: Any, name: str, depth: int) -> Any:
    line = node.start_mark.line + 1
    if depth > _DEEPEST:
        raise InvalidArgument(f"{name} line {line}: too deep", "controls hold no more than a few levels")
    if node.tag != _PLAIN.get(type(node), node.tag):
        raise InvalidArgument(f"{name} line {line}: the tag {node.tag} is not known", "leave it out")
    if isinstance(node, yaml.SequenceNode):
        return [_built(loader, item, name, depth + 1) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    made = Marked()
    made.source, made.lines = name, {}
    merged: list[Any] = []
    for held, value in node.value:
        at = held.start_mark.line + 1
        if not isinstance(held, yaml.ScalarNode) or not held.value:
            raise InvalidArgument(f"{name} line {at}: a member has no name", "write `name: ...`")
        member, given = str(held.value), _built(loader, value, name, depth + 1)
        if held.tag == _MERGE:
            merged += given if isinstance(given, list) else [given]
            continue
        if member in made:
            raise InvalidArgument(f"{name} line {at}: {member} is there twice", f"see line {made.lines[member]}")
        made.lines[member], made[member] = at, given
    for one in merged:
        if not isinstance(one, Marked):
            raise InvalidArgument(f"{name} line {line}: `<<` takes in no mapping", "write `<<: *name`")
        made.lines = one.lines | made.lines
        made.update({member: value for member, value in one.items() if member not in made})
    return made
