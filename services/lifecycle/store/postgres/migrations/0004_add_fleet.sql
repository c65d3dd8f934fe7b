-- +goose Up

-- The edges that serve a site, by labels of edges.
CREATE TABLE placement (
    name           text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    edge_labels    text COLLATE "C" NOT NULL,
    min_ready      bigint NOT NULL CHECK (min_ready >= 0),
    canary_soak_us bigint NOT NULL CHECK (canary_soak_us >= 0),
    created_at     timestamptz NOT NULL
);

-- None: every edge.
ALTER TABLE site ADD COLUMN placement text COLLATE "C" REFERENCES placement (name);
CREATE INDEX site_placement ON site (placement) WHERE placement IS NOT NULL;

-- Defaults are for inserts that do not know the column.
ALTER TABLE edge ADD COLUMN labels text COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE edge ADD COLUMN certificate_serial text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE edge ADD COLUMN certificate_previous text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE edge ADD COLUMN certificate_expires_at timestamptz;
ALTER TABLE edge ADD COLUMN joined_at timestamptz;
ALTER TABLE edge ADD COLUMN evicted_at timestamptz;

-- When a canary proved it that must run it for a while.
ALTER TABLE edge_change ADD COLUMN proved_at timestamptz;

ALTER TABLE drift ADD COLUMN diff text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE drift ADD COLUMN owner text COLLATE "C" NOT NULL DEFAULT '';

-- What lets one host join as one edge. There may be no such edge yet.
CREATE TABLE join_token (
    id               text COLLATE "C" PRIMARY KEY,
    secret_hash      bytea NOT NULL CHECK (length(secret_hash) = 32),
    edge_id          text COLLATE "C" NOT NULL CHECK (edge_id <> ''),
    name             text COLLATE "C" NOT NULL CHECK (name <> ''),
    labels           text COLLATE "C" NOT NULL,
    public_addresses text COLLATE "C" NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    used_at          timestamptz,
    used_by          bytea,
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);
