-- +goose Up

-- Times are microseconds since 1970, UTC; NULL means never. Lists are JSON.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- The restore counter of the installation.
    era INTEGER NOT NULL CHECK (era >= 1)
) STRICT;

INSERT INTO meta (one, era) VALUES (1, 1);

CREATE TABLE tenant (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
    id         TEXT PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    -- SHA-256 of the secret, which is nowhere.
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    CONSTRAINT api_key_role CHECK (role IN ('viewer', 'operator', 'admin', 'platform_admin'))
) STRICT;

-- The statuses of the two state machines. A new one is a row, added by a new
-- migration.
CREATE TABLE site_status (
    status TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO site_status (status) VALUES
    ('CREATED'), ('PROVISIONING'), ('DOMAIN_PENDING_DNS'), ('DOMAIN_VALIDATED'), ('DOMAIN_ROUTED'),
    ('ACTIVE'), ('ERROR'), ('DELETING'), ('DELETED');

CREATE TABLE domain_status (
    status TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO domain_status (status) VALUES
    ('PENDING_DNS'), ('VALIDATED'), ('ROUTED'), ('ACTIVE'), ('ERROR'), ('RELEASING'), ('RELEASED');

CREATE TABLE site (
    id                 TEXT PRIMARY KEY,
    tenant_id          TEXT NOT NULL REFERENCES tenant (id),
    name               TEXT NOT NULL,
    slug               TEXT NOT NULL,
    status             TEXT NOT NULL REFERENCES site_status (status),
    wanted             TEXT NOT NULL,
    wanted_revision    INTEGER NOT NULL,
    confirmed_revision INTEGER NOT NULL,
    primary_domain_id  TEXT,
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    UNIQUE (tenant_id, id),
    -- The primary is one of the site's own domains; both may be written in one
    -- transaction.
    FOREIGN KEY (tenant_id, id, primary_domain_id) REFERENCES domain (tenant_id, site_id, id)
        DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT site_wanted CHECK (wanted IN ('ABSENT', 'PRESENT'))
) STRICT;

CREATE UNIQUE INDEX site_slug ON site (slug) WHERE status <> 'DELETED';
CREATE INDEX site_live ON site (tenant_id, id) WHERE status <> 'DELETED';
CREATE INDEX site_present ON site (id, wanted_revision) WHERE wanted = 'PRESENT';

CREATE TABLE site_revision (
    site_id    TEXT NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 1),
    tenant_id  TEXT NOT NULL,
    -- The spec without the targets of its origins; those are endpoints.
    spec       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (site_id, number),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
    site_id   TEXT NOT NULL,
    revision  INTEGER NOT NULL,
    -- The origin: -1 is the site's own, others are the index of the route.
    pool      INTEGER NOT NULL CHECK (pool >= -1),
    ordinal   INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    address   TEXT NOT NULL,
    weight    INTEGER NOT NULL,
    PRIMARY KEY (site_id, revision, pool, ordinal),
    FOREIGN KEY (site_id, revision) REFERENCES site_revision (site_id, number),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL,
    site_id        TEXT NOT NULL,
    hostname       TEXT NOT NULL,
    kind           TEXT NOT NULL,
    mode           TEXT NOT NULL,
    status         TEXT NOT NULL REFERENCES domain_status (status),
    wanted         TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    reserved_until INTEGER,
    version        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, site_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id),
    CONSTRAINT domain_kind CHECK (kind IN ('PLATFORM', 'CUSTOM')),
    CONSTRAINT domain_mode CHECK (mode IN ('', 'managed', 'custom_hostname', 'direct')),
    CONSTRAINT domain_wanted CHECK (wanted IN ('HIDDEN', 'EDGE', 'ROUTED'))
) STRICT;

-- At most one live verified claim per hostname.
CREATE UNIQUE INDEX domain_verified ON domain (hostname) WHERE status IN ('VALIDATED', 'ROUTED', 'ACTIVE');
CREATE INDEX domain_reserved ON domain (hostname, reserved_until) WHERE reserved_until IS NOT NULL;
CREATE INDEX domain_published ON domain (site_id, hostname) WHERE wanted <> 'HIDDEN';

CREATE TABLE evidence (
    domain_id       TEXT NOT NULL,
    kind            TEXT NOT NULL,
    tenant_id       TEXT NOT NULL,
    positive_at     INTEGER,
    contradicted_at INTEGER,
    detail          TEXT NOT NULL,
    trace_id        TEXT NOT NULL,
    PRIMARY KEY (domain_id, kind),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id),
    CONSTRAINT evidence_kind CHECK (kind IN ('resolves', 'nonce'))
) STRICT, WITHOUT ROWID;

CREATE TABLE condition (
    object_id TEXT NOT NULL,
    type      TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    message   TEXT NOT NULL,
    evidence  TEXT NOT NULL,
    actor     TEXT NOT NULL,
    fix       TEXT NOT NULL,
    since     INTEGER NOT NULL,
    trace_id  TEXT NOT NULL,
    PRIMARY KEY (object_id, type),
    CONSTRAINT condition_status CHECK (status IN ('True', 'False', 'Unknown', 'NotApplicable'))
) STRICT, WITHOUT ROWID;

