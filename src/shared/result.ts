import { z } from 'zod';
import { graphSchema } from './graph.js';

/** Version of the result document; raised when a reader of the old one would misread the new one. */
export const resultSchemaVersion = 1;

export const findingSchema = z.strictObject({
  code: z.string(),
  severity: z.enum(['error', 'warning', 'note']),
  message: z.string(),
  advice: z.string().optional(),
  file: z.string().optional(),
  line: z.number().int().optional(),
  function: z.string().optional(),
  object: z.string().optional(),
  /** What the program that failed printed, e.g. a compiler's message. */
  output: z.string().optional(),
  /** The command that failed, as it can be rerun by hand. */
  command: z.string().optional(),
});

export const patchedFunctionSchema = z.strictObject({
  /** `vmlinux` or a module's name. */
  object: z.string(),
  name: z.string(),
  /** Position among equal names in the object, counted from 1; 0 when the name is unique. */
  sympos: z.number().int(),
  /** Why the function is in the module: changed in the source, new, inlines a changed one, references changed data. */
  why: z.enum(['changed', 'new', 'inlines', 'references']),
  /** The functions or data that `why` speaks of. */
  because: z.array(z.string()),
  source: z.strictObject({ file: z.string(), line: z.number().int().optional() }),
});

export const klpSymbolSchema = z.strictObject({
  /** The object the symbol lives in. */
  object: z.string(),
  name: z.string(),
  sympos: z.number().int(),
  /** How its place was proved: the only one of its name, or by its neighbours or content. */
  proof: z.string(),
});

export const artifactSchema = z.strictObject({
  path: z.string(),
  sha256: z.string(),
  size: z.number().int(),
});

export const verificationStepSchema = z.strictObject({
  /** The livepatch under test, where several are verified together. */
  case: z.string().optional(),
  /** Whether the patched modules were loaded before the livepatch or after it. */
  moduleLoad: z.enum(['before', 'after']).optional(),
  /** `boot`, then for each load `before`, `during` and `after` the livepatch is in force. */
  phase: z.enum(['boot', 'before', 'during', 'after']),
  name: z.string(),
  ok: z.boolean(),
  /** Milliseconds, by the clock of the guest. */
  ms: z.number().optional(),
  output: z.string().optional(),
});

export const verificationSchema = z.strictObject({
  accelerator: z.enum(['kvm', 'tcg']),
  steps: z.array(verificationStepSchema),
  /** Lines of the kernel log that are warnings, oopses, lockups or the like. */
  dmesg: z.array(z.string()),
  /** Time from enabling to the end of the transition, per load. */
  transitionMs: z.record(z.string(), z.number()),
  /** Results of the kernel's own livepatch selftests, one per script. */
  selftests: z
    .array(z.strictObject({ name: z.string(), ok: z.boolean(), skipped: z.boolean(), output: z.string() }))
    .optional(),
  /** The same in the Test Anything Protocol. */
  tap: z.string().optional(),
  /** The end of the console's text; all of it when nothing went wrong is rarely of use. */
  /** The end of the console's text, and the file that holds all of it. */
  log: z.string().optional(),
  logFile: z.string().optional(),
});

/** The build of a module, known by its GNU build id (hex). */
export const moduleBuildSchema = z.strictObject({ name: z.string(), buildId: z.string() });

/** One thing that `doctor` or `check` looked at. */
export const checkSchema = z.strictObject({
  name: z.string(),
  ok: z.boolean(),
  /** What was found, e.g. a version or the reason why it does not work. */
  detail: z.string(),
  /** Of `doctor`: false when klp-docker can do its main job without it. Of `check`: false when it was not looked at. */
  required: z.boolean(),
  advice: z.string().optional(),
});

/** One image that `images` lists. */
export const imageEntrySchema = z.strictObject({
  ref: z.string(),
  digest: z.string(),
  kernel: z.string(),
  arch: z.string(),
  llvm: z.string(),
  config: z.string(),
  /** Names of the project's own patch sets in this kernel (images/series). */
  series: z.array(z.string()),
  /** Bytes. */
  size: z.number().int(),
  /** ISO 8601. */
  created: z.string(),
});

/** What `images --catalog` tells: kernels and the LLVM versions that serve them. */
export const catalogSchema = z.strictObject({
  kernels: z.array(
    z.strictObject({
      arch: z.string(),
      /** First version, and the first that is no longer meant. */
      from: z.string(),
      before: z.string().optional(),
      /** The default, and what else `--llvm` may ask for. */
      llvm: z.number().int(),
      others: z.array(z.number().int()),
      /** They get the project's own series of patches. */
      series: z.boolean(),
    }),
  ),
  llvm: z.array(z.strictObject({ llvm: z.number().int(), suite: z.string() })),
});

/** One reason code, as `explain` tells it. */
export const codeSchema = z.strictObject({
  code: z.string(),
  /** 0 for a note or warning: it ends no command. */
  exitCode: z.number().int(),
  finding: z.enum(['note', 'warning']).optional(),
  title: z.string(),
  meaning: z.string(),
  advice: z.string(),
  /** Source that brings the code about, and what to write instead. */
  example: z.strictObject({ source: z.string(), instead: z.string() }).optional(),
});

/** What the kernel's build made of one source file: what `llpatch --reach` tells. */
export const reachSchema = z.strictObject({
  /** Relative to the source tree. */
  path: z.string(),
  /** How many objects of vmlinux and of modules read it. */
  objects: z.number().int(),
  /** Those of the files asked for that are compiled with it. */
  readers: z.array(z.string()),
  /** Why no object was made of a C file. */
  code: z.string().optional(),
  message: z.string().optional(),
});

