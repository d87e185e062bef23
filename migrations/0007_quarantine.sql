-- Actors in quarantine have not ended: they keep their singleton key, and are found again by those who can release them.

DROP INDEX actors_singleton;
CREATE UNIQUE INDEX actors_singleton ON actors (machine, owner, singleton_key)
  WHERE status IN ('active', 'quarantined') AND singleton_key IS NOT NULL;
CREATE INDEX actors_quarantine ON actors (address) WHERE status = 'quarantined';
