import type { Graph } from '../shared/graph.js';
import type { ResultDocument } from '../shared/result.js';
import { count, table } from './units.js';

/** What became of something that the patch touches, in words. */
const outcomeWords: Record<Graph['touched'][number]['outcome'], string> = {
  included: 'in the livepatch',
  inlined: 'inlined',
  referred: 'used',
  unchanged: 'the code is the same',
  unused: 'no code of the kernel is made of it',
  'not-built': 'this configuration does not build it',
};

const howWords: Record<Graph['edges'][number]['how'], string> = {
  'compiled-from': 'is compiled from',
  'entry-of': 'is an entry point of',
  inlines: 'inlines',
  'refers-to': 'refers to',
  'interface-of': 'rests on what is known of',
  'called-by': 'is called by',
  'used-by': 'is used by',
};

/** `3 functions touched by the patch, 5 included: 2 inline one of them`; nothing when there is no graph. */
export function slimness({ graph, functions }: ResultDocument): string[] {
  if (!graph || functions.length === 0) return [];
  const of = (why: string): number => functions.filter((f) => f.why === why).length;
  const left = graph.touched.filter(
    (t) => t.kind === 'function' && ['unchanged', 'unused', 'not-built'].includes(t.outcome),
  ).length;
  const [added, inline, refer] = [of('new'), of('inlines'), of('references')];
  const one = graph.figures.touched === 1 ? 'it' : 'one of them';
  const parts = [
    ...(added > 0 ? [`${added} ${added === 1 ? 'is' : 'are'} new`] : []),
    ...(inline > 0 ? [`${inline} ${inline === 1 ? 'inlines' : 'inline'} ${one}`] : []),
    ...(refer > 0 ? [`${refer} ${refer === 1 ? 'refers' : 'refer'} to what changed`] : []),
    ...(left > 0 ? [`${left} touched ${left === 1 ? 'is' : 'are'} not among them (--verbose)`] : []),
  ];
  const { touched, included } = graph.figures;
  const tail = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
  return [`  ${count(touched, 'function')} touched by the patch, ${included} included${tail}`];
}

/** Each definition that the patch touches and what became of it. */
export function renderTouched({ graph }: ResultDocument): string[] {
  const rows = (graph?.touched ?? []).map(({ name, kind, source, outcome }) => [
    kind === 'place' ? 'outside of definitions' : name,
    outcomeWords[outcome],
    source.line === undefined ? source.file : `${source.file}:${source.line}`,
  ]);
  return table(rows, '  ');
}

/** Each function and datum of the livepatch and what it is there for; constants of the code are counted. */
export function renderGraph({ graph }: ResultDocument): string[] {
  if (!graph) return [];
  const names = new Map([...graph.nodes, ...graph.touched].map(({ id, name }) => [id, name]));
  const isShown = ({ why }: Graph['nodes'][number]): boolean => why !== 'constant';
  const rows = graph.nodes.filter(isShown).map((node) => [
    node.object,
    node.name,
    graph.edges
      .filter(({ from }) => from === node.id)
      .map(({ to, how }) => `${howWords[how]} ${names.get(to) ?? to}`)
      .join(', '),
  ]);
  const constants = graph.nodes.length - rows.length;
  return [
    ...table(rows, '  '),
    ...(constants > 0 ? [`  and ${count(constants, 'constant')} of the code: texts, tables`] : []),
  ];
}
