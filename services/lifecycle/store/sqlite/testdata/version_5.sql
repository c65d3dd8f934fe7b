-- What an installation with schema version 5 may hold: at least one row in every
-- table. It is as fixed as that schema.

UPDATE meta SET era = 3;

INSERT INTO tenant (id, name, created_at) VALUES ('ten_1', 'default', 1), ('ten_2', 'acme', 2);

INSERT INTO api_key (id, tenant_id, name, role, hash, created_at, revoked_at) VALUES
    ('key_1', 'ten_1', 'root', 'platform_admin', zeroblob(32), 1, NULL),
    ('key_2', 'ten_2', 'gone', 'viewer', zeroblob(32), 2, 3);

INSERT INTO site (id, tenant_id, name, slug, status, wanted, wanted_revision, confirmed_revision,
    primary_domain_id, version, created_at, updated_at) VALUES
    ('site_1', 'ten_1', 'Shop', 'shop', 'ACTIVE', 'PRESENT', 2, 1, NULL, 7, 10, 20),
    ('site_2', 'ten_2', 'Shop', 'shop', 'DELETED', 'ABSENT', 1, 1, NULL, 9, 11, 21),
    ('site_3', 'ten_2', 'Blog', 'blog', 'PROVISIONING', 'PRESENT', 1, 0, NULL, 2, 12, 22);

INSERT INTO site_revision (site_id, number, tenant_id, spec, created_at) VALUES
    ('site_1', 1, 'ten_1', '{}', 10), ('site_1', 2, 'ten_1', '{}', 12), ('site_3', 1, 'ten_2', '{}', 12);

INSERT INTO endpoint (site_id, revision, pool, ordinal, tenant_id, address, weight) VALUES
    ('site_1', 2, -1, 0, 'ten_1', '192.0.2.1:80', 1), ('site_1', 2, -1, 1, 'ten_1', '192.0.2.2:80', 2);

INSERT INTO domain (id, tenant_id, site_id, hostname, kind, mode, status, wanted, attempts,
    reserved_until, version, created_at, updated_at, prefer_direct, zone_id, zone_name, target, lost) VALUES
    ('dom_1', 'ten_1', 'site_1', 'shop.siteplane.localhost', 'PLATFORM', 'direct', 'ACTIVE', 'ROUTED', 1, NULL, 5, 10, 20, 0, '', '', '', 0),
    ('dom_2', 'ten_2', 'site_2', 'shop.siteplane.localhost', 'PLATFORM', 'direct', 'RELEASED', 'HIDDEN', 0, 99, 6, 11, 21, 0, '', '', '', 0),
    ('dom_3', 'ten_1', 'site_1', 'shop.example.com', 'CUSTOM', 'managed', 'ACTIVE', 'ROUTED', 2, NULL, 5, 13, 23, 1, 'z1', 'example.com', 't.example.net', 0),
    ('dom_4', 'ten_2', 'site_3', 'shop.example.com', 'CUSTOM', '', 'PENDING_DNS', 'HIDDEN', 0, NULL, 1, 14, 24, 0, '', '', '', 1);

UPDATE site SET primary_domain_id = 'dom_1' WHERE id = 'site_1';

INSERT INTO claim (tenant_id, hostname, token, created_at) VALUES
    ('ten_1', 'shop.example.com', 'token1', 13), ('ten_2', 'shop.example.com', 'token2', 14);

INSERT INTO contest (contender_id, contender_tenant_id, holder_id, holder_tenant_id, hostname, token, opened_at, until, outcome) VALUES
    ('dom_4', 'ten_2', 'dom_3', 'ten_1', 'shop.example.com', 'keep', 15, 99, 'open');

INSERT INTO instruction (domain_id, ordinal, tenant_id, purpose, type, name, value, note) VALUES
    ('dom_4', 0, 'ten_2', 'ownership', 'TXT', '_siteplane.shop.example.com', 'token2', '');

INSERT INTO zone_grant (zone_name, tenant_id, created_at) VALUES ('example.com', 'ten_1', 12);

INSERT INTO evidence (domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id) VALUES
    ('dom_3', 'ownership', 'ten_1', 15, NULL, '{"seen":["a"]}', 't1'),
    ('dom_1', 'nonce', 'ten_1', NULL, 16, '{}', 't2');

INSERT INTO condition (object_id, type, tenant_id, status, reason, message, evidence, actor, fix, since, trace_id) VALUES
    ('dom_1', 'Serving', 'ten_1', 'True', 'CONFIRMED', 'ok', '["a"]', '', '[]', 15, 't1');

INSERT INTO edge (id, name, address, public_addresses, probe_public_key, generation, proven_generation,
    proven_digest, needs_whole, last_seen_at, fault_reason, fault_message, fault_site_id,
    drift_policy, renderer_version, nginx_version) VALUES
    ('edge_1', 'one', '127.0.0.1:9000', '["127.0.0.1"]', x'0102', 4, 3, 'abc', 0, 20, 'CONFIG_REJECTED', 'bad header', 'site_3', 'alert', '7', '1.27'),
    ('edge_2', 'two', '127.0.0.1:9001', '[]', NULL, 0, 0, '', 1, NULL, '', '', '', 'repair', '', '');

INSERT INTO pin (edge_id, site_id, tenant_id, revision, renderer_version, nginx_version, message, created_at, kept_revision) VALUES
    ('edge_1', 'site_3', 'ten_2', 1, '7', '1.27', 'bad header', 22, 0),
    ('edge_1', 'site_1', 'ten_1', 2, '7', '1.27', 'bad header', 23, 1);

