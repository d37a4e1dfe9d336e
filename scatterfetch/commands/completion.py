"""`scatterfetch completion`: what lets a shell complete commands, options and file names."""

import argparse

from argcomplete.shell_integration import shellcode

EXAMPLE = """\
Prints the lines by which a shell completes commands, options and file names when you press Tab.
They ask scatterfetch itself each time, so they need no update.

examples:
  $ eval "$(scatterfetch completion bash)"      in ~/.bashrc
  $ eval "$(scatterfetch completion zsh)"       in ~/.zshrc, after compinit
  $ scatterfetch completion fish | source       in ~/.config/fish/config.fish
"""
EPILOG = """\
exit status:
  0    the lines are printed
  2    wrong usage
"""
_SHELLS = ("bash", "zsh", "fish")


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=_SHELLS, help=", ".join(_SHELLS))


def run(args: argparse.Namespace) -> int:
    print(shellcode(["scatterfetch"], shell=args.shell))
    return 0
