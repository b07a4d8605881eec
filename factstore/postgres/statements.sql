-- Every statement the library sends, by name. {s} is the store's schema; columns leave as one binary
-- string of fixed-width rows, because a row message of its own costs ten times as much.

-- name: head
-- The newest transaction's t, and the oldest layout that may still be read by.
SELECT t, reads_from FROM {s}.root

-- name: layout
-- The row of a store that is there, whatever columns its layout has.
SELECT to_jsonb(r) FROM {s}.root r

-- name: identity
-- Which store this is, wherever it is: a copy has the id of the original, a new one has its own.
SELECT store FROM {s}.root

-- name: newest
-- When the last fact of some attributes of the bootstrap began, also one that has ended.
SELECT max(tx_from) FROM {s}.facts WHERE a < 256 AND a NOT IN (8, 9, 18) AND a = ANY(%(a)s)

-- name: exists
-- Whether the store has been created, with a root that is ours. Asked of the tables, not of to_regclass: that answers
-- from a cache which an advisory lock does not refresh, and would miss what another creator has just committed.
SELECT EXISTS (
  SELECT FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'next_v'
  WHERE n.nspname = %(name)s AND c.relname = 'root'
)

-- name: has_schema
-- Whether the schema is there; asked first, because CREATE SCHEMA IF NOT EXISTS wants a right even then.
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(name)s)

-- name: creating
-- One creator at a time, across processes.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: init_root
-- The counters of a new store.
INSERT INTO {s}.root (id, t, next_e, next_v, version, reads_from, writes_from)
VALUES (1, 0, %(next_e)s, %(next_v)s, %(version)s, %(reads_from)s, %(writes_from)s)

-- name: lock
-- Waits for the writer before, and reads what it left. A statement of its own under READ COMMITTED:
-- together with a read in one snapshot, that snapshot would be older than the end of the wait.
SELECT t + 1, next_e, next_v, writes_from FROM {s}.root FOR UPDATE

-- name: ahead
-- What the transactions of a commit are known to ask, sent with the lock: the codes of values this process
-- has not learned (position asked, code), who has values of unique attributes (attribute, value, entity),
-- and all facts that hold about some entities and those holders.
WITH found AS MATERIALIZED (
  SELECT k.a, f.v, f.e FROM unnest(%(a)s, %(v)s) AS k(a, v)
  JOIN {s}.facts_live f ON f.a = k.a AND f.v = k.v AND f.fl & 1 = 1
  UNION ALL
  SELECT k.a, f.v, f.e FROM unnest(%(ua)s, %(uh)s, %(ukind)s) AS k(a, h, kind)
  JOIN {s}.dict d ON d.h = k.h AND d.kind = k.kind
  JOIN {s}.facts_live f ON f.a = k.a AND f.v = d.id AND f.fl & 1 = 1
)
SELECT (
  SELECT string_agg(int8send(k.i) || int8send(d.id), ''::bytea)
  FROM unnest(%(h)s, %(kind)s) WITH ORDINALITY AS k(h, kind, i) JOIN {s}.dict d ON d.h = k.h AND d.kind = k.kind
), (
  SELECT string_agg(int4send(a) || int8send(v) || int8send(e), ''::bytea) FROM found
), (
  SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int4send(f.a), ''::bytea)
  FROM (SELECT e FROM unnest(%(e)s) AS k(e) UNION SELECT e FROM found) AS k JOIN {s}.facts_live f ON f.e = k.e
)

-- name: advance
-- The counters after the transactions of this commit, and a hint to listeners that there is something to read.
WITH moved AS (UPDATE {s}.root SET t = %(t)s, next_e = %(next_e)s, next_v = %(next_v)s)
SELECT pg_notify(%(channel)s, %(t)s::text)

-- name: intern
-- New dictionary entries.
INSERT INTO {s}.dict (id, kind, h, txt, bin) SELECT * FROM unnest(%(id)s, %(kind)s, %(h)s, %(txt)s, %(bin)s)

-- name: retract
-- Facts that hold no longer: out of live, and into hist unless their attribute forgets.
WITH gone AS (
  DELETE FROM {s}.facts_live f USING unnest(%(tx)s, %(e)s, %(a)s, %(v)s, %(kept)s) AS r(tx, e, a, v, kept)
  WHERE f.e = r.e AND f.a = r.a AND f.v = r.v
  RETURNING f.e, f.v, f.tx_from, f.a, f.vt, f.fl, r.tx, r.kept
), ended AS (
  INSERT INTO {s}.facts_hist (e, v, tx_from, tx_to, a, vt, fl)
  SELECT e, v, tx_from, tx, a, vt, fl FROM gone WHERE kept
)
SELECT {s}.expect(count(*), %(count)s) FROM gone

