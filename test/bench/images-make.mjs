// The image of the image bench: made from numbers alone, so that it is the same on every machine. About 500 MB in 8 layers, 30,000 files.
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
/** What each layer has of the files: a base system, then less and less. */
const SHARES = [0.3, 0.22, 0.16, 0.12, 0.08, 0.06, 0.04, 0.02];

/** xorshift32: quick, the same everywhere. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** As compressible as programs are, to some 40 %: words that repeat, with noise between them. */
function makeMatter(bytes) {
  const next = numbers(42);
  const words = Array.from({ length: 512 }, () => Buffer.from(Array.from({ length: 4 + next(28) }, () => next(256))));
  const parts = [];
  for (let left = bytes; left > 0; left -= parts.at(-1).length)
    parts.push(next(5) === 0 ? Buffer.from(Array.from({ length: 1 + next(24) }, () => next(256))) : words[next(512)]);
  return Buffer.concat(parts);
}

/** Many small ones, a few large ones, as in /usr. */
function sizeOf(next) {
  const kind = next(1000);
  if (kind < 700) return 200 + next(6000);
  if (kind < 980) return 6000 + next(40_000);
  return 100_000 + next(600_000);
}

function header(name, size, type) {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(type === '5' ? '0000755\0' : '0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(`${(1_700_000_000).toString(8)}\0`, 136);
  block.write(type, 156);
  block.write('ustar\0'.concat('00'), 257);
  block.write('        ', 148);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return block;
}

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function makeLayer(folder, number, files, matter) {
  const next = numbers(1000 + number);
  const tarPath = join(folder, `${number}.tar`);
  const gzPath = `${tarPath}.gz`;
  const [tar, gz] = [openSync(tarPath, 'w'), openSync(gzPath, 'w')];
  const [tarHash, gzHash] = [createHash('sha256'), createHash('sha256')];
  const gzip = createGzip({ level: 6 });
  gzip.on('data', (chunk) => {
    gzHash.update(chunk);
    writeSync(gz, chunk);
  });
  const put = async (bytes) => {
    tarHash.update(bytes);
    writeSync(tar, bytes);
    if (!gzip.write(bytes)) await new Promise((resolve) => gzip.once('drain', resolve));
  };
  for (let i = 0; i < files; i++) {
    const place = `usr/l${number}/d${Math.floor(i / 40)}`;
    if (i % 40 === 0) await put(header(`${place}/`, 0, '5'));
    const size = sizeOf(next);
    const start = next(matter.length - 900_000);
    await put(header(`${place}/f${i}`, size, '0'));
    await put(matter.subarray(start, start + size));
    if (size % 512 !== 0) await put(Buffer.alloc(512 - (size % 512)));
  }
  await put(Buffer.alloc(1024));
  await new Promise((resolve) => gzip.on('end', resolve).end());
  for (const file of [tar, gz]) closeSync(file);
  const [diffId, digest] = [tarHash.digest('hex'), gzHash.digest('hex')];
  return { diffId, digest, tarPath, gzPath, bytes: statSync(tarPath).size, gzBytes: statSync(gzPath).size };
}

/** The large layers, on disk; what `variantOf` makes images of. `scale`: part of the full size. */
export async function makeLayers(folder, scale = 1) {
  mkdirSync(folder, { recursive: true });
  const matter = makeMatter(8 << 20);
  const layers = [];
  for (const [number, share] of SHARES.entries())
    layers.push(await makeLayer(folder, number, Math.round(30_000 * share * scale), matter));
  const saved = join(folder, 'save.tar');
  const file = openSync(saved, 'w');
  for (const { diffId, tarPath } of layers) put(file, `blobs/sha256/${diffId}`, readFileSync(tarPath));
  closeSync(file);
  return { layers, saved, savedBytes: statSync(saved).size };
}

const put = (file, name, bytes) => {
  for (const part of [header(name, bytes.length, '0'), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
    writeSync(file, part);
};

/**
 * An image with a lowest layer of its own, so that dockerd, which keeps layers by what is beneath them, unpacks all of it again
 * while the one before is still there: files that were removed a moment ago make new ones slow on ext4. `saved` becomes its archive.
 */
export async function variantOf({ layers, saved, savedBytes }, name) {
  const tar = Buffer.concat([header(`round-${name}`, 0, '0'), Buffer.alloc(1024)]);
  const gz = gzipSync(tar);
  const first = { diffId: hashOf(tar), digest: hashOf(gz), gzBytes: gz.length, gz };
  const all = [first, ...layers];
  const config = Buffer.from(
    JSON.stringify({
      architecture: { x64: 'amd64' }[process.arch] ?? process.arch,
      os: 'linux',
      created: '2024-01-01T00:00:00Z',
      config: { Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: all.map(({ diffId }) => `sha256:${diffId}`) },
      history: all.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'bench' })),
    }),
  );
  const described = (mediaType, digest, size) => ({ mediaType, digest: `sha256:${digest}`, size });
  const kind = 'application/vnd.docker';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: described(`${kind}.container.image.v1+json`, hashOf(config), config.length),
      layers: all.map(({ digest, gzBytes }) => described(`${kind}.image.rootfs.diff.tar.gzip`, digest, gzBytes)),
    }),
  );
  truncateSync(saved, savedBytes);
  const file = openSync(saved, 'a');
  put(file, `blobs/sha256/${first.diffId}`, tar);
  put(file, `blobs/sha256/${hashOf(config)}`, config);
  const listed = {
    Config: `blobs/sha256/${hashOf(config)}`,
    RepoTags: [`bench/large:${name}`],
    Layers: all.map(({ diffId }) => `blobs/sha256/${diffId}`),
  };
  put(file, 'manifest.json', Buffer.from(JSON.stringify([listed])));
  writeSync(file, Buffer.alloc(1024));
  closeSync(file);
  return { name, layers: all, config, manifest, saved };
}

/** Blobs and manifest by the distribution protocol; blobs that are there are passed over. */
export async function putImage(host, { name, layers, config, manifest }) {
  const ask = async (method, url, body, type = 'application/octet-stream') => {
    const answer = await fetch(url, { method, body, headers: { 'content-type': type } });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const base = `http://${host}/v2/bench/large`;
  const blobs = [
    ...layers.map(({ digest, gz, gzPath }) => [digest, () => gz ?? readFileSync(gzPath)]),
    [hashOf(config), () => config],
  ];
  for (const [digest, read] of blobs) {
    if ((await fetch(`${base}/blobs/sha256:${digest}`, { method: 'HEAD' })).ok) continue;
    const place = (await ask('POST', `${base}/blobs/uploads/`)).headers.get('location');
    const url = new URL(place, base);
    url.searchParams.set('digest', `sha256:${digest}`);
    await ask('PUT', url, read());
  }
  await ask('PUT', `${base}/manifests/${name}`, manifest, MANIFEST);
}
