/** The numbered metadata nodes of a textual module, `!12` to the text behind `=`. */
export function nodesIn(text: string): Map<string, string> {
  const nodes = new Map<string, string>();
  for (const [, id = '', node = ''] of text.matchAll(/^(!\d+) = (?:distinct )?(.*)$/gm)) nodes.set(id, node);
  return nodes;
}

/** A field of a specialized metadata node (`name: "x"`, `type: !7`), without its quotes. */
export function field(node: string, name: string): string | undefined {
  return new RegExp(`\\b${name}: (?:"([^"]*)"|([^,)]+))`)
    .exec(node)
    ?.slice(1)
    .find((v) => v !== undefined);
}
