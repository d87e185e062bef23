-- What of an owner's has ended since a moment, newest first. Written once for each actor, when it ends.

CREATE INDEX actors_ended_of_owner ON actors (owner, ended_at DESC, machine) WHERE ended_at IS NOT NULL;
