/** Runs the host's own programs through a session: a process of the launcher's costs a fraction of one that Node starts. */
import { type Finished, missing, type Runner, systemEnvironment } from '../network/programs.ts';
import { LaunchError, type Launcher } from './launcher.ts';

const ENOENT = 2;

/** `session` is asked for at each call: it is opened when it is first needed. */
export const capturing =
  (session: () => Promise<Pick<Launcher, 'run'>>): Runner =>
  async (program, args, input = '') => {
    const env = Object.entries(systemEnvironment()).map(([name, value]) => `${name}=${value}`);
    try {
      const op = { op: 'capture', argv: [program, ...args], env, input: Buffer.from(input) } as const;
      const { data } = await (await session()).run([op]);
      return parseCaptured(data.get(0)!);
    } catch (error) {
      throw error instanceof LaunchError && error.errno === ENOENT ? missing(program) : error;
    }
  };

/** Exit status, length of the output, output, errors (ops_exec.c, send_captured). */
function parseCaptured(data: Buffer): Finished {
  const end = 8 + data.readUInt32LE(4);
  return {
    status: data.readUInt32LE(0),
    output: data.toString('utf8', 8, end),
    errors: data.toString('utf8', end),
  };
}
