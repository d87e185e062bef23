-- The durable runtime's own tables: snapshots, journal, running effects, idempotency keys, dead letters, processes.
-- Timers are jobs of pg-boss, in its own schema.

CREATE TABLE actors (
  address       text PRIMARY KEY,
  machine       text NOT NULL,
  key           text NOT NULL,
  version       text NOT NULL,
  owner         text NOT NULL,
  incarnation   uuid NOT NULL,
  status        text NOT NULL CHECK (status IN ('active', 'done', 'error', 'stopped', 'quarantined')),
  revision      bigint NOT NULL,
  tags          text[] NOT NULL,
  snapshot      jsonb NOT NULL,
  -- what the actor waits for: {"timers": {sendId: {...}}, "effects": {invokeId: {...}}}; a late one is not in it
  pending       jsonb NOT NULL,
  error         jsonb,
  singleton_key text,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX actors_singleton ON actors (machine, owner, singleton_key)
  WHERE status = 'active' AND singleton_key IS NOT NULL;
CREATE INDEX actors_listing ON actors (owner, machine, created_at DESC, address DESC);

-- One row a step. A reader of the whole stream follows (txid, seq) up to the oldest transaction still running, so
-- that a commit that overtakes another is never skipped.
CREATE TABLE journal (
  seq       bigint GENERATED ALWAYS AS IDENTITY,
  txid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
  address   text NOT NULL,
  revision  bigint NOT NULL,
  owner     text NOT NULL,
  step_id   uuid NOT NULL,
  at        timestamptz NOT NULL,
  record    jsonb NOT NULL,
  PRIMARY KEY (address, seq)
);
CREATE INDEX journal_stream ON journal (txid, seq);

-- Effects that were started and not yet answered. `process` runs it; another takes over when that one dies.
CREATE TABLE effects (
  effect_id   text PRIMARY KEY,
  address     text NOT NULL,
  invoke_id   text NOT NULL,
  src         text NOT NULL,
  owner       text NOT NULL,
  input       jsonb NOT NULL,
  attempt     integer NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL,
  deadline_at timestamptz NOT NULL,
  process     uuid,
  last_error  jsonb
);
CREATE INDEX effects_process ON effects (process);

CREATE TABLE idempotency_keys (
  scope        text NOT NULL,
  key          text NOT NULL,
  payload_hash text NOT NULL,
  answer       jsonb NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE dead_letters (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address  text NOT NULL,
  owner    text NOT NULL,
  revision bigint NOT NULL,
  event    jsonb NOT NULL,
  source   text,
  error    jsonb NOT NULL,
  at       timestamptz NOT NULL
);
CREATE INDEX dead_letters_address ON dead_letters (address);

-- The processes that serve this database. `number` names the session advisory lock that each holds while it lives.
CREATE TABLE processes (
  id          uuid PRIMARY KEY,
  number      integer GENERATED ALWAYS AS IDENTITY,
  lease_until timestamptz NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT now()
);
