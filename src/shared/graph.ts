import { z } from 'zod';

const placeSchema = z.strictObject({ file: z.string(), line: z.number().int().optional() });

/** A definition that the patch touches, and what became of it. */
const touchedSchema = z.strictObject({
  /** `FILE:NAME`. */
  id: z.string(),
  name: z.string(),
  /** `other` is a variable, a type or a declaration; `place` is a change outside of any definition. */
  kind: z.enum(['function', 'macro', 'other', 'place']),
  source: placeSchema,
  outcome: z.enum([
    /** The livepatch has what is compiled from it. */
    'included',
    /** Its code is in functions of the livepatch that inline it. */
    'inlined',
    /** Functions of the livepatch use it. */
    'referred',
    /** With the patch its code is what it was, or it makes no code. */
    'unchanged',
    /** It is compiled, and no code of this kernel is left of it: nothing uses it, or all of it was folded away. */
    'unused',
    /** This configuration leaves it out. */
    'not-built',
  ]),
});

/** A function or a datum that the livepatch holds. */
const nodeSchema = z.strictObject({
  /** `OBJECT:OBJECT FILE:NAME`. */
  id: z.string(),
  /** `vmlinux` or a module's name. */
  object: z.string(),
  /** As the compiler calls it: `f.x` is the static `x` of the function `f`, `.str.3` a text. */
  name: z.string(),
  kind: z.enum(['function', 'data']),
  /** Of a function as in `functions`; data is `changed`, `new`, `copied` from the kernel, or a `constant` of the code. */
  why: z.enum(['changed', 'new', 'inlines', 'references', 'copied', 'constant']),
  /** It takes the place of a function of the running kernel; what does not is in the livepatch alone. */
  replaces: z.boolean(),
  /** Why a copy is as good as the original. */
  detail: z.string().optional(),
  source: placeSchema,
});

/** `from` is in the livepatch because of `to`, which is another node or a definition that the patch touches. */
const edgeSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  how: z.enum([
    'compiled-from',
    /** `from` is an entry point of the system call. */
    'entry-of',
    'inlines',
    'refers-to',
    /** The code of `from` rests on what the compiler found out of `to`, e.g. the range of its result. */
    'interface-of',
    'called-by',
    'used-by',
  ]),
});

/** Why everything is in the livepatch. From each node the edges lead to something that the patch touches. */
export const graphSchema = z.strictObject({
  /** Functions whose text the patch touches, and functions in the livepatch. */
  figures: z.strictObject({ touched: z.number().int(), included: z.number().int() }),
  touched: z.array(touchedSchema),
  nodes: z.array(nodeSchema),
  edges: z.array(edgeSchema),
});

export type Graph = z.infer<typeof graphSchema>;
export type TouchedDefinition = z.infer<typeof touchedSchema>;
export type GraphNode = z.infer<typeof nodeSchema>;
export type GraphEdge = z.infer<typeof edgeSchema>;
