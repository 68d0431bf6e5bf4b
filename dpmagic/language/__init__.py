r"""The cell language: the text of a cell becomes statements, a statement becomes words.

It is a small piece of shell, so that a line copied from a page about ``az dataprotection`` runs as it stands:

- One statement a line.  ``\`` at the end of a line continues it, and a quoted string may span lines.
- ``#`` at the start of a word begins a comment.
- A leading ``az dataprotection``, ``az`` or ``dataprotection`` is dropped.
- ``'single quotes'`` are literal.  In ``"double quotes"`` names expand, and a backslash takes the meaning from
  ``" \ $ ``` and from the end of the line.  Outside quotes it does so from white space and from
  ``' " \ $ # > < ; | & ```; any other backslash stays, so ``C:\tmp`` is safe.
- ``name << statement`` stores a result.  ``name = "text"``, also ``$name = "text"``, stores text; ``name = $other`` an
  object.
- ``> file`` writes the result to a file; a ``;`` at the end of a statement silences it.
- ``$name``, ``${name}``, ``${name.field}``, ``${name[0].field}`` stand for values, see `expand`.  ``$$`` is a dollar,
  and so is a ``$`` that no name follows.  Braces and brackets without a dollar are JMESPath's and JSON's.

What only a shell can do (pipes, ``&&``, ``$(...)``) is refused with a word on what to do instead.
"""

from dpmagic.language.cursor import Partial, partial
from dpmagic.language.names import expand, expand_value
from dpmagic.language.statements import Assignment, Statement, parse
from dpmagic.language.words import Piece, Word, quote

__all__ = ["Assignment", "Partial", "Piece", "Statement", "Word", "expand", "expand_value", "parse", "partial", "quote"]
