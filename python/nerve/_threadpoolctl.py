"""Lets threadpoolctl govern nerve's pool beside those of BLAS and OpenMP, where threadpoolctl is installed."""

from __future__ import annotations

import os
from typing import Any

from nerve import _cpu


def register() -> None:
    """Tell threadpoolctl about the pool; nothing happens where it is missing."""
    try:
        import threadpoolctl
    except ImportError:
        return

    class Pool(threadpoolctl.LibController):  # type: ignore[misc]
        user_api = "nerve"
        internal_api = "nerve"
        filename_prefixes = (os.path.basename(_cpu.__file__),)

        def get_num_threads(self) -> int:
            return _cpu.num_threads()

        def set_num_threads(self, num_threads: Any) -> None:
            _cpu.set_num_threads(int(num_threads))

        def get_version(self) -> str:
            import nerve

            return nerve.__version__

        def set_additional_attributes(self) -> None:
            self.instruction_set = _cpu.isa()

    threadpoolctl.register(Pool)
