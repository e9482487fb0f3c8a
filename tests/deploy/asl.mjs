// The state machine, judged by npm `asl-validator`; then broken in several ways, each of which has to be found.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, file] = process.argv.slice(2);
const validate = createRequire(`${resolve(modules)}/`)("asl-validator");

// The validator writes into what it is given.
const judge = (definition) => validate(structuredClone(definition));

const definition = JSON.parse(readFileSync(file, "utf8"));
const found = judge(definition);
if (!found.isValid) {
  console.error(`${file}:`);
  for (const error of found.errors) console.error(`  ${error["Error code"]}: ${error.Message}`);
  process.exit(1);
}

const broken = {
  "a state that is not there": (it) => (it.States.Merge.Next = "Nowhere"),
  "a state nobody reaches": (it) => (it.States.Lost = { Type: "Succeed" }),
  "a map without an iterator": (it) => delete it.States.Shards.ItemProcessor,
  "a task without a resource": (it) => delete it.States.Shards.ItemProcessor.States.Shard.Resource,
  "a shard that never ends": (it) => delete it.States.Shards.ItemProcessor.States.Shard.End,
  "a path that is none": (it) => (it.States.Shards.ItemsPath = "indices"),
};
const missed = Object.entries(broken).filter(([, change]) => {
  const copy = structuredClone(definition);
  change(copy);
  return judge(copy).isValid;
});
for (const [name] of missed) console.error(`${file} with ${name} is taken for a state machine`);
if (missed.length > 0) process.exit(1);
console.log(`${file} is a state machine; ${Object.keys(broken).length} broken ones are found`);
