"""Every error that runstore raises on purpose, as one tree.

A message is one sentence or two: what and where, what is still good, what to do next. `exit_code` is what the
command line ends with when the error reaches it; docs/cli.md lists the codes for people.
"""

from __future__ import annotations


class RunstoreError(Exception):
    """Something that a person can act on; the message says how."""

    exit_code = 1


class Error(RunstoreError):
    """A call that the `wandb` API would refuse as well, such as `log` without a run."""


class UsageError(Error):
    """An argument that can't be meant so."""

    exit_code = 2


class WrongFilter(UsageError):
    """A filter that can't be read; `column`, from 0, is where, and the message shows it below the sentence."""

    def __init__(self, sentence: str, text: str, column: int) -> None:
        super().__init__(f"{sentence}\n  {text}\n  {' ' * column}^")
        self.sentence, self.text, self.column = sentence, text, column


class ConfigError(Error):
    """A config value that was set before would change without `allow_val_change`."""


class WrongArtifact(UsageError, ValueError):
    """Something that can't be in an artifact, or be its name. A ValueError too, which is what W&B's library raises."""


class WrongArtifactType(UsageError, TypeError):
    """A value of a type that can't be meant here. A TypeError too, as with W&B's library."""


class ArtifactStatusError(Error, AttributeError):
    """What an artifact can't do, or doesn't have, as it is now. An AttributeError too, as with W&B's library."""


class ArtifactNotLoggedError(ArtifactStatusError):
    """Something that an artifact only has when it was logged."""


class ArtifactFinalizedError(ArtifactStatusError):
    """A change of an artifact that was logged."""


class SettingsError(UsageError):
    """A setting whose value can't be used; names the setting, the value and where it came from."""

    exit_code = 2


class NotFound(Error):
    """A path, run, metric or remote that is not there; names the nearest that are."""

    exit_code = 3


class CommError(Error):
    """What a W&B server would refuse, or could not be asked: here, what local disk does not hold either."""


class ArtifactNotFound(NotFound, CommError):
    """An artifact, version or alias that is not there; names the nearest. A CommError too, as with W&B's library."""


class LogError(RunstoreError):
    """A file that can't be read as a run log at all. Damage inside a log is never an error."""


class NotALog(LogError):
    """The file holds something else."""


class UnfitPath(LogError):
    """The file, or a folder above it, has a name that is not UTF-8, which the index can't hold."""


class FutureLogVersion(LogError):
    """The file says that it was written in a later format than this version knows."""


class RemovalRefused(Error):
    """A run that must not be removed: still written, not proven to be delivered, or not where runs are kept."""


class TakeoverRefused(RunstoreError):
    """A log that another process began can't be continued here; a fragment of its own is the way."""


class StorageError(Error):
    """The local disk refused: not writable, full, or over quota."""

    exit_code = 6


class IndexUnusable(RunstoreError):
    """The index can't be opened; it is a cache and may be deleted."""

    exit_code = 6


class IndexDamaged(IndexUnusable):
    """The index turned out to be damaged while it was used. It was set aside; a new one is there at the next call."""


class Stopped(RunstoreError):
    """A question to the index was stopped, since nobody waits for its answer any more."""


class RemoteError(RunstoreError):
    """A target did not take what was sent. Nothing local was changed."""


class RemoteUnreachable(RemoteError):
    """No answer from the target, or "not now": try again when there is a network, or after `retry_after` seconds."""

    exit_code = 5

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class RemoteFailed(RemoteError):
    """The target failed over this request, and says that it is its own fault; others may fare better."""


class RemoteUnfit(RemoteError):
    """What answers is no target to deliver to: no hub, one of another version, or one that can't be trusted."""


class RemoteRefused(RemoteError):
    """The target does not accept the token."""

    exit_code = 4


class RemoteConflict(RemoteError):
    """The target holds other bytes for the same log, or a digest did not match."""


class DaemonError(RunstoreError):
    """The daemon can't be started, stopped or asked."""