-- name: write
-- The operations of some transactions, in their order, and the facts that hold from then on (those with an fl
-- that is not negative); the unique index refuses what holds already.
WITH r AS MATERIALIZED (
  SELECT * FROM unnest(%(tx)s, %(e)s, %(a)s, %(v)s, %(vt)s, %(added)s, %(fl)s) AS r(tx, e, a, v, vt, added, fl)
), logged AS (
  INSERT INTO {s}.log (tx, e, v, a, vt, added) SELECT tx, e, v, a, vt, added FROM r
)
INSERT INTO {s}.facts_live (e, v, tx_from, a, vt, fl) SELECT e, v, tx, a, vt, fl FROM r WHERE fl >= 0

-- name: pass
-- Facts that began and ended within one commit.
INSERT INTO {s}.facts_hist (e, v, tx_from, tx_to, a, vt, fl)
SELECT * FROM unnest(%(e)s, %(v)s, %(tx_from)s, %(tx_to)s, %(a)s, %(vt)s, %(fl)s)

-- name: reflag
-- The bits of an attribute whose definition changed, on all its facts.
UPDATE {s}.facts SET fl = %(fl)s WHERE a = %(a)s AND fl <> %(fl)s

-- name: holders
-- Who has a value of a unique attribute: (position asked, entity).
SELECT string_agg(int8send(k.i) || int8send(f.e), ''::bytea)
FROM unnest(%(a)s, %(v)s) WITH ORDINALITY AS k(a, v, i)
JOIN {s}.facts_live f ON f.a = k.a AND f.v = k.v AND f.fl & 1 = 1

-- name: live_facts_of
-- All facts about some entities that hold.
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int4send(f.a), ''::bytea)
FROM unnest(%(e)s) AS k(e) JOIN {s}.facts_live f ON f.e = k.e

-- name: live_refs_to
-- All facts that hold and point at some entities.
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int4send(f.a), ''::bytea)
FROM unnest(%(v)s) AS k(v) JOIN {s}.facts_live f ON f.v = k.v AND f.vt = 1

-- name: facts_of
-- All facts about some entities that held at a transaction. What has ended is only looked at where the
-- store has gone on since: the condition on root is evaluated once, and before the table is touched.
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int4send(f.a), ''::bytea)
FROM unnest(%(e)s) AS k(e) JOIN {s}.facts_live f ON f.e = k.e WHERE f.tx_from <= %(tx)s
UNION ALL
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int4send(f.a), ''::bytea)
FROM unnest(%(e)s) AS k(e) JOIN {s}.facts_hist f ON f.e = k.e
WHERE f.tx_from <= %(tx)s AND f.tx_to > %(tx)s AND (SELECT t FROM {s}.root) > %(t)s

-- name: lives_of
-- All facts that were ever about some entities up to a transaction, with their lives.
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int8send(f.tx_to) || int4send(f.a), ''::bytea)
FROM unnest(%(e)s) AS k(e) JOIN {s}.facts_live f ON f.e = k.e WHERE f.tx_from <= %(tx)s
UNION ALL
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int8send(f.tx_to) || int4send(f.a), ''::bytea)
FROM unnest(%(e)s) AS k(e) JOIN {s}.facts_hist f ON f.e = k.e WHERE f.tx_from <= %(tx)s

-- name: lives_to
-- All facts that ever referred to some entities up to a transaction, with their lives.
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int8send(f.tx_to) || int4send(f.a), ''::bytea)
FROM unnest(%(v)s) AS k(v) JOIN {s}.facts_live f ON f.v = k.v AND f.vt = 1 WHERE f.tx_from <= %(tx)s
UNION ALL
SELECT string_agg(int8send(f.e) || int8send(f.v) || int8send(f.tx_from) || int8send(f.tx_to) || int4send(f.a), ''::bytea)
FROM unnest(%(v)s) AS k(v) JOIN {s}.facts_hist f ON f.v = k.v AND f.vt = 1 WHERE f.tx_from <= %(tx)s

