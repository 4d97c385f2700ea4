import { AcmeProblem } from './problem.ts';

/** Objects and arrays within each other; ACME's own messages have three. */
const maxDepth = 16;

/** A JSON object as it was parsed: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * A JSON object in UTF-8, without a byte order mark, with unique member names at every depth
 * (RFC 8259 §4, RFC 7515 §4): two parsers that disagree on a duplicate must not meet here.
 *
 * @throws AcmeProblem `malformed`; `what` names the text in its detail.
 */
export function parseJsonObject(octets: Uint8Array, what: string): JsonObject {
  const refuse = (fault: string): AcmeProblem =>
    new AcmeProblem('malformed', { detail: `${what} ${fault}` });
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
    value = JSON.parse(text);
  } catch (cause) {
    throw new AcmeProblem('malformed', { detail: `${what} is no JSON in UTF-8`, cause });
  }
  if (!isJsonObject(value)) throw refuse('is no JSON object');
  const fault = structureFault(text);
  if (fault !== undefined) throw refuse(fault);
  return value;
}

/** An object of JSON: neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Walks the tokens of a text that JSON.parse took, for what JSON.parse does not tell. */
function structureFault(text: string): string | undefined {
  /** Member names of the open objects; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"\s*:?|[{}[\]]/gu)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length > maxDepth) return `is nested deeper than ${maxDepth} levels`;
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (token.endsWith(':')) {
      const name = String(JSON.parse(token.slice(0, -1)));
      const names = open.at(-1);
      if (names?.has(name) === true) {
        return `has the member ${JSON.stringify(name.slice(0, 40))} twice; name each member once`;
      }
      names?.add(name);
    }
  }
  return undefined;
}
