-- The index: a cache over run logs. Everything here follows from the logs and can be deleted at any time.
-- Plain SQL that old SQLite versions understand: no RETURNING, no STRICT, no DROP COLUMN.

-- One row for each run log that was found.
CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: a process may remember a log that another one forgot
    path TEXT NOT NULL UNIQUE,
    log_id TEXT,                    -- SHA-256 of the log's beginning: the same for every copy of it
    run INTEGER REFERENCES runs(id),
    indexed INTEGER NOT NULL,       -- offset in bytes up to which the log is in the index
    size INTEGER NOT NULL,          -- of the file when all of it had been read; -1: not all was read yet
    mtime_ns INTEGER NOT NULL,      -- its time of change then, nanoseconds since the epoch
    records INTEGER NOT NULL,       -- records before that offset
    lost_bytes INTEGER NOT NULL,    -- bytes skipped as damaged before that offset
    undecodable INTEGER NOT NULL,   -- whole records that could not be understood
    missing INTEGER NOT NULL,       -- records that the numbering says were never written, or were lost to damage
    kind TEXT NOT NULL,             -- start | resume | rewind | rank | successor; '' for logs of stock tools
    started_at REAL NOT NULL,       -- seconds since the epoch
    starting_step INTEGER NOT NULL,
    branch_run TEXT NOT NULL DEFAULT '',  -- id of the run that this one was forked from; '': of none
    branch_step INTEGER NOT NULL DEFAULT -1,  -- the last step that it has of that run
    last_step INTEGER NOT NULL,     -- -1: no row
    rows INTEGER NOT NULL,          -- history rows, an open one not counted
    open_row INTEGER NOT NULL,      -- 1: the state holds a row that may still be added to
    sealed INTEGER NOT NULL DEFAULT 0,  -- 1: its chunks are merged and packed as far as they can be
    state TEXT NOT NULL             -- JSON: what the indexer needs to go on behind `indexed`
);
CREATE INDEX logs_of_run ON logs(run);
CREATE INDEX logs_of_forks ON logs(branch_run) WHERE branch_run <> '';

-- What counts of logs when their run was set back, or forked, to a step before the last: the fold of the earlier rows.
CREATE TABLE kept (
    log INTEGER NOT NULL REFERENCES logs(id),
    before INTEGER NOT NULL,        -- rows from this step on don't count; steps as the log has them
    indexed INTEGER NOT NULL,       -- offset in bytes up to which the log was folded
    state TEXT NOT NULL,            -- JSON: the fold
    PRIMARY KEY (log, before)
);

-- One row for each run: what all of its logs say together.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    tags TEXT NOT NULL,             -- JSON array
    run_group TEXT NOT NULL,
    job_type TEXT NOT NULL,
    sweep_id TEXT NOT NULL,
    program TEXT NOT NULL,
    writer TEXT NOT NULL,           -- which tool recorded it
    git_commit TEXT NOT NULL,
    git_remote TEXT NOT NULL,
    created_at REAL NOT NULL,       -- seconds since the epoch
    heartbeat_at REAL NOT NULL,     -- the latest time that any record shows
    runtime REAL NOT NULL,          -- seconds, of its last process: as it said, else as its records show
    last_step INTEGER NOT NULL,
    exit_code INTEGER,              -- NULL: no exit record
    preempting INTEGER NOT NULL,
    host TEXT NOT NULL,             -- of the process that writes it, or wrote it last
    boot_id TEXT NOT NULL,
    pid INTEGER NOT NULL,
    pid_started_ticks INTEGER NOT NULL,
    config TEXT NOT NULL,           -- JSON; NaN is null, an infinity is 9e999
    config_nan TEXT,                -- JSON array of the paths where null means NaN; NULL: nowhere
    summary TEXT NOT NULL,
    summary_nan TEXT,
    UNIQUE (entity, project, run_id)
);

-- One row for each numeric metric of each log.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES logs(id),
    key TEXT NOT NULL,              -- nested keys joined by dots
    stream TEXT NOT NULL DEFAULT 'history',  -- history; system: of the machine, steps are ms since the epoch
    UNIQUE (log, stream, key)
);