CREATE TABLE edge (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    address           TEXT NOT NULL,
    public_addresses  TEXT NOT NULL,
    probe_public_key  BLOB,
    generation        INTEGER NOT NULL,
    proven_generation INTEGER NOT NULL,
    proven_digest     TEXT NOT NULL,
    needs_whole       INTEGER NOT NULL CHECK (needs_whole IN (0, 1)),
    last_seen_at      INTEGER,
    fault_reason      TEXT NOT NULL,
    fault_message     TEXT NOT NULL,
    fault_site_id     TEXT NOT NULL
) STRICT;

CREATE TABLE edge_change (
    -- Never used twice, so that deleting by number deletes what was read.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    edge_id      TEXT NOT NULL REFERENCES edge (id),
    site_id      TEXT NOT NULL,
    tenant_id    TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    trace_parent TEXT NOT NULL,
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
) STRICT;

CREATE INDEX edge_change_edge ON edge_change (edge_id, seq);
CREATE INDEX edge_change_site ON edge_change (site_id, seq);

CREATE TABLE operation (
    id              TEXT PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenant (id),
    kind            TEXT NOT NULL,
    object_kind     TEXT NOT NULL,
    object_id       TEXT NOT NULL,
    state           TEXT NOT NULL,
    step            INTEGER NOT NULL,
    intent          INTEGER NOT NULL CHECK (intent IN (0, 1)),
    step_started_at INTEGER,
    failed_attempts INTEGER NOT NULL,
    reason          TEXT NOT NULL,
    message         TEXT NOT NULL,
    waiting_for     TEXT NOT NULL,
    actor           TEXT NOT NULL,
    trace_parent    TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    UNIQUE (tenant_id, id),
    CONSTRAINT operation_state CHECK (state IN (
        'PENDING', 'RUNNING', 'WAITING', 'COMPENSATING',
        'SUCCEEDED', 'FAILED', 'CANCELLED', 'NEEDS_ATTENTION'))
) STRICT;

-- At most one active operation per object.
CREATE UNIQUE INDEX operation_active ON operation (object_id)
    WHERE state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING');
CREATE INDEX operation_object ON operation (object_id, created_at, id);

CREATE TABLE journal (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id         TEXT NOT NULL,
    operation_id      TEXT NOT NULL,
    step              TEXT NOT NULL,
    attempt           INTEGER NOT NULL,
    phase             TEXT NOT NULL,
    result            TEXT NOT NULL,
    message           TEXT NOT NULL,
    external_response TEXT NOT NULL,
    trace_id          TEXT NOT NULL,
    at                INTEGER NOT NULL,
    -- Microseconds.
    duration          INTEGER NOT NULL,
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operation (tenant_id, id),
    CONSTRAINT journal_phase CHECK (phase IN ('intent', 'outcome', 'compensation')),
    CONSTRAINT journal_result CHECK (result IN ('', 'ok', 'waiting', 'retry', 'failed'))
) STRICT;

CREATE INDEX journal_operation ON journal (operation_id, seq);

-- One unbroken chain per object: a row names the row before it and starts where
-- that one ended, no two rows follow the same one, and one row only is the first.
CREATE TABLE history (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id    TEXT NOT NULL REFERENCES tenant (id),
    object_id    TEXT NOT NULL,
    prev         INTEGER CHECK (prev < seq),
    from_status  TEXT NOT NULL,
    event        TEXT NOT NULL,
    to_status    TEXT NOT NULL,
    actor        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    trace_id     TEXT NOT NULL,
    at           INTEGER NOT NULL,
    UNIQUE (object_id, seq, to_status),
    UNIQUE (object_id, prev),
    FOREIGN KEY (object_id, prev, from_status) REFERENCES history (object_id, seq, to_status),
    CHECK ((prev IS NULL) = (from_status = '')),
    CHECK (to_status <> '')
) STRICT;

CREATE UNIQUE INDEX history_first ON history (object_id) WHERE prev IS NULL;

-- +goose StatementBegin
CREATE TRIGGER history_keeps BEFORE UPDATE ON history
BEGIN
    SELECT RAISE(ABORT, 'history is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER history_stays BEFORE DELETE ON history
BEGIN
    SELECT RAISE(ABORT, 'history is append-only');
END;
-- +goose StatementEnd

CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    type      TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    object_id TEXT NOT NULL,
    data      TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

CREATE TABLE work (
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    -- NULL for what belongs to the installation.
    tenant_id    TEXT REFERENCES tenant (id),
    trace_parent TEXT NOT NULL,
    due_at       INTEGER NOT NULL,
    -- The earliest due time of the marks since the claim.
    again_at     INTEGER,
    -- Dirty while wanted_seq > done_seq.
    wanted_seq   INTEGER NOT NULL,
    done_seq     INTEGER NOT NULL,
    owner        TEXT,
    lease_until  INTEGER,
    epoch        INTEGER NOT NULL,
    PRIMARY KEY (kind, key),
    CHECK (done_seq <= wanted_seq),
    CHECK ((owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT work_kind CHECK (kind IN ('site', 'domain', 'edge'))
) STRICT, WITHOUT ROWID;

CREATE INDEX work_ready ON work (coalesce(lease_until, due_at)) WHERE wanted_seq > done_seq;
CREATE INDEX work_leased ON work (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX work_key ON work (key);

CREATE TABLE request (
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    id         TEXT NOT NULL,
    -- SHA-256 over the method and the body.
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    object_id  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_object ON request (object_id);
