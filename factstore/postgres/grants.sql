-- The rights of those who do not own a store: {s} is its schema, {role} a role. The owner, who made the tables, has
-- every right and is the only one to migrate and to excise.

-- name: reader
-- Queries, at any t; and the view of datoms for people and BI tools.
GRANT USAGE ON SCHEMA {s} TO {role};
GRANT SELECT ON {s}.root, {s}.dict, {s}.log, {s}.facts, {s}.facts_live, {s}.facts_hist, {s}.datoms TO {role};
GRANT EXECUTE ON FUNCTION {s}.as_double(int8), {s}.as_instant(int8) TO {role};

-- name: writer
-- Transactions, beside what a reader may. The log can only be appended to, the version of the layout not be changed,
-- and nothing be truncated. What holds and what has ended is derived from the log, and can be made again from it.
GRANT UPDATE (t, next_e, next_v) ON {s}.root TO {role};
GRANT INSERT ON {s}.dict, {s}.log, {s}.facts_live, {s}.facts_hist TO {role};
GRANT DELETE ON {s}.facts_live TO {role};
GRANT UPDATE (fl) ON {s}.facts TO {role};
GRANT EXECUTE ON FUNCTION {s}.expect(int8, int8), {s}.refresh_statistics() TO {role};

-- name: nobody
-- Takes all of it back.
REVOKE ALL ON ALL TABLES IN SCHEMA {s} FROM {role};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {s} FROM {role};
REVOKE ALL ON SCHEMA {s} FROM {role};
