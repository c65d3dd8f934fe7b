-- +goose Up

-- Lists are JSON. Texts are compared byte by byte, whatever the database's locale is:
-- the order of ids and names is part of what is desired.

CREATE TABLE meta (
    one             smallint PRIMARY KEY CHECK (one = 1),
    -- The restore counter of the installation.
    era             bigint NOT NULL CHECK (era >= 1),
    -- Marks what is ours in places that others write to.
    installation_id text COLLATE "C" NOT NULL CHECK (installation_id ~ '^[0-9a-f]{16}$'),
    -- The last place that an event was given.
    last_place      bigint NOT NULL DEFAULT 0
);

INSERT INTO meta (one, era, installation_id) VALUES (1, 1, substr(md5(gen_random_uuid()::text), 1, 16));

CREATE TABLE tenant (
    id                        text COLLATE "C" PRIMARY KEY,
    -- The name of a tombstone is its old one, a ~ and its id: no name has a ~, so the
    -- old one is free.
    name                      text COLLATE "C" NOT NULL CONSTRAINT tenant_name UNIQUE,
    created_at                timestamptz NOT NULL,
    -- A limit that is NULL is the installation's default.
    limit_sites               bigint CHECK (limit_sites >= 0),
    limit_domains             bigint CHECK (limit_domains >= 0),
    limit_pending_claims      bigint CHECK (limit_pending_claims >= 0),
    limit_requests_per_second bigint CHECK (limit_requests_per_second >= 1),
    suspended_at              timestamptz,
    suspend_reason            text COLLATE "C" NOT NULL,
    deleted_at                timestamptz
);

CREATE TABLE api_key (
    id         text COLLATE "C" PRIMARY KEY,
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenant (id),
    name       text COLLATE "C" NOT NULL,
    role       text COLLATE "C" NOT NULL,
    -- SHA-256 of the secret, which is nowhere.
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    -- The only sites that the key knows; NULL for all of the tenant.
    site_ids   text COLLATE "C" CHECK (json_typeof(site_ids::json) = 'array'),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    used_at    timestamptz,
    CONSTRAINT api_key_role CHECK (role IN ('viewer', 'operator', 'admin', 'platform_admin'))
);

CREATE INDEX api_key_tenant ON api_key (tenant_id, id);

CREATE TABLE site (
    id                 text COLLATE "C" PRIMARY KEY,
    tenant_id          text COLLATE "C" NOT NULL REFERENCES tenant (id),
    name               text COLLATE "C" NOT NULL,
    slug               text COLLATE "C" NOT NULL,
    status             text COLLATE "C" NOT NULL,
    wanted             text COLLATE "C" NOT NULL,
    wanted_revision    bigint NOT NULL,
    confirmed_revision bigint NOT NULL,
    primary_domain_id  text COLLATE "C",
    version            bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    CONSTRAINT site_status CHECK (status IN (
        'CREATED', 'PROVISIONING', 'DOMAIN_PENDING_DNS', 'DOMAIN_VALIDATED', 'DOMAIN_ROUTED',
        'ACTIVE', 'ERROR', 'DELETING', 'DELETED')),
    CONSTRAINT site_wanted CHECK (wanted IN ('ABSENT', 'PRESENT'))
);

CREATE UNIQUE INDEX site_slug ON site (slug) WHERE status <> 'DELETED';
CREATE INDEX site_live ON site (tenant_id, id) WHERE status <> 'DELETED';
CREATE INDEX site_present ON site (id, wanted_revision) WHERE wanted = 'PRESENT';

CREATE TABLE site_revision (
    site_id     text COLLATE "C" NOT NULL,
    number      bigint NOT NULL CHECK (number >= 1),
    tenant_id   text COLLATE "C" NOT NULL,
    -- The spec without the targets of its origins; those are endpoints.
    spec        text COLLATE "C" NOT NULL,
    rollback_of bigint NOT NULL CHECK (rollback_of >= 0),
    actor       text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (site_id, number),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
);