INSERT INTO drift (id, target_kind, target_id, kind, place, detail, cause, since, is_foreign, found_at, closed_at, outcome, trace_id) VALUES
    ('drift_1', 'edge', 'edge_1', 'FILE_CHANGED', 'sites.conf', '{}', '', 20, 0, 21, NULL, NULL, 't1'),
    ('drift_2', 'tunnel', 'tun_1', 'RULE_MISSING', 'shop.example.com', '{}', 'op_3', NULL, 1, 21, 23, 'repaired', 't1');

INSERT INTO hold (id, target_kind, target_id, names, count, held, since, confirmed_by, confirmed_at, ended_at) VALUES
    ('hold_1', 'dns_lost', '', '["shop.example.com"]', 1, 1, 21, 'key:key_1', 22, 23);

INSERT INTO edge_change (seq, edge_id, site_id, tenant_id, operation_id, trace_parent) VALUES
    (41, 'edge_1', 'site_1', 'ten_1', 'op_1', '00-t-s-01');

INSERT INTO tunnel (id, name, generation, proven_generation, proven_digest, last_seen_at,
    fault_reason, fault_message, fault_actor, drift_policy) VALUES
    ('tun_1', 'one', 7, 6, 'def', 20, 'CF_TOKEN', 'refused', 'operator', 'repair');

INSERT INTO tunnel_change (seq, tunnel_id, domain_id, tenant_id, operation_id, trace_parent) VALUES
    (51, 'tun_1', 'dom_3', 'ten_1', 'op_3', '00-t-s-01');

INSERT INTO operation (id, tenant_id, kind, object_kind, object_id, state, step, intent, step_started_at,
    failed_attempts, reason, message, waiting_for, actor, trace_parent, created_at, updated_at, ended_at, compensating_since) VALUES
    ('op_1', 'ten_1', 'create_site', 'site', 'site_1', 'RUNNING', 2, 1, 13, 0, '', '', '', 'key:key_1', '00-t-s-01', 10, 20, NULL, NULL),
    ('op_2', 'ten_2', 'create_site', 'site', 'site_3', 'COMPENSATING', 1, 1, 14, 5, 'CONFIG_REJECTED', 'bad header', '', 'key:key_2', '', 12, 22, NULL, 20),
    ('op_3', 'ten_1', 'activate_domain', 'domain', 'dom_3', 'WAITING', 1, 1, 15, 1, 'EDGE', 'later', 'tenant', 'worker:domain', '', 13, 23, NULL, NULL),
    ('op_4', 'ten_2', 'delete_site', 'site', 'site_2', 'SUCCEEDED', 3, 0, NULL, 0, '', '', '', 'key:key_2', '', 11, 21, 21, NULL);

-- The last numbers were given to rows that are gone.
INSERT INTO journal (seq, tenant_id, operation_id, step, attempt, phase, result, message,
    external_response, trace_id, at, duration) VALUES
    (17, 'ten_1', 'op_1', 'publish', 1, 'intent', 'made', '', '', 't1', 13, 0),
    (18, 'ten_2', 'op_2', 'publish', 1, 'outcome', 'retry', 'no', '{"a":1}', 't2', 14, 1500),
    (19, 'ten_2', 'op_2', 'publish', 1, 'compensation', 'ok', '', '', 't2', 15, 1),
    (71, 'ten_1', 'op_1', 'publish', 1, 'intent', 'made', '', '', 't1', 13, 0);
DELETE FROM journal WHERE seq = 71;

INSERT INTO outbox (seq, type, tenant_id, object_id, data, at) VALUES
    (5, 'site.created', 'ten_1', 'site_1', '{}', 10),
    (6, 'domain.status_changed', 'ten_1', 'dom_3', '{"to":"ACTIVE"}', 11),
    (7, 'domain.status_changed', 'ten_2', 'dom_2', '{"to":"RELEASED"}', 12),
    (8, 'drift.found', NULL, 'drift_1', '{}', 21),
    (9, 'site.status_changed', 'ten_2', 'site_2', '{"to":"DELETED"}', 21),
    (81, 'site.created', 'ten_1', 'site_1', '{}', 10);
DELETE FROM outbox WHERE seq = 81;

INSERT INTO history (seq, tenant_id, object_id, prev, from_status, event, to_status,
    actor, reason, operation_id, trace_id, at) VALUES
    (1, 'ten_1', 'site_1', NULL, '', 'create', 'CREATED', 'key:key_1', 'asked for', 'op_1', 't1', 10),
    (2, 'ten_1', 'site_1', 1, 'CREATED', 'provision', 'PROVISIONING', 'worker:site', '', 'op_1', 't1', 11);

INSERT INTO work (kind, key, tenant_id, trace_parent, due_at, again_at, wanted_seq, done_seq, owner, lease_until, epoch, failures, unended) VALUES
    ('site', 'site_1', 'ten_1', '00-t-s-01', 30, 31, 4, 3, 'me', 40, 6, 2, 1),
    ('domain', 'dom_1', 'ten_1', '', 32, NULL, 5, 5, NULL, NULL, 7, 0, 0),
    ('edge', 'edge_1', NULL, '', 33, NULL, 2, 1, NULL, NULL, 8, 0, 0),
    ('tunnel', 'tun_1', NULL, '', 34, NULL, 2, 2, NULL, NULL, 9, 0, 0);

INSERT INTO request (tenant_id, id, hash, object_id, created_at) VALUES
    ('ten_1', 'r1', zeroblob(32), 'site_1', 10);

INSERT INTO audit (seq, tenant_id, actor, address, action, object_id, before, after, trace_id, request_id, at) VALUES
    (3, 'ten_1', 'key:key_1', '192.0.2.7:40000', 'site.update', 'site_1', '{"name": "old"}', '{"name": "shop"}', 't1', 'r1', 21),
    (4, NULL, 'key:key_2', '', 'target.sync', 'edge_1', '', '{}', '', '', 22);