-- name: entities_above
-- The next entities that any fact was ever about.
SELECT string_agg(int8send(e), ''::bytea ORDER BY e) FROM (
  (SELECT DISTINCT e FROM {s}.facts_live WHERE e > %(beyond)s ORDER BY e LIMIT %(count)s) UNION
  (SELECT DISTINCT e FROM {s}.facts_hist WHERE e > %(beyond)s ORDER BY e LIMIT %(count)s) ORDER BY e LIMIT %(count)s
) AS next

-- name: entities_below
-- The entities before, nearest last.
SELECT string_agg(int8send(e), ''::bytea ORDER BY e) FROM (
  (SELECT DISTINCT e FROM {s}.facts_live WHERE e < %(beyond)s ORDER BY e DESC LIMIT %(count)s) UNION
  (SELECT DISTINCT e FROM {s}.facts_hist WHERE e < %(beyond)s ORDER BY e DESC LIMIT %(count)s) ORDER BY e DESC LIMIT %(count)s
) AS next

-- name: by_value
-- Which attributes are kept in value order: those with a db/unique or a true db/index.
SELECT DISTINCT e FROM {s}.facts_live WHERE e = ANY(%(a)s) AND (a = %(unique)s OR (a = %(index)s AND v = 1))

-- name: begin_load
-- All pieces of a load are read from one snapshot: between two, a fact can move from live to hist.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: load_settings
-- A piece is grouped by attribute in memory, which takes what it sends. What an index finds is read in the order of
-- the table: in value order, a large table is read from its start again for each fact.
SELECT set_config('work_mem', '128MB', true), set_config('enable_indexscan', 'off', true)

-- name: assist_settings
-- Whoever assists must not wait behind one who waits for the session that is assisted: no server sees that circle.
SELECT set_config('lock_timeout', '500ms', true)

-- name: export_snapshot
-- The snapshot of this session, for others to read from.
SELECT pg_export_snapshot()

-- name: import_snapshot
-- To read from another session's snapshot; no parameter is allowed here.
SET TRANSACTION SNAPSHOT '{snapshot}'

-- name: extent
-- How far the store is, and the blocks of its tables.
SELECT t, pg_relation_size('{s}.facts_live') / current_setting('block_size')::int8,
  pg_relation_size('{s}.facts_hist') / current_setting('block_size')::int8 FROM {s}.root

-- name: load_scan_live
-- The facts of some attributes that hold and held at a transaction, in a range of blocks. Entity and transaction are one
-- number; the id of a transaction, far above all others, is sent as -1 - t. The product is refused where it overflows.
SELECT a, string_agg(
  int8send(CASE WHEN e < %(tx0)s THEN e ELSE %(tx0)s - 1 - e END * %(unit)s + (tx_from - %(tx0)s)) || int8send(v), ''::bytea)
FROM {s}.facts_live
WHERE ctid >= %(low)s::tid AND ctid < %(high)s::tid AND a = ANY(%(a)s) AND tx_from <= %(tx)s GROUP BY a

-- name: load_scan_live_wide
-- The same, each column by itself, for where the product overflows.
SELECT a, string_agg(int8send(e) || int8send(v) || int8send(tx_from) || int8send(tx_to), ''::bytea)
FROM {s}.facts_live
WHERE ctid >= %(low)s::tid AND ctid < %(high)s::tid AND a = ANY(%(a)s) AND tx_from <= %(tx)s GROUP BY a

-- name: load_scan_hist
-- The facts of some attributes that have ended, but after a transaction.
SELECT a, string_agg(int8send(e) || int8send(v) || int8send(tx_from) || int8send(tx_to), ''::bytea)
FROM {s}.facts_hist
WHERE ctid >= %(low)s::tid AND ctid < %(high)s::tid
  AND a = ANY(%(a)s) AND tx_from <= %(tx)s AND tx_to > %(ended)s GROUP BY a

-- name: load_by_value_live
-- As load_scan_live, for attributes that are kept in value order: the index on them finds their blocks.
SELECT a, string_agg(
  int8send(CASE WHEN e < %(tx0)s THEN e ELSE %(tx0)s - 1 - e END * %(unit)s + (tx_from - %(tx0)s)) || int8send(v), ''::bytea)
FROM {s}.facts_live WHERE fl & 1 = 1 AND a = ANY(%(a)s) AND tx_from <= %(tx)s GROUP BY a

-- name: load_by_value_hist
-- As load_scan_hist, for attributes that are kept in value order.
SELECT a, string_agg(int8send(e) || int8send(v) || int8send(tx_from) || int8send(tx_to), ''::bytea)
FROM {s}.facts_hist
WHERE fl & 1 = 1 AND a = ANY(%(a)s) AND tx_from <= %(tx)s AND tx_to > %(ended)s GROUP BY a

