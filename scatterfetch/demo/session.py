"""`scatterfetch demo`, from its website to the exit status."""

from collections.abc import Mapping
from pathlib import Path

from scatterfetch.demo.show import DEMO_PARAMETERS, demo_list, print_rows
from scatterfetch.demo.website import running_website
from scatterfetch.jobs.folder import Folder, locked
from scatterfetch.output.verdict import report
from scatterfetch.runs.local_settings import LocalSettings
from scatterfetch.runs.session import run_shown


def run_demo(folder: Path, *, workers: int, parameters: Mapping[str, str]) -> int:
    """
    Scrape the bookshops into `folder`; return the exit status.

    Raises:
        InvalidJobError: a parameter is wrong, or the folder has files of somebody else.
    """
    with locked(folder), running_website() as port:
        url_list = demo_list(folder)
        settings = {**DEMO_PARAMETERS, "ConnectTo": f"::127.0.0.1:{port}", **parameters}
        finished = run_shown([url_list], folder, workers, LocalSettings(settings, None))
        exit_status = report(finished, Folder(folder), goes_on=False)
        if exit_status > 1:
            return exit_status
        whole = print_rows(finished.jobs[0], folder)
    # That some of its pages fail is part of the demo, and so is no failure.
    return 0 if whole else 1
