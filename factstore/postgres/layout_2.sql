-- From layout 1 to 2: who may still read and write is written down, functions no longer look along the caller's
-- search_path, and writers who do not own the tables can have statistics made.
ALTER TABLE {s}.root ADD COLUMN reads_from int4 NOT NULL DEFAULT 1, ADD COLUMN writes_from int4 NOT NULL DEFAULT 1;
ALTER TABLE {s}.root ALTER COLUMN reads_from DROP DEFAULT, ALTER COLUMN writes_from DROP DEFAULT;

CREATE OR REPLACE FUNCTION {s}.append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
  $$ BEGIN RAISE EXCEPTION 'the log of a factstore is append-only'; END $$;

CREATE OR REPLACE FUNCTION {s}.expect(seen int8, expected int8) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN
  IF seen <> expected THEN
    RAISE EXCEPTION '% of % retracted facts hold', seen, expected USING ERRCODE = 'FS001';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION {s}.refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN
  ANALYZE {s}.facts, {s}.facts_live, {s}.facts_hist, {s}.log, {s}.dict;
END $$;
REVOKE ALL ON FUNCTION {s}.refresh_statistics() FROM PUBLIC;

CREATE OR REPLACE FUNCTION {s}.as_double(v int8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (
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

CREATE OR REPLACE FUNCTION {s}.as_instant(v int8) RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN
  timestamptz '1970-01-01 00:00:00+00' + (v / 1000000) * interval '1 second' + (v % 1000000) * interval '1 microsecond';