-- name: load_schema_live
-- As load_scan_live, for attributes that define attributes: every connection begins with them.
SELECT a, string_agg(
  int8send(CASE WHEN e < %(tx0)s THEN e ELSE %(tx0)s - 1 - e END * %(unit)s + (tx_from - %(tx0)s)) || int8send(v), ''::bytea)
FROM {s}.facts_live
WHERE a < 256 AND a NOT IN (8, 9, 18) AND a = ANY(%(a)s) AND tx_from <= %(tx)s GROUP BY a

-- name: load_schema_hist
-- As load_scan_hist, for attributes that define attributes.
SELECT a, string_agg(int8send(e) || int8send(v) || int8send(tx_from) || int8send(tx_to), ''::bytea)
FROM {s}.facts_hist
WHERE a < 256 AND a NOT IN (8, 9, 18) AND a = ANY(%(a)s) AND tx_from <= %(tx)s AND tx_to > %(ended)s GROUP BY a

-- name: read
-- A short stretch of the log: attribute, type and operation are one number. Its order is what the index gives.
SELECT string_agg(
  int8send(tx) || int8send(e) || int8send(v) || int8send(a * 65536::int8 + vt * 2 + added::int4), ''::bytea)
FROM {s}.log WHERE tx > %(after)s AND tx <= %(upto)s

-- name: read_long
-- The same, 64 transactions to a piece: a value may have at most 1 GB, which is 33 million datoms.
SELECT string_agg(
  int8send(tx) || int8send(e) || int8send(v) || int8send(a * 65536::int8 + vt * 2 + added::int4), ''::bytea)
FROM {s}.log WHERE tx > %(after)s AND tx <= %(upto)s GROUP BY tx >> 6 ORDER BY tx >> 6

-- name: codes
-- The codes of values by their digests: (position asked, code).
SELECT k.i - 1, d.id FROM unnest(%(h)s) WITH ORDINALITY AS k(h, i)
JOIN {s}.dict d ON d.h = k.h AND d.kind = %(kind)s

-- name: entries
-- Dictionary entries by code: (code, kind, length) of each, and then all their bytes. textsend gives what the client's
-- encoding, UTF-8, makes of a text.
SELECT string_agg(int8send(id) || int2send(kind) || int4send(octet_length(b)), ''::bytea), string_agg(b, ''::bytea)
FROM (
  SELECT d.id, d.kind, coalesce(textsend(d.txt), d.bin) AS b FROM unnest(%(id)s) AS k(id) JOIN {s}.dict d ON d.id = k.id
) AS found

-- name: next_code
-- How far the dictionary goes.
SELECT next_v FROM {s}.root

-- name: entries_between
-- A dense range of dictionary entries, by one pass.
SELECT string_agg(int8send(id) || int2send(kind) || int4send(octet_length(b)), ''::bytea), string_agg(b, ''::bytea)
FROM (
  SELECT id, kind, coalesce(textsend(txt), bin) AS b FROM {s}.dict WHERE id BETWEEN %(low)s AND %(high)s
) AS found

-- name: counters
-- What the transaction after the newest may use.
SELECT t + 1, next_e, next_v FROM {s}.root

-- name: count
-- The number of operations in a stretch of the log.
SELECT count(*) FROM {s}.log WHERE tx > %(after)s AND tx <= %(upto)s

-- name: facts_by_attribute
-- How many facts of each attribute hold, and how many lives are over.
SELECT 'live', a, count(*) FROM {s}.facts_live GROUP BY a
UNION ALL
SELECT 'hist', a, count(*) FROM {s}.facts_hist GROUP BY a

-- name: totals
-- Entities that have facts, operations, dictionary entries.
SELECT (SELECT count(*) FROM (SELECT DISTINCT e FROM {s}.facts_live WHERE e < %(tx)s) AS entities),
       (SELECT count(*) FROM {s}.log), (SELECT count(*) FROM {s}.dict)

-- name: relation_sizes
-- The bytes of each table, with what is kept beside it of long values, and of each index.
SELECT c.relname, pg_table_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(name)s AND c.relkind IN ('r', 'i') ORDER BY 1

-- name: size
-- About how many facts hold: of 64 bytes each, which is what a fact of one long takes.
SELECT pg_relation_size('{s}.facts_live') / 64

