"""
Specs as people write them: from a `spec.yaml`, or from a message, to a `Spec`.

Owns what is told about a wrong one. Must not know where specs are kept. Start reading at `reading`.
Others import the names below, and no module of this package.
"""

from functions.dispatcher.specs.reading import MAX_SPEC_BYTES, checked_spec, parse_spec, spec_in
from functions.dispatcher.specs.unknown import unknown_in

__all__ = ["MAX_SPEC_BYTES", "checked_spec", "parse_spec", "spec_in", "unknown_in"]
