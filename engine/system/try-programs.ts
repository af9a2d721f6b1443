/** Programs that the engine runs, and others that rule over the same firewall. */
import { execFile } from 'node:child_process';
import type { Finding } from '../../src/model/engine.ts';
import { readHostFirewalls } from './host-firewalls.ts';

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
  return [...(await Promise.all(NEEDED.map(tryProgram))), ...findFirewalls()];
}

async function tryProgram({ topic, argv, package: name, level, without }: Program): Promise<Finding> {
  const { output, missing } = await run(argv);
  if (missing)
    return { topic, level, what: `not installed: ${without}`, help: `install it:\n    apt-get install ${name}` };
  return { topic, level: 'ok', what: output.split('\n')[0]!.trim() };
}

/** What they do to containers, tried with ufw 0.36 and firewalld 1.3 (test/kernel/network/firewalls.test.ts). */
const findFirewalls = (): readonly Finding[] =>
  readHostFirewalls().map(({ name, knowsBridges }): Finding => {
    if (name === 'ufw')
      return {
        topic: 'ufw',
        level: 'warning',
        what: 'active: it is not asked about published ports, which are open to other machines',
        help: 'publish on 127.0.0.1 what is for this host alone; where IPv6 is relayed to a container without it, let it in:\n    ufw allow PORT/tcp',
      };
    return knowsBridges
      ? { topic: 'firewalld', level: 'ok', what: 'active, and has the bridges of containers in a zone' }
      : {
          topic: 'firewalld',
          level: 'warning',
          what: 'active, and rejects what containers ask of name servers and of the outside: it decides after all rules of iptables',
          help: 'give it the bridges, and each one that a file names itself:\n    firewall-cmd --permanent --zone=trusted --add-interface=tcb+\n    firewall-cmd --reload',
        };
  });

function run([program, ...argv]: readonly [string, ...string[]]): Promise<{ output: string; missing: boolean }> {
  return new Promise((resolve) => {
    execFile(program, argv, { timeout: 5000 }, (error, stdout, stderr) => {
      resolve({ output: `${stdout}${stderr}`, missing: (error as NodeJS.ErrnoException | null)?.code === ENOENT });
    });
  });
}
