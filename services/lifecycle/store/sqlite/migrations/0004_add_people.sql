-- +goose Up

-- The defaults are for inserts that do not know the columns.

-- A limit that is NULL is the installation's default.
ALTER TABLE tenant ADD COLUMN limit_sites INTEGER CHECK (limit_sites >= 0);
ALTER TABLE tenant ADD COLUMN limit_domains INTEGER CHECK (limit_domains >= 0);
ALTER TABLE tenant ADD COLUMN limit_pending_claims INTEGER CHECK (limit_pending_claims >= 0);
ALTER TABLE tenant ADD COLUMN limit_requests_per_second INTEGER CHECK (limit_requests_per_second >= 1);
ALTER TABLE tenant ADD COLUMN suspended_at INTEGER;
ALTER TABLE tenant ADD COLUMN suspend_reason TEXT NOT NULL DEFAULT '';
-- The name of a tombstone is its old one, a ~ and its id: no name has a ~, so the old
-- one is free.
ALTER TABLE tenant ADD COLUMN deleted_at INTEGER;

-- The only sites that the key knows, a JSON list; NULL for all of the tenant.
ALTER TABLE api_key ADD COLUMN site_ids TEXT CHECK (json_type(site_ids) = 'array');
ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
ALTER TABLE api_key ADD COLUMN used_at INTEGER;
CREATE INDEX api_key_tenant ON api_key (tenant_id, id);

ALTER TABLE site_revision ADD COLUMN rollback_of INTEGER NOT NULL DEFAULT 0 CHECK (rollback_of >= 0);
ALTER TABLE site_revision ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- What the first request of this id was answered, as JSON.
ALTER TABLE request ADD COLUMN answer TEXT NOT NULL DEFAULT '';
CREATE INDEX request_created ON request (created_at);

-- The site that the object is or belongs to; empty for others.
ALTER TABLE outbox ADD COLUMN site_id TEXT NOT NULL DEFAULT '';
UPDATE outbox SET site_id = coalesce((SELECT id FROM site WHERE id = object_id),
    (SELECT domain.site_id FROM domain WHERE domain.id = object_id), '');
CREATE INDEX outbox_tenant ON outbox (tenant_id, seq);
CREATE INDEX outbox_site ON outbox (site_id, seq) WHERE site_id <> '';
CREATE INDEX outbox_object ON outbox (object_id, seq);

-- The names that a tenant claimed and has not proved.
CREATE INDEX domain_pending ON domain (tenant_id) WHERE kind = 'CUSTOM' AND status = 'PENDING_DNS' AND lost = 0;

-- What callers changed.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    -- NULL for what belongs to the installation.
    tenant_id  TEXT REFERENCES tenant (id),
    actor      TEXT NOT NULL CHECK (actor <> ''),
    address    TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action <> ''),
    object_id  TEXT NOT NULL,
    -- The object as JSON; empty where there was none.
    before     TEXT NOT NULL,
    after      TEXT NOT NULL,
    trace_id   TEXT NOT NULL,
    request_id TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_tenant ON audit (tenant_id, seq);
CREATE INDEX audit_object ON audit (object_id, seq);
CREATE INDEX audit_actor ON audit (actor, seq);

-- +goose StatementBegin
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
-- +goose StatementEnd