CREATE TABLE endpoint (
    site_id   text COLLATE "C" NOT NULL,
    revision  bigint NOT NULL,
    -- The origin: -1 is the site's own, others are the index of the route.
    pool      integer NOT NULL CHECK (pool >= -1),
    ordinal   integer NOT NULL,
    tenant_id text COLLATE "C" NOT NULL,
    address   text COLLATE "C" NOT NULL,
    weight    integer NOT NULL,
    PRIMARY KEY (site_id, revision, pool, ordinal),
    FOREIGN KEY (site_id, revision) REFERENCES site_revision (site_id, number),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
);

CREATE TABLE domain (
    id             text COLLATE "C" PRIMARY KEY,
    tenant_id      text COLLATE "C" NOT NULL,
    site_id        text COLLATE "C" NOT NULL,
    hostname       text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    mode           text COLLATE "C" NOT NULL,
    prefer_direct  boolean NOT NULL,
    zone_id        text COLLATE "C" NOT NULL,
    zone_name      text COLLATE "C" NOT NULL,
    target         text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    wanted         text COLLATE "C" NOT NULL,
    lost           boolean NOT NULL,
    attempts       bigint NOT NULL,
    reserved_until timestamptz,
    version        bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, site_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id),
    CONSTRAINT domain_kind CHECK (kind IN ('PLATFORM', 'CUSTOM')),
    CONSTRAINT domain_mode CHECK (mode IN ('', 'managed', 'custom_hostname', 'direct')),
    CONSTRAINT domain_status CHECK (status IN (
        'PENDING_DNS', 'VALIDATED', 'ROUTED', 'ACTIVE', 'ERROR', 'RELEASING', 'RELEASED')),
    CONSTRAINT domain_wanted CHECK (wanted IN ('HIDDEN', 'EDGE', 'ROUTED'))
);

-- The primary is one of the site's own domains; both may be written in one
-- transaction.
ALTER TABLE site ADD CONSTRAINT site_primary FOREIGN KEY (tenant_id, id, primary_domain_id)
    REFERENCES domain (tenant_id, site_id, id) DEFERRABLE INITIALLY DEFERRED;

-- At most one live verified claim per hostname.
CREATE UNIQUE INDEX domain_verified ON domain (hostname) WHERE status IN ('VALIDATED', 'ROUTED', 'ACTIVE');
-- A tenant claims a hostname once.
CREATE UNIQUE INDEX domain_live ON domain (tenant_id, hostname) WHERE status NOT IN ('RELEASING', 'RELEASED');
-- A hostname is published by one domain, until that one is hidden again.
CREATE UNIQUE INDEX domain_shown ON domain (hostname) WHERE wanted <> 'HIDDEN';
CREATE INDEX domain_site ON domain (site_id, created_at, id);
CREATE INDEX domain_reserved ON domain (hostname, reserved_until) WHERE reserved_until IS NOT NULL;
CREATE INDEX domain_published ON domain (site_id, hostname) WHERE wanted <> 'HIDDEN';
CREATE INDEX domain_claimed ON domain (hostname) WHERE status <> 'RELEASED';
CREATE INDEX domain_listed ON domain (tenant_id, id) WHERE status <> 'RELEASED';
CREATE INDEX domain_routed ON domain (hostname) WHERE mode IN ('managed', 'custom_hostname') AND wanted = 'ROUTED';
-- Whatever held a hostname last, tombstones included.
CREATE INDEX domain_named ON domain (hostname, created_at, id);
-- How many tenants' own names there are, and which are being lost.
CREATE INDEX domain_active ON domain (kind) WHERE status = 'ACTIVE';
CREATE INDEX domain_lost ON domain (id) WHERE lost IS TRUE;
-- The names that a tenant claimed and has not proved.
CREATE INDEX domain_pending ON domain (tenant_id) WHERE kind = 'CUSTOM' AND status = 'PENDING_DNS' AND lost IS FALSE;

CREATE TABLE evidence (
    domain_id       text COLLATE "C" NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    tenant_id       text COLLATE "C" NOT NULL,
    positive_at     timestamptz,
    contradicted_at timestamptz,
    detail          text COLLATE "C" NOT NULL,
    trace_id        text COLLATE "C" NOT NULL,
    PRIMARY KEY (domain_id, kind),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id),
    CONSTRAINT evidence_kind CHECK (kind IN ('ownership', 'resolves', 'nonce'))
);

