"""The errors that people read.

    TunedeskError           everything below; shown as a notice in the studio, printed by the terminal (exit 1)
    ├── InputRefused        what the person gave cannot be used
    ├── NotFound            a named thing is not in this workspace
    ├── WorkspaceBusy       another process holds the workspace's database
    ├── StorageFailed       disk full, folder not writable, a file damaged
    ├── JobFailed           a training or an evaluation ended badly
    │   └── OutOfMemory     it needed more memory than there is
    └── ModelUnavailable    a base model is not on this machine or cannot be loaded

Each carries three plain sentences: what happened (`title`), what it means (`message`) and what to do (`remedy`).
"""


class TunedeskError(Exception):
    """Base of all errors meant for people. Those with a `kind` are told apart by it where they were written down."""

    kind = ""

    def __init__(self, title: str, message: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (title, message, remedy) if part))
        self.title = title
        self.message = message
        self.remedy = remedy

    def as_dict(self) -> dict[str, str]:
        """The three sentences, as written to a job's status file and to `--json` output."""
        told = {"title": self.title, "message": self.message, "remedy": self.remedy}
        return told | {"kind": self.kind} if self.kind else told


class InputRefused(TunedeskError):
    """What the person gave cannot be used."""


class NotFound(TunedeskError):
    """A named thing is not in this workspace."""


class WorkspaceBusy(TunedeskError):
    """Another process holds the workspace's database."""


class StorageFailed(TunedeskError):
    """The disk is full, a folder cannot be written, a file is damaged."""


class JobFailed(TunedeskError):
    """A training or an evaluation ended badly."""


class OutOfMemory(JobFailed):
    """It needed more memory than there is, on the GPU or in the machine."""

    kind = "memory"


class ModelUnavailable(TunedeskError):
    """A base model is not on this machine or cannot be loaded."""
