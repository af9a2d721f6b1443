/** An SSH agent for a RUN: connections to a socket of the step's own are passed on to the user's. Keys never leave it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { TcomposeError } from '../../../src/model/errors.ts';

export interface ForwardedAgent {
  readonly socket: string;
  close(): Promise<void>;
}

/** `path`: of a socket or of a key file; absent: the agent of SSH_AUTH_SOCK. */
export async function forwardAgent(
  socket: string,
  { id, path = process.env['SSH_AUTH_SOCK'] }: { readonly id: string; readonly path?: string },
  owner: { readonly uid: number; readonly gid: number; readonly mode: number },
): Promise<ForwardedAgent> {
  const found = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === undefined || found === undefined)
    throw new TcomposeError(path === undefined ? 'no SSH agent runs' : `the SSH agent ${id} is not at ${path}`, {
      code: 'ssh-missing',
      help: 'start one (eval "$(ssh-agent)"), or give a key: --ssh default=FILE',
    });
  if (!found.isSocket()) return agentOfKey(socket, path, owner);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const agent = connect(path);
    for (const [one, other] of [
      [client, agent],
      [agent, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy()).on('close', () => open.delete(one));
      one.pipe(other);
    }
  });
  server.listen(socket);
  await once(server, 'listening');
  give(socket, owner);
  return {
    socket,
    close: async () => {
      for (const one of open) one.destroy();
      server.close();
      rmSync(socket, { force: true });
    },
  };
}

function give(socket: string, { uid, gid, mode }: { uid: number; gid: number; mode: number }): void {
  chownSync(socket, uid, gid);
  chmodSync(socket, mode);
}

/** An agent of the host's that holds one key and ends with the step. */
async function agentOfKey(
  socket: string,
  key: string,
  owner: { readonly uid: number; readonly gid: number; readonly mode: number },
): Promise<ForwardedAgent> {
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  const ended = once(agent, 'close').catch(() => undefined);
  const close = async () => {
    agent.kill('SIGKILL');
    await ended;
    rmSync(socket, { force: true });
  };
  const isThere = async (): Promise<boolean> => {
    for (let tries = 0; tries < 200; tries++) {
      if (existsSync(socket)) return true;
      if (agent.exitCode !== null) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return false;
  };
  const add = async (): Promise<boolean> => {
    const child = spawn('ssh-add', [key], { stdio: 'ignore', env: { ...process.env, SSH_AUTH_SOCK: socket } });
    const [code] = (await once(child, 'close').catch(() => [1])) as [number | null];
    return code === 0;
  };
  if (!(await isThere()) || !(await add())) {
    await close();
    throw new TcomposeError(`the key ${key} cannot be given to an SSH agent`, {
      code: 'ssh-missing',
      help: 'install openssh-client; a key with a passphrase needs an agent that runs already',
    });
  }
  give(socket, owner);
  return { socket, close };
}
