"""The command line and the table of the benchmarks that compare milliseconds within one process."""

import argparse
import json
import platform
from collections.abc import Mapping
from pathlib import Path


def parse_options(description: str, *, rounds: int) -> argparse.Namespace:
    """Return `rounds` and `json`, as the command line has them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", type=Path, help="a file for the numbers, as one line")
    return parser.parse_args()


def print_table(found: Mapping[str, Mapping[str, float]], json_file: Path | None) -> None:
    """Print the numbers of each case, and write them to `json_file`."""
    columns = list(next(iter(found.values())))
    print("ms of CPU for each page | " + " | ".join(columns))
    print("|".join(["---"] * (len(columns) + 1)))
    for name, numbers in found.items():
        print(f"{name} | " + " | ".join(f"{numbers[column]:.3f}" for column in columns))
    if json_file:
        about = {"python": platform.python_version(), "machine": platform.machine()}
        json_file.write_text(json.dumps(about | {"ms": dict(found)}) + "\n")
