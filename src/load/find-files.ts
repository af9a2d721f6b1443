/** Which Compose files make up the project: those named, those of COMPOSE_FILE, or the first found going up the folders. */
import { posix } from 'node:path';
import { COMPOSE_NAMES, isAddress } from '../model/remote.ts';
import type { Disk } from './disk.ts';
import type { Findings } from './findings.ts';

const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

export interface FoundFiles {
  /** Absolute paths, `-`, or addresses. */
  readonly files: readonly string[];
  /** The folder that relative paths start from. */
  readonly projectDir: string;
}

export interface FindRequest {
  readonly cwd: string;
  readonly files?: readonly string[] | undefined;
  readonly projectDirectory?: string | undefined;
  readonly composeFile?: string | undefined;
  readonly separator?: string | undefined;
}

/** The folder in which the search begins and the first .env is looked for. */
export function startDir(request: FindRequest): string {
  if (request.projectDirectory !== undefined) return posix.resolve(request.cwd, request.projectDirectory);
  const first = request.files?.find((file) => file !== '-');
  return first === undefined || isAddress(first) ? request.cwd : posix.dirname(posix.resolve(request.cwd, first));
}

export function findFiles(request: FindRequest, disk: Disk, findings: Findings): FoundFiles | undefined {
  const projectDir = startDir(request);
  const named = request.files?.length ? request.files : fromVariable(request);
  if (named !== undefined) {
    const files = named.map((file) => (file === '-' || isAddress(file) ? file : posix.resolve(request.cwd, file)));
    const first = files.find((file) => file !== '-');
    const isFirstBase = request.projectDirectory === undefined && first !== undefined && !isAddress(first);
    return { files, projectDir: isFirstBase ? posix.dirname(first) : projectDir };
  }
  for (let folder = projectDir; ; folder = posix.dirname(folder)) {
    const base = pick(folder, COMPOSE_NAMES, disk, findings);
    if (base !== undefined) {
      const override = pick(folder, OVERRIDES, disk, findings);
      const files = override === undefined ? [base] : [base, override];
      return { files, projectDir: request.projectDirectory === undefined ? folder : projectDir };
    }
    if (folder === posix.dirname(folder)) break;
  }
  findings.error('no-compose-file', `no Compose file in ${projectDir} or above it`, undefined, {
    help: `create ${COMPOSE_NAMES[0]} here, or name a file:\n    tcompose -f path/to/compose.yaml …`,
  });
  return undefined;
}

function fromVariable(request: FindRequest): readonly string[] | undefined {
  if (request.composeFile === undefined || request.composeFile === '') return undefined;
  return request.composeFile.split(request.separator || ':').filter((file) => file !== '');
}

function pick(folder: string, names: readonly string[], disk: Disk, findings: Findings): string | undefined {
  const found = names.filter((name) => disk.isFile(posix.join(folder, name)));
  const [first] = found;
  if (first === undefined) return undefined;
  if (found.length > 1) {
    findings.warn('several-files', `${folder} has ${found.join(' and ')}; ${first} is used`, undefined, {
      help: 'remove the others, or name the file with -f',
    });
  }
  return posix.join(folder, first);
}
