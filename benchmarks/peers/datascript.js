// DataScript behind JSON lines: `load` takes facts, `ask` measures a question here and gives milliseconds and rows.
"use strict";
const d = require(process.argv[2]);
const readline = require("node:readline");

let db = null;

const load = ({ schema, facts }) => {
  const datoms = [];
  for (const [a, [es, vs]] of Object.entries(facts)) {
    for (let n = 0; n < es.length; n++) datoms.push({ e: es[n], a, v: vs[n] });
  }
  db = null;
  db = d.init_db(datoms, schema);
  return d.datoms(db, ":eavt").length;
};

const walked = (entity, shown) => {
  const found = {};
  for (const name of shown) {
    const v = entity.get(name);
    if (v !== null && v !== undefined) found[name] = v;
  }
  const followed = entity.get("person/follows");
  if (followed && followed.length) found["person/follows"] = followed.map((other) => walked(other, shown));
  return found;
};

const calls = {
  q: ({ text, inputs }) => () => d.q(text, db, ...inputs),
  pull: ({ text, root }) => () => d.pull(db, text, root),
  entities: ({ shown, root }) => () => walked(d.entity(db, root), shown),
};

const milliseconds = () => Number(process.hrtime.bigint()) / 1e6;

const ask = (request) => {
  const { kind, warm, calls: least, first, measured, rounds, most } = request;
  const call = calls[kind](request);
  const began = milliseconds();
  const answer = call();
  const passed = () => (milliseconds() - began) / 1000;
  for (let n = 1; passed() < warm || (n < least && passed() < first / 2); n++) call();
  const taken = [];
  const until = milliseconds() + measured * 1000;
  while (taken.length < rounds || (milliseconds() < until && taken.length < most)) {
    const start = milliseconds();
    call();
    taken.push(milliseconds() - start);
  }
  return { taken, rows: kind === "q" ? answer : [answer] };
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { ok: request.op === "load" ? load(request) : ask(request) };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
