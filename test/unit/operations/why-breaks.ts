/** Connections as facts: two that work, and every way in which one breaks. */
import type { Trace, TraceLink, TraceParty, TraceRequest, TraceRule, TraceRules } from '../../../src/model/trace.ts';

const party = (container: string, changes: Partial<TraceParty> = {}): TraceParty => ({
  container,
  status: 'running',
  exitCode: 0,
  mode: 'bridge',
  networks: [{ name: 'shop_default', internal: false, ipv4: container === 'shop-web-1' ? '172.18.0.2' : '172.18.0.3' }],
  ...changes,
});
const web = party('shop-web-1');
const db = party('shop-db-1');
const link = (side: 'asker' | 'target', kind: TraceLink['kind'], is: TraceLink['is'] = 'up'): TraceLink => ({
  side,
  kind,
  is,
  network: 'shop_default',
  name: kind === 'inside' ? 'eth0' : kind === 'bridge' ? 'tcb1' : `tcv-${side}`,
});
const links = [
  ...(['asker', 'target'] as const).flatMap((side) => [
    link(side, 'inside'),
    link(side, 'host end'),
    link(side, 'bridge'),
  ]),
];
export const rules: TraceRules = { path: 'bridged', met: [], verdict: 'passes', uncertain: [], missing: [] };
export const rule = (changes: Partial<TraceRule>): TraceRule => ({
  chain: 'filter FORWARD',
  text: '-j DROP',
  packets: 3,
  target: 'DROP',
  rose: false,
  ...changes,
});
const name = {
  server: '127.0.0.11',
  at: '172.18.0.1:53',
  serverRuns: true,
  fromHostsFile: false,
  addresses: ['172.18.0.3'],
};

export const inside: Trace = {
  asker: web,
  meant: [db],
  name,
  address: '172.18.0.3',
  target: db,
  route: { device: 'eth0', source: '172.18.0.2' },
  links,
  rules,
  listening: [{ address: '0.0.0.0', port: 5432 }],
  attempt: { to: '172.18.0.3:5432', result: 'connected', ms: 1 },
};
const port = { protocol: 'tcp', target: 5432, hostIp: '', published: 15432 };
export const fromHost: Trace = {
  meant: [db],
  address: '127.0.0.1',
  target: db,
  published: { port, all: [port], heldBy: 'tcompose (pid 4)', heldByOwn: true },
  route: { device: 'lo' },
  links: links.filter(({ side }) => side === 'target'),
  rules: { ...rules, path: 'output', ledTo: '172.18.0.3:5432' },
  listening: [{ address: '0.0.0.0', port: 5432 }],
  attempt: { to: '127.0.0.1:15432', result: 'connected', ms: 1 },
};

const refused = { to: '172.18.0.3:5432', result: 'ECONNREFUSED', ms: 1 };
const silent = { to: '172.18.0.3:5432', result: 'ETIMEDOUT', ms: 3000 };
export const without = <K extends keyof Trace>(trace: Trace, ...keys: K[]): Trace =>
  Object.fromEntries(Object.entries(trace).filter(([key]) => !keys.includes(key as K))) as unknown as Trace;
const unnamed = (error: string, changes: Partial<Trace> = {}): Trace => ({
  ...without(inside, 'address', 'target', 'route', 'rules', 'listening', 'attempt'),
  name: { ...name, addresses: [], error },
  ...changes,
});
const internal = party('shop-web-1', { networks: [{ name: 'shop_back', internal: true, ipv4: '172.18.4.2' }] });
const apart = party('shop-db-1', { networks: [{ name: 'shop_back', internal: false, ipv4: '172.18.4.2' }] });