-- The points of a series, up to 4096 in a row of this table, or 16384 once they are packed, in the order of the log.
CREATE TABLE chunks (
    series INTEGER NOT NULL REFERENCES series(id),
    place INTEGER NOT NULL,         -- chunks of a series are in this order
    n INTEGER NOT NULL,
    first_step INTEGER NOT NULL,    -- of the first point, and of the last one
    last_step INTEGER NOT NULL,
    stride INTEGER,                 -- steps are first_step + i * stride; NULL: they are in `steps`
    rising INTEGER NOT NULL,        -- 1: every step is above the one before
    low NUMERIC,                    -- minimum and maximum of the finite values; NULL: there are none
    high NUMERIC,
    total REAL NOT NULL,            -- sum of the finite values
    last NUMERIC,                   -- value of the last point; NULL: NaN
    nonfinite INTEGER NOT NULL,     -- how many values are NaN or infinite
    form TEXT NOT NULL,             -- of `points`: d float64; q int64; m float64, and a bit for each that was an
                                    -- integer; j JSON. With z behind it: packed as index/chunks/packing.py says
    block_shift INTEGER,            -- points of the same steps >> block_shift are one block; NULL: no blocks
    blocks BLOB,                    -- their sums, as index/chunks/buckets.py packs them: charts need no more
    steps BLOB,                     -- int64, little-endian; packed where the points are
    points BLOB NOT NULL,
    PRIMARY KEY (series, place)
);

-- History values that are no numbers: text, lists, booleans, null, media.
CREATE TABLE history_values (
    log INTEGER NOT NULL REFERENCES logs(id),
    key TEXT NOT NULL,
    step INTEGER NOT NULL,
    value TEXT NOT NULL             -- JSON, with bare NaN and Infinity inside lists
);
CREATE INDEX history_values_of_log ON history_values(log, key);

-- What the program wrote to its terminal, as the lines that a person saw.
CREATE TABLE console (
    log INTEGER NOT NULL REFERENCES logs(id),
    line INTEGER NOT NULL,          -- 0, 1, 2, ... in the order in which lines were ended
    stream TEXT NOT NULL,           -- stdout | stderr | logger: a line of Python's `logging`
    time REAL NOT NULL,             -- seconds since the epoch
    text TEXT NOT NULL,
    PRIMARY KEY (log, line)
);

-- Files that logs say belong to their run; the files themselves lie in the folder `files` beside the log.
CREATE TABLE files (
    log INTEGER NOT NULL REFERENCES logs(id),
    path TEXT NOT NULL,             -- below `files`; stock tools escape what glob patterns are made of
    policy TEXT NOT NULL,           -- when stock tools deliver it: now | end | live
    type TEXT NOT NULL,             -- other | wandb | media | artifact
    PRIMARY KEY (log, path)
);

-- Artifacts that logs say were made or used, in the order of the log.
CREATE TABLE artifacts (
    log INTEGER NOT NULL REFERENCES logs(id),
    place INTEGER NOT NULL,         -- 0, 1, 2, ... in the log
    time REAL NOT NULL,             -- the latest that a record before it shows, seconds since the epoch
    used INTEGER NOT NULL,          -- 1: an input of the run, 0: an output
    type TEXT NOT NULL,
    name TEXT NOT NULL,             -- without a version
    version TEXT NOT NULL,          -- such as v3; '' where the log does not say
    digest TEXT NOT NULL,           -- of the manifest
    client_id TEXT NOT NULL,        -- names the artifact from its making on
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,         -- JSON
    aliases TEXT NOT NULL,          -- JSON array
    tags TEXT NOT NULL,             -- JSON array
    entries INTEGER,                -- how many files and references it holds; NULL: the log does not say
    size INTEGER,                   -- bytes of all of them; NULL: the log does not say
    manifest_file TEXT NOT NULL,    -- where its entries are if they are too many for a record; '' else
    distributed_id TEXT NOT NULL,   -- the same for the parts of an artifact that several processes make; '' for others
    finalize INTEGER NOT NULL,      -- 0: a part, and not the last one
    incremental INTEGER NOT NULL,   -- 1: it has the entries of a version before it beside its own
    ttl_seconds INTEGER NOT NULL,   -- how long it is kept, as in the record: 0 and below are no times
    algorithm TEXT NOT NULL,        -- of the digests: MD5, or XXH128
    move INTEGER,                   -- place in `moves` of the move that was made with it; NULL: the tool makes none
    PRIMARY KEY (log, place)
);
CREATE INDEX artifacts_by_name ON artifacts(name);
CREATE INDEX artifacts_by_client_id ON artifacts(client_id);
CREATE INDEX artifacts_incremental ON artifacts(name) WHERE incremental = 1;
CREATE INDEX artifacts_of_several ON artifacts(name) WHERE distributed_id <> '';