CREATE INDEX evidence_contradicted ON evidence (contradicted_at) WHERE contradicted_at IS NOT NULL;

-- It bears the hostname and no id, for it outlives the domains.
CREATE TABLE claim (
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenant (id),
    hostname   text COLLATE "C" NOT NULL,
    token      text COLLATE "C" NOT NULL CHECK (token <> ''),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hostname)
);

CREATE TABLE contest (
    contender_id        text COLLATE "C" PRIMARY KEY,
    contender_tenant_id text COLLATE "C" NOT NULL,
    holder_id           text COLLATE "C" NOT NULL,
    holder_tenant_id    text COLLATE "C" NOT NULL,
    hostname            text COLLATE "C" NOT NULL,
    token               text COLLATE "C" NOT NULL CHECK (token <> ''),
    opened_at           timestamptz NOT NULL,
    until               timestamptz NOT NULL,
    outcome             text COLLATE "C" NOT NULL,
    FOREIGN KEY (contender_tenant_id, contender_id) REFERENCES domain (tenant_id, id),
    FOREIGN KEY (holder_tenant_id, holder_id) REFERENCES domain (tenant_id, id),
    CHECK (contender_tenant_id <> holder_tenant_id),
    CONSTRAINT contest_outcome CHECK (outcome IN ('open', 'kept', 'lost'))
);

-- At most one open contest per hostname.
CREATE UNIQUE INDEX contest_open ON contest (hostname) WHERE outcome = 'open';
CREATE INDEX contest_hostname ON contest (hostname, opened_at, contender_id);
CREATE INDEX contest_holder ON contest (holder_id);

CREATE TABLE instruction (
    domain_id text COLLATE "C" NOT NULL,
    ordinal   integer NOT NULL CHECK (ordinal >= 0),
    tenant_id text COLLATE "C" NOT NULL,
    purpose   text COLLATE "C" NOT NULL,
    type      text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    value     text COLLATE "C" NOT NULL,
    note      text COLLATE "C" NOT NULL,
    PRIMARY KEY (domain_id, ordinal),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id),
    CONSTRAINT instruction_purpose CHECK (purpose IN ('keep', 'ownership', 'traffic', 'preparation'))
);

