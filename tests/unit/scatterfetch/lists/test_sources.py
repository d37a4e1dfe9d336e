"""What people name on the command line, before anything of it is read."""

from pathlib import Path

import pytest

from scatterfetch.lists.sources import mention_spec


@pytest.mark.parametrize(
    ("sources", "spec", "count"),
    [
        pytest.param(["https://example.com/"], None, 1, id="a URL"),
        pytest.param(["urls.txt", "-"], None, 1, id="standard input"),
        pytest.param(["urls.txt"], None, 0, id="a list, which has the spec beside it"),
        pytest.param(["https://example.com/"], Path("spec.yaml"), 0, id="a spec that is named"),
    ],
)
def test_a_spec_that_is_not_used_is_said(
    sources: list[str],
    spec: Path | None,
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    mention_spec(sources, spec, said.append)
    assert said == [], "there is none"

    Path("spec.yaml").write_text("fetch: {pause: 1}")
    mention_spec(sources, spec, said.append)
    assert len(said) == count
    assert all("with --spec spec.yaml it is for all" in sentence for sentence in said)
