"""`python -m tombola`."""

from __future__ import annotations

import sys

from tombola.cli import main

sys.exit(main())
