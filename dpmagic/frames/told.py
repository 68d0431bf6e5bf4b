"""What a frame says of itself, in ``attrs["dpmagic"]``."""

from __future__ import annotations

from typing import Any


class Told(dict[str, Any]):
    """A dict of JSON values whose deep copy shares them.

    pandas copies ``attrs`` deeply with each step that makes a frame, and of hundreds of subscriptions that is more work
    than most steps.  Whoever has more to say makes a new one; what is in it is never changed in place.

    >>> from copy import deepcopy
    >>> told = Told(asked=["a"])
    >>> other = deepcopy(told)
    >>> other["rows"] = 3
    >>> told, other["asked"] is told["asked"]
    ({'asked': ['a']}, True)
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Told:
        return Told(self)
