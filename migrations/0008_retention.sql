-- What the pruning of old rows looks for.

-- Set once, when the actor ends: an index on it costs the steps before that nothing.
ALTER TABLE actors ADD COLUMN ended_at timestamptz
  GENERATED ALWAYS AS (CASE WHEN status IN ('done', 'error', 'stopped') THEN updated_at END) STORED;
CREATE INDEX actors_ended ON actors (machine, ended_at, address) WHERE ended_at IS NOT NULL;
CREATE INDEX actors_children ON actors ((parent->>'address')) WHERE parent IS NOT NULL;