-- name: reach
-- The transaction of the first operation that is too many.
SELECT tx FROM {s}.log WHERE tx > %(after)s AND tx <= %(upto)s ORDER BY tx OFFSET %(rows)s LIMIT 1

-- name: entries_as_columns
-- A range of dictionary entries: codes, kinds, sizes and canonical bytes, each column as one string.
SELECT string_agg(int8send(id), ''::bytea), string_agg(int2send(kind), ''::bytea),
       string_agg(int4send(octet_length(body)), ''::bytea), string_agg(body, ''::bytea)
FROM (
  SELECT id, kind, coalesce(convert_to(txt, 'UTF8'), bin) AS body
  FROM {s}.dict WHERE id BETWEEN %(low)s AND %(high)s ORDER BY id
) AS entries

-- name: copy_hist
-- Facts that are over when they are first heard of.
COPY {s}.facts_hist (e, v, tx_from, a, vt, fl, tx_to) FROM STDIN (FORMAT BINARY)

-- name: end_lives
-- Facts that hold no longer, each since a transaction of its own. One that does not hold is passed over:
-- excision may have taken the assertion and left the retraction.
WITH gone AS (
  DELETE FROM {s}.facts_live f USING unnest(%(e)s, %(a)s, %(v)s, %(tx)s, %(kept)s) AS r(e, a, v, tx, kept)
  WHERE f.e = r.e AND f.a = r.a AND f.v = r.v
  RETURNING f.e, f.v, f.tx_from, r.tx, f.a, f.vt, f.fl, r.kept
)
INSERT INTO {s}.facts_hist (e, v, tx_from, tx_to, a, vt, fl)
SELECT e, v, tx_from, tx, a, vt, fl FROM gone WHERE kept

-- name: growth
-- Rows the planner believes in, and rows changed since it last looked.
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::int8, coalesce(sum(pg_stat_get_mod_since_analyze(c.oid)), 0)::int8
FROM pg_class c WHERE c.oid = '{s}.facts_live'::regclass

-- name: analyze
-- Fresh statistics, made with the owner's right.
SELECT {s}.refresh_statistics()

-- name: migrate_lock
-- Nobody reads or writes the store while its layout changes: what began before has ended.
LOCK TABLE {s}.root IN ACCESS EXCLUSIVE MODE

-- name: migrate_builtin
-- What holds of the entities every store begins with.
SELECT e, a, v FROM {s}.facts_live WHERE e < %(first)s

-- name: migrate_holder
-- Who else has an ident.
SELECT e FROM {s}.facts_live WHERE a = %(a)s AND v = %(v)s AND fl & 1 = 1 AND e <> %(e)s

-- name: migrate_instant
-- When the last transaction was.
SELECT max(v) FROM {s}.facts_live WHERE a = %(a)s AND fl & 1 = 1

-- name: migrate_entry
-- One more dictionary entry.
INSERT INTO {s}.dict (id, kind, h, txt) VALUES (%(id)s, %(kind)s, %(h)s, %(txt)s)

-- name: migrate_fact
-- One more fact that holds.
INSERT INTO {s}.facts_live (e, v, tx_from, a, vt, fl) VALUES (%(e)s, %(v)s, %(tx)s, %(a)s, %(vt)s, %(fl)s)

-- name: migrate_datom
-- One more line of the log.
INSERT INTO {s}.log (tx, e, v, a, vt, added) VALUES (%(tx)s, %(e)s, %(v)s, %(a)s, %(vt)s, true)

-- name: migrate_done
-- The counters after the migration's transaction, and the layout there is now.
UPDATE {s}.root SET t = %(t)s, next_v = %(next_v)s,
  version = %(version)s, reads_from = %(reads_from)s, writes_from = %(writes_from)s

-- name: owner
-- Whose the store is, and whether that is this role, or one that this role is a member of.
SELECT pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = '{s}.root'::regclass

-- name: granted
-- Who may use the store beside its owner, and whether to write: a migration lets them go on.
SELECT r.rolname, bool_or(x.privilege_type = 'INSERT')
FROM pg_class c, aclexplode(c.relacl) x JOIN pg_roles r ON r.oid = x.grantee
WHERE c.oid = '{s}.log'::regclass AND x.grantee <> c.relowner
GROUP BY r.rolname

