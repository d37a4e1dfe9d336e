"""The AWS SDK of the local cloud: what it knows of services is read once for all who need it."""

from functools import cache
from pathlib import Path

from botocore.loaders import Loader
from botocore.session import Session


class QuickLoader(Loader):
    """Does not look for services that nobody asks for."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        """Return the names of services, also of those that have nothing called `type_name`."""
        # botocore looks for it in the folders of all four hundred.
        folders = filter(Path.is_dir, map(Path, self.search_paths))
        return [entry.name for folder in folders for entry in folder.iterdir()]


@cache
def loader() -> Loader:
    """Return what reads the descriptions of services in this process."""
    return QuickLoader()


@cache
def session() -> Session:
    """Return the session of the embedded services in this process, and of who asks them here."""
    new = Session()
    new.register_component("data_loader", loader())
    return new
