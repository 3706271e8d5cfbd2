"""Numbers that are read when somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping


class Pending(MutableMapping[str, float]):
    """A dict that is made when it is first looked at: what a batch gave that nobody may want to know or to wait for.

    Looked at later, after further batches, it has what these added too.

    Parameters
    ----------
    make : callable
        Gives the dict.
    """

    __slots__ = ("_make", "_values")

    def __init__(self, make: Callable[[], Mapping[str, float]]) -> None:
        self._make = make
        self._values: dict[str, float] | None = None

    @property
    def _found(self) -> dict[str, float]:
        if self._values is None:
            self._values = dict(self._make())
        return self._values

    def __getitem__(self, name: str) -> float:
        return self._found[name]

    def __setitem__(self, name: str, value: float) -> None:
        self._found[name] = value

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(self._found)