-- name: bulk_tables
-- The tables a bulk write goes into: name, bytes, and whether we may take their indexes away.
SELECT c.relname, pg_relation_size(c.oid), pg_has_role(c.relowner, 'USAGE')
FROM pg_class c WHERE c.oid IN ('{s}.log'::regclass, '{s}.facts_live'::regclass, '{s}.dict'::regclass)

-- name: bulk_patience
-- How long to wait for readers to end before their tables are locked; less than it takes to find a deadlock.
SET LOCAL lock_timeout = '500ms'

-- name: bulk_patient
-- Back to what the session has.
SET LOCAL lock_timeout = DEFAULT

-- name: bulk_memory
-- To sort an index in.
SET LOCAL maintenance_work_mem = '256MB'

-- name: bulk_lock_log
-- Readers of the log wait until the commit.
LOCK TABLE {s}.log IN ACCESS EXCLUSIVE MODE

-- name: bulk_lock_facts_live
-- Readers of facts wait until the commit.
LOCK TABLE {s}.facts_live IN ACCESS EXCLUSIVE MODE

-- name: bulk_lock_dict
-- Readers of the dictionary wait until the commit.
LOCK TABLE {s}.dict IN ACCESS EXCLUSIVE MODE

-- name: bulk_indexes
-- The statements that take a table's indexes away, and those that make them again.
SELECT CASE WHEN c.conname IS NULL THEN format('DROP INDEX %%s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', i.indrelid::regclass, c.conname) END,
       CASE WHEN c.conname IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', i.indrelid::regclass, c.conname,
                        pg_get_constraintdef(c.oid)) END
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
WHERE i.indrelid = ('{s}.' || %(table)s::text)::regclass ORDER BY i.indexrelid

-- name: copy_log
-- The operations of one transaction, as a stream.
COPY {s}.log (tx, e, v, a, vt, added) FROM STDIN (FORMAT BINARY)

-- name: copy_facts_live
-- Facts that hold from now on, as a stream.
COPY {s}.facts_live (e, v, tx_from, a, vt, fl) FROM STDIN (FORMAT BINARY)

-- name: copy_dict
-- New dictionary entries, as a stream.
COPY {s}.dict (id, kind, h, txt, bin) FROM STDIN (FORMAT BINARY)

-- name: excise_plans
-- A writer's plans are for a few keys; an excision goes through tables.
SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL plan_cache_mode = auto

-- name: excise_lock
-- In the order in which refresh_statistics takes the tables: else it would hold one that the excision's own
-- statistics wait for, and wait for the log.
LOCK TABLE {s}.facts, {s}.facts_live, {s}.facts_hist, {s}.log, {s}.dict IN SHARE UPDATE EXCLUSIVE MODE

-- name: excise_open
-- Lets rows be taken out of the log until excise_close, in this transaction. Only the table's owner can.
ALTER TABLE {s}.log DISABLE TRIGGER log_append_only

-- name: excise_close
-- The log is append-only again.
ALTER TABLE {s}.log ENABLE TRIGGER log_append_only

-- name: excise_log
-- Takes facts out of the log, each retraction with the assertion before it: how many rows, and the
-- dictionary codes among their values.
WITH told AS (
  SELECT ctid AS row, max(tx) FILTER (WHERE added) OVER (PARTITION BY e, a, v ORDER BY tx ROWS UNBOUNDED PRECEDING) AS began
  FROM {s}.log
  WHERE a <> ALL(%(kept)s) AND ((e = ANY(%(e)s) AND (%(every)s OR a = ANY(%(only)s))) OR a = ANY(%(a)s))
), gone AS (
  DELETE FROM {s}.log l USING told WHERE l.ctid = told.row AND told.began < %(before)s RETURNING l.vt, l.v
)
SELECT (SELECT count(*) FROM gone),
       (SELECT string_agg(int8send(v), ''::bytea) FROM (SELECT DISTINCT v FROM gone WHERE vt >= 6) AS codes)

-- name: excise_facts
-- The same facts, from those that hold and those that held.
DELETE FROM {s}.facts
WHERE a <> ALL(%(kept)s) AND tx_from < %(before)s
  AND ((e = ANY(%(e)s) AND (%(every)s OR a = ANY(%(only)s))) OR a = ANY(%(a)s))

-- name: excise_dict
-- The values among those codes that nothing in the log speaks of any more.
DELETE FROM {s}.dict d USING unnest(%(v)s) AS k(id)
WHERE d.id = k.id AND NOT EXISTS (SELECT FROM {s}.log l WHERE l.vt >= 6 AND l.v = d.id)
