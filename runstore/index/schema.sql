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
    last_step INTEGER NOT NULL,     -- -1: no row
    rows INTEGER NOT NULL,          -- history rows, an open one not counted
    open_row INTEGER NOT NULL,      -- 1: the state holds a row that may still be added to
    state TEXT NOT NULL             -- JSON: what the indexer needs to go on behind `indexed`
);
CREATE INDEX logs_of_run ON logs(run);

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
    runtime REAL NOT NULL,          -- seconds, of the process that ended it; 0 before
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
    UNIQUE (log, key)
);

-- The points of a series, up to 4096 in a row of this table, in the order of the log.
CREATE TABLE chunks (
    series INTEGER NOT NULL REFERENCES series(id),
    place INTEGER NOT NULL,         -- 0, 1, 2, ...
    n INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    stride INTEGER,                 -- steps are first_step + i * stride; NULL: they are in `steps`
    low REAL,                       -- minimum and maximum of the finite values; NULL: there are none
    high REAL,
    total REAL NOT NULL,            -- sum of the finite values
    last REAL,
    nonfinite INTEGER NOT NULL,     -- how many values are NaN or infinite
    form TEXT NOT NULL,             -- of `points`: d float64, q int64 (both little-endian), j JSON array
    steps BLOB,                     -- int64, little-endian
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
    stream TEXT NOT NULL,           -- stdout | stderr
    time REAL NOT NULL,             -- seconds since the epoch
    text TEXT NOT NULL,
    PRIMARY KEY (log, line)
);

-- Folders that are to be looked through whenever the index is brought up to date.
CREATE TABLE roots (
    path TEXT PRIMARY KEY
);
