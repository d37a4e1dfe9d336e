"""``python -m scatterfetch``, and the command itself."""

import gc
import sys

_GC_THRESHOLD = 50_000
"""Imports make objects by the hundred thousand, and garbage of none: looking for it is a tenth."""


def main() -> int:
    """Run the command line; Ctrl-C ends it quietly even while its modules are imported."""
    gc.set_threshold(_GC_THRESHOLD)
    try:
        from scatterfetch.cli import main  # noqa: PLC0415 -- some 0.3 s

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
