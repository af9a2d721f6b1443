/** Programs that the engine runs, and others that rule over the same firewall. */
import { execFile } from 'node:child_process';
import type { Finding } from '../../src/model/engine.ts';

interface Program {
  readonly topic: string;
  readonly argv: readonly [string, ...string[]];
  readonly package: string;
  readonly level: 'warning' | 'error';
  readonly without: string;
}

const NEEDED: readonly Program[] = [
  { topic: 'ip', argv: ['ip', '-V'], package: 'iproute2', level: 'error', without: 'networks cannot be looked at' },
  {
    topic: 'iptables',
    argv: ['iptables-restore', '--version'],
    package: 'iptables',
    level: 'error',
    without: 'no ports, no way out of bridge networks',
  },
  {
    topic: 'ip6tables',
    argv: ['ip6tables-restore', '--version'],
    package: 'iptables',
    level: 'warning',
    without: 'no IPv6 in networks',
  },
  {
    topic: 'dnsmasq',
    argv: ['dnsmasq', '--version'],
    package: 'dnsmasq-base',
    level: 'error',
    without: 'containers do not find each other by name',
  },
  {
    topic: 'flock',
    argv: ['flock', '--version'],
    package: 'util-linux',
    level: 'error',
    without: 'projects cannot be locked',
  },
];

const ENOENT = 'ENOENT';

export async function tryPrograms(): Promise<Finding[]> {
  const [needed, ufw, firewalld] = await Promise.all([Promise.all(NEEDED.map(tryProgram)), findUfw(), findFirewalld()]);
  return [...needed, ...ufw, ...firewalld];
}

async function tryProgram({ topic, argv, package: name, level, without }: Program): Promise<Finding> {
  const { output, missing } = await run(argv);
  if (missing)
    return { topic, level, what: `not installed: ${without}`, help: `install it:\n    apt-get install ${name}` };
  return { topic, level: 'ok', what: output.split('\n')[0]!.trim() };
}

/** Active, it drops what is forwarded unless told otherwise. */
async function findUfw(): Promise<Finding[]> {
  const { output } = await run(['ufw', 'status']);
  if (!output.includes('Status: active')) return [];
  return [
    {
      topic: 'ufw',
      level: 'warning',
      what: 'active: it may drop what is forwarded to containers',
      help: 'let forwarded packets pass:\n    ufw default allow routed',
    },
  ];
}

async function findFirewalld(): Promise<Finding[]> {
  const { output } = await run(['firewall-cmd', '--state']);
  if (!output.includes('running')) return [];
  return [
    {
      topic: 'firewalld',
      level: 'warning',
      what: 'running: a reload of its rules removes those of others',
      help: 'after a reload, mend with tcompose up',
    },
  ];
}

function run([program, ...argv]: readonly [string, ...string[]]): Promise<{ output: string; missing: boolean }> {
  return new Promise((resolve) => {
    execFile(program, argv, { timeout: 5000 }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}${stderr}`, missing: (error as NodeJS.ErrnoException | null)?.code === ENOENT });
    });
  });
}
