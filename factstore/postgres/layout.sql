-- The tables of one store, layout 2; {s} is its schema. A change here needs a step in migrations.py, and who may use
-- a new table or function is said in grants.sql. PostgreSQL 14 or newer, no extension.

-- One row: the writer's lock, the allocator of ids and the published basis in one. Whoever locks it has
-- waited for the writer before, and an update rolls back with its transaction: t is dense, in commit order.
-- version is the layout; a program that knows a layout from reads_from, or writes_from, on may still read, or write.
CREATE TABLE {s}.root (
  id          int2 PRIMARY KEY CHECK (id = 1),
  t           int8 NOT NULL,
  next_e      int8 NOT NULL,
  next_v      int8 NOT NULL,
  version     int4 NOT NULL,
  reads_from  int4 NOT NULL,
  writes_from int4 NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Interned values. h is a 128-bit digest made by the client, so no index depends on a value's length;
-- txt holds what text can hold, bin the rest (uuids, bytes, tuples, strings with NUL or lone surrogates).
CREATE TABLE {s}.dict (
  id   int8 PRIMARY KEY,
  kind int2 NOT NULL,
  h    uuid NOT NULL,
  txt  text COLLATE "C",
  bin  bytea,
  CHECK ((txt IS NULL) <> (bin IS NULL))
);
CREATE UNIQUE INDEX dict_h ON {s}.dict (h, kind);

-- The truth: what each transaction asserted and retracted. Append-only.
CREATE TABLE {s}.log (
  tx    int8 NOT NULL,
  e     int8 NOT NULL,
  v     int8 NOT NULL,
  a     int4 NOT NULL,
  vt    int2 NOT NULL,
  added bool NOT NULL
);
CREATE INDEX log_tx ON {s}.log (tx);

-- Derived from the log: each fact with its life [tx_from, tx_to). Bits of fl: 0 in value order, 1 unique,
-- 2 cardinality one. Facts that hold and facts that have ended are partitions, so neither slows the other.
CREATE TABLE {s}.facts (
  e       int8 NOT NULL,
  v       int8 NOT NULL,
  tx_from int8 NOT NULL,
  tx_to   int8 NOT NULL DEFAULT 9223372036854775807,
  a       int4 NOT NULL,
  vt      int2 NOT NULL,
  fl      int2 NOT NULL
) PARTITION BY RANGE (tx_to);
CREATE TABLE {s}.facts_live PARTITION OF {s}.facts FOR VALUES FROM (9223372036854775807) TO (MAXVALUE)
  WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05,
        autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE TABLE {s}.facts_hist PARTITION OF {s}.facts FOR VALUES FROM (MINVALUE) TO (9223372036854775807);
CREATE UNIQUE INDEX live_eavt ON {s}.facts_live (e, a, v);
CREATE INDEX live_avet ON {s}.facts_live (a, v, e) WHERE fl & 1 = 1;
CREATE INDEX live_vaet ON {s}.facts_live (v, a, e) WHERE vt = 1;
CREATE INDEX hist_eavt ON {s}.facts_hist (e, a, v);
CREATE INDEX hist_avet ON {s}.facts_hist (a, v, e) WHERE fl & 1 = 1;
CREATE INDEX hist_vaet ON {s}.facts_hist (v, a, e) WHERE vt = 1;

-- A function's body must not depend on the search_path of whoever calls it.
CREATE FUNCTION {s}.append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
  $$ BEGIN RAISE EXCEPTION 'the log of a factstore is append-only'; END $$;
CREATE TRIGGER log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {s}.log
  FOR EACH STATEMENT EXECUTE FUNCTION {s}.append_only();

-- Fails the transaction from inside its own pipeline, where the client cannot look before it commits.
CREATE FUNCTION {s}.expect(seen int8, expected int8) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN
  IF seen <> expected THEN
    RAISE EXCEPTION '% of % retracted facts hold', seen, expected USING ERRCODE = 'FS001';
  END IF;
END $$;

-- Fresh statistics, which only an owner may make; run by the writers, who are not. No autovacuum reaches a
-- short-lived server, nor ever a partitioned table.
CREATE FUNCTION {s}.refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN
  ANALYZE {s}.facts, {s}.facts_live, {s}.facts_hist, {s}.log, {s}.dict;
END $$;
REVOKE ALL ON FUNCTION {s}.refresh_statistics() FROM PUBLIC;

-- The double of an order-preserving int8: sign, exponent and fraction of IEEE 754, put together by hand.
-- Parsed here and now, as RETURN is, it needs no search_path and can still be inlined.
CREATE FUNCTION {s}.as_double(v int8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (
  SELECT CASE
    WHEN exponent = 2047 THEN sign * 'infinity'::float8
    WHEN exponent = 0 THEN sign * (fraction * power(2::float8, -1074))
    ELSE sign * (1 + fraction / 4503599627370496::float8) * power(2::float8, exponent - 1023)
  END FROM (
    SELECT CASE WHEN v < 0 THEN -1::float8 ELSE 1::float8 END AS sign,
           (bits >> 52)::int AS exponent, (bits & 4503599627370495)::float8 AS fraction
    FROM (SELECT CASE WHEN v < 0 THEN (v # 9223372036854775807) & 9223372036854775807 ELSE v END AS bits) AS b
  ) AS parts
);

CREATE FUNCTION {s}.as_instant(v int8) RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN
  timestamptz '1970-01-01 00:00:00+00' + (v / 1000000) * interval '1 second' + (v % 1000000) * interval '1 microsecond';

-- The log for people and BI tools: names instead of numbers, values as text, the instant of each transaction.
CREATE VIEW {s}.datoms AS
  SELECT l.e,
         names.txt AS a,
         CASE
           WHEN l.vt IN (1, 2) THEN l.v::text
           WHEN l.vt = 3 THEN {s}.as_double(l.v)::text
           WHEN l.vt = 4 THEN (l.v = 1)::text
           WHEN l.vt = 5 THEN to_char({s}.as_instant(l.v) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
           WHEN l.vt = 9 THEN encode(values.bin, 'hex')::uuid::text
           ELSE coalesce(values.txt, '\x' || encode(values.bin, 'hex'))
         END AS v,
         l.tx,
         {s}.as_instant(instants.v) AS instant,
         l.added
  FROM {s}.log l
  LEFT JOIN {s}.facts_live idents ON idents.e = l.a AND idents.a = 1
  LEFT JOIN {s}.dict names ON names.id = idents.v
  LEFT JOIN {s}.dict values ON l.vt >= 6 AND values.id = l.v
  LEFT JOIN {s}.facts_live instants ON instants.e = l.tx AND instants.a = 9;
