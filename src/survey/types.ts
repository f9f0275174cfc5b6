/** One change that a survey asks about: a fix of a git range or a folder, or one file of the difference of two releases. */
export interface SurveyItem {
  /** For people: a mail's subject, or the file's path. Unique in a survey. */
  name: string;
  /** Name of the item's folder and of its livepatch: letters, digits, `-` and `_`. Unique in a survey. */
  id: string;
  parts: FilePart[];
}

/** What a patch says of one file. */
export interface FilePart {
  /** Relative to the kernel tree; after a rename the new name. */
  path: string;
  /** The part of the patch, from its first header line on. */
  text: string;
  added: boolean;
}

/** The changes of a survey in the order in which they were made. */
export interface SurveyInput {
  /** For people: where they come from. */
  about: string;
  items: SurveyItem[];
  /** True when each item builds on those before it, as the fixes of a branch do. */
  ordered: boolean;
}
