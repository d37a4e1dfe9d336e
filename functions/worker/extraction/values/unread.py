"""Why there is no value. Pure."""

from enum import StrEnum


class Unread(StrEnum):
    """Why there is no value: the name of the problem."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