-- What is in an artifact.
CREATE TABLE artifact_entries (
    log INTEGER NOT NULL,
    place INTEGER NOT NULL,         -- of the artifact
    path TEXT NOT NULL,             -- inside the artifact
    digest TEXT NOT NULL,           -- MD5, base64; of a reference what its store calls it by
    size INTEGER NOT NULL,          -- bytes
    ref TEXT NOT NULL,              -- URL of a reference; '' for a file
    local_path TEXT NOT NULL,       -- where the bytes were when it was logged; '' for a reference
    extra TEXT NOT NULL,            -- JSON: what else is said of it, such as an ETag
    PRIMARY KEY (log, place, path),
    FOREIGN KEY (log, place) REFERENCES artifacts(log, place)
);

-- How artifacts stand in collections, as logs say it: each row is one change of one artifact's standing, in their order.
CREATE TABLE moves (
    log INTEGER NOT NULL REFERENCES logs(id),
    place INTEGER NOT NULL,         -- 0, 1, 2, ... in the log
    made_ns INTEGER NOT NULL,       -- nanoseconds since the epoch
    client_id TEXT NOT NULL,        -- of the artifact
    entity TEXT NOT NULL,           -- of the collection, as are the next two
    project TEXT NOT NULL,
    collection TEXT NOT NULL,
    version INTEGER,                -- the number that it claims; NULL: none
    linked INTEGER NOT NULL,        -- 1: the artifact belongs to another collection, and is a version of this one too
    removed INTEGER NOT NULL,       -- 1: it is no version of the collection any more
    base TEXT NOT NULL,             -- client id of the version whose entries an incremental one has; '' for none
    aliases TEXT NOT NULL,          -- JSON array: they point to it from then on
    dropped TEXT NOT NULL,          -- JSON array: aliases that don't any more
    change TEXT NOT NULL,           -- JSON: description, metadata (as JSON text), tags, ttl_seconds, where they changed
    PRIMARY KEY (log, place)
);
CREATE INDEX moves_of_collection ON moves(collection, project, entity);
CREATE INDEX moves_of_artifact ON moves(client_id);

-- The collections that artifacts make; this and the next four follow from the tables above.
CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,             -- of its first version, such as dataset or model
    next_number INTEGER NOT NULL,   -- above that of every version, also of those that were removed
    numbers INTEGER NOT NULL,       -- how many versions have a number, removed ones too
    last_ns INTEGER NOT NULL,       -- of the last that is known of it, nanoseconds since the epoch
    UNIQUE (entity, project, name)
);

-- Their versions: each is one content, under one number.
CREATE TABLE versions (
    collection INTEGER NOT NULL REFERENCES collections(id),
    number INTEGER NOT NULL,
    client_id TEXT NOT NULL,        -- of the artifact that was the first with this content
    type TEXT NOT NULL,
    digest TEXT NOT NULL,           -- of all that is in it, of all parts and bases together
    created_ns INTEGER NOT NULL,    -- nanoseconds since the epoch
    log INTEGER NOT NULL,           -- where that artifact is: log and place in `artifacts`
    place INTEGER NOT NULL,
    linked INTEGER NOT NULL,        -- 1: it belongs to another collection
    removed INTEGER NOT NULL,       -- 1: it was removed, and keeps its number
    base INTEGER,                   -- number of the version whose entries it has beside its own; NULL: of none
    PRIMARY KEY (collection, number)
);
CREATE INDEX versions_by_content ON versions(collection, digest);
CREATE INDEX versions_by_source ON versions(log, place);

-- The artifacts whose entries are a version together, where several processes made it.
CREATE TABLE parts (
    collection INTEGER NOT NULL REFERENCES collections(id),
    number INTEGER NOT NULL,        -- of the version
    log INTEGER NOT NULL,           -- where the part is: log and place in `artifacts`
    place INTEGER NOT NULL,
    PRIMARY KEY (collection, number, log, place)
);

-- The artifacts that are a version: most often one, or several with the same content.
CREATE TABLE members (
    collection INTEGER NOT NULL REFERENCES collections(id),
    client_id TEXT NOT NULL,
    number INTEGER NOT NULL,        -- of the version
    PRIMARY KEY (collection, client_id)
);
CREATE INDEX members_by_client_id ON members(client_id);
CREATE INDEX members_of_version ON members(collection, number);

-- Where aliases point.
CREATE TABLE aliases (
    collection INTEGER NOT NULL REFERENCES collections(id),
    alias TEXT NOT NULL,            -- such as latest or best
    number INTEGER NOT NULL,        -- of the version
    PRIMARY KEY (collection, alias)
);
CREATE INDEX aliases_of_version ON aliases(collection, number);

