"""Words of the command line as `argparse` reads them; a misspelt one is told what it was to be."""

import argparse
import sys
from collections.abc import Collection, Sequence
from typing import Any


class CommandParser(argparse.ArgumentParser):
    """
    A parser that guesses which option, command or choice a wrong word was to be.

    An unknown option is refused by the command that it follows, and before anything else: the
    value behind it may be taken for an argument, and that for the mistake.
    """

    def parse_known_args(  # type: ignore[override]  # typeshed has it as three
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,  # noqa: ANN401 -- as there
    ) -> tuple[Any, list[str]]:
        words = sys.argv[1:] if args is None else [*args]
        if self._subparsers is None and (unknown := self._unknown_options(words)):
            self._refuse(unknown)
        found, unknown = super().parse_known_args(words, namespace)
        if unknown:
            self._refuse(unknown)
        return found, unknown

    def _unknown_options(self, words: Sequence[str]) -> list[str]:
        options = words[: words.index("--")] if "--" in words else words
        return [
            word
            for word in options
            if word.startswith("--")
            and " " not in word  # to argparse a value
            and not any(known.startswith(_name(word)) for known in self._option_string_actions)
        ]

    def _refuse(self, unknown: Sequence[str]) -> None:
        options = (_name(word) for word in unknown if word.startswith("--"))
        guesses = (_meant(option, self._option_string_actions) for option in options)
        guess = next(filter(None, guesses), "")
        self.error(f"unrecognized arguments: {' '.join(unknown)}{guess}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += _meant(str(value), [*map(str, action.choices or ())])
            raise


def _name(option: str) -> str:
    return option.partition("=")[0]


def _meant(word: str, words: Collection[str]) -> str:
    from shared.wording import meant  # noqa: PLC0415 -- nobody waits for what is seldom needed

    return meant(word, words)
