"""
Secrets on this machine: from the environment, or from `secrets.toml` of the project.

They stand for those of AWS that a spec names, so that one spec serves here and on a stack.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import InvalidJobError
from shared.secret_spec import SecretName

FILE = "secrets.toml"
_PREFIX = "SCATTERFETCH_SECRET_"  # so that no spec can name any other variable
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class LocalSecrets:
    """Those that are in the environment, and in `secrets.toml` in `folder`, if there is one."""

    folder: Path | None = None

    def text(self, name: SecretName) -> str | None:
        """
        Return the text of a secret; None if it is not here.

        Raises:
            InvalidJobError: the file is wrong.
        """
        text = os.environ.get(variable_of(name))
        if text is not None:
            return text
        found = self._in_file().get(name.name)
        return found if found is None or isinstance(found, str) else json.dumps(found)

    def texts(self, names: Iterable[SecretName]) -> dict[SecretName, str]:
        """
        Return the texts of secrets.

        Raises:
            InvalidJobError: one is not here; the message says where it is looked for.
        """
        found = {}
        for name in names:
            text = self.text(name)
            if text is None:
                raise InvalidJobError(
                    f"the spec names the secret {name.name}, which is not on this machine: set "
                    f"{variable_of(name)}, or write it into {FILE} beside scatterfetch.toml, as in "
                    f'"{name.name}" = "..."'
                )
            found[name] = text
        return found

    def _in_file(self) -> Mapping[str, object]:
        path = None if self.folder is None else self.folder / FILE
        if path is None or not path.is_file():
            return {}
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidJobError(f"cannot read {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            # Without the cause, whose text may hold some of a secret.
            line = getattr(error, "lineno", None)
            where = f"{path}:{line}" if line else f"{path}"
            raise InvalidJobError(f"{where}: not TOML") from None
        for name, value in content.items():
            if not isinstance(value, str | dict):
                raise InvalidJobError(f"{path}: {name}: it must be a text, or names with texts")
        return content


def variable_of(name: SecretName) -> str:
    """Return the variable of the environment that stands for a secret."""
    return _PREFIX + _NO_NAME.sub("_", name.name).strip("_").upper()
