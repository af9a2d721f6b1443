// A test that needs a real Redis: it starts one, speaks to it, and leaves nothing behind. README.md says how to run it.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Engine } from 'tcompose/engine';

let engine;
let redis;

before(async () => {
  engine = await Engine.open();
  redis = await engine.start({
    image: 'tcompose-demo/base',
    name: 'redis',
    command: ['redis-server', '--protected-mode', 'no', '--save', ''],
    ports: [6379],
    wait: { log: /Ready to accept connections/ },
  });
});
after(() => engine.close());

/** One command over a socket of this process, as a client of Redis would. */
function ask(line) {
  const socket = connect(redis.port(6379), '127.0.0.1');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.end();
      resolve(answer.toString());
    });
    socket.end(`${line}\r\n`);
  });
}

test('counts', async () => {
  assert.equal(await ask('INCR visits'), ':1\r\n');
  assert.equal(await ask('INCR visits'), ':2\r\n');
});

test('is asked from inside as well', async () => {
  const { exitCode, stdout } = await redis.exec(['redis-cli', 'get', 'visits']);
  assert.deepEqual([exitCode, stdout], [0, '2\n']);
});

test('is reached by its name from another container', async () => {
  const client = await engine.start({
    image: 'tcompose-demo/base',
    command: ['redis-cli', '-h', 'redis', 'ping'],
    wait: { completed: true },
  });
  assert.equal(await client.output(), 'PONG\n');
});
