"""
The command line and the local cloud; never deployed.

What is deployed (`functions`, `shared`) lies beside this package in a clone and inside it in an
installed wheel. `scatterfetch.deployable` knows where, and this puts it on the path.
"""

import sys

from scatterfetch.deployable import DEPLOYABLE

__version__ = "0.2.0"

if str(DEPLOYABLE) not in sys.path:
    sys.path.insert(0, str(DEPLOYABLE))
