-- Dead letters that can be retried: whose event it was, and where the actor stood.

-- `outside`: the event came in through `send`, and may be retried at any time. A timer, a result or another actor's
-- message may only while the actor is still where it was.
ALTER TABLE dead_letters ADD COLUMN incarnation uuid, ADD COLUMN outside boolean;
DELETE FROM dead_letters d WHERE NOT EXISTS (SELECT FROM actors a WHERE a.address = d.address);
UPDATE dead_letters d SET incarnation = a.incarnation, outside = d.event->>'type' !~ '^(xstate|unstorable)\.'
  FROM actors a WHERE a.address = d.address;
ALTER TABLE dead_letters ALTER COLUMN incarnation SET NOT NULL, ALTER COLUMN outside SET NOT NULL;
CREATE INDEX dead_letters_owner ON dead_letters (owner, id);
