"""``python -m scatterfetch``, and the command itself."""

import sys


def main() -> int:
    """Run the command line; Ctrl-C ends it quietly even while its modules are imported."""
    try:
        from scatterfetch.cli import main  # noqa: PLC0415 -- some 0.3 s

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
