/** The keys of one page of ListObjectsV2. Keys that are none of ours may look like anything. */
export function keysOf(xml: string): readonly string[] {
  return [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescapeXml(match[1] ?? ''));
}

/** The token of the next page; undefined after the last. */
export function nextPageOf(xml: string): string | undefined {
  if (!/<IsTruncated>\s*true\s*<\/IsTruncated>/.test(xml)) return undefined;
  const token = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(xml)?.[1];
  return token === undefined ? undefined : unescapeXml(token);
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (all, decimal, hex, name) => {
    const point = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    if (name !== undefined) return entities[String(name)] ?? String(all);
    return point <= 0x10_ff_ff ? String.fromCodePoint(point) : String(all);
  });
}
