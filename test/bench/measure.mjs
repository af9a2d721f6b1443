// What one command costs, and the daemon with it where it is one's client.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Resident bytes of a process and all below it, what they share counted for each: never too little. */
function residentOf(pid) {
  let total = 0;
  const waiting = [pid];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop())
    try {
      total += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0) * 1024;
      for (const task of readdirSync(`/proc/${one}/task`))
        waiting.push(...readFileSync(`/proc/${one}/task/${task}/children`, 'utf8').split(' ').filter(Boolean));
    } catch {
      // It ended meanwhile.
    }
  return total;
}

/** Ticks that a process has taken, and those that it has waited for (proc_pid_stat(5)). */
function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number);
  return { own: fields[11] + fields[12], ofChildren: fields[13] + fields[14] };
}

/** `pidFile`: the daemon's, whose processor time counts for what its client is asked. */
export function beside(pidFile) {
  const daemon = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : undefined;
  const daemonTicks = () => (daemon === undefined ? 0 : ticksOf(daemon).own + ticksOf(daemon).ofChildren);
  /** Milliseconds, processor seconds, and the most memory of one command; `isDaemons`: of the daemon's client. */
  return (argv, env, isDaemons, cwd) => time(argv, { env, cwd }, isDaemons ? daemonTicks : () => 0);
}

async function time(argv, options, daemonTicks) {
  // What another has written and not yet brought to the disk is not this one's to wait for.
  execFileSync('sync');
  const ticks = () => ticksOf(process.pid).ofChildren + daemonTicks();
  const [begun, before] = [performance.now(), ticks()];
  const child = spawn(argv[0], argv.slice(1), { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk) => {
    words += chunk;
  });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentOf(child.pid));
  }, 100);
  const code = await new Promise((resolve) => child.on('close', resolve));
  const ms = performance.now() - begun;
  clearInterval(watch);
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${words}`);
  return { ms, most, cpu: (ticks() - before) / 100 };
}
