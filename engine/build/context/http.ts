/** A file that is fetched by http, kept by its address and asked for anew with what its server said of it (RFC 9110, conditional requests). */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { type Answer, openRequests } from '../../registry/request.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import type { CopyServices } from '../copy/contract.ts';
import { fetchedDir } from './fetched.ts';

export interface FetchedFile {
  readonly folder: string;
  /** In that folder. */
  readonly stored: string;
  /** What it is called where it goes. */
  readonly name: string;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly contentType: string;
}

/** Beside the file. `digest`: `sha256:…` of its bytes. */
interface Note {
  readonly url: string;
  readonly digest: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly disposition?: string;
  readonly contentType?: string;
}

const BODY = 'body';
const BYTES_MAX = 64 * 2 ** 30;

export async function fetchFile(
  services: CopyServices,
  address: string,
  { checksum }: { readonly checksum?: string | undefined } = {},
): Promise<FetchedFile> {
  const url = readAddress(address);
  const folder = join(
    fetchedDir(services.host.paths),
    `http-${createHash('sha256').update(url.href).digest('hex').slice(0, 40)}`,
  );
  const wanted = checksum === undefined ? undefined : readChecksum(checksum);
  const known = await readNote(folder, url);
  // What is named by its digest needs no asking.
  if (known !== undefined && known.digest === wanted) return fetchedFrom(folder, known, url);
  const answer = await ask(services, url, known);
  if (answer.status === 304 && known !== undefined) return checked(fetchedFrom(folder, known, url), known, wanted, url);
  const note = await store(services, folder, answer, url, wanted);
  return fetchedFrom(folder, note, url);
}

function readAddress(address: string): URL {
  if (!URL.canParse(address))
    throw new TcomposeError(`${address} is no address`, { code: 'bad-copy', help: 'write it as https://host/path' });
  return new URL(address);
}

function readChecksum(text: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return text;
  throw new TcomposeError(`--checksum=${text} is no checksum that is known here`, {
    code: 'bad-copy',
    help: 'write sha256: and 64 hexadecimal digits',
  });
}

async function readNote(folder: string, url: URL): Promise<Note | undefined> {
  try {
    const note = JSON.parse(await readFile(join(folder, 'note.json'), 'utf8')) as Note;
    return note.url === url.href ? note : undefined;
  } catch {
    return undefined;
  }
}

const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

async function ask({ signal }: CopyServices, url: URL, known: Note | undefined): Promise<Answer> {
  const { username, password } = url;
  const plain = new URL(url);
  plain.username = plain.password = plain.hash = '';
  const basic = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers = {
    'user-agent': 'tcompose',
    'accept-encoding': 'identity',
    ...(username !== '' && { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.etag === undefined && known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
  };
  const answer = await openRequests(process.env, signal)
    .send({ url: plain, headers, maxBytes: 65_536, isStream: true })
    .catch((cause: Error) => {
      throw cause instanceof TcomposeError ? cause : failed(url, cause.message, cause);
    });
  if (answer.status === 304 || answer.stream !== undefined) return answer;
  throw failed(url, `its server answers ${answer.status}`);
}

const failed = (url: URL, why: string, cause?: unknown): TcomposeError =>
  new TcomposeError(`cannot fetch ${shown(url)}: ${why}`, {
    code: 'fetch-failed',
    help: 'check the address; behind a proxy set HTTPS_PROXY',
    ...(cause !== undefined && { cause }),
  });

/** To a folder of its own first, so that a file that is broken off, or another one than was asked for, never gets the name. */
async function store(
  services: CopyServices,
  folder: string,
  answer: Answer,
  url: URL,
  wanted: string | undefined,
): Promise<Note> {
  const { onProgress, host, signal } = services;
  const unfinished = join(fetchedDir(host.paths), `.making-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  try {
    const file = await open(join(unfinished, BODY), 'wx', 0o600);
    const hash = createHash('sha256');
    const length = Number(answer.headers['content-length'] ?? Number.NaN);
    let bytes = 0;
    try {
      for await (const part of answer.stream as AsyncIterable<Buffer>) {
        signal.throwIfAborted();
        bytes += part.length;
        if (bytes > BYTES_MAX) throw failed(url, `it is larger than ${BYTES_MAX} bytes`);
        hash.update(part);
        await file.writeFile(part);
        onProgress?.(shown(url), bytes, Number.isNaN(length) ? undefined : length);
      }
    } finally {
      answer.stream?.destroy();
      await file.close();
    }
    if (!Number.isNaN(length) && bytes !== length) throw failed(url, `it ended after ${bytes} of ${length} bytes`);
    const {
      etag,
      'last-modified': lastModified,
      'content-disposition': disposition,
      'content-type': contentType,
    } = answer.headers;
    const note: Note = {
      url: url.href,
      digest: `sha256:${hash.digest('hex')}`,
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified }),
      ...(disposition !== undefined && { disposition }),
      ...(contentType !== undefined && { contentType }),
    };
    if (wanted !== undefined && note.digest !== wanted) throw mismatch(url, note.digest, wanted);
    const text = await open(join(unfinished, 'note.json'), 'wx', 0o600);
    await text.writeFile(JSON.stringify(note));
    await text.close();
    await removeTrees([folder]);
    await rename(unfinished, folder);
    return note;
  } finally {
    await removeTrees([unfinished]);
  }
}

const mismatch = (url: URL, digest: string, wanted: string): TcomposeError =>
  new TcomposeError(`${shown(url)} has the digest ${digest}, not ${wanted}`, {
    code: 'digest-mismatch',
    help: 'find out which of the two is right before you change --checksum',
  });

function checked(file: FetchedFile, note: Note, wanted: string | undefined, url: URL): FetchedFile {
  if (wanted !== undefined && note.digest !== wanted) throw mismatch(url, note.digest, wanted);
  return file;
}

function fetchedFrom(folder: string, { lastModified, disposition, contentType = '' }: Note, url: URL): FetchedFile {
  const parsed = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  return {
    folder,
    stored: BODY,
    name: nameOf(url, disposition),
    // As BuildKit: without Last-Modified the beginning of time, so that the same file is the same layer.
    mtime: { seconds: Number.isNaN(parsed) ? 0 : Math.floor(parsed / 1000), nanoseconds: 0 },
    contentType,
  };
}

/** The last part of the path, else what its server calls it. */
export function nameOf(url: URL, disposition: string | undefined): string {
  let path = url.pathname;
  try {
    path = decodeURIComponent(path);
  } catch {
    // Its bytes are meant as they are.
  }
  const fromServer = /filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1] ?? '';
  const name = [path, fromServer]
    .map((text) => posix.basename(text))
    .find((text) => !/^\.{0,2}$/.test(text) && !/[/\0]/.test(text));
  return name ?? '__unnamed__';
}
