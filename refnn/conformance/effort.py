"""How much is done to explain failures: which rungs depend on which, and the time for looking into them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import Any

SECONDS = 5.0  # for all failures of a check, and as many for the search for mistakes
SEARCHED = 0.8  # of the seconds for the search that are left, which a rung takes at most

STEP = ("forward", "loss", "backward", "update", "step")
NEEDS: dict[str, tuple[str, ...]] = {  # rung -> the rungs whose mistakes are seen again in it
    "init": ("prng", "elementary"),
    "step": STEP[:-1],
    "images": STEP,
    **dict.fromkeys(("truth-table", "alice-bob", "sin-cos", "digits", "mnist", "points"), ("prng", "init", *STEP)),
    "mnist-cnn": ("prng", "init", *STEP, "images"),
    "train": ("init", *STEP),  # of a network of the asker's own
}


def cause(rung: str, wrong: Collection[str]) -> str | None:
    """The first of the wrong rungs whose mistake shows again in this rung; None if there is none."""
    return next((name for name in NEEDS.get(rung, ()) if name in wrong), None)


class Effort:
    """The seconds that are left for looking into failures. A rung takes at most half of them, of those for the search
    at most SEARCHED.

    now:   the clock for asking programs
    clock: that of the search for mistakes, which has as many seconds; it does not count what other processes take
    any:   whether there were any; then what a verdict needs is done, however long it takes
    searching: whether mistakes are searched for, too
    failing: the answers to operations that were wrong or rounding in the rungs before, as run.py keeps them
    """

    def __init__(self, seconds: float = SECONDS, now: Callable[[], float] = monotonic,
                 clock: Callable[[], float] = process_time) -> None:
        self.left = self.left_to_search = seconds
        self.now, self.clock = now, clock
        self.until = now() + seconds
        self.any = seconds > 0.0
        self.searching = True
        self.failing: list[Any] = []

    def __enter__(self) -> Effort:
        self.begin = self.now()
        self.until = self.begin + self.left / 2.0
        self.searched = 0.0
        return self

    def __exit__(self, *error: object) -> None:
        self.left -= min(self.left, self.now() - self.begin)
        self.left_to_search -= min(self.left_to_search, self.searched)

    def spent(self) -> bool:
        return self.now() >= self.until

    @contextmanager
    def search(self, share: float) -> Iterator[Callable[[], bool]]:
        """A search for mistakes: whether its share of the time that the rung has left for searching is up."""
        begin = self.clock()
        until = begin + share * (SEARCHED * self.left_to_search - self.searched) * self.searching
        yield lambda: self.clock() >= until
        self.searched += self.clock() - begin
