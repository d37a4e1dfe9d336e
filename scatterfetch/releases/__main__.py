"""`python -m scatterfetch.releases RELEASE`: freeze what the specs of this release hold."""

import sys
from pathlib import Path

from scatterfetch.releases import frozen_schema

if __name__ == "__main__":
    with Path(__file__).with_name(f"{sys.argv[1]}.json").open("x") as file:
        file.write(frozen_schema())
