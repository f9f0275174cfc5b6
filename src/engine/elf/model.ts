/**
 * A relocatable ELF-64 file as objects that refer to each other, so that adding, removing or reordering never
 * leaves a stale index behind. The symbol table, the string tables and the relocation sections' raw bytes are
 * not in `sections`: the writer makes them.
 */
export interface ElfFile {
  /** e_machine. */
  machine: number;
  /** e_flags. */
  flags: number;
  /** EI_OSABI. */
  osabi: number;
  sections: ElfSection[];
  /** Without the null symbol. The writer puts local symbols first and keeps the order otherwise. */
  symbols: ElfSymbol[];
}

export interface ElfSection {
  name: string;
  type: number;
  flags: number;
  align: number;
  entsize: number;
  /** Bytes in memory; for SHT_NOBITS there is no data. */
  size: number;
  data: Uint8Array;
  /** The section of SHF_LINK_ORDER, or another section that sh_link names. */
  link?: ElfSection;
  /** sh_info where it is a plain number. */
  info: number;
  /** A relocation section's content and the section that it applies to. */
  relocation?: { target: ElfSection; entries: ElfRela[] };
  /** An SHT_GROUP section's content. */
  group?: { flags: number; signature: ElfSymbol; members: ElfSection[] };
}

/** Where a symbol is: in a section, or one of the reserved indices (SHN_UNDEF, SHN_ABS, SHN_COMMON, SHN_LIVEPATCH). */
export type ElfPlace = ElfSection | number;

export interface ElfSymbol {
  name: string;
  /** STB_*. */
  binding: number;
  /** STT_*. */
  type: number;
  /** st_other: visibility. */
  other: number;
  place: ElfPlace;
  value: bigint;
  size: bigint;
}

export interface ElfRela {
  offset: number;
  type: number;
  /** Absent: the null symbol. */
  symbol?: ElfSymbol;
  addend: bigint;
}
