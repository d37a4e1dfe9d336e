import ast
from collections import Counter
from pathlib import Path

import pytest

from scatterfetch.lists.sources import read_lists
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.pages.saves import saves
from scatterfetch.parser_modules import check_imports, digest_of, parser_modules
from shared.errors import InvalidJobError


def test_what_is_no_file_or_has_a_dot_in_front_is_no_module(tmp_path: Path) -> None:
    for name in ("b.py", "a/c.py", ".hidden.py", ".venv/lib/d.py", "a/.e.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "odd.py").mkdir()
    (tmp_path / ".#b.py").symlink_to("somebody@somewhere.4711")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "linked.py").symlink_to("b.py")

    found = parser_modules(tmp_path)

    assert [file.relative_to(tmp_path).as_posix() for file in found] == [
        "a/c.py",
        "b.py",
        "linked.py",
    ]


def test_parsers_are_named_by_what_is_in_their_files(tmp_path: Path) -> None:
    assert digest_of(None) == digest_of(tmp_path) == "none"
    (tmp_path / "b.py").write_text("def parse(page): return []\n")
    first = digest_of(tmp_path)

    for name in ("__pycache__/b.pyc", ".#b.py", ".idea/workspace.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert digest_of(tmp_path) == first
    names = [first]
    (tmp_path / "words.txt").write_text("one")
    names.append(digest_of(tmp_path))
    (tmp_path / "words.txt").rename(tmp_path / "others.txt")
    names.append(digest_of(tmp_path))
    (tmp_path / "b.py").write_text("def parse(page): return [1]\n")
    names.append(digest_of(tmp_path))

    assert len(set(names)) == 4


def test_an_editor_beside_a_parser_disturbs_nobody(tmp_path: Path) -> None:
    use_parsers(tmp_path)
    (tmp_path / "mine.py").write_text("def parse(page): return []\n")
    (tmp_path / ".#mine.py").symlink_to("somebody@somewhere.4711")
    (tmp_path / "odd.py").mkdir()

    check_imports(tmp_path)

    assert [file for file in saves(None).parsers if file.is_relative_to(tmp_path)] == [
        tmp_path / "mine.py"
    ]


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING"])
@pytest.mark.parametrize("there", [None, {"typing"}])
def test_what_type_checkers_import_is_not_imported(
    tmp_path: Path, test: str, there: set[str] | None
) -> None:
    (tmp_path / "mine.py").write_text(
        f"import typing\nif {test}:\n    import pandas\n    from shared.urls import Url\n"
    )

    check_imports(tmp_path, there)


@pytest.mark.parametrize(
    "text",
    [
        "if TYPE_CHECKING:\n    import typing\nelse:\n    import shared\n",
        "if TYPE_CHECKING:\n    import typing\nelif True:\n    import shared\n",
        "if not TYPE_CHECKING:\n    import typing\n    import shared\n",
        "if typing.OTHER:\n    import typing\n    import shared\n",
        "def parse(page):\n    if page:\n        return []\n    import shared\n",
    ],
)
def test_what_is_not_for_type_checkers_is_imported(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_text(text)

    with pytest.raises(InvalidJobError, match=r"mine\.py:\d imports shared, and the name shared"):
        check_imports(tmp_path)


def test_a_module_that_is_no_python_is_refused_where_it_is_deployed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def parse(page)\n")

    check_imports(tmp_path)
    with pytest.raises(InvalidJobError, match=r"mine\.py:1: expected ':'"):
        check_imports(tmp_path, set())


def test_a_module_that_was_saved_again_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import json\n")
    check_imports(tmp_path)

    (tmp_path / "mine.py").write_text("import shared\n")

    with pytest.raises(InvalidJobError, match="imports shared"):
        check_imports(tmp_path)


def test_many_lists_read_their_specs_and_the_modules_of_parsers_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, parsed = Counter[str](), Counter[str]()
    read_bytes, parse = Path.read_bytes, ast.parse

    def counted(path: Path) -> bytes:
        read[path.name] += 1
        return read_bytes(path)

    def counted_too(text: bytes, name: str) -> ast.Module:
        parsed[Path(name).name] += 1
        return parse(text, name)

    monkeypatch.setattr(Path, "read_bytes", counted)
    monkeypatch.setattr(ast, "parse", counted_too)
    use_parsers(tmp_path / "parsers")
    for name in ("parsers", "a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "parsers/once.py").write_text("def parse(page): return []\n")
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "spec.yaml").write_text("parser: parsers.once:parse\n")
        for number in range(3):
            (folder / f"{number}.txt").touch()

    lists = read_lists(sorted(tmp_path.glob("?/*.txt")), (), spec=None)

    assert len(lists) == 6
    assert read["spec.yaml"] == 2
    assert parsed["once.py"] == 1
