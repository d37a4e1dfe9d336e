"""The command line in this process; one of its own takes half a second to import what it needs."""

from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from scatterfetch.cli import main


def scatterfetch_here(*args: str, cwd: Path, **environment: str) -> CompletedProcess[str]:
    """Run the command as a process would in `cwd`; return what it would leave."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        for name, value in {"COLUMNS": "100", **environment}.items():
            patch.setenv(name, value)
        try:
            status: int | str | None = main(args)
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    said = [stream.buffer.getvalue().decode().replace("\r\n", "\n") for stream in (out, err)]
    return CompletedProcess(args, status, *said)
