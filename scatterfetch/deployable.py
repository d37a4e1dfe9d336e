"""Where the deployable project is: template.yaml, the functions, and what they share."""

from pathlib import Path

_PACKAGED = Path(__file__).parent / "release"

DEPLOYABLE = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1]
"""Of a clone its root; of an installed wheel a folder of the package."""

TEMPLATE = DEPLOYABLE / "template.yaml"
