"""What a run is called, where it lies and how it stands: the properties that a program reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runstore.core.identity import NO_PROJECT
from runstore.sdk.config import StaticConfig
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Described:
    """The properties of a run. `name`, `notes` and `tags` can be set while it goes on."""

    _recorder: Recorder

    @property
    def settings(self) -> Settings:
        """The settings in force for this run."""
        return self._recorder.settings

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._recorder.run_id

    @property
    def entity(self) -> str:
        """The user or team; "" where none was given."""
        return self.settings.entity

    @property
    def project(self) -> str:
        """The project; "uncategorized" where none was given."""
        return self.settings.project or NO_PROJECT

    @property
    def name(self) -> str | None:
        """The name for people, or None where none was given."""
        return self.settings.run_name or None

    @name.setter
    def name(self, name: str | None) -> None:
        self._recorder.describe(run_name="" if name is None else str(name))

    @property
    def notes(self) -> str | None:
        """The longer description, or None."""
        return self.settings.run_notes or None

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._recorder.describe(run_notes="" if notes is None else str(notes))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return self.settings.run_tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._recorder.describe(run_tags=tuple(map(str, tags)))

    @property
    def group(self) -> str:
        """What the run is grouped with."""
        return self.settings.run_group

    @property
    def job_type(self) -> str:
        """Such as "train" or "eval"."""
        return self.settings.run_job_type

    @property
    def path(self) -> str:
        """`entity/project/id`, without what is empty."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def dir(self) -> str:
        """The folder `files` of the run directory; what is put there travels with the run."""
        return str(self._recorder.directory / "files")

    @property
    def sync_dir(self) -> str:
        """The run directory, which `runstore sync` and `wandb sync` take."""
        return str(self._recorder.directory)

    @property
    def disabled(self) -> bool:
        """False: this run is recorded."""
        return False

    @property
    def offline(self) -> bool:
        """True: a run is always written to the local disk first."""
        return True

    @property
    def resumed(self) -> bool:
        """Whether the run goes on from earlier logs."""
        return self._recorder.resumed

    @property
    def starting_step(self) -> int:
        """The first step of this process: 0, or the one behind the last of the logs that it resumes."""
        return self._recorder.starting_step

    @property
    def start_time(self) -> float:
        """When this process began the run, in seconds since the epoch."""
        return self._recorder.started_ns / 1e9

    @property
    def step(self) -> int:
        """The current step: of the open row, or else of the next."""
        return self._recorder.history.step

    @property
    def config_static(self) -> StaticConfig:
        """The config as it is now, to be read only."""
        return StaticConfig(self._recorder.config.as_dict())

    @property
    def url(self) -> str | None:
        """None: a run has no address before it is delivered."""
        return None

    @property
    def project_url(self) -> str | None:
        """None: a project has no address before its runs are delivered."""
        return None

    @property
    def sweep_id(self) -> str | None:
        """The sweep that started the run, or None."""
        return self.settings.sweep_id or None

    @property
    def sweep_url(self) -> str | None:
        """None: a sweep has no address before its runs are delivered."""
        return None
