-- Actors that other actors started, and what actors tell each other.

-- {"address", "childId", "sync"} of the actor that started it
ALTER TABLE actors ADD COLUMN parent jsonb;

-- Written in the commit of the sender's step, deleted in the commit of the receiver's. Per receiver in the order of id.
CREATE TABLE messages (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  to_address   text NOT NULL,
  from_address text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('spawn', 'event', 'stop')),
  body         jsonb NOT NULL
);
CREATE INDEX messages_mailbox ON messages (to_address, id);
