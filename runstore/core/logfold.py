"""What one run log says, as a fold over its records: all but the points of its series.

The fold is the same for a training process that resumes a run, for the indexer that reads a log piece by piece
(its state can be saved between two records), and for the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runstore.core.facts import Fact, facts_of
from runstore.core.keys import Key, drop, put
from runstore.core.rowblock import RowBlock
from runstore.core.summary import SummaryFold
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ConfigRecord, Origin, OutputType, Record, RunRecord, SummaryRecord

Row = dict[Key, Any]

KIND_NAMES = {Origin.START: "start", Origin.RESUME: "resume", Origin.REWIND: "rewind"}
KIND_NAMES |= {Origin.RANK: "rank", Origin.SUCCESSOR: "successor", Origin.EDIT: "edit"}

_END_OF_TIME = 253_402_300_800.0  # seconds since the epoch: the year 10000, which no calendar of ours has


@dataclass(frozen=True)
class ConsolePiece:
    """What one write to a terminal was: stream "stdout", "stderr" or "logger", time in seconds since the epoch."""

    stream: str
    time: float
    text: str


@dataclass
class LogFacts:
    """The plain facts of a log; all of JSON's types, so that `vars` of it can be kept."""

    run_id: str = ""
    entity: str = ""
    project: str = ""
    name: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    group: str = ""
    job_type: str = ""
    sweep_id: str = ""
    program: str = ""
    writer: str = ""
    kind: str = ""  # how it stands to the run's other logs; "" for logs of stock tools
    host: str = ""
    boot_id: str = ""
    pid: int = 0
    pid_started_ticks: int = 0
    started_at: float = 0.0  # seconds since the epoch
    heartbeat_at: float = 0.0  # the latest time that any record shows
    starting_step: int = 0
    branch_run: str = ""  # id of the run that this one was forked from, and the last step that counts of that one
    branch_step: int = -1
    last_step: int = -1
    rows: int = 0
    exit_code: int | None = None
    runtime: float = 0.0  # seconds
    preempting: bool = False
    git_commit: str = ""
    git_remote: str = ""
    records: int = 0
    undecodable: int = 0
    last_num: int = 0
    missing_records: int = 0  # gaps in the numbering: records that were never written, or lost to damage


