// DataScript behind JSON lines: a request a line, an answer a line. Db values stay here, under numbers.
"use strict";
const d = require("datascript");
const readline = require("node:readline");

let dbs = [];
const kept = (db) => dbs.push(db) - 1;

// A composite value is ClojureScript's own vector, and a retraction is known by the sign of its transaction.
const plain = (v) => (v !== null && typeof v === "object" && v[Symbol.iterator] ? [...v].map(plain) : v);
const fact = (x) => [x.e, x.a, plain(x.v)];
const change = (x) => [...fact(x), x.tx > 0];

const OPS = {
  clear: () => { dbs = []; return null; },
  empty: ({ schema }) => kept(d.empty_db(schema)),
  with: ({ db, tx }) => {
    const conn = d.conn_from_db(dbs[db]);
    const report = d.transact(conn, tx);
    return { db: kept(report.db_after), datoms: report.tx_data.map(change), tempids: report.tempids };
  },
  facts: ({ db }) => d.datoms(dbs[db], ":eavt").map(fact),
  pull: ({ db, pattern, id }) => d.pull(dbs[db], pattern, id) ?? null,
  pull_many: ({ db, pattern, ids }) => d.pull_many(dbs[db], pattern, ids),
  q: ({ db, query, inputs }) => d.q(query, dbs[db], ...(inputs ?? [])),
  entity: ({ db, id, attr }) => {
    const found = d.entity(dbs[db], id);
    if (found === null || found === undefined) return null;
    const value = found.get(attr);
    const shown = (v) => (v !== null && typeof v === "object" && v.get ? { ":db/id": v.get(":db/id") } : v);
    return Array.isArray(value) ? value.map(shown) : value === undefined ? null : shown(value);
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { ok: OPS[request.op](request) };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
