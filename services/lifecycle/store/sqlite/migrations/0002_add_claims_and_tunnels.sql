-- +goose Up

-- meta is one row, to which nothing refers.
CREATE TABLE meta_new (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    -- The restore counter of the installation.
    era             INTEGER NOT NULL CHECK (era >= 1),
    -- Marks what is ours in places that others write to.
    installation_id TEXT NOT NULL,
    CONSTRAINT installation_id CHECK (length(installation_id) = 16 AND installation_id NOT GLOB '*[^0-9a-f]*')
) STRICT;

INSERT INTO meta_new (one, era, installation_id) SELECT one, era, lower(hex(randomblob(8))) FROM meta;
DROP TABLE meta;
ALTER TABLE meta_new RENAME TO meta;

-- The defaults are for inserts that do not know the columns.
ALTER TABLE domain ADD COLUMN prefer_direct INTEGER NOT NULL DEFAULT 0 CHECK (prefer_direct IN (0, 1));
ALTER TABLE domain ADD COLUMN zone_id TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN zone_name TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1));

-- A tenant claims a hostname once.
CREATE UNIQUE INDEX domain_live ON domain (tenant_id, hostname) WHERE status NOT IN ('RELEASING', 'RELEASED');
-- A hostname is published by one domain, until that one is hidden again.
CREATE UNIQUE INDEX domain_shown ON domain (hostname) WHERE wanted <> 'HIDDEN';
CREATE INDEX domain_claimed ON domain (hostname) WHERE status <> 'RELEASED';
CREATE INDEX domain_listed ON domain (tenant_id, id) WHERE status <> 'RELEASED';
CREATE INDEX domain_routed ON domain (hostname) WHERE mode IN ('managed', 'custom_hostname') AND wanted = 'ROUTED';

-- It bears the hostname and no id, for it outlives the domains.
CREATE TABLE claim (
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    hostname   TEXT NOT NULL,
    token      TEXT NOT NULL CHECK (token <> ''),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hostname)
) STRICT, WITHOUT ROWID;

CREATE TABLE contest_outcome (
    outcome TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO contest_outcome (outcome) VALUES ('open'), ('kept'), ('lost');

CREATE TABLE contest (
    contender_id        TEXT PRIMARY KEY,
    contender_tenant_id TEXT NOT NULL,
    holder_id           TEXT NOT NULL,
    holder_tenant_id    TEXT NOT NULL,
    hostname            TEXT NOT NULL,
    token               TEXT NOT NULL CHECK (token <> ''),
    opened_at           INTEGER NOT NULL,
    until               INTEGER NOT NULL,
    outcome             TEXT NOT NULL REFERENCES contest_outcome (outcome),
    FOREIGN KEY (contender_tenant_id, contender_id) REFERENCES domain (tenant_id, id),
    FOREIGN KEY (holder_tenant_id, holder_id) REFERENCES domain (tenant_id, id),
    CHECK (contender_tenant_id <> holder_tenant_id)
) STRICT, WITHOUT ROWID;

-- At most one open contest per hostname.
CREATE UNIQUE INDEX contest_open ON contest (hostname) WHERE outcome = 'open';
CREATE INDEX contest_hostname ON contest (hostname, opened_at);
CREATE INDEX contest_holder ON contest (holder_id);

CREATE TABLE instruction_purpose (
    purpose TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO instruction_purpose (purpose) VALUES ('keep'), ('ownership'), ('traffic'), ('preparation');

CREATE TABLE instruction (
    domain_id TEXT NOT NULL,
    ordinal   INTEGER NOT NULL CHECK (ordinal >= 0),
    tenant_id TEXT NOT NULL,
    purpose   TEXT NOT NULL REFERENCES instruction_purpose (purpose),
    type      TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    note      TEXT NOT NULL,
    PRIMARY KEY (domain_id, ordinal),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE zone_grant (
    zone_name  TEXT NOT NULL,
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (zone_name, tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tunnel (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    generation        INTEGER NOT NULL,
    proven_generation INTEGER NOT NULL,
    proven_digest     TEXT NOT NULL,
    last_seen_at      INTEGER,
    fault_reason      TEXT NOT NULL,
    fault_message     TEXT NOT NULL,
    fault_actor       TEXT NOT NULL
) STRICT;

CREATE TABLE tunnel_change (
    -- Never used twice, so that deleting by number deletes what was read.
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    tunnel_id    TEXT NOT NULL REFERENCES tunnel (id),
    domain_id    TEXT NOT NULL,
    tenant_id    TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    trace_parent TEXT NOT NULL,
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id)
) STRICT;

CREATE INDEX tunnel_change_tunnel ON tunnel_change (tunnel_id, seq);
CREATE INDEX tunnel_change_domain ON tunnel_change (domain_id, seq);

-- The kinds of evidence and of work become rows, for a CHECK cannot be changed.
-- Nothing refers to the two tables.
CREATE TABLE evidence_kind (
    kind TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO evidence_kind (kind) VALUES ('ownership'), ('resolves'), ('nonce');

CREATE TABLE evidence_new (
    domain_id       TEXT NOT NULL,
    kind            TEXT NOT NULL REFERENCES evidence_kind (kind),
    tenant_id       TEXT NOT NULL,
    positive_at     INTEGER,
    contradicted_at INTEGER,
    detail          TEXT NOT NULL,
    trace_id        TEXT NOT NULL,
    PRIMARY KEY (domain_id, kind),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id)
) STRICT, WITHOUT ROWID;

INSERT INTO evidence_new (domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id)
SELECT domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id FROM evidence;
DROP TABLE evidence;
ALTER TABLE evidence_new RENAME TO evidence;

CREATE TABLE work_kind (
    kind TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO work_kind (kind) VALUES ('site'), ('domain'), ('edge'), ('tunnel');

CREATE TABLE work_new (
    kind         TEXT NOT NULL REFERENCES work_kind (kind),
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
    CHECK ((owner IS NULL) = (lease_until IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO work_new (kind, key, tenant_id, trace_parent, due_at,
    again_at, wanted_seq, done_seq, owner, lease_until, epoch)
SELECT kind, key, tenant_id, trace_parent, due_at,
    again_at, wanted_seq, done_seq, owner, lease_until, epoch FROM work;
DROP TABLE work;
ALTER TABLE work_new RENAME TO work;

CREATE INDEX work_ready ON work (coalesce(lease_until, due_at)) WHERE wanted_seq > done_seq;
CREATE INDEX work_leased ON work (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX work_key ON work (key);
