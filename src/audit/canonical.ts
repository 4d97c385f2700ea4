import { ChanceryError } from '../domain/index.ts';

/** Deeper values than this are refused: what we canonicalize is a record, never a document. */
const maximumDepth = 32;

/**
 * The JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 code units (§3.2.3),
 * numbers and strings as ECMAScript serialises them (§3.2.2), no white space.
 *
 * Beyond plain JSON it takes what our records hold, each with one spelling: Date as RFC 3339 with
 * milliseconds, bigint as decimal text, octets as lower-case hex, sets as sorted arrays. Members
 * that are undefined are left out, as JSON.stringify does.
 *
 * @throws ChanceryError `malformed` for NaN and infinities, lone surrogates (§3.2.2.2), functions,
 *   symbols, undefined in an array and values nested deeper than 32.
 */
export function canonicalize(value: unknown): string {
  return encode(value, '$', 0);
}

function encode(value: unknown, path: string, depth: number): string {
  if (depth > maximumDepth) throw refused(path, `is nested deeper than ${maximumDepth} levels`);
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw refused(path, 'holds a lone surrogate', '§3.2.2.2');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused(path, `is ${value}`, '§3.2.2.3');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return JSON.stringify(value.toString());
    case 'object':
      return value === null ? 'null' : encodeObject(value, path, depth);
    case 'undefined':
    case 'function':
    case 'symbol':
      throw refused(path, `is ${typeof value}, which JSON can't hold`);
  }
}

function encodeObject(value: object, path: string, depth: number): string {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refused(path, 'is not a date');
    return JSON.stringify(value.toISOString());
  }
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('hex'));
  if (value instanceof Set) return encodeObject([...value].sort(), path, depth);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => encode(item, `${path}[${index}]`, depth + 1));
    return `[${items.join(',')}]`;
  }
  const members = Object.entries(value as Readonly<Record<string, unknown>>)
    .filter(([, member]) => member !== undefined)
    // The default order of sort() is that of UTF-16 code units, as §3.2.3 wants it.
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => {
      const memberPath = `${path}.${name}`;
      return `${encode(name, memberPath, depth)}:${encode(member, memberPath, depth + 1)}`;
    });
  return `{${members.join(',')}}`;
}

function refused(path: string, what: string, section = '§3.1'): ChanceryError {
  return new ChanceryError('malformed', {
    message: `${path.slice(0, 200)} ${what}; it has no canonical JSON form`,
    field: path.slice(0, 200),
    clause: `RFC 8785 ${section}`,
  });
}
