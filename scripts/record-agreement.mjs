// record-agreement.mjs REFERENCE [folder...]: writes what the reference implementation prints for the cases of test/golden/agreement (all of them
// where none is named). REFERENCE is the path of a docker-compose binary. The tests themselves need none.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../test/golden/agreement');
const [reference, ...named] = process.argv.slice(2);
if (reference === undefined) throw new Error('usage: record-agreement.mjs REFERENCE [folder...]');

const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
for (const name of named.length > 0 ? named : folders.map((folder) => folder.name)) record(join(root, name));

function record(folder) {
  const wish = join(folder, 'request.json');
  const request = existsSync(wish) ? JSON.parse(readFileSync(wish, 'utf8')) : {};
  const text = execFileSync(reference, commandLine(request), {
    cwd: join(folder, request.cwd ?? ''),
    env: { PATH: process.env.PATH, HOME: '/home/user', PWD: join(folder, request.cwd ?? ''), ...request.environment },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const model = JSON.parse(text.replaceAll(folder, '$CASE').replaceAll(dirname(folder), '$CASES'), withoutNoise);
  writeFileSync(join(folder, 'reference.json'), `${JSON.stringify(model, null, 2)}\n`);
}

/** The request of a case (LoadRequest and ConfigOptions) in words of the command line. */
function commandLine(request) {
  const flags = (flag, values = []) => values.flatMap((value) => [flag, value]);
  const single = (flag, value) => (value === undefined ? [] : [flag, value]);
  const { options = {} } = request;
  return [
    ...flags('-f', request.files),
    ...flags('--profile', request.profiles),
    ...flags('--env-file', request.envFiles),
    ...single('-p', request.projectName),
    ...single('--project-directory', request.projectDirectory),
    ...['config', '--format', 'json'],
    ...(options.noInterpolate ? ['--no-interpolate'] : []),
    ...(options.noNormalize ? ['--no-normalize'] : []),
    ...(options.noPathResolution ? ['--no-path-resolution'] : []),
    ...(options.services ?? []),
  ];
}

/** Older versions print `create_host_path: true`, newer ones take it for granted. */
function withoutNoise(key, value) {
  return key === 'create_host_path' && value === true ? undefined : value;
}
