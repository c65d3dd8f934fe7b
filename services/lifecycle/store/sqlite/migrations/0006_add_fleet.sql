-- +goose Up

-- The edges that serve a site, by labels of edges.
CREATE TABLE placement (
    name           TEXT PRIMARY KEY CHECK (name <> ''),
    edge_labels    TEXT NOT NULL,
    min_ready      INTEGER NOT NULL CHECK (min_ready >= 0),
    canary_soak_us INTEGER NOT NULL CHECK (canary_soak_us >= 0),
    created_at     INTEGER NOT NULL
) STRICT;

-- None: every edge.
ALTER TABLE site ADD COLUMN placement TEXT REFERENCES placement (name);
CREATE INDEX site_placement ON site (placement) WHERE placement IS NOT NULL;

-- Defaults are for inserts that do not know the column.
ALTER TABLE edge ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE edge ADD COLUMN certificate_serial TEXT NOT NULL DEFAULT '';
ALTER TABLE edge ADD COLUMN certificate_previous TEXT NOT NULL DEFAULT '';
ALTER TABLE edge ADD COLUMN certificate_expires_at INTEGER;
ALTER TABLE edge ADD COLUMN joined_at INTEGER;
ALTER TABLE edge ADD COLUMN evicted_at INTEGER;

-- When a canary proved it that must run it for a while.
ALTER TABLE edge_change ADD COLUMN proved_at INTEGER;

ALTER TABLE drift ADD COLUMN diff TEXT NOT NULL DEFAULT '';
ALTER TABLE drift ADD COLUMN owner TEXT NOT NULL DEFAULT '';

-- What lets one host join as one edge. There may be no such edge yet.
CREATE TABLE join_token (
    id               TEXT PRIMARY KEY,
    secret_hash      BLOB NOT NULL CHECK (length(secret_hash) = 32),
    edge_id          TEXT NOT NULL CHECK (edge_id <> ''),
    name             TEXT NOT NULL CHECK (name <> ''),
    labels           TEXT NOT NULL,
    public_addresses TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    used_at          INTEGER,
    used_by          BLOB,
    CHECK ((used_at IS NULL) = (used_by IS NULL))
) STRICT;
