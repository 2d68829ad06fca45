"""The way in which a run says that it cannot go on."""

from __future__ import annotations

import errno

from ades.model import Failure, Reason


class RunFailed(Exception):
    """The job has failed, and this is why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @classmethod
    def because(cls, reason: Reason, message: str) -> RunFailed:
        """A failure without a step."""
        return cls(Failure(reason, message))


def of_system(error: OSError, doing: str) -> Failure:
    """The failure that an error of the operating system means while something is being done."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(Reason.DISK_FULL, f"There was no space left on the disk while {doing}.")
    what = error.strerror or str(error)
    where = f" ({error.filename})" if error.filename else ""
    return Failure(Reason.INTERNAL, f"The system refused something while {doing}: {what}{where}.")
