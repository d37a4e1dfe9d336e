import gc
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder

import pytest

from scatterfetch.__main__ import main


class Interrupted(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "scatterfetch.cli":
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _usual_collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_ctrl_c_during_the_imports_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "scatterfetch.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])

    assert main() == 130


def test_imports_are_not_searched_for_garbage_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "scatterfetch.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])

    main()

    assert gc.get_threshold()[0] == 50_000
