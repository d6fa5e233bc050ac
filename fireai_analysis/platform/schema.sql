-- Schema of the embedded platform. Run once by the superuser in the fresh database.
CREATE EXTENSION pg_stat_statements;
CREATE ROLE fireai_app LOGIN;
CREATE ROLE fireai_reader LOGIN CONNECTION LIMIT 3;
ALTER ROLE fireai_reader SET default_transaction_read_only = on;
GRANT pg_monitor TO fireai_reader;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO fireai_reader;
GRANT USAGE, CREATE ON SCHEMA public TO fireai_app;
SET ROLE fireai_app;

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE,
  full_name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE buildings (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  address text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE as1851_rules (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  rule_code text NOT NULL,
  version integer NOT NULL,
  rule_name text NOT NULL,
  rule_schema jsonb NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (rule_code, version)
);
CREATE INDEX as1851_rules_newest_active ON as1851_rules (rule_code, version DESC) WHERE is_active;

-- register_stamps orders the writes of the registers under session_data -> 'hot' (goservice/crdt/merge.go).
-- Documents are rewritten often: room on the page for row versions, and no compression to pay for at each write.
CREATE TABLE test_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  building_id uuid NOT NULL REFERENCES buildings (id),
  session_name text NOT NULL,
  status text NOT NULL,
  vector_clock jsonb NOT NULL DEFAULT '{}',
  session_data jsonb NOT NULL DEFAULT '{"elements": {}, "hot": {}, "counters": {}}',
  register_stamps jsonb NOT NULL DEFAULT '{}',
  created_by uuid NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
ALTER TABLE test_sessions ALTER COLUMN session_data SET STORAGE EXTERNAL, ALTER COLUMN vector_clock SET STORAGE EXTERNAL;
CREATE INDEX test_sessions_building ON test_sessions (building_id, created_at);

CREATE TABLE evidence (
  id uuid PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES test_sessions (id),
  evidence_type text NOT NULL,
  file_path text NOT NULL,
  metadata jsonb NOT NULL,
  checksum char(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX evidence_session ON evidence (session_id, created_at);

CREATE TABLE idempotency_keys (
  key_hash char(64) PRIMARY KEY,
  user_id uuid NOT NULL,
  endpoint text NOT NULL,
  request_hash char(64) NOT NULL,
  response_data jsonb,
  status_code smallint,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 70);

GRANT SELECT ON test_sessions, evidence, idempotency_keys, as1851_rules, buildings, users TO fireai_reader;

INSERT INTO users (id, email, full_name)
VALUES ('22222222-2222-4222-8222-222222222222', 'inspector@fireai.test', 'Reference Inspector');
INSERT INTO buildings (id, name, address)
VALUES ('11111111-1111-4111-8111-111111111111', 'Reference Building', '1 Example Street');
-- Three versions of each item code: the first retired, the third active and newest.
INSERT INTO as1851_rules (rule_code, version, rule_name, rule_schema, is_active)
SELECT code, version, code || ' rule ' || version, jsonb_build_object('default', 'non_critical_defect', 'conditions',
    jsonb_build_object('pressure_low', 'critical_defect', 'seal_broken', 'critical_defect',
      'signage_missing', 'non_conformance', 'corrosion', 'non_critical_defect', 'ok', 'no_defect')), version > 1
FROM unnest(ARRAY['FE', 'HR', 'SP', 'FD', 'PS', 'EL']) kind, generate_series(1, 20) item, generate_series(1, 3) version,
  LATERAL (SELECT 'AS1851-2012-' || kind || '-' || lpad(item::text, 2, '0') AS code) AS named;
RESET ROLE;
ANALYZE;
