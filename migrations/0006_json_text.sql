-- What the runtime writes and reads whole, and nobody searches: `json` takes the text as it is, where `jsonb` would take
-- it apart at each step and put it together again at each reading. To search in one, cast it: record::jsonb @> '...'.
ALTER TABLE actors   ALTER COLUMN snapshot TYPE json;
ALTER TABLE journal  ALTER COLUMN record   TYPE json;
ALTER TABLE effects  ALTER COLUMN input    TYPE json;
ALTER TABLE messages ALTER COLUMN body     TYPE json;
