from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoneValue(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NONE: _ClassVar[NoneValue]

class OutputType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STDERR: _ClassVar[OutputType]
    STDOUT: _ClassVar[OutputType]
NONE: NoneValue
STDERR: OutputType
STDOUT: OutputType

class Record(_message.Message):
    __slots__ = ("num", "history", "summary", "output", "config", "files", "stats", "artifact", "tbrecord", "alert", "telemetry", "metric", "output_raw", "run", "exit", "final", "header", "footer", "preempting", "use_artifact", "environment", "output_logger", "control", "uuid")
    NUM_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    TBRECORD_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_RAW_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    FOOTER_FIELD_NUMBER: _ClassVar[int]
    PREEMPTING_FIELD_NUMBER: _ClassVar[int]
    USE_ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_LOGGER_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    UUID_FIELD_NUMBER: _ClassVar[int]
    num: int
    history: HistoryRecord
    summary: SummaryRecord
    output: OutputRecord
    config: ConfigRecord
    files: FilesRecord
    stats: StatsRecord
    artifact: ArtifactRecord
    tbrecord: TBRecord
    alert: AlertRecord
    telemetry: TelemetryRecord
    metric: MetricRecord
    output_raw: OutputRawRecord
    run: RunRecord
    exit: RunExitRecord
    final: FinalRecord
    header: HeaderRecord
    footer: FooterRecord
    preempting: RunPreemptingRecord
    use_artifact: UseArtifactRecord
    environment: EnvironmentRecord
    output_logger: OutputLoggerRecord
    control: Control
    uuid: str
    def __init__(self, num: _Optional[int] = ..., history: _Optional[_Union[HistoryRecord, _Mapping]] = ..., summary: _Optional[_Union[SummaryRecord, _Mapping]] = ..., output: _Optional[_Union[OutputRecord, _Mapping]] = ..., config: _Optional[_Union[ConfigRecord, _Mapping]] = ..., files: _Optional[_Union[FilesRecord, _Mapping]] = ..., stats: _Optional[_Union[StatsRecord, _Mapping]] = ..., artifact: _Optional[_Union[ArtifactRecord, _Mapping]] = ..., tbrecord: _Optional[_Union[TBRecord, _Mapping]] = ..., alert: _Optional[_Union[AlertRecord, _Mapping]] = ..., telemetry: _Optional[_Union[TelemetryRecord, _Mapping]] = ..., metric: _Optional[_Union[MetricRecord, _Mapping]] = ..., output_raw: _Optional[_Union[OutputRawRecord, _Mapping]] = ..., run: _Optional[_Union[RunRecord, _Mapping]] = ..., exit: _Optional[_Union[RunExitRecord, _Mapping]] = ..., final: _Optional[_Union[FinalRecord, _Mapping]] = ..., header: _Optional[_Union[HeaderRecord, _Mapping]] = ..., footer: _Optional[_Union[FooterRecord, _Mapping]] = ..., preempting: _Optional[_Union[RunPreemptingRecord, _Mapping]] = ..., use_artifact: _Optional[_Union[UseArtifactRecord, _Mapping]] = ..., environment: _Optional[_Union[EnvironmentRecord, _Mapping]] = ..., output_logger: _Optional[_Union[OutputLoggerRecord, _Mapping]] = ..., control: _Optional[_Union[Control, _Mapping]] = ..., uuid: _Optional[str] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("mailbox_slot",)
    MAILBOX_SLOT_FIELD_NUMBER: _ClassVar[int]
    mailbox_slot: str
    def __init__(self, mailbox_slot: _Optional[str] = ...) -> None: ...

class HeaderRecord(_message.Message):
    __slots__ = ("version_info", "origin", "derived")
    VERSION_INFO_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    version_info: VersionInfo
    origin: Origin
    derived: Derived
    def __init__(self, version_info: _Optional[_Union[VersionInfo, _Mapping]] = ..., origin: _Optional[_Union[Origin, _Mapping]] = ..., derived: _Optional[_Union[Derived, _Mapping]] = ...) -> None: ...

class VersionInfo(_message.Message):
    __slots__ = ("producer", "min_consumer")
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    MIN_CONSUMER_FIELD_NUMBER: _ClassVar[int]
    producer: str
    min_consumer: str
    def __init__(self, producer: _Optional[str] = ..., min_consumer: _Optional[str] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("writer", "version", "host", "boot_id", "pid", "pid_started_ticks", "kind", "started_ns", "starting_step", "program")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[Origin.Kind]
        START: _ClassVar[Origin.Kind]
        RESUME: _ClassVar[Origin.Kind]
        REWIND: _ClassVar[Origin.Kind]
        RANK: _ClassVar[Origin.Kind]
        SUCCESSOR: _ClassVar[Origin.Kind]
        EDIT: _ClassVar[Origin.Kind]
    UNKNOWN: Origin.Kind
    START: Origin.Kind
    RESUME: Origin.Kind
    REWIND: Origin.Kind
    RANK: Origin.Kind
    SUCCESSOR: Origin.Kind
    EDIT: Origin.Kind
    WRITER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PID_STARTED_TICKS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    STARTING_STEP_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    writer: str
    version: str
    host: str
    boot_id: str
    pid: int
    pid_started_ticks: int
    kind: Origin.Kind
    started_ns: int
    starting_step: int
    program: str
    def __init__(self, writer: _Optional[str] = ..., version: _Optional[str] = ..., host: _Optional[str] = ..., boot_id: _Optional[str] = ..., pid: _Optional[int] = ..., pid_started_ticks: _Optional[int] = ..., kind: _Optional[_Union[Origin.Kind, str]] = ..., started_ns: _Optional[int] = ..., starting_step: _Optional[int] = ..., program: _Optional[str] = ...) -> None: ...

class Derived(_message.Message):
    __slots__ = ("log_id", "size", "left_out")
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    log_id: str
    size: int
    left_out: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, log_id: _Optional[str] = ..., size: _Optional[int] = ..., left_out: _Optional[_Iterable[str]] = ...) -> None: ...

class FooterRecord(_message.Message):
    __slots__ = ("pending", "edit", "artifact")
    PENDING_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    pending: HistoryRecord
    edit: Edit
    artifact: ArtifactMove
    def __init__(self, pending: _Optional[_Union[HistoryRecord, _Mapping]] = ..., edit: _Optional[_Union[Edit, _Mapping]] = ..., artifact: _Optional[_Union[ArtifactMove, _Mapping]] = ...) -> None: ...

class ArtifactMove(_message.Message):
    __slots__ = ("made_ns", "client_id", "entity", "project", "collection", "type", "version", "aliases", "dropped_aliases", "base_client_id", "linked", "removed", "description", "metadata", "tags", "ttl_seconds")
    MADE_NS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ALIASES_FIELD_NUMBER: _ClassVar[int]
    BASE_CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    LINKED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TTL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    made_ns: int
    client_id: str
    entity: str
    project: str
    collection: str
    type: str
    version: int
    aliases: _containers.RepeatedScalarFieldContainer[str]
    dropped_aliases: _containers.RepeatedScalarFieldContainer[str]
    base_client_id: str
    linked: bool
    removed: bool
    description: str
    metadata: str
    tags: Tags
    ttl_seconds: int
    def __init__(self, made_ns: _Optional[int] = ..., client_id: _Optional[str] = ..., entity: _Optional[str] = ..., project: _Optional[str] = ..., collection: _Optional[str] = ..., type: _Optional[str] = ..., version: _Optional[int] = ..., aliases: _Optional[_Iterable[str]] = ..., dropped_aliases: _Optional[_Iterable[str]] = ..., base_client_id: _Optional[str] = ..., linked: bool = ..., removed: bool = ..., description: _Optional[str] = ..., metadata: _Optional[str] = ..., tags: _Optional[_Union[Tags, _Mapping]] = ..., ttl_seconds: _Optional[int] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("made_ns", "entity", "project", "run_id", "name", "notes", "group", "job_type", "tags", "config", "summary")
    MADE_NS_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    JOB_TYPE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    made_ns: int
    entity: str
    project: str
    run_id: str
    name: str
    notes: str
    group: str
    job_type: str
    tags: Tags
    config: ConfigRecord
    summary: SummaryRecord
    def __init__(self, made_ns: _Optional[int] = ..., entity: _Optional[str] = ..., project: _Optional[str] = ..., run_id: _Optional[str] = ..., name: _Optional[str] = ..., notes: _Optional[str] = ..., group: _Optional[str] = ..., job_type: _Optional[str] = ..., tags: _Optional[_Union[Tags, _Mapping]] = ..., config: _Optional[_Union[ConfigRecord, _Mapping]] = ..., summary: _Optional[_Union[SummaryRecord, _Mapping]] = ...) -> None: ...

class Tags(_message.Message):
    __slots__ = ("tag",)
    TAG_FIELD_NUMBER: _ClassVar[int]
    tag: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tag: _Optional[_Iterable[str]] = ...) -> None: ...

class FinalRecord(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunRecord(_message.Message):
    __slots__ = ("run_id", "entity", "project", "config", "summary", "run_group", "job_type", "display_name", "notes", "tags", "settings", "sweep_id", "host", "starting_step", "storage_id", "start_time", "resumed", "telemetry", "runtime", "git", "forked", "branch_point", "resume")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    RUN_GROUP_FIELD_NUMBER: _ClassVar[int]
    JOB_TYPE_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    STARTING_STEP_FIELD_NUMBER: _ClassVar[int]
    STORAGE_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    GIT_FIELD_NUMBER: _ClassVar[int]
    FORKED_FIELD_NUMBER: _ClassVar[int]
    BRANCH_POINT_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    entity: str
    project: str
    config: ConfigRecord
    summary: SummaryRecord
    run_group: str
    job_type: str
    display_name: str
    notes: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    settings: SettingsRecord
    sweep_id: str
    host: str
    starting_step: int
    storage_id: str
    start_time: _timestamp_pb2.Timestamp
    resumed: bool
    telemetry: TelemetryRecord
    runtime: int
    git: GitRepoRecord
    forked: bool
    branch_point: BranchPoint
    resume: bool
    def __init__(self, run_id: _Optional[str] = ..., entity: _Optional[str] = ..., project: _Optional[str] = ..., config: _Optional[_Union[ConfigRecord, _Mapping]] = ..., summary: _Optional[_Union[SummaryRecord, _Mapping]] = ..., run_group: _Optional[str] = ..., job_type: _Optional[str] = ..., display_name: _Optional[str] = ..., notes: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., settings: _Optional[_Union[SettingsRecord, _Mapping]] = ..., sweep_id: _Optional[str] = ..., host: _Optional[str] = ..., starting_step: _Optional[int] = ..., storage_id: _Optional[str] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., resumed: bool = ..., telemetry: _Optional[_Union[TelemetryRecord, _Mapping]] = ..., runtime: _Optional[int] = ..., git: _Optional[_Union[GitRepoRecord, _Mapping]] = ..., forked: bool = ..., branch_point: _Optional[_Union[BranchPoint, _Mapping]] = ..., resume: bool = ...) -> None: ...

class GitRepoRecord(_message.Message):
    __slots__ = ("remote_url", "commit")
    REMOTE_URL_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    remote_url: str
    commit: str
    def __init__(self, remote_url: _Optional[str] = ..., commit: _Optional[str] = ...) -> None: ...

class BranchPoint(_message.Message):
    __slots__ = ("run", "value", "metric")
    RUN_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    run: str
    value: float
    metric: str
    def __init__(self, run: _Optional[str] = ..., value: _Optional[float] = ..., metric: _Optional[str] = ...) -> None: ...

class SettingsRecord(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedCompositeFieldContainer[SettingsItem]
    def __init__(self, item: _Optional[_Iterable[_Union[SettingsItem, _Mapping]]] = ...) -> None: ...

class SettingsItem(_message.Message):
    __slots__ = ("key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    value_json: str
    def __init__(self, key: _Optional[str] = ..., value_json: _Optional[str] = ...) -> None: ...

class RunExitRecord(_message.Message):
    __slots__ = ("exit_code", "runtime", "not_complete")
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    NOT_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    exit_code: int
    runtime: int
    not_complete: bool
    def __init__(self, exit_code: _Optional[int] = ..., runtime: _Optional[int] = ..., not_complete: bool = ...) -> None: ...

class RunPreemptingRecord(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConfigRecord(_message.Message):
    __slots__ = ("update", "remove")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    update: _containers.RepeatedCompositeFieldContainer[ConfigItem]
    remove: _containers.RepeatedCompositeFieldContainer[ConfigItem]
    def __init__(self, update: _Optional[_Iterable[_Union[ConfigItem, _Mapping]]] = ..., remove: _Optional[_Iterable[_Union[ConfigItem, _Mapping]]] = ...) -> None: ...

class ConfigItem(_message.Message):
    __slots__ = ("key", "nested_key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NESTED_KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    nested_key: _containers.RepeatedScalarFieldContainer[str]
    value_json: str
    def __init__(self, key: _Optional[str] = ..., nested_key: _Optional[_Iterable[str]] = ..., value_json: _Optional[str] = ...) -> None: ...

class SummaryRecord(_message.Message):
    __slots__ = ("update", "remove", "derived")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    update: _containers.RepeatedCompositeFieldContainer[SummaryItem]
    remove: _containers.RepeatedCompositeFieldContainer[SummaryItem]
    derived: bool
    def __init__(self, update: _Optional[_Iterable[_Union[SummaryItem, _Mapping]]] = ..., remove: _Optional[_Iterable[_Union[SummaryItem, _Mapping]]] = ..., derived: bool = ...) -> None: ...

class SummaryItem(_message.Message):
    __slots__ = ("key", "nested_key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NESTED_KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    nested_key: _containers.RepeatedScalarFieldContainer[str]
    value_json: str
    def __init__(self, key: _Optional[str] = ..., nested_key: _Optional[_Iterable[str]] = ..., value_json: _Optional[str] = ...) -> None: ...

class HistoryRecord(_message.Message):
    __slots__ = ("item", "step")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedCompositeFieldContainer[HistoryItem]
    step: HistoryStep
    def __init__(self, item: _Optional[_Iterable[_Union[HistoryItem, _Mapping]]] = ..., step: _Optional[_Union[HistoryStep, _Mapping]] = ...) -> None: ...

class HistoryStep(_message.Message):
    __slots__ = ("num",)
    NUM_FIELD_NUMBER: _ClassVar[int]
    num: int
    def __init__(self, num: _Optional[int] = ...) -> None: ...

class HistoryItem(_message.Message):
    __slots__ = ("key", "nested_key", "value_json", "none", "boolean", "integer", "number", "text", "json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NESTED_KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    NONE_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    nested_key: _containers.RepeatedScalarFieldContainer[str]
    value_json: str
    none: NoneValue
    boolean: bool
    integer: int
    number: float
    text: str
    json: str
    def __init__(self, key: _Optional[str] = ..., nested_key: _Optional[_Iterable[str]] = ..., value_json: _Optional[str] = ..., none: _Optional[_Union[NoneValue, str]] = ..., boolean: bool = ..., integer: _Optional[int] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class MetricRecord(_message.Message):
    __slots__ = ("name", "glob_name", "step_metric", "step_metric_index", "options", "summary", "goal", "control", "expanded_from_glob")
    class Goal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        GOAL_UNSET: _ClassVar[MetricRecord.Goal]
        GOAL_MINIMIZE: _ClassVar[MetricRecord.Goal]
        GOAL_MAXIMIZE: _ClassVar[MetricRecord.Goal]
    GOAL_UNSET: MetricRecord.Goal
    GOAL_MINIMIZE: MetricRecord.Goal
    GOAL_MAXIMIZE: MetricRecord.Goal
    NAME_FIELD_NUMBER: _ClassVar[int]
    GLOB_NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_METRIC_FIELD_NUMBER: _ClassVar[int]
    STEP_METRIC_INDEX_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    EXPANDED_FROM_GLOB_FIELD_NUMBER: _ClassVar[int]
    name: str
    glob_name: str
    step_metric: str
    step_metric_index: int
    options: MetricOptions
    summary: MetricSummary
    goal: MetricRecord.Goal
    control: MetricControl
    expanded_from_glob: bool
    def __init__(self, name: _Optional[str] = ..., glob_name: _Optional[str] = ..., step_metric: _Optional[str] = ..., step_metric_index: _Optional[int] = ..., options: _Optional[_Union[MetricOptions, _Mapping]] = ..., summary: _Optional[_Union[MetricSummary, _Mapping]] = ..., goal: _Optional[_Union[MetricRecord.Goal, str]] = ..., control: _Optional[_Union[MetricControl, _Mapping]] = ..., expanded_from_glob: bool = ...) -> None: ...

class MetricOptions(_message.Message):
    __slots__ = ("step_sync", "hidden", "defined")
    STEP_SYNC_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    DEFINED_FIELD_NUMBER: _ClassVar[int]
    step_sync: bool
    hidden: bool
    defined: bool
    def __init__(self, step_sync: bool = ..., hidden: bool = ..., defined: bool = ...) -> None: ...

class MetricSummary(_message.Message):
    __slots__ = ("min", "max", "mean", "best", "last", "none", "copy", "first")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    NONE_FIELD_NUMBER: _ClassVar[int]
    COPY_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    min: bool
    max: bool
    mean: bool
    best: bool
    last: bool
    none: bool
    copy: bool
    first: bool
    def __init__(self, min: bool = ..., max: bool = ..., mean: bool = ..., best: bool = ..., last: bool = ..., none: bool = ..., copy: bool = ..., first: bool = ...) -> None: ...

class MetricControl(_message.Message):
    __slots__ = ("overwrite",)
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    overwrite: bool
    def __init__(self, overwrite: bool = ...) -> None: ...

class StatsRecord(_message.Message):
    __slots__ = ("type", "timestamp", "item")
    class StatsType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SYSTEM: _ClassVar[StatsRecord.StatsType]
    SYSTEM: StatsRecord.StatsType
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    type: StatsRecord.StatsType
    timestamp: _timestamp_pb2.Timestamp
    item: _containers.RepeatedCompositeFieldContainer[StatsItem]
    def __init__(self, type: _Optional[_Union[StatsRecord.StatsType, str]] = ..., timestamp: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., item: _Optional[_Iterable[_Union[StatsItem, _Mapping]]] = ...) -> None: ...

class StatsItem(_message.Message):
    __slots__ = ("key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    value_json: str
    def __init__(self, key: _Optional[str] = ..., value_json: _Optional[str] = ...) -> None: ...

class OutputRecord(_message.Message):
    __slots__ = ("output_type", "timestamp", "line")
    OUTPUT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    output_type: OutputType
    timestamp: _timestamp_pb2.Timestamp
    line: str
    def __init__(self, output_type: _Optional[_Union[OutputType, str]] = ..., timestamp: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., line: _Optional[str] = ...) -> None: ...

class OutputRawRecord(_message.Message):
    __slots__ = ("output_type", "timestamp", "line")
    OUTPUT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    output_type: OutputType
    timestamp: _timestamp_pb2.Timestamp
    line: str
    def __init__(self, output_type: _Optional[_Union[OutputType, str]] = ..., timestamp: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., line: _Optional[str] = ...) -> None: ...

class OutputLoggerRecord(_message.Message):
    __slots__ = ("line",)
    LINE_FIELD_NUMBER: _ClassVar[int]
    line: str
    def __init__(self, line: _Optional[str] = ...) -> None: ...

class AlertRecord(_message.Message):
    __slots__ = ("title", "text", "level", "wait_duration")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    WAIT_DURATION_FIELD_NUMBER: _ClassVar[int]
    title: str
    text: str
    level: str
    wait_duration: int
    def __init__(self, title: _Optional[str] = ..., text: _Optional[str] = ..., level: _Optional[str] = ..., wait_duration: _Optional[int] = ...) -> None: ...

class FilesRecord(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[FilesItem]
    def __init__(self, files: _Optional[_Iterable[_Union[FilesItem, _Mapping]]] = ...) -> None: ...

class FilesItem(_message.Message):
    __slots__ = ("path", "policy", "type")
    class PolicyType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NOW: _ClassVar[FilesItem.PolicyType]
        END: _ClassVar[FilesItem.PolicyType]
        LIVE: _ClassVar[FilesItem.PolicyType]
    NOW: FilesItem.PolicyType
    END: FilesItem.PolicyType
    LIVE: FilesItem.PolicyType
    class FileType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OTHER: _ClassVar[FilesItem.FileType]
        WANDB: _ClassVar[FilesItem.FileType]
        MEDIA: _ClassVar[FilesItem.FileType]
        ARTIFACT: _ClassVar[FilesItem.FileType]
    OTHER: FilesItem.FileType
    WANDB: FilesItem.FileType
    MEDIA: FilesItem.FileType
    ARTIFACT: FilesItem.FileType
    PATH_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    path: str
    policy: FilesItem.PolicyType
    type: FilesItem.FileType
    def __init__(self, path: _Optional[str] = ..., policy: _Optional[_Union[FilesItem.PolicyType, str]] = ..., type: _Optional[_Union[FilesItem.FileType, str]] = ...) -> None: ...

class TBRecord(_message.Message):
    __slots__ = ("log_dir", "save", "root_dir", "namespace", "save_path")
    LOG_DIR_FIELD_NUMBER: _ClassVar[int]
    SAVE_FIELD_NUMBER: _ClassVar[int]
    ROOT_DIR_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SAVE_PATH_FIELD_NUMBER: _ClassVar[int]
    log_dir: str
    save: bool
    root_dir: str
    namespace: str
    save_path: str
    def __init__(self, log_dir: _Optional[str] = ..., save: bool = ..., root_dir: _Optional[str] = ..., namespace: _Optional[str] = ..., save_path: _Optional[str] = ...) -> None: ...

class TelemetryRecord(_message.Message):
    __slots__ = ("python_version", "cli_version", "core_version", "platform")
    PYTHON_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLI_VERSION_FIELD_NUMBER: _ClassVar[int]
    CORE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    python_version: str
    cli_version: str
    core_version: str
    platform: str
    def __init__(self, python_version: _Optional[str] = ..., cli_version: _Optional[str] = ..., core_version: _Optional[str] = ..., platform: _Optional[str] = ...) -> None: ...

class EnvironmentRecord(_message.Message):
    __slots__ = ("os", "python", "started_at", "docker", "args", "program", "code_path", "code_path_local", "git", "email", "root", "host", "username", "executable", "writer_id")
    OS_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    DOCKER_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    CODE_PATH_FIELD_NUMBER: _ClassVar[int]
    CODE_PATH_LOCAL_FIELD_NUMBER: _ClassVar[int]
    GIT_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    EXECUTABLE_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    os: str
    python: str
    started_at: _timestamp_pb2.Timestamp
    docker: str
    args: _containers.RepeatedScalarFieldContainer[str]
    program: str
    code_path: str
    code_path_local: str
    git: GitRepoRecord
    email: str
    root: str
    host: str
    username: str
    executable: str
    writer_id: str
    def __init__(self, os: _Optional[str] = ..., python: _Optional[str] = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., docker: _Optional[str] = ..., args: _Optional[_Iterable[str]] = ..., program: _Optional[str] = ..., code_path: _Optional[str] = ..., code_path_local: _Optional[str] = ..., git: _Optional[_Union[GitRepoRecord, _Mapping]] = ..., email: _Optional[str] = ..., root: _Optional[str] = ..., host: _Optional[str] = ..., username: _Optional[str] = ..., executable: _Optional[str] = ..., writer_id: _Optional[str] = ...) -> None: ...

class ArtifactRecord(_message.Message):
    __slots__ = ("run_id", "project", "entity", "type", "name", "digest", "description", "metadata", "user_created", "use_after_commit", "aliases", "manifest", "distributed_id", "finalize", "client_id", "sequence_client_id", "base_id", "ttl_duration_seconds", "tags", "digest_algorithm", "incremental_beta1")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    USER_CREATED_FIELD_NUMBER: _ClassVar[int]
    USE_AFTER_COMMIT_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTED_ID_FIELD_NUMBER: _ClassVar[int]
    FINALIZE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_ID_FIELD_NUMBER: _ClassVar[int]
    TTL_DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_BETA1_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    project: str
    entity: str
    type: str
    name: str
    digest: str
    description: str
    metadata: str
    user_created: bool
    use_after_commit: bool
    aliases: _containers.RepeatedScalarFieldContainer[str]
    manifest: ArtifactManifest
    distributed_id: str
    finalize: bool
    client_id: str
    sequence_client_id: str
    base_id: str
    ttl_duration_seconds: int
    tags: _containers.RepeatedScalarFieldContainer[str]
    digest_algorithm: str
    incremental_beta1: bool
    def __init__(self, run_id: _Optional[str] = ..., project: _Optional[str] = ..., entity: _Optional[str] = ..., type: _Optional[str] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., description: _Optional[str] = ..., metadata: _Optional[str] = ..., user_created: bool = ..., use_after_commit: bool = ..., aliases: _Optional[_Iterable[str]] = ..., manifest: _Optional[_Union[ArtifactManifest, _Mapping]] = ..., distributed_id: _Optional[str] = ..., finalize: bool = ..., client_id: _Optional[str] = ..., sequence_client_id: _Optional[str] = ..., base_id: _Optional[str] = ..., ttl_duration_seconds: _Optional[int] = ..., tags: _Optional[_Iterable[str]] = ..., digest_algorithm: _Optional[str] = ..., incremental_beta1: bool = ...) -> None: ...

class ArtifactManifest(_message.Message):
    __slots__ = ("version", "storage_policy", "storage_policy_config", "contents", "manifest_file_path")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STORAGE_POLICY_FIELD_NUMBER: _ClassVar[int]
    STORAGE_POLICY_CONFIG_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    version: int
    storage_policy: str
    storage_policy_config: _containers.RepeatedCompositeFieldContainer[StoragePolicyConfigItem]
    contents: _containers.RepeatedCompositeFieldContainer[ArtifactManifestEntry]
    manifest_file_path: str
    def __init__(self, version: _Optional[int] = ..., storage_policy: _Optional[str] = ..., storage_policy_config: _Optional[_Iterable[_Union[StoragePolicyConfigItem, _Mapping]]] = ..., contents: _Optional[_Iterable[_Union[ArtifactManifestEntry, _Mapping]]] = ..., manifest_file_path: _Optional[str] = ...) -> None: ...

class StoragePolicyConfigItem(_message.Message):
    __slots__ = ("key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    value_json: str
    def __init__(self, key: _Optional[str] = ..., value_json: _Optional[str] = ...) -> None: ...

class ArtifactManifestEntry(_message.Message):
    __slots__ = ("path", "digest", "ref", "size", "mimetype", "local_path", "birth_artifact_id", "skip_cache", "extra")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    LOCAL_PATH_FIELD_NUMBER: _ClassVar[int]
    BIRTH_ARTIFACT_ID_FIELD_NUMBER: _ClassVar[int]
    SKIP_CACHE_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    path: str
    digest: str
    ref: str
    size: int
    mimetype: str
    local_path: str
    birth_artifact_id: str
    skip_cache: bool
    extra: _containers.RepeatedCompositeFieldContainer[ExtraItem]
    def __init__(self, path: _Optional[str] = ..., digest: _Optional[str] = ..., ref: _Optional[str] = ..., size: _Optional[int] = ..., mimetype: _Optional[str] = ..., local_path: _Optional[str] = ..., birth_artifact_id: _Optional[str] = ..., skip_cache: bool = ..., extra: _Optional[_Iterable[_Union[ExtraItem, _Mapping]]] = ...) -> None: ...

class ExtraItem(_message.Message):
    __slots__ = ("key", "value_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    value_json: str
    def __init__(self, key: _Optional[str] = ..., value_json: _Optional[str] = ...) -> None: ...

class UseArtifactRecord(_message.Message):
    __slots__ = ("id", "type", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    name: str
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...
