"""`python -m nerve`."""

from __future__ import annotations

import sys

from nerve.cli import main

sys.exit(main())
