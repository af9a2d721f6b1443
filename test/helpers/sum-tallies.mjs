// Sums the lines that tally-reporter.ts wrote, and the checks that are no tests (given as arguments: passed, failed).
import { readFileSync } from 'node:fs';

const [file, checksPassed, checksFailed] = process.argv.slice(2);
const tallies = readFileSync(file, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
const sum = (key) => tallies.reduce((total, tally) => total + tally[key], 0);
const skipped = tallies.flatMap((tally) => tally.skipped);

if (skipped.length > 0) console.log(`\n${skipped.length} skipped:`);
for (const { name, reason } of skipped) console.log(`  ${name}: ${reason}`);
console.log(`\n${sum('passed') + Number(checksPassed)} passed, ${sum('failed') + Number(checksFailed)} failed`);