/** What became of one change that `survey` asked about. */
export const surveyedItemSchema = z.strictObject({
  /** A fix's title, or a file of the difference of two releases. */
  name: z.string(),
  /** Name of its folder below the output folder, and of its livepatch. */
  id: z.string(),
  files: z.array(z.string()),
  outcome: z.enum([
    /** A module was made; it was not booted. */
    'livepatch',
    'verified',
    'verification-failed',
    'nothing-to-patch',
    /** No object of this kernel is made from it. */
    'not-in-config',
    'refused',
    /** It does not apply to this kernel, does not compile, or is no patch. */
    'unusable',
    /** A defect of klp-docker, or of the environment; also a time limit. */
    'error',
  ]),
  /** The reason code of an outcome other than a livepatch, its message and place. */
  code: z.string().optional(),
  message: z.string().optional(),
  file: z.string().optional(),
  line: z.number().int().optional(),
  /** Names of the items that the outcome was reached with; none when it was tried alone. */
  with: z.array(z.string()),
  /** The attempts before the last one, and why each was not the last. */
  attempts: z.array(
    z.strictObject({ with: z.array(z.string()), code: z.string(), message: z.string().optional() }),
  ),
  /** Files of the item that this kernel does not contain, left out of the livepatch. */
  leftOut: z.array(z.string()),
  /** Functions in the module, and those whose text the patch touches. */
  functions: z.number().int(),
  touched: z.number().int(),
  /** The module, and the folder with all of the item's results; relative to the output folder. */
  module: z.string().optional(),
  folder: z.string(),
  /** Milliseconds. */
  ms: z.number().int(),
});

/** What `survey` says of many changes. */
export const surveySchema = z.strictObject({
  /** Where the changes come from, for people. */
  about: z.string(),
  /** What an item is: a patch, or all that differs in one file, which may be a part of a fix and of several. */
  change: z.enum(['patch', 'file']),
  /** How many items have each outcome, and each reason code. */
  outcomes: z.record(z.string(), z.number().int()),
  codes: z.record(z.string(), z.number().int()),
  /** Over all livepatches: functions in the modules, and functions whose text the patches touch. */
  functions: z.strictObject({ included: z.number().int(), touched: z.number().int() }),
  items: z.array(surveyedItemSchema),
});

export const resultSchema = z.strictObject({
  schema: z.literal(resultSchemaVersion),
  /** `ok` is the status of commands that only tell something (images, doctor, explain, completion, shell). */
  status: z.enum([
    'ok',
    'livepatch',
    'nothing-to-patch',
    'refused',
    'error',
    'verified',
    'verification-failed',
    'built',
    'surveyed',
  ]),
  kernel: z
    .strictObject({
      release: z.string(),
      arch: z.string(),
      buildId: z.string().optional(),
      configSha256: z.string().optional(),
      /** Modules that the livepatch patches or whose symbols it uses, where they have a build id. */
      modules: z.array(moduleBuildSchema).optional(),
      /** Names of the project's own patch sets in this kernel (images/series). */
      series: z.array(z.string()).optional(),
    })
    .optional(),
  toolchain: z.strictObject({ compiler: z.string(), llvm: z.string().optional() }).optional(),
  image: z
    .strictObject({ ref: z.string(), digest: z.string(), origin: z.enum(['present', 'built', 'pulled']) })
    .optional(),
  functions: z.array(patchedFunctionSchema),
  symbols: z.array(klpSymbolSchema),
  findings: z.array(findingSchema),
  fidelity: z.array(
    z.strictObject({ object: z.string(), identical: z.boolean(), detail: z.string().optional() }),
  ),
  artifacts: z.array(artifactSchema),
  verification: verificationSchema.optional(),
  /** What `doctor` and `check`, `images`, `explain` and `completion` tell. */
  checks: z.array(checkSchema).optional(),
  images: z.array(imageEntrySchema).optional(),
  catalog: catalogSchema.optional(),
  codes: z.array(codeSchema).optional(),
  script: z.string().optional(),
  /** Functions whose text the patch changes, whether or not their code does. */
  touched: z.array(z.string()).optional(),
  graph: graphSchema.optional(),
  reach: z.array(reachSchema).optional(),
  survey: surveySchema.optional(),
  /** Milliseconds per stage. */
  timings: z.record(z.string(), z.number()),
});

export type ResultDocument = z.infer<typeof resultSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type PatchedFunction = z.infer<typeof patchedFunctionSchema>;
export type KlpSymbol = z.infer<typeof klpSymbolSchema>;
export type ModuleBuild = z.infer<typeof moduleBuildSchema>;
export type Artifact = z.infer<typeof artifactSchema>;
export type Verification = z.infer<typeof verificationSchema>;
export type Check = z.infer<typeof checkSchema>;
export type SurveyedItem = z.infer<typeof surveyedItemSchema>;
export type Survey = z.infer<typeof surveySchema>;
export type Reach = z.infer<typeof reachSchema>;
export type ImageEntry = z.infer<typeof imageEntrySchema>;

/** A result document with nothing in it yet. */
export function emptyResult(status: ResultDocument['status']): ResultDocument {
  return {
    schema: resultSchemaVersion,
    status,
    functions: [],
    symbols: [],
    findings: [],
    fidelity: [],
    artifacts: [],
    timings: {},
  };
}