export const BREAKS: readonly (readonly [
  title: string,
  trace: Trace,
  hop: string,
  says: RegExp,
  request?: Partial<TraceRequest>,
])[] = [
  [
    'the asker is stopped',
    { asker: party('shop-web-1', { status: 'exited', exitCode: 3 }), meant: [db], links: [] },
    'asker',
    /exited with 3[\s\S]*up -d web/,
  ],
  [
    'the asker is paused',
    { ...unnamed('ETIMEOUT'), asker: party('shop-web-1', { status: 'paused' }) },
    'asker',
    /unpause web/,
  ],
  [
    'the asker has no network',
    { ...unnamed('ECONNREFUSED'), asker: party('shop-web-1', { mode: 'none', networks: [] }) },
    'asker',
    /network_mode: none/,
  ],
  [
    "the asker's interface is down",
    unnamed('ETIMEOUT', { links: [link('asker', 'inside', 'down')] }),
    'asker',
    /eth0 .*is down/,
  ],
  [
    "the asker's bridge is gone",
    unnamed('ETIMEOUT', { links: [link('asker', 'bridge', 'gone')] }),
    'asker',
    /bridge tcb1 .*is gone/,
  ],
  [
    'the name server does not run',
    unnamed('ECONNREFUSED', { name: { ...name, addresses: [], error: 'ECONNREFUSED', serverRuns: false } }),
    'name',
    /does not run/,
  ],
  ['the name server is kept from answering', unnamed('ETIMEOUT'), 'name', /does not answer \(ETIMEOUT\)/],
  ['nobody is called so', unnamed('ENOTFOUND', { meant: [] }), 'name', /no such name: db/],
  [
    'nobody outside is asked by an internal network',
    unnamed('EREFUSED', { meant: [], asker: internal }),
    'name',
    /no such name[\s\S]*internal/,
  ],
  [
    'the target is stopped',
    unnamed('ENOTFOUND', { meant: [party('shop-db-1', { status: 'exited', exitCode: 1 })] }),
    'name',
    /shop-db-1 does not run \(exited with 1\)[\s\S]*logs db/,
  ],
  [
    'no network is shared',
    unnamed('ENOTFOUND', { meant: [apart] }),
    'name',
    /share no network \(shop_default; shop_back\)[\s\S]*web: \{networks: \[back\]\}/,
  ],
  [
    'a name is not told though it should be',
    unnamed('ENOTFOUND'),
    'name',
    /though shop-db-1 runs and shares a network/,
  ],
  [
    'the address is one of another network',
    { ...without(inside, 'name'), target: apart, attempt: silent },
    'address',
    /share no network/,
  ],
  [
    'the target has ended by itself',
    { ...inside, target: party('shop-db-1', { status: 'exited', exitCode: 137 }), attempt: silent },
    'address',
    /exited with 137/,
  ],
  [
    'the target is paused',
    { ...inside, target: party('shop-db-1', { status: 'paused' }), attempt: silent },
    'address',
    /unpause db/,
  ],
  [
    'the address is outside, the networks internal',
    { ...without(inside, 'name', 'target'), asker: internal, address: '192.0.2.1', attempt: silent },
    'address',
    /every network .* is internal/,
    { to: '192.0.2.1', meant: [] },
  ],
  [
    'there is no route',
    { ...inside, route: { error: 'Network is unreachable' }, attempt: { ...silent, result: 'ENETUNREACH' } },
    'route',
    /no route to 172\.18\.0\.3 \(Network is unreachable\)/,
  ],
  [
    "the host's end of the target is down",
    { ...inside, links: [...links, link('target', 'host end', 'down')], attempt: silent },
    'links',
    /tcv-target .*target's side.*down/,
  ],
  [
    'the target hangs on another bridge',
    { ...inside, links: [link('target', 'host end', 'on another bridge')], attempt: silent },
    'links',
    /on another bridge/,
  ],
  [
    'inter-container communication is off',
    { ...inside, rules: { ...rules, isolated: true }, attempt: silent },
    'rules',
    /enable_icc/,
  ],
  [
    'a rule of another program drops',
    { ...inside, rules: { ...rules, path: 'forward', verdict: 'dropped', droppedBy: rule({}) }, attempt: silent },
    'rules',
    /dropped by a rule of filter FORWARD: -j DROP, 3 packets[\s\S]*iptables -t filter -S FORWARD/,
  ],
  [
    'a rule of ours drops',
    {
      ...inside,
      rules: { ...rules, verdict: 'dropped', droppedBy: rule({ chain: 'mangle TC-1a2b-GUARD' }) },
      attempt: silent,
    },
    'rules',
    /networks are kept apart/,
  ],
  [
    'a rule that cannot be judged has counted',
    {
      ...inside,
      rules: { ...rules, uncertain: [rule({ text: '-m mark --mark 0x1 -j DROP', rose: true })] },
      attempt: silent,
    },
    'rules',
    /--mark 0x1/,
  ],
  [
    'the policy drops',
    {
      ...inside,
      rules: {
        ...rules,
        verdict: 'dropped',
        droppedBy: rule({ text: 'policy DROP of the chain FORWARD', packets: 0 }),
      },
      attempt: silent,
    },
    'rules',
    /policy DROP[\s\S]*ufw/,
  ],
  [
    'rules of ours are gone',
    { ...inside, rules: { ...rules, missing: ['the port map of shop-db-1'] }, attempt: silent },
    'rules',
    /port map of shop-db-1 is gone/,
  ],
  [
    'nothing listens',
    { ...inside, listening: [{ address: '0.0.0.0', port: 80 }], attempt: refused },
    'listener',
    /what listens: 80/,
  ],
  [
    'it listens on the loopback address only',
    { ...inside, listening: [{ address: '127.0.0.1', port: 5432 }], attempt: refused },
    'listener',
    /127\.0\.0\.1 only[\s\S]*0\.0\.0\.0/,
  ],
  ['nothing explains a silence', { ...inside, attempt: silent }, 'connect', /no answer within 3 seconds/],
  [
    'the port is not published',
    { ...without(fromHost, 'address', 'route', 'rules', 'attempt'), published: { all: [], heldByOwn: false } },
    'published',
    /not published[\s\S]*"5432:5432"/,
  ],
  [
    'no socket holds the host port',
    { ...fromHost, published: { port, all: [port], heldByOwn: false }, attempt: refused },
    'published',
    /no socket holds/,
  ],
  [
    'somebody else holds the host port',
    { ...fromHost, published: { port, all: [port], heldBy: 'nginx (pid 7)', heldByOwn: false }, attempt: refused },
    'published',
    /held by nginx \(pid 7\)/,
  ],
  [
    'from elsewhere to a port of the loopback address',
    { ...fromHost, published: { port: { ...port, hostIp: '127.0.0.1' }, all: [port], heldByOwn: true } },
    'published',
    /loopback/,
    { from: { kind: 'outside' } },
  ],
  [
    'the target of a published port is stopped',
    { ...fromHost, target: party('shop-db-1', { status: 'exited' }), attempt: refused },
    'published',
    /does not run/,
  ],
];
