-- What an installation with schema version 1 may hold: at least one row in every
-- table. It is as fixed as that schema.

UPDATE meta SET era = 3;

INSERT INTO tenant (id, name, created_at) VALUES ('ten_1', 'default', 1), ('ten_2', 'acme', 2);

INSERT INTO api_key (id, tenant_id, name, role, hash, created_at, revoked_at) VALUES
    ('key_1', 'ten_1', 'root', 'platform_admin', zeroblob(32), 1, NULL),
    ('key_2', 'ten_2', 'gone', 'viewer', zeroblob(32), 2, 3);

INSERT INTO site (id, tenant_id, name, slug, status, wanted, wanted_revision, confirmed_revision,
    primary_domain_id, version, created_at, updated_at) VALUES
    ('site_1', 'ten_1', 'Shop', 'shop', 'ACTIVE', 'PRESENT', 2, 1, NULL, 7, 10, 20),
    ('site_2', 'ten_2', 'Shop', 'shop', 'DELETED', 'ABSENT', 1, 1, NULL, 9, 11, 21);

INSERT INTO site_revision (site_id, number, tenant_id, spec, created_at) VALUES
    ('site_1', 1, 'ten_1', '{}', 10), ('site_1', 2, 'ten_1', '{}', 12);

INSERT INTO endpoint (site_id, revision, pool, ordinal, tenant_id, address, weight) VALUES
    ('site_1', 2, -1, 0, 'ten_1', '192.0.2.1:80', 1), ('site_1', 2, -1, 1, 'ten_1', '192.0.2.2:80', 2);

INSERT INTO domain (id, tenant_id, site_id, hostname, kind, mode, status, wanted, attempts,
    reserved_until, version, created_at, updated_at) VALUES
    ('dom_1', 'ten_1', 'site_1', 'shop.siteplane.localhost', 'PLATFORM', 'direct', 'ACTIVE', 'ROUTED', 1, NULL, 5, 10, 20),
    ('dom_2', 'ten_2', 'site_2', 'shop.siteplane.localhost', 'PLATFORM', 'direct', 'RELEASED', 'HIDDEN', 0, 99, 6, 11, 21);

UPDATE site SET primary_domain_id = 'dom_1' WHERE id = 'site_1';

INSERT INTO evidence (domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id) VALUES
    ('dom_1', 'resolves', 'ten_1', 15, NULL, '{"seen":["a"]}', 't1'),
    ('dom_1', 'nonce', 'ten_1', NULL, 16, '{}', 't2');

INSERT INTO condition (object_id, type, tenant_id, status, reason, message, evidence, actor, fix, since, trace_id) VALUES
    ('dom_1', 'Serving', 'ten_1', 'True', 'CONFIRMED', 'ok', '["a"]', '', '[]', 15, 't1');

INSERT INTO edge (id, name, address, public_addresses, probe_public_key, generation, proven_generation,
    proven_digest, needs_whole, last_seen_at, fault_reason, fault_message, fault_site_id) VALUES
    ('edge_1', 'one', '127.0.0.1:9000', '["127.0.0.1"]', x'0102', 4, 3, 'abc', 0, 20, '', '', '');

INSERT INTO edge_change (seq, edge_id, site_id, tenant_id, operation_id, trace_parent) VALUES
    (41, 'edge_1', 'site_1', 'ten_1', 'op_1', '00-t-s-01');

INSERT INTO operation (id, tenant_id, kind, object_kind, object_id, state, step, intent, step_started_at,
    failed_attempts, reason, message, waiting_for, actor, trace_parent, created_at, updated_at, ended_at) VALUES
    ('op_1', 'ten_1', 'create_site', 'site', 'site_1', 'RUNNING', 2, 1, 13, 0, '', '', '', 'key:key_1', '00-t-s-01', 10, 20, NULL);

INSERT INTO journal (seq, tenant_id, operation_id, step, attempt, phase, result, message,
    external_response, trace_id, at, duration) VALUES
    (17, 'ten_1', 'op_1', 'publish', 1, 'intent', '', '', '', 't1', 13, 0);

INSERT INTO history (seq, tenant_id, object_id, prev, from_status, event, to_status,
    actor, reason, operation_id, trace_id, at) VALUES
    (1, 'ten_1', 'site_1', NULL, '', 'create', 'CREATED', 'key:key_1', 'asked for', 'op_1', 't1', 10),
    (2, 'ten_1', 'site_1', 1, 'CREATED', 'provision', 'PROVISIONING', 'worker:site', '', 'op_1', 't1', 11);

INSERT INTO outbox (seq, type, tenant_id, object_id, data, at) VALUES
    (5, 'site.created', 'ten_1', 'site_1', '{}', 10);

INSERT INTO work (kind, key, tenant_id, trace_parent, due_at, again_at, wanted_seq, done_seq, owner, lease_until, epoch) VALUES
    ('site', 'site_1', 'ten_1', '00-t-s-01', 30, 31, 4, 3, 'me', 40, 6),
    ('domain', 'dom_1', 'ten_1', '', 32, NULL, 5, 5, NULL, NULL, 7),
    ('edge', 'edge_1', NULL, '', 33, NULL, 2, 1, NULL, NULL, 8);

INSERT INTO request (tenant_id, id, hash, object_id, created_at) VALUES
    ('ten_1', 'r1', zeroblob(32), 'site_1', 10);