CREATE TABLE zone_grant (
    zone_name  text COLLATE "C" NOT NULL,
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenant (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (zone_name, tenant_id)
);

CREATE TABLE condition (
    object_id text COLLATE "C" NOT NULL,
    type      text COLLATE "C" NOT NULL,
    tenant_id text COLLATE "C" NOT NULL REFERENCES tenant (id),
    status    text COLLATE "C" NOT NULL,
    reason    text COLLATE "C" NOT NULL,
    message   text COLLATE "C" NOT NULL,
    evidence  text COLLATE "C" NOT NULL,
    actor     text COLLATE "C" NOT NULL,
    fix       text COLLATE "C" NOT NULL,
    since     timestamptz NOT NULL,
    trace_id  text COLLATE "C" NOT NULL,
    PRIMARY KEY (object_id, type),
    CONSTRAINT condition_status CHECK (status IN ('True', 'False', 'Unknown', 'NotApplicable'))
);

CREATE TABLE edge (
    id                text COLLATE "C" PRIMARY KEY,
    name              text COLLATE "C" NOT NULL,
    address           text COLLATE "C" NOT NULL,
    public_addresses  text COLLATE "C" NOT NULL,
    probe_public_key  bytea,
    generation        bigint NOT NULL,
    proven_generation bigint NOT NULL,
    proven_digest     text COLLATE "C" NOT NULL,
    needs_whole       boolean NOT NULL,
    last_seen_at      timestamptz,
    fault_reason      text COLLATE "C" NOT NULL,
    fault_message     text COLLATE "C" NOT NULL,
    fault_site_id     text COLLATE "C" NOT NULL,
    drift_policy      text COLLATE "C" NOT NULL CHECK (drift_policy <> ''),
    renderer_version  text COLLATE "C" NOT NULL,
    nginx_version     text COLLATE "C" NOT NULL
);

CREATE TABLE edge_change (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edge_id      text COLLATE "C" NOT NULL REFERENCES edge (id),
    site_id      text COLLATE "C" NOT NULL,
    tenant_id    text COLLATE "C" NOT NULL,
    operation_id text COLLATE "C" NOT NULL,
    trace_parent text COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
);

CREATE INDEX edge_change_edge ON edge_change (edge_id, seq);
CREATE INDEX edge_change_site ON edge_change (site_id, seq);

-- An edge refuses a revision of a site.
CREATE TABLE pin (
    edge_id          text COLLATE "C" NOT NULL REFERENCES edge (id),
    site_id          text COLLATE "C" NOT NULL,
    tenant_id        text COLLATE "C" NOT NULL,
    -- The refused one. The pin acts only while it is wanted.
    revision         bigint NOT NULL CHECK (revision >= 1),
    renderer_version text COLLATE "C" NOT NULL,
    nginx_version    text COLLATE "C" NOT NULL,
    message          text COLLATE "C" NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (edge_id, site_id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES site (tenant_id, id)
);

CREATE INDEX pin_site ON pin (site_id, edge_id);

CREATE TABLE tunnel (
    id                text COLLATE "C" PRIMARY KEY,
    name              text COLLATE "C" NOT NULL,
    generation        bigint NOT NULL,
    proven_generation bigint NOT NULL,
    proven_digest     text COLLATE "C" NOT NULL,
    last_seen_at      timestamptz,
    fault_reason      text COLLATE "C" NOT NULL,
    fault_message     text COLLATE "C" NOT NULL,
    fault_actor       text COLLATE "C" NOT NULL,
    drift_policy      text COLLATE "C" NOT NULL CHECK (drift_policy <> '')
);

CREATE TABLE tunnel_change (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tunnel_id    text COLLATE "C" NOT NULL REFERENCES tunnel (id),
    domain_id    text COLLATE "C" NOT NULL,
    tenant_id    text COLLATE "C" NOT NULL,
    operation_id text COLLATE "C" NOT NULL,
    trace_parent text COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domain (tenant_id, id)
);

CREATE INDEX tunnel_change_tunnel ON tunnel_change (tunnel_id, seq);
CREATE INDEX tunnel_change_domain ON tunnel_change (domain_id, seq);

CREATE TABLE operation (
    id                 text COLLATE "C" PRIMARY KEY,
    tenant_id          text COLLATE "C" NOT NULL REFERENCES tenant (id),
    kind               text COLLATE "C" NOT NULL,
    object_kind        text COLLATE "C" NOT NULL,
    object_id          text COLLATE "C" NOT NULL,
    state              text COLLATE "C" NOT NULL,
    step               integer NOT NULL,
    intent             boolean NOT NULL,
    step_started_at    timestamptz,
    failed_attempts    bigint NOT NULL,
    reason             text COLLATE "C" NOT NULL,
    message            text COLLATE "C" NOT NULL,
    compensating_since timestamptz,
    waiting_for        text COLLATE "C" NOT NULL,
    actor              text COLLATE "C" NOT NULL,
    trace_parent       text COLLATE "C" NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    ended_at           timestamptz,
    UNIQUE (tenant_id, id),
    CONSTRAINT operation_state CHECK (state IN (
        'PENDING', 'RUNNING', 'WAITING', 'COMPENSATING',
        'SUCCEEDED', 'FAILED', 'CANCELLED', 'NEEDS_ATTENTION'))
);

-- At most one active operation per object.
CREATE UNIQUE INDEX operation_active ON operation (object_id)
    WHERE state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING');
CREATE INDEX operation_object ON operation (object_id, created_at, id);

CREATE TABLE journal (
    seq               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id         text COLLATE "C" NOT NULL,
    operation_id      text COLLATE "C" NOT NULL,
    step              text COLLATE "C" NOT NULL,
    attempt           bigint NOT NULL,
    phase             text COLLATE "C" NOT NULL,
    result            text COLLATE "C" NOT NULL,
    message           text COLLATE "C" NOT NULL,
    external_response text COLLATE "C" NOT NULL,
    trace_id          text COLLATE "C" NOT NULL,
    at                timestamptz NOT NULL,
    -- Microseconds.
    duration          bigint NOT NULL,
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operation (tenant_id, id),
    CONSTRAINT journal_phase CHECK (phase IN ('intent', 'outcome', 'compensation')),
    CONSTRAINT journal_result CHECK (result IN ('', 'made', 'found', 'ok', 'waiting', 'retry', 'failed'))
);

CREATE INDEX journal_operation ON journal (operation_id, seq);

-- One unbroken chain per object: a row names the row before it and starts where
-- that one ended, no two rows follow the same one, and one row only is the first.
CREATE TABLE history (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL REFERENCES tenant (id),
    object_id    text COLLATE "C" NOT NULL,
    prev         bigint CHECK (prev < seq),
    from_status  text COLLATE "C" NOT NULL,
    event        text COLLATE "C" NOT NULL,
    to_status    text COLLATE "C" NOT NULL CHECK (to_status <> ''),
    actor        text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    operation_id text COLLATE "C" NOT NULL,
    trace_id     text COLLATE "C" NOT NULL,
    at           timestamptz NOT NULL,
    UNIQUE (object_id, seq, to_status),
    UNIQUE (object_id, prev),
    FOREIGN KEY (object_id, prev, from_status) REFERENCES history (object_id, seq, to_status),
    CHECK ((prev IS NULL) = (from_status = ''))
);

CREATE UNIQUE INDEX history_first ON history (object_id) WHERE prev IS NULL;

-- What callers changed.
CREATE TABLE audit (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- NULL for what belongs to the installation.
    tenant_id  text COLLATE "C" REFERENCES tenant (id),
    actor      text COLLATE "C" NOT NULL CHECK (actor <> ''),
    address    text COLLATE "C" NOT NULL,
    action     text COLLATE "C" NOT NULL CHECK (action <> ''),
    object_id  text COLLATE "C" NOT NULL,
    -- The object as JSON; empty where there was none.
    before     text COLLATE "C" NOT NULL,
    after      text COLLATE "C" NOT NULL,
    trace_id   text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL
);

CREATE INDEX audit_tenant ON audit (tenant_id, seq);
CREATE INDEX audit_object ON audit (object_id, seq);
CREATE INDEX audit_actor ON audit (actor, seq);

-- +goose StatementBegin
CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON history FOR EACH STATEMENT EXECUTE FUNCTION stay();
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION stay();

-- Events as they were committed. The sequencer gives each its place afterwards: the
-- numbers of rows are given before the commit and may become visible in another order.
CREATE TABLE outbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The place; NULL until it is given.
    seq       bigint UNIQUE,
    type      text COLLATE "C" NOT NULL,
    -- NULL for what belongs to the installation.
    tenant_id text COLLATE "C" REFERENCES tenant (id),
    object_id text COLLATE "C" NOT NULL,
    -- The site that the object is or belongs to; empty for others.
    site_id   text COLLATE "C" NOT NULL,
    data      text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL
);

CREATE INDEX outbox_new ON outbox (id) WHERE seq IS NULL;
CREATE INDEX outbox_tenant ON outbox (tenant_id, seq);
CREATE INDEX outbox_site ON outbox (site_id, seq) WHERE site_id <> '';
CREATE INDEX outbox_object ON outbox (object_id, seq);

CREATE TABLE work (
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    -- NULL for what belongs to the installation.
    tenant_id    text COLLATE "C" REFERENCES tenant (id),
    trace_parent text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    -- The earliest due time of the marks since the claim.
    again_at     timestamptz,
    -- Dirty while wanted_seq > done_seq.
    wanted_seq   bigint NOT NULL,
    done_seq     bigint NOT NULL,
    owner        text COLLATE "C",
    lease_until  timestamptz,
    epoch        bigint NOT NULL,
    -- The claims that failed since the last that did not, and those that never ended.
    failures     bigint NOT NULL DEFAULT 0 CHECK (failures >= 0),
    unended      bigint NOT NULL DEFAULT 0 CHECK (unended >= 0),
    PRIMARY KEY (kind, key),
    CHECK (done_seq <= wanted_seq),
    CHECK ((owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT work_kind CHECK (kind IN ('site', 'domain', 'edge', 'tunnel'))
);

CREATE INDEX work_ready ON work (coalesce(lease_until, due_at)) WHERE wanted_seq > done_seq;
CREATE INDEX work_leased ON work (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX work_key ON work (key);

-- Marks on their way into work. Many transactions mark the same edge; each inserts a
-- row of its own, so that none waits for another, and the next claim folds them in.
CREATE TABLE mark (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    tenant_id    text COLLATE "C" REFERENCES tenant (id),
    trace_parent text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    CONSTRAINT mark_kind CHECK (kind IN ('site', 'domain', 'edge', 'tunnel'))
);

CREATE INDEX mark_key ON mark (key);

-- What transactions that decide about a tenant or a site write, so that two of them are
-- never at it at the same time. The key is the tenant's or the site's id.
CREATE TABLE guard (
    key  text COLLATE "C" PRIMARY KEY,
    turn bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);

CREATE TABLE request (
    tenant_id  text COLLATE "C" NOT NULL REFERENCES tenant (id),
    id         text COLLATE "C" NOT NULL,
    -- SHA-256 over the method and the body.
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    object_id  text COLLATE "C" NOT NULL,
    -- What the first request of this id was answered, as JSON.
    answer     text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT request_id PRIMARY KEY (tenant_id, id)
);

CREATE INDEX request_created ON request (created_at);

-- What drifts and what holds are of.
CREATE TABLE drift (
    id          text COLLATE "C" PRIMARY KEY,
    target_kind text COLLATE "C" NOT NULL,
    target_id   text COLLATE "C" NOT NULL,
    kind        text COLLATE "C" NOT NULL CHECK (kind <> ''),
    place       text COLLATE "C" NOT NULL,
    detail      text COLLATE "C" NOT NULL,
    cause       text COLLATE "C" NOT NULL,
    since       timestamptz,
    is_foreign  boolean NOT NULL,
    found_at    timestamptz NOT NULL,
    -- Both are NULL while it is open.
    closed_at   timestamptz,
    outcome     text COLLATE "C",
    trace_id    text COLLATE "C" NOT NULL,
    CONSTRAINT drift_target_kind CHECK (target_kind IN ('edge', 'tunnel', 'dns_lost')),
    CONSTRAINT drift_outcome CHECK (outcome IN ('repaired', 'gone')),
    CONSTRAINT drift_ended CHECK ((closed_at IS NULL) = (outcome IS NULL))
);

-- A difference is open once.
CREATE UNIQUE INDEX drift_open ON drift (target_kind, target_id, place, kind) WHERE closed_at IS NULL;
CREATE INDEX drift_found ON drift (found_at, id);
CREATE INDEX drift_found_open ON drift (found_at, id) WHERE closed_at IS NULL;

CREATE TABLE hold (
    -- Names the set of names; two targets may hold the same set.
    id           text COLLATE "C" NOT NULL CHECK (id <> ''),
    target_kind  text COLLATE "C" NOT NULL,
    target_id    text COLLATE "C" NOT NULL,
    names        text COLLATE "C" NOT NULL,
    count        bigint NOT NULL,
    held         bigint NOT NULL,
    since        timestamptz NOT NULL,
    confirmed_by text COLLATE "C" NOT NULL,
    confirmed_at timestamptz,
    ended_at     timestamptz,
    PRIMARY KEY (id, target_kind, target_id),
    CONSTRAINT hold_target_kind CHECK (target_kind IN ('edge', 'tunnel', 'dns_lost')),
    CONSTRAINT hold_confirmed CHECK ((confirmed_at IS NULL) = (confirmed_by = ''))
);

-- At most one active hold per target.
CREATE UNIQUE INDEX hold_active ON hold (target_kind, target_id) WHERE ended_at IS NULL;
CREATE INDEX hold_listed ON hold (since, id) WHERE ended_at IS NULL;
