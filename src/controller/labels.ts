const prefix = 'io.klp-docker';

/** The labels of our images. */
export const label = {
  /** `base`, `toolchain`, `kernel`, `engine`: how far an image has come. */
  stage: `${prefix}.stage`,
  /** Full kernel version. */
  kernel: `${prefix}.kernel`,
  arch: `${prefix}.arch`,
  llvm: `${prefix}.llvm`,
  /** `tiny`, `defconfig`, `file`. */
  config: `${prefix}.config`,
  /** Of the kernel's .config. */
  configSha256: `${prefix}.config-sha256`,
  /** Names of the sets of the project's own patches in the kernel, separated by blanks. */
  series: `${prefix}.series`,
  /** Hash of all that went into the kernel image. */
  inputs: `${prefix}.inputs`,
  /** Where the source came from, and the checksum of its archive. */
  source: `${prefix}.source`,
  sourceSha256: `${prefix}.source-sha256`,
  /** Hash of all that went into an image for kernel trees of the user's. */
  tree: `${prefix}.tree`,
  /** Hash of the engine's files. */
  engine: `${prefix}.engine`,
} as const;
