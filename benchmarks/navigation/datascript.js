// Small questions to DataScript: facts, questions and inputs as JSON on standard input; answers and microseconds out.
"use strict";
const d = require(process.argv[2]);
const { schema, facts, questions, seconds } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const db = d.db_with(d.empty_db(schema), facts);

const rows = (answer) => [...answer].map((row) => (Array.isArray(row) ? row : [row]));
const told = questions.map(({ query, inputs }) => {
  const answers = inputs.map((given) => rows(d.q(query, db, ...given)));
  const rounds = [];
  const end = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
  do {
    const start = process.hrtime.bigint();
    for (const given of inputs) d.q(query, db, ...given);
    rounds.push(Number(process.hrtime.bigint() - start) / 1e3 / inputs.length);
  } while (process.hrtime.bigint() < end || rounds.length < 2);
  rounds.sort((a, b) => a - b);
  return { answers, microseconds: rounds[rounds.length >> 1] };
});
console.log(JSON.stringify(told));
