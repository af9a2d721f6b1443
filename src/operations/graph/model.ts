/** A picture of a project before anybody draws it: nodes, edges, and what a plan would change of them. */

export type NodeKind = 'port' | 'service' | 'network' | 'volume';
export type EdgeKind = 'publish' | 'needs' | 'link' | 'network' | 'volume';
export type GraphChange = 'create' | 'update' | 'recreate' | 'remove';

export interface GraphNode {
  /** `service web`: unique. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  /** Further lines. */
  readonly details: readonly string[];
  /** Of a service: nothing of it runs, or some of it is not well. */
  readonly mood?: 'well' | 'ill' | 'off';
  readonly change?: GraphChange;
  /** Not drawn: another one is another content. */
  readonly mark?: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
  readonly label: string;
  readonly change?: GraphChange;
}

export interface Graph {
  readonly project: string;
  /** What is drawn: what lives, what the files want, or the way from one to the other. */
  readonly of: 'live' | 'file' | 'plan';
  /** Services in order: who needs others comes before them. */
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const SIGN: Readonly<Record<GraphChange, string>> = { create: '+', update: '~', recreate: '-/+', remove: '-' };
export const WORD: Readonly<Record<GraphChange, string>> = {
  create: 'would be created',
  update: 'would be changed in place',
  recreate: 'would be made anew',
  remove: 'would be removed',
};

/** `-/+ web` */
export const titled = ({ label, change }: Pick<GraphNode, 'label' | 'change'>): string =>
  change === undefined ? label : `${SIGN[change]} ${label}`;

/** Names are anybody's: what draws on a terminal, hides text or is no character at all becomes a question mark; long ones are cut. */
export function tame(text: string, most = 48): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/gu, '?');
  const chars = [...clean];
  return chars.length > most ? `${chars.slice(0, most - 1).join('')}…` : clean;
}

/** Columns on a terminal: letters of East Asian scripts and pictures take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        char,
      )
        ? 2
        : 1;
  return width;
}

/** Service → how far it stands from those that nobody needs: 0 for these. Circles are cut where they close. */
export function depths({ nodes, edges }: Pick<Graph, 'nodes' | 'edges'>): ReadonlyMap<string, number> {
  const services = nodes.filter(({ kind }) => kind === 'service').map(({ id }) => id);
  const needs = edges.filter(({ kind, from, to }) => (kind === 'needs' || kind === 'link') && from !== to);
  const users = new Map(services.map((id) => [id, needs.filter(({ to }) => to === id).map(({ from }) => from)]));
  const found = new Map<string, number>();
  const visit = (id: string, above: ReadonlySet<string>): number => {
    const known = found.get(id);
    if (known !== undefined) return known;
    const below = new Set([...above, id]);
    const from = (users.get(id) ?? []).filter((user) => users.has(user) && !below.has(user));
    const depth = from.length === 0 ? 0 : 1 + Math.max(...from.map((user) => visit(user, below)));
    found.set(id, depth);
    return depth;
  };
  for (const id of services) visit(id, new Set());
  return found;
}
