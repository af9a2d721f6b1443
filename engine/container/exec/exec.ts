/** Runs another program in a container: with this process's own streams, or on a terminal of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ExecRequest } from '../../../src/model/engine.ts';
import { newExec } from '../../events/trace.ts';
import type { Host } from '../../host.ts';
import type { LaunchError } from '../../launcher/launcher.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { encodeProgram } from '../../launcher/wire.ts';
import { readContainerRecords } from '../../state/container-records.ts';
import { containerRun } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { environmentOf } from '../environment.ts';
import type { HostFacts } from '../host-facts.ts';
import { hostnameOf, namedAs } from '../host-files.ts';
import { checkIdentity, userPlan } from '../isolation/user-namespace.ts';
import { linkVariables } from '../link-env.ts';
import { isPaused } from '../pause.ts';
import { planProcess } from '../plan-container.ts';
import { joinProgram, type ProcessPlan } from '../program.ts';
import { type CgroupPlan, cgroupPlace } from '../resources/cgroup.ts';
import { groupsOf } from '../resources/cgroup-facts.ts';
import { savedAccountFiles } from '../rootfs-files.ts';
import { readRuntime } from '../runtime.ts';
import { notRunning } from '../stop.ts';
import { noSuchContainer } from '../unknown.ts';
import type { ExecRun } from './exec-run.ts';

export async function execInContainer(host: Host, name: string, request: ExecRequest): Promise<number> {
  const record = readContainerRecords(host.paths).find((record) => record.name === name);
  if (record === undefined) throw noSuchContainer(name);
  const ops = await execProgram(host, record, request);
  const file = newExec(containerRun(host.paths, record.id), request.argv);
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  const run = { binary: host.launcher, file };
  let isLeft = false;
  try {
    const code = await runAs(request, run);
    isLeft = code === undefined || (request.detach && code === 0);
    if (isLeft) return 0;
    const failure = await readFailure(file, ops);
    if (failure === undefined) return code ?? 0;
    // Answers, said in words, as is a working folder that is not there (Docker's code for it); anything else is a failure of ours.
    const answer = code === 126 || code === 127 ? code : failure.op?.op === 'chdir' ? 127 : undefined;
    if (answer === undefined) throw failure;
    process.stderr.write(`${failure.message}\n`);
    return answer;
  } finally {
    // The launcher takes the file away when it has read it: mostly nothing is left.
    const left = isLeft ? [] : [file, `${file}.error`].filter((path) => existsSync(path));
    await Promise.all(left.map((path) => rm(path, { force: true })));
  }
}

/** Undefined: its client has left, and it goes on. */
async function runAs(request: ExecRequest, run: ExecRun): Promise<number | undefined> {
  if (request.detach) return (await import('./exec-run.ts')).runDetached(run);
  if (request.tty) return (await import('./exec-terminal.ts')).runOnTerminal(run, request);
  return (await import('./exec-run.ts')).runHere(run, request.interactive);
}

export async function execProgram(
  host: Host,
  record: ContainerRecord,
  request: ExecRequest,
): Promise<readonly LaunchOp[]> {
  const { process: target, status } = readRuntime(host.paths, record);
  if (target === undefined) throw notRunning(record.name);
  if (status === 'paused') throw isPaused(record.name);
  const [facts, instance] = await Promise.all([host.facts(), host.instance()]);
  const layers = async () => (await host.images()).layerPaths(record.madeFrom.image.id);
  const accounts = await savedAccountFiles(host, record.id, layers);
  const records = readContainerRecords(host.paths);
  const named = namedAs(record, records) ?? record;
  const user = userPlan(host.paths, record, records);
  const asked: ContainerRecord = {
    ...record,
    madeFrom: { ...record.madeFrom, ...(request.user === undefined ? {} : { user: request.user, groupAdd: [] }) },
  };
  const ground = await planProcess(host, asked, { facts, accounts, namedAs: named, note: () => undefined });
  if (user !== undefined) checkIdentity(record.name, ground.identity, user);
  const plan: ProcessPlan = {
    ...ground,
    argv: request.argv,
    // Docker's rule: what runs beside the program is told of the links, too.
    env: environmentOf([linkVariables(record, records), record.madeFrom.env, request.env], {
      hostname: hostnameOf(named.madeFrom, named.id, facts.names),
      home: ground.identity.home,
      tty: request.tty,
    }),
    workingDir: request.workingDir ?? record.madeFrom.workingDir,
    ...(request.privileged ? { capabilities: facts.capabilities } : {}),
  };
  const cgroup = cgroupPlace(facts.cgroups, instance, record);
  const tasks = [...cgroup.tasks, ...elsewhere(facts.cgroups, target.pid, cgroup)];
  const streams = { terminal: request.tty, ownsStreams: request.tty };
  return joinProgram(target, plan, { ...cgroup, tasks }, { ...streams, ids: user?.ids });
}

/**
 * Version 1 hierarchies in which the container has no group of its own: its processes are where its supervisor is, and so must be what
 * joins them. Else it would stay in our login session, of which systemd (`name=systemd`) makes an end when the user goes.
 */
function elsewhere(facts: HostFacts['cgroups'], pid: number, { tasks }: CgroupPlan): readonly string[] {
  const [ours, theirs] = ['self', pid].map((who) => groupsOf(facts, readFileSync(`/proc/${who}/cgroup`, 'utf8')));
  return [...theirs!].flatMap(([point, path]) => {
    const file = `${point}${path === '/' ? '' : path}/tasks`;
    return ours!.get(point) === path || tasks.includes(file) ? [] : [file];
  });
}

export async function readFailure(file: string, ops: readonly LaunchOp[]): Promise<LaunchError | undefined> {
  let text: string;
  try {
    text = readFileSync(`${file}.error`, 'utf8');
  } catch {
    return undefined;
  }
  const [{ LaunchError: Failure }, { SECTIONS }] = await Promise.all([
    import('../../launcher/launcher.ts'),
    import('../../supervise/spec.ts'),
  ]);
  const [section = 0, index = 0, errno = 0] = text.trim().split(' ').map(Number);
  return new Failure({ section: SECTIONS[section] ?? 'program', index, errno }, ops[index]);
}
