"""What a release has written, every later one reads; `tests/golden/` has the bytes."""

from pathlib import Path

import pytest

from tests.wire import GOLDEN, WRITTEN

FILES = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("*/*.json"))


@pytest.mark.parametrize("file", FILES)
def test_what_a_release_has_written_is_still_read(file: str) -> None:
    written = WRITTEN[Path(file).stem]

    found = written.decode((GOLDEN / file).read_bytes())

    assert found == written.decode(written.encode(written.value))
