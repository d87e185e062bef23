-- Whether the doors of this database demand tokens: a server that does not is not to open them by accident.

CREATE TABLE access (
  -- One row, once a server has demanded tokens.
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  tokens_since timestamptz NOT NULL DEFAULT now()
);
