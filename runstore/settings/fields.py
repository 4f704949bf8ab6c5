"""The settings themselves: one frozen dataclass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from runstore.errors import SettingsError
from runstore.settings import values
from runstore.settings.derived import Derived
from runstore.settings.stock import DEFAULT_BASE_URL, EARLIER_NAMES, WITHOUT_EFFECT
from runstore.settings.values import RunMoment

# Never shown in clear.
SECRETS = ("api_key",)
# Where a value came from that was given to Settings(...).
GIVEN = "settings"


def _setting(default: Any, parse: Callable[[Any], Any], variable: str, meaning: str) -> Any:
    return field(default=default, repr=False, metadata={"variable": variable, "help": meaning, "parse": parse})


@dataclass(frozen=True, init=False)
class Settings(Derived):
    """The settings of a training process; each says its variable and its meaning.

    Made by a program, `Settings(mode="offline", console="off")` holds what was given and defaults for the rest, and
    goes to `runstore.init(settings=...)`, where only what was given counts. Names that W&B's client knows and that
    mean nothing here are taken without effect.

    `sources` tells where a value came from: for each name, or for those that were given.
    """

    mode: str = _setting("offline", values.mode, "WANDB_MODE", " | ".join(values.MODES))
    root_dir: str = _setting(".", values.folder, "WANDB_DIR", "runs go to the folder `wandb` in it")

    # What a run is called and belongs to.
    entity: str = _setting("", values.text, "WANDB_ENTITY", "user or team")
    project: str = _setting("", values.project, "WANDB_PROJECT", "what a run belongs to")
    run_name: str = _setting("", values.text, "WANDB_NAME", "a run's name for people")
    run_notes: str = _setting("", values.text, "WANDB_NOTES", "a longer description")
    run_tags: tuple[str, ...] = _setting((), values.tags, "WANDB_TAGS", "separated by commas")
    run_id: str = _setting("", values.text, "WANDB_RUN_ID", "the run's id; random by default")
    run_group: str = _setting("", values.text, "WANDB_RUN_GROUP", "what the run is grouped with")
    run_job_type: str = _setting("", values.text, "WANDB_JOB_TYPE", "such as train or eval")
    sweep_id: str = _setting("", values.text, "WANDB_SWEEP_ID", "the sweep that starts the run")

    # How a run stands to others.
    resume: str = _setting("", values.resume, "WANDB_RESUME", " | ".join(values.RESUMES))
    resume_from: RunMoment | None = _setting(None, values.moment, "WANDB_RESUME_FROM", "go on from <id>?_step=<n>")  # noqa: RUF009
    fork_from: RunMoment | None = _setting(None, values.moment, "WANDB_FORK_FROM", "begin with <id>?_step=<n>")  # noqa: RUF009
    reinit: str = _setting("default", values.reinit, "WANDB_REINIT", "what a second init does with the first's run")

    # Config.
    allow_val_change: bool = _setting(False, values.flag, "WANDB_ALLOW_VAL_CHANGE", "taken, and without effect")
    config_paths: tuple[str, ...] = _setting((), values.texts, "WANDB_CONFIG_PATHS", "YAML files of config values")
    sweep_param_path: str | None = _setting(
        None, values.text, "WANDB_SWEEP_PARAM_PATH", "taken, and without effect so far"
    )

    # What is recorded by itself.
    console: str = _setting("auto", values.console, "WANDB_CONSOLE", " | ".join(values.CONSOLES))
    capture_loggers: Mapping[str, str] | None = _setting(
        None, values.mapping, "WANDB_CAPTURE_LOGGERS", "loggers and their least levels, to the console log"
    )
    save_code: bool | None = _setting(None, values.flag, "WANDB_SAVE_CODE", "keep the program's code")
    disable_code: bool = _setting(False, values.flag, "WANDB_DISABLE_CODE", "keep no code, whatever else is set")
    code_dir: str | None = _setting(None, values.text, "WANDB_CODE_DIR", "folder of the code to be kept")
    disable_git: bool = _setting(False, values.git_disabled, "WANDB_DISABLE_GIT", "ask nothing of git")
    disable_git_fork_point: bool = _setting(
        True, values.flag, "WANDB_DISABLE_GIT_FORK_POINT", "compare with the upstream branch only"
    )
    git_root: str | None = _setting(None, values.text, "WANDB_GIT_ROOT", "folder of the repository")
    git_commit: str | None = _setting(None, values.text, "WANDB_GIT_COMMIT", "commit to be recorded")
    git_remote: str = _setting("origin", values.text, "WANDB_GIT_REMOTE", "name of the remote to be recorded")
    git_remote_url: str | None = _setting(None, values.text, "WANDB_GIT_REMOTE_URL", "its address")
    ignore_globs: tuple[str, ...] = _setting(
        (), values.texts, "WANDB_IGNORE_GLOBS", "files that don't travel with the run, separated by commas"
    )
    program: str | None = _setting(None, values.text, "WANDB_PROGRAM", "path of the program")
    program_abspath: str | None = _setting(None, values.text, "WANDB_PROGRAM_ABSPATH", "its absolute path")
    program_relpath: str | None = _setting(None, values.text, "WANDB_PROGRAM_RELPATH", "its path in the repository")
    notebook_name: str | None = _setting(None, values.text, "WANDB_NOTEBOOK_NAME", "path of the notebook")
    host: str | None = _setting(None, values.text, "WANDB_HOST", "name of this machine")
    username: str | None = _setting(None, values.text, "WANDB_USERNAME", "who runs the program")
    email: str | None = _setting(None, values.text, "WANDB_USER_EMAIL", "that person's address")
    docker: str | None = _setting(None, values.text, "WANDB_DOCKER", "image that the program runs in")
    sync_tensorboard: bool | None = _setting(
        None, values.flag, "WANDB_SYNC_TENSORBOARD", "read TensorBoard's event files into the run"
    )
    x_disable_meta: bool = _setting(False, values.flag, "WANDB_X_DISABLE_META", "record nothing of the environment")
    x_disable_machine_info: bool = _setting(
        False, values.flag, "WANDB_X_DISABLE_MACHINE_INFO", "record nothing of the machine"
    )
    x_save_requirements: bool = _setting(True, values.flag, "WANDB_X_SAVE_REQUIREMENTS", "record the packages")
    x_label: str | None = _setting(None, values.text, "WANDB_X_LABEL", "tells processes of one run apart")
    x_primary: bool = _setting(
        True, values.flag, "WANDB_X_PRIMARY", "false in a process that adds to a run which another one begins"
    )
    x_update_finish_state: bool = _setting(
        True, values.flag, "WANDB_X_UPDATE_FINISH_STATE", "false in a process whose end is not the run's"
    )
    x_start_time: float | None = _setting(
        None, values.number, "WANDB_X_START_TIME", "when the run began, since the epoch"
    )

    # System metrics.
    x_disable_stats: bool = _setting(False, values.flag, "WANDB_X_DISABLE_STATS", "no system metrics")
    x_stats_sampling_interval: float = _setting(
        15.0, values.sampling_seconds, "WANDB_X_STATS_SAMPLING_INTERVAL", "seconds between system metrics"
    )
    x_stats_pid: int | None = _setting(None, values.whole_number, "WANDB_X_STATS_PID", "process to measure")
    x_stats_track_process_tree: bool = _setting(
        False, values.flag, "WANDB_X_STATS_TRACK_PROCESS_TREE", "measure its descendants as well"
    )
    x_stats_disk_paths: tuple[str, ...] = _setting(
        ("/",), values.texts, "WANDB_X_STATS_DISK_PATHS", "disks to measure, separated by commas"
    )
    x_stats_gpu_device_ids: tuple[int, ...] | None = _setting(
        None, values.numbers, "WANDB_X_STATS_GPU_DEVICE_IDS", "GPUs to measure; all by default"
    )
    x_stats_no_cgroup: bool = _setting(
        False, values.flag, "WANDB_X_STATS_NO_CGROUP", "percentages of the machine, not of the cgroup"
    )
    x_stats_cpu_count: int | None = _setting(
        None, values.whole_number, "WANDB_X_STATS_CPU_COUNT", "recorded instead of what was found"
    )
    x_stats_cpu_logical_count: int | None = _setting(
        None, values.whole_number, "WANDB_X_STATS_CPU_LOGICAL_COUNT", "likewise"
    )
    x_stats_gpu_count: int | None = _setting(None, values.whole_number, "WANDB_X_STATS_GPU_COUNT", "likewise")
    x_stats_gpu_type: str | None = _setting(None, values.text, "WANDB_X_STATS_GPU_TYPE", "likewise")

    # What is said, and what is refused.
    silent: bool = _setting(False, values.flag, "WANDB_SILENT", "say nothing on the terminal")
    quiet: bool = _setting(False, values.flag, "WANDB_QUIET", "say only what matters")
    show_info: bool = _setting(True, values.flag, "WANDB_SHOW_INFO", "say what goes on")
    show_warnings: bool = _setting(True, values.flag, "WANDB_SHOW_WARNINGS", "say what may be wrong")
    show_errors: bool = _setting(True, values.flag, "WANDB_SHOW_ERRORS", "say what failed")
    strict: bool | None = _setting(None, values.flag, "WANDB_STRICT", "raise errors where a warning would do")
    table_raise_on_max_row_limit_exceeded: bool = _setting(
        False, values.flag, "WANDB_TABLE_RAISE_ON_MAX_ROW_LIMIT_EXCEEDED", "raise an error for a table too long"
    )

    # The W&B server that runs may be delivered to.
    base_url: str = _setting(DEFAULT_BASE_URL, values.url, "WANDB_BASE_URL", "address of the W&B server")
    api_key: str | None = _setting(None, values.api_key, "WANDB_API_KEY", "key for it; never shown")

    # Ours.
    fsync: float = _setting(
        1.0, values.fsync_seconds, "RUNSTORE_FSYNC", "seconds a power failure may take; 0 or always, inf or never"
    )
    crashed_after: float = _setting(
        300.0, values.silence_seconds, "RUNSTORE_CRASHED_AFTER", "seconds of silence after which a run has crashed"
    )
    typed: bool = _setting(False, values.flag, "RUNSTORE_TYPED", "history as binary values (new tools only)")
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __init__(self, *, sources: Mapping[str, str] | None = None, **settings: Any) -> None:
        """Take settings by name; None counts as not given.

        Raises SettingsError for a name that neither runstore nor W&B's client knows, and for a value that can't be
        used.
        """
        given = {
            name: parsed(name, Given(value, GIVEN))
            for name, value in known(settings, GIVEN).items()
            if value is not None
        }
        if sources is None:
            sources = dict.fromkeys(given, GIVEN)
        else:  # dataclasses.replace gives all: what was a default and is no longer one was given now
            changed = (name for name, value in given.items() if name not in sources and value != DEFAULTS[name])
            sources = {**sources, **dict.fromkeys(changed, GIVEN)}
        self._fill(given, sources)

    def _fill(self, given: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        branches = [name for name in ("resume", "resume_from", "fork_from") if given.get(name)]
        if len(branches) > 1:
            raise SettingsError(f"{' and '.join(branches)} can't be set together; choose one of them")
        for name, default in DEFAULTS.items():
            object.__setattr__(self, name, given.get(name, default))
        object.__setattr__(self, "sources", sources)

    @classmethod
    def of(cls, given: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
        """Return settings from values that are parsed already."""
        made = object.__new__(cls)
        made._fill(given, sources)
        return made

    def given(self) -> dict[str, Any]:
        """Return what was given, as opposed to defaults."""
        return {name: getattr(self, name) for name, source in self.sources.items() if source != "default"}

    def __repr__(self) -> str:
        shown = {name: "..." if name in SECRETS else value for name, value in self.given().items()}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


SETTINGS = tuple(f for f in fields(Settings) if f.name != "sources")
DEFAULTS: dict[str, Any] = {f.name: f.default for f in SETTINGS}
_METADATA = {f.name: f.metadata for f in SETTINGS}


class Given(NamedTuple):
    """A value as it was found, and where: `source` for people, `variable` where it is one of the environment."""

    value: Any
    source: str
    variable: str = ""


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return str(_METADATA[name]["variable"])


def parsed(name: str, given: Given) -> Any:
    """Return the value of a setting as it is kept.

    Raises SettingsError, naming the setting, its value and its source.
    """
    try:
        return _METADATA[name]["parse"](given.value)
    except (TypeError, ValueError) as error:
        value = "..." if name in SECRETS else repr(given.value)
        place = given.variable or name
        source = "environment" if given.variable else given.source
        raise SettingsError(f"{place}={value} (from {source}) can't be used: {error}") from None


def known(settings: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return those settings that have an effect, under the names of today.

    Raises SettingsError for a name that neither runstore nor W&B's client knows; it names the nearest.
    """
    found = {}
    for given_name, value in settings.items():
        # Before 0.19 the internal settings of W&B's client began with an underscore.
        name = f"x{given_name}" if given_name.startswith("_") else given_name
        name = EARLIER_NAMES.get(name, name)
        if name in DEFAULTS:
            found[name] = value
        elif name not in WITHOUT_EFFECT:
            raise SettingsError(
                f"{source}: knows no setting {given_name!r}; {_nearest(name)}`runstore settings` lists them"
            )
    return found


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*DEFAULTS, *WITHOUT_EFFECT], 1)
    return f"did you mean {near[0]!r}? (`runstore settings` lists them)" if near else "`runstore settings` lists them"
