-- What several nodes share besides the store's rows.

-- What the nodes alone know, as JSON text that the store does not look into.
CREATE TABLE secrets (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  body text NOT NULL
);

-- The one clock of all counters, in Unix milliseconds.
CREATE FUNCTION database_now_ms() RETURNS bigint LANGUAGE sql STABLE
  RETURN floor(extract(epoch FROM now()) * 1000)::bigint;

-- Points of keys, in windows that begin with a key's first point. Wrong guesses outlive a crash; calls need not, and are
-- counted often.
CREATE TABLE guesses (
  digest uuid PRIMARY KEY,
  points bigint NOT NULL,
  ends_at_ms bigint NOT NULL
);
CREATE INDEX guesses_ends ON guesses (ends_at_ms);

CREATE UNLOGGED TABLE calls (
  digest uuid PRIMARY KEY,
  points bigint NOT NULL,
  ends_at_ms bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX calls_ends ON calls (ends_at_ms);