class LogFold:
    """Take in the records of one log, in order.

    `on_row(step, row)` is called for each finished history row, `on_console(piece)` for each piece of output,
    `on_fact(fact, time)` for all else that is kept as it was said; `time` is the latest that a record showed so far.
    A row that is still open (`pending`) counts for the summary and the steps, as it will when its log ends.
    With `before`, rows of that step and later ones are taken as if they had never been written, and so is what was
    set in the summary by hand once there was one: what a run set back to an earlier step has of this log.
    """

    def __init__(
        self,
        on_row: Callable[[int, Row], None] | None = None,
        on_console: Callable[[ConsolePiece], None] | None = None,
        on_fact: Callable[[Fact, float], None] | None = None,
        before: int | None = None,
    ) -> None:
        self.facts = LogFacts()
        self.config: dict[str, Any] = {}
        self.pending: tuple[int, Row] | None = None
        self._summary = SummaryFold()
        self._on_row = on_row or (lambda step, row: None)
        self._on_console = on_console or (lambda piece: None)
        self._on_fact = on_fact
        self._before = before
        self._is_past = False  # a row of `before` or later was met

    @property
    def summary(self) -> SummaryFold:
        """The summary as it is if the log ends here: with the pending row, if there is one, in it."""
        if self.pending is None:
            return self._summary
        fold = self._summary.copy()
        fold.apply_row(self.pending[1])
        return fold

    @property
    def last_step(self) -> int:
        """The highest step, that of a pending row included; -1 where there is no row."""
        return max(self.facts.last_step, self.pending[0] if self.pending else -1)

    def apply(self, payload: bytes) -> None:
        """Take one record in. What is no record is counted as undecodable, never raised."""
        record = codec.decode(payload)
        if record is None:
            self.facts.undecodable += 1
            return
        facts = self.facts
        facts.records += 1
        self._count(record.num)
        kind = record.WhichOneof("record_type")
        take = _TAKE.get(kind or "")
        if take is not None:
            take(self, record)

    def apply_rows(self, block: RowBlock) -> None:
        """Take many records in, as `apply` would, but for `on_row`; not while a row is open."""
        facts = self.facts
        facts.records += len(block.nums)
        self._count_all(block)
        if self._before is not None:
            rows = len(block.steps)
            block = (block.without_assigned() if self._is_past else block).before(self._before)
            self._is_past = self._is_past or len(block.steps) < rows
        if len(block.steps):
            facts.last_step = max(facts.last_step, int(block.steps.max()))
            facts.rows += len(block.steps)
        times = block.column("_timestamp")
        if times is not None:
            self._seen_at(times.largest_below(_END_OF_TIME))
        for odd in block.odd:
            if odd.key == "_timestamp" and isinstance(odd.value, int):
                self._seen_at(odd.value)
        self._summary.apply_block(block)
        for record in block.outputs:
            self._output(record)

    def apply_row(self, num: int, step: int, row: Row) -> None:
        """Take in the row of one record that was decoded already, as `apply` would."""
        self.facts.records += 1
        self._count(num)
        self._take_row(step, row)

    def _count_all(self, block: RowBlock) -> None:
        """Count the gaps before and between the records of a block."""
        nums, facts = block.nums, self.facts
        if nums[0] > facts.last_num and (nums[1:] > nums[:-1]).all():
            facts.missing_records += int(nums[-1]) - facts.last_num - len(nums)
            facts.last_num = int(nums[-1])
            return
        for num in nums.tolist():
            self._count(num)

    def _count(self, num: int) -> None:
        """Count the gap before record `num`; 0 is no number."""
        facts = self.facts
        if num > facts.last_num:
            facts.missing_records += num - facts.last_num - 1
            facts.last_num = num

    def state(self) -> dict[str, Any]:
        """Return what `from_state` needs to go on behind the last record, made of JSON's types."""
        pending = self.pending and [self.pending[0], [[k, v] for k, v in self.pending[1].items()]]
        facts = {**vars(self.facts), "tags": list(self.facts.tags)}
        state = {"facts": facts, "config": self.config, "summary": self._summary.state(), "pending": pending}
        return state if self._before is None else {**state, "is_past": self._is_past}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state()` returned."""
        self.facts = LogFacts(**state["facts"])
        self.config = state["config"]
        self._summary = SummaryFold.from_state(state["summary"])
        self.pending = None
        self._is_past = state.get("is_past", False)
        if state["pending"]:
            step, items = state["pending"]
            self.pending = step, {tuple(k) if isinstance(k, list) else k: v for k, v in items}

    def _header(self, record: Record) -> None:
        origin = record.header.origin
        facts = self.facts
        facts.writer = origin.writer or f"wandb {record.header.version_info.producer}".strip()
        facts.kind = KIND_NAMES.get(origin.kind, "")
        facts.host, facts.boot_id = origin.host, origin.boot_id
        facts.pid, facts.pid_started_ticks = origin.pid, origin.pid_started_ticks
        facts.starting_step = origin.starting_step
        facts.program = origin.program
        if origin.started_ns > 0:
            facts.started_at = facts.heartbeat_at = origin.started_ns / 1e9

    def _run(self, record: Record) -> None:
        run, facts = record.run, self.facts
        first = not facts.run_id
        facts.run_id = run.run_id or facts.run_id
        facts.entity, facts.project = run.entity or facts.entity, run.project or facts.project
        facts.group, facts.job_type = run.run_group or facts.group, run.job_type or facts.job_type
        facts.name, facts.notes = run.display_name or facts.name, run.notes or facts.notes
        facts.tags = list(run.tags) or facts.tags
        facts.sweep_id = run.sweep_id or facts.sweep_id
        facts.host = facts.host or run.host
        facts.git_commit, facts.git_remote = run.git.commit or facts.git_commit, run.git.remote_url or facts.git_remote
        if first:
            self._first_run(run)
        self._take_config(run.config)

    def _first_run(self, run: RunRecord) -> None:
        facts = self.facts
        facts.starting_step = facts.starting_step or run.starting_step
        self._take_branch(run)
        if run.HasField("start_time") and not facts.started_at:
            started = run.start_time.seconds + run.start_time.nanos / 1e9
            facts.started_at = started if 0 < started < _END_OF_TIME else 0.0
            self._seen_at(started)
        if run.HasField("summary"):
            self._take_summary(run.summary)

    def _take_branch(self, run: RunRecord) -> None:
        """Take in where this run branches off, from another one or, where a stock tool set it back, from itself."""
        branch, facts = run.branch_point, self.facts
        if branch.metric not in ("", "_step") or not -1 <= branch.value < 2**62:
            return
        if branch.run and branch.run != run.run_id:
            facts.branch_run, facts.branch_step = branch.run, int(branch.value)
        elif branch.run and not facts.kind:
            facts.kind, facts.starting_step = "rewind", int(branch.value) + 1

    def _config(self, record: Record) -> None:
        self._take_config(record.config)

    def _take_config(self, config: ConfigRecord) -> None:
        for item in config.update:
            put(self.config, codec.path_of(item) or ("",), codec.loads(item.value_json))
        for item in config.remove:
            drop(self.config, codec.path_of(item) or ("",))

    def _summary_record(self, record: Record) -> None:
        if not record.summary.derived and not self._is_past:
            self._take_summary(record.summary)

    def _take_summary(self, summary: SummaryRecord) -> None:
        for item in summary.update:
            self._summary.assign(codec.path_of(item) or ("",), codec.loads(item.value_json))
        for item in summary.remove:
            self._summary.remove(codec.path_of(item) or ("",))

    def _history(self, record: Record) -> None:
        row = codec.row_of(record.history)
        self._take_row(codec.step_of(record.history, row), row)

    def _take_row(self, step: int, row: Row) -> None:
        if self._is_gone(step):
            return
        if self.pending is not None and self.pending[0] == step:
            self.pending = None  # this record holds all of it
        elif self.pending is not None and self.pending[0] < step:
            self._finish_pending()
        self._finish_row(step, row)

    def _is_gone(self, step: int) -> bool:
        """Whether a row of this step is one that does not count; notes that there was one."""
        gone = self._before is not None and step >= self._before
        self._is_past = self._is_past or gone
        return gone

    def _finish_pending(self) -> None:
        """Take the open row as it stands, since a later one has begun: the record that finished it is lost."""
        pending, self.pending = self.pending, None
        if pending is not None:
            self._finish_row(*pending)

    def _finish_row(self, step: int, row: Row) -> None:
        self.facts.last_step = max(self.facts.last_step, step)
        self.facts.rows += 1
        timestamp = row.get("_timestamp")
        if isinstance(timestamp, (int, float)):
            self._seen_at(timestamp)
        self._summary.apply_row(row)
        self._on_row(step, row)

    def _footer(self, record: Record) -> None:
        if record.footer.HasField("edit"):
            self.facts.kind = self.facts.kind or "edit"  # its header is lost
        if record.footer.HasField("edit") or record.footer.HasField("artifact"):
            self._fact(record)
        if not record.footer.HasField("pending"):
            return
        row = codec.row_of(record.footer.pending)
        step = codec.step_of(record.footer.pending, row)
        if self._is_gone(step):
            return
        if self.pending is not None and self.pending[0] == step:
            self.pending[1].update(row)
        else:
            self._finish_pending()
            self.pending = step, row

    def _seen_at(self, time: float) -> None:
        """Count a time that a record shows as a sign of life; one that no calendar has, or NaN, is none."""
        if self.facts.heartbeat_at < time < _END_OF_TIME:
            self.facts.heartbeat_at = float(time)

    def _metric(self, record: Record) -> None:
        self._summary.definitions.apply(record.metric)

    def _output(self, record: Record) -> None:
        output = record.output_raw
        time = output.timestamp.seconds + output.timestamp.nanos / 1e9
        self._seen_at(time)
        stream = "stdout" if output.output_type == OutputType.STDOUT else "stderr"
        self._on_console(ConsolePiece(stream, time, output.line))

    def _logger_line(self, record: Record) -> None:
        self._on_console(ConsolePiece("logger", self.facts.heartbeat_at, record.output_logger.line))

    def _stats(self, record: Record) -> None:
        self._seen_at(record.stats.timestamp.seconds + record.stats.timestamp.nanos / 1e9)
        self._fact(record)

    def _fact(self, record: Record) -> None:
        if self._on_fact is not None:
            for fact in facts_of(record):
                self._on_fact(fact, self.facts.heartbeat_at)

    def _environment(self, record: Record) -> None:
        self.facts.program = record.environment.program or self.facts.program
        self.facts.host = self.facts.host or record.environment.host

    def _preempting(self, record: Record) -> None:
        self.facts.preempting = True

    def _exit(self, record: Record) -> None:
        if not record.exit.not_complete:
            self.facts.exit_code = record.exit.exit_code
        self.facts.runtime = float(record.exit.runtime)


_TAKE: dict[str, Callable[[LogFold, Record], None]] = {
    "header": LogFold._header,
    "run": LogFold._run,
    "config": LogFold._config,
    "summary": LogFold._summary_record,
    "history": LogFold._history,
    "footer": LogFold._footer,
    "metric": LogFold._metric,
    "output_raw": LogFold._output,
    "output_logger": LogFold._logger_line,
    "stats": LogFold._stats,
    "files": LogFold._fact,
    "artifact": LogFold._fact,
    "use_artifact": LogFold._fact,
    "alert": LogFold._fact,
    "environment": LogFold._environment,
    "preempting": LogFold._preempting,
    "exit": LogFold._exit,
}
