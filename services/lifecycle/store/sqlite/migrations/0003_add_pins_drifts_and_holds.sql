-- +goose Up

-- The defaults are for inserts that do not know the columns.
ALTER TABLE edge ADD COLUMN drift_policy TEXT NOT NULL DEFAULT 'repair' CHECK (drift_policy <> '');
ALTER TABLE edge ADD COLUMN renderer_version TEXT NOT NULL DEFAULT '';
ALTER TABLE edge ADD COLUMN nginx_version TEXT NOT NULL DEFAULT '';
ALTER TABLE tunnel ADD COLUMN drift_policy TEXT NOT NULL DEFAULT 'repair' CHECK (drift_policy <> '');

-- The claims that failed since the last that did not, and those that never ended.
ALTER TABLE work ADD COLUMN failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0);
ALTER TABLE work ADD COLUMN unended INTEGER NOT NULL DEFAULT 0 CHECK (unended >= 0);

ALTER TABLE operation ADD COLUMN compensating_since INTEGER;

-- Whatever held a hostname last, tombstones included.
CREATE INDEX domain_named ON domain (hostname, created_at, id);
-- How many tenants' own names there are, and which are being lost.
CREATE INDEX domain_active ON domain (kind) WHERE status = 'ACTIVE';
CREATE INDEX domain_lost ON domain (id) WHERE lost = 1;
CREATE INDEX evidence_contradicted ON evidence (contradicted_at) WHERE contradicted_at IS NOT NULL;

-- An edge refuses a revision of a site.
CREATE TABLE pin (
    edge_id          TEXT NOT NULL REFERENCES edge (id),
    site_id          TEXT NOT NULL,
    tenant_id        TEXT NOT NULL,
    -- The refused one. The pin acts only while it is wanted.
    revision         INTEGER NOT NULL CHECK (revision >= 1),
    renderer_version TEXT NOT NULL,
    nginx_version    TEXT NOT NULL,
    message          TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (edge_id, site_id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX pin_site ON pin (site_id, edge_id);

-- What drifts and what holds are of. The last has no id.
CREATE TABLE target_kind (
    kind TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO target_kind (kind) VALUES ('edge'), ('tunnel'), ('dns_lost');

CREATE TABLE drift_outcome (
    outcome TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO drift_outcome (outcome) VALUES ('repaired'), ('gone');

CREATE TABLE drift (
    id          TEXT PRIMARY KEY,
    target_kind TEXT NOT NULL REFERENCES target_kind (kind),
    target_id   TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind <> ''),
    place       TEXT NOT NULL,
    detail      TEXT NOT NULL,
    cause       TEXT NOT NULL,
    since       INTEGER,
    is_foreign  INTEGER NOT NULL CHECK (is_foreign IN (0, 1)),
    found_at    INTEGER NOT NULL,
    -- Both are NULL while it is open.
    closed_at   INTEGER,
    outcome     TEXT REFERENCES drift_outcome (outcome),
    trace_id    TEXT NOT NULL,
    CONSTRAINT drift_ended CHECK ((closed_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;

-- A difference is open once.
CREATE UNIQUE INDEX drift_open ON drift (target_kind, target_id, place, kind) WHERE closed_at IS NULL;
CREATE INDEX drift_found ON drift (found_at, id);
CREATE INDEX drift_found_open ON drift (found_at, id) WHERE closed_at IS NULL;

CREATE TABLE hold (
    -- Names the set of names; two targets may hold the same set.
    id           TEXT NOT NULL CHECK (id <> ''),
    target_kind  TEXT NOT NULL REFERENCES target_kind (kind),
    target_id    TEXT NOT NULL,
    names        TEXT NOT NULL,
    count        INTEGER NOT NULL,
    held         INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_at INTEGER,
    ended_at     INTEGER,
    PRIMARY KEY (id, target_kind, target_id),
    CONSTRAINT hold_confirmed CHECK ((confirmed_at IS NULL) = (confirmed_by = ''))
) STRICT, WITHOUT ROWID;

-- At most one active hold per target.
CREATE UNIQUE INDEX hold_active ON hold (target_kind, target_id) WHERE ended_at IS NULL;
CREATE INDEX hold_listed ON hold (since, id) WHERE ended_at IS NULL;

-- Events of the installation belong to no tenant; a NOT NULL cannot be taken away.
-- Nothing refers to the table, and its numbers go on.
CREATE TABLE outbox_new (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    type      TEXT NOT NULL,
    -- NULL for what belongs to the installation.
    tenant_id TEXT REFERENCES tenant (id),
    object_id TEXT NOT NULL,
    data      TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

INSERT INTO outbox_new (seq, type, tenant_id, object_id, data, at)
SELECT seq, type, tenant_id, object_id, data, at FROM outbox;
DELETE FROM sqlite_sequence WHERE name = 'outbox_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_new', seq FROM sqlite_sequence WHERE name = 'outbox';
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;

-- The phases and results of a journal become rows, for a CHECK cannot be changed.
-- Nothing refers to the table, and its numbers go on.
CREATE TABLE journal_phase (
    phase TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO journal_phase (phase) VALUES ('intent'), ('outcome'), ('compensation');

CREATE TABLE journal_result (
    result TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO journal_result (result) VALUES (''), ('made'), ('found'), ('ok'), ('waiting'), ('retry'), ('failed');

CREATE TABLE journal_new (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id         TEXT NOT NULL,
    operation_id      TEXT NOT NULL,
    step              TEXT NOT NULL,
    attempt           INTEGER NOT NULL,
    phase             TEXT NOT NULL REFERENCES journal_phase (phase),
    result            TEXT NOT NULL REFERENCES journal_result (result),
    message           TEXT NOT NULL,
    external_response TEXT NOT NULL,
    trace_id          TEXT NOT NULL,
    at                INTEGER NOT NULL,
    -- Microseconds.
    duration          INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operation (tenant_id, id)
) STRICT;

INSERT INTO journal_new (seq, tenant_id, operation_id, step, attempt, phase,
    result, message, external_response, trace_id, at, duration)
SELECT seq, tenant_id, operation_id, step, attempt, phase,
    result, message, external_response, trace_id, at, duration FROM journal;
DELETE FROM sqlite_sequence WHERE name = 'journal_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'journal_new', seq FROM sqlite_sequence WHERE name = 'journal';
DROP TABLE journal;
ALTER TABLE journal_new RENAME TO journal;

CREATE INDEX journal_operation ON journal (operation_id, seq);
