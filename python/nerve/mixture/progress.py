"""What a fit tells of itself if asked to be verbose."""

from __future__ import annotations

from time import perf_counter


class Told:
    """The lines of one initialization, in scikit-learn's words."""

    def __init__(self, verbose: int, interval: int, attempt: int) -> None:
        self.verbose, self.interval = int(verbose), interval
        self.begun = self.last = perf_counter()
        if self.verbose >= 1:
            print(f"Initialization {attempt}")

    def step(self, count: int, change: float) -> None:
        if self.verbose < 1 or count % self.interval:
            return
        now = perf_counter()
        detail = f"\t time lapse {now - self.last:.5f}s\t ll change {change:.5f}" if self.verbose >= 2 else ""
        print(f"  Iteration {count}{detail}")
        self.last = now

    def end(self, bound: float, converged: bool) -> None:
        if self.verbose < 1:
            return
        lapse = perf_counter() - self.begun
        detail = f" time lapse {lapse:.5f}s\t lower bound {bound:.5f}." if self.verbose >= 2 else ""
        print(f"Initialization {'converged' if converged else 'did not converge'}.{detail}")