-- Collections of which more is known than the tables above say: they are computed anew before the next answer.
CREATE TABLE stale_collections (
    entity TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity, project, name)
);

-- What stock tools' logs name and leave outside of the run directory, and what became of bringing it in.
CREATE TABLE rescues (
    log INTEGER NOT NULL REFERENCES logs(id),
    blob TEXT NOT NULL,             -- its name in the folder `blobs` beside the log, as runstore/core/rescued.py has it
    source TEXT NOT NULL,           -- where its bytes were when it was logged; of a saved file its path below `files`
    artifact TEXT NOT NULL,         -- name of the artifact; '' of a saved file
    path TEXT NOT NULL,             -- inside the artifact, or below `files`
    size INTEGER NOT NULL,          -- bytes; -1: the log does not say
    outcome TEXT NOT NULL,          -- waiting | linked: safe, not checked yet | held: a copy, until the run has ended |
                                    -- kept | lost: it can't be had | failed: is tried again
    reason TEXT NOT NULL,           -- why it is lost, or failed; '' else
    tried_at REAL NOT NULL,         -- seconds since the epoch; 0: never
    PRIMARY KEY (log, blob, source)
);
CREATE INDEX rescues_open ON rescues(log) WHERE outcome NOT IN ('kept', 'lost');

-- What targets were proven to hold of logs, as the receipts beside the logs say; not of the logs' own making.
CREATE TABLE deliveries (
    log INTEGER NOT NULL REFERENCES logs(id),
    target TEXT NOT NULL,           -- what the target is known by whatever its address, such as hub:<id>
    remote TEXT NOT NULL,           -- what the user called it then
    url TEXT NOT NULL,              -- where it was then; '' where the receipt does not say
    size INTEGER NOT NULL,          -- bytes of the log that it holds, digests compared; 0: none were proven
    chain TEXT NOT NULL,            -- that digest, as core/segments.py has it
    records INTEGER NOT NULL,       -- whole records in these bytes
    verified_at REAL NOT NULL,      -- when that was proven, seconds since the epoch; 0: never
    files INTEGER NOT NULL,         -- how many files and blobs from beside the log it holds
    file_bytes INTEGER NOT NULL,    -- bytes of these
    files_left INTEGER NOT NULL,    -- how many could not be delivered when it was last tried; -1: it was not tried yet
    held INTEGER NOT NULL,          -- bytes of the log at the target, where that is more than were here; 0: it is not
    error TEXT NOT NULL,            -- why the last attempt at the log failed, in a sentence; '' where it did not
    failed_at REAL NOT NULL,        -- when, seconds since the epoch; 0: it did not
    receipts_ns INTEGER NOT NULL,   -- times of change of the files that said so, added up, nanoseconds since the epoch
    PRIMARY KEY (log, target)
);

-- Alerts that programs sent, in the order of the log.
CREATE TABLE alerts (
    log INTEGER NOT NULL REFERENCES logs(id),
    place INTEGER NOT NULL,         -- 0, 1, 2, ... in the log
    time REAL NOT NULL,             -- the latest that a record before it shows, seconds since the epoch
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    level TEXT NOT NULL,            -- INFO | WARN | ERROR
    wait_ms INTEGER NOT NULL,       -- least time between two alerts of one title
    PRIMARY KEY (log, place)
);

-- Changes that people made to stored runs, from edit logs. They name their run, whether its logs are known or not.
CREATE TABLE edits (
    log INTEGER NOT NULL REFERENCES logs(id),
    place INTEGER NOT NULL,         -- 0, 1, 2, ... in the log
    entity TEXT NOT NULL,
    project TEXT NOT NULL,
    run_id TEXT NOT NULL,
    made_ns INTEGER NOT NULL,       -- nanoseconds since the epoch
    change TEXT NOT NULL,           -- JSON: what is set by name, as runstore/core/edits.py describes it
    PRIMARY KEY (log, place)
);
CREATE INDEX edits_of_run ON edits(run_id, project, entity);

-- Folders that are to be looked through whenever the index is brought up to date.
CREATE TABLE roots (
    path TEXT PRIMARY KEY
);

-- Logs that an index knew which was begun anew since. They are indexed again when all runs are looked at.
CREATE TABLE to_index (
    path TEXT PRIMARY KEY
);

-- Folders that were looked through. One that is as it was then has the same entries, and all logs in it are known.
CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    mtime_ns INTEGER NOT NULL,      -- its times before it was listed, nanoseconds since the epoch; 0: list it again
    ctime_ns INTEGER NOT NULL
);
