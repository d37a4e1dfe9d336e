"""Secrets of this machine, which stand for those of AWS."""

import traceback
from pathlib import Path

import pytest

from scatterfetch.local_secrets import LocalSecrets
from shared.errors import InvalidJobError
from shared.secret_spec import SecretName

SHOP, TOKEN = SecretName(secrets_manager="acme/shop"), SecretName(ssm="/acme/api-token")


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets.toml").write_text(
        '"/acme/api-token" = "file"\n"acme/shop" = {sid = "s3cr3t"}'
    )
    here = LocalSecrets(tmp_path)

    assert here.texts([SHOP, TOKEN]) == {SHOP: '{"sid": "s3cr3t"}', TOKEN: "file"}
    monkeypatch.setenv("SCATTERFETCH_SECRET_ACME_API_TOKEN", "environment")
    assert here.text(TOKEN) == "environment"
    assert LocalSecrets().text(TOKEN) == "environment"
    assert LocalSecrets().text(SHOP) is None


def test_no_spec_can_name_another_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "x")

    assert LocalSecrets().text(SecretName(ssm="HOME")) is None


def test_a_secret_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidJobError, match="set SCATTERFETCH_SECRET_ACME_SHOP, or write it"):
        LocalSecrets(tmp_path).texts([SHOP])


@pytest.mark.parametrize("text", ['"acme/shop" = "hunter2', '"acme/shop" = ["hunter2"]'])
def test_a_wrong_file_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.toml").write_text(text)

    with pytest.raises(InvalidJobError, match=r"secrets\.toml") as caught:
        LocalSecrets(tmp_path).text(SHOP)

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
