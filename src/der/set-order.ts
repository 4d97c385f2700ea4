/** -1, 0 or 1 as X.690 §11.6 orders encodings: the shorter one counts as padded with zeros. */
export function compareEncodings(
  bytes: Uint8Array,
  aStart: number,
  aEnd: number,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const length = Math.max(aLength, bLength);
  for (let i = 0; i < length; i += 1) {
    const a = i < aLength ? (bytes[aStart + i] ?? 0) : 0;
    const b = i < bLength ? (bytes[bStart + i] ?? 0) : 0;
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}
