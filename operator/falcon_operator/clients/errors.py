"""What can go wrong with a request to the API server, told apart by what its caller can do about it."""

from __future__ import annotations


class ApiError(Exception):
    """The API server refused, with an HTTP status of `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} ({status})")
        self.status = status
        self.message = message


class NotFound(ApiError):
    """The object, its namespace or its kind is not there (any more)."""


class Conflict(ApiError):
    """The object exists already, or was changed or replaced since it was read."""


class Unreachable(Exception):
    """No answer at all: the API server is down, restarting, or out of reach. Worth another try later."""


_BY_STATUS = {404: NotFound, 409: Conflict}


def refused(status: int, message: str) -> ApiError:
    """The exception for an answer of `status`."""
    return _BY_STATUS.get(status, ApiError)(status, message)
