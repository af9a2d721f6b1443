// Sums the lines that tally-reporter.ts wrote into a file, or those of a folder, and the checks that are no tests: WHERE PASSED FAILED.
// --failed TALLY...: prints the files of which tests failed, for another run of these (whose tally is named `again`), or nothing
// where they are many: that is no accident. Never those of the fault layer.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const MANY = 5;
// What those look for are races: one that is found once is there.
const runsAgain = ({ file }) => !file.startsWith('test/fault/');

const read = (path) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
const sum = (all, key) => all.reduce((total, one) => total + one[key], 0);

if (process.argv[2] === '--failed') {
  const files = process.argv.slice(3).flatMap((path) => read(path).flatMap(({ failing = [] }) => failing));
  if (files.length <= MANY) for (const { file } of files.filter(runsAgain)) console.log(file);
} else {
  const [where, checksPassed = 0, checksFailed = 0] = process.argv.slice(2);
  const isFolder = statSync(where).isDirectory();
  const folder = isFolder ? where : dirname(where);
  const names = isFolder ? readdirSync(folder) : [basename(where)];
  const tallies = names.flatMap((name) => read(join(folder, name)));
  const again = isFolder ? read(join(folder, 'again')) : [];
  // What ran again counts as it ended; what failed to no test's account stays.
  const first =
    again.length === 0 ? [] : names.filter((name) => name !== 'again').flatMap((name) => read(join(folder, name)));
  const replaced = first.flatMap(({ failing = [] }) => failing.filter(runsAgain));
  const stillFailing = new Set(again.flatMap(({ failing = [] }) => failing.map(({ file }) => file)));
  const skipped = new Map(tallies.flatMap((tally) => tally.skipped).map(({ name, reason }) => [name, reason]));

  if (skipped.size > 0) console.log(`\n${skipped.size} skipped:`);
  for (const [name, reason] of skipped) console.log(`  ${name}: ${reason}`);
  const steady = replaced.filter(({ file }) => !stillFailing.has(file));
  if (steady.length > 0) console.log('\nfailed beside another host, and passed alone (their failures are above):');
  for (const { file } of steady) console.log(`  ${file}`);
  const passed = sum(tallies, 'passed') - sum(replaced, 'passed') + Number(checksPassed);
  const failed = sum(tallies, 'failed') - sum(replaced, 'failed') + Number(checksFailed);
  console.log(`\n${passed} passed, ${failed} failed`);
}
