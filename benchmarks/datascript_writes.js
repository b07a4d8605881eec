// The writes of datascript-bench on DataScript: people as JSON on standard input, milliseconds of each round out.
const d = require(process.argv[2]);
const rounds = Number(process.argv[3]);
const people = JSON.parse(require("fs").readFileSync(0, "utf8"));
const names = Object.keys(people[0]);
const maps = people.map((person, n) => ({ ":db/id": n + 1, ...person }));

const empty = () => d.empty_db({});
const all = () => d.db_with(empty(), maps);
const full = all();

const verbs = {
  "add-1": () => maps.reduce((db, person) => names.reduce(
    (db, name) => d.db_with(db, [[":db/add", person[":db/id"], name, person[name]]]), db), empty()),
  "add-5": () => maps.reduce((db, person) => d.db_with(db, [person]), empty()),
  "add-all": all,
  "retract-5": () => maps.reduce(
    (db, person) => d.db_with(db, [[":db.fn/retractEntity", person[":db/id"]]]), full),
};

const told = {};
for (const [verb, run] of Object.entries(verbs)) {
  run(); // warm: the compiler has seen it
  told[verb] = { milliseconds: [], datoms: d.datoms(run(), ":eavt").length };
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    run();
    told[verb].milliseconds.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
}
console.log(JSON.stringify(told));
