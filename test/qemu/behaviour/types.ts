/** A small change to one file of the kernel: `find`, which occurs exactly once, becomes `put`. */
export interface Edit {
  file: string;
  /** A text that occurs exactly once; `find` is looked for behind it, and is the first there. */
  behind?: string;
  find: string;
  put: string;
}

/** A livepatch, and what is seen of it. */
export interface Behaviour {
  /** Also the livepatch's name. */
  name: string;
  /** What it proves. */
  about: string;
  /** The architecture that it is for; every one when left out. */
  arch?: string;
  edits: Edit[];
  noReplace?: boolean;
  /** Functions that the livepatch has to replace or bring, besides others. */
  functions: string[];
  /** For the guest, behind prelude.sh: prints what it sees. Empty: the livepatch is there for other cases alone. */
  script: string;
  /** What the script prints, exactly. */
  seen: { before: string; during: string; after: string };
  /** Reports of the kernel that the livepatch is to cause, each once in this order. */
  reports?: RegExp[];
}
