"""``python -m scatterfetch``."""

import sys

from scatterfetch.cli import main

if __name__ == "__main__":
    sys.exit(main())
