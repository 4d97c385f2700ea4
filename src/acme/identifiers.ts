import { formatIpAddress, type GeneralName, parseIpAddress } from '../pkix/index.ts';
import { normaliseName } from '../policy/index.ts';
import type { Identifier, ProblemDocument } from './ports.ts';
import { type AcmeErrorType, AcmeProblem, problemDocument } from './problem.ts';
import { isJsonObject } from './strict-json.ts';

/** Longest value that a problem repeats: no valid one is longer. */
const maxEcho = 260;

type Read =
  | { readonly identifier: Identifier }
  | { readonly type: AcmeErrorType; readonly problem: ProblemDocument };

/**
 * The identifiers of a new order or authorization (RFC 8555 §7.1.3, §7.4; RFC 8738 §3),
 * normalised, in their order, duplicates merged. DNS names are in ASCII: a U-label is refused with
 * the A-label to use. IPv6 addresses are read in any spelling and kept in that of RFC 5952.
 *
 * @throws AcmeProblem `malformed`, `unsupportedIdentifier` or `rejectedIdentifier` (`compound` when
 * they differ), with a subproblem for each identifier that is refused (§6.7.1).
 */
export function parseIdentifiers(value: unknown, maximum: number): readonly Identifier[] {
  const malformed = (detail: string): AcmeProblem => new AcmeProblem('malformed', { detail });
  if (!Array.isArray(value) || value.length === 0) {
    throw malformed('identifiers is no array with at least one identifier in it');
  }
  // Before anything is read: what is too much costs nothing.
  if (value.length > maximum) {
    throw malformed(
      `identifiers has ${value.length} entries; an order takes ${maximum} at most: split it into several`,
    );
  }
  const found = new Map<string, Identifier>();
  const refused: { readonly type: AcmeErrorType; readonly problem: ProblemDocument }[] = [];
  for (const entry of value as readonly unknown[]) {
    const { type, value: text } = isJsonObject(entry)
      ? (entry as { readonly type?: unknown; readonly value?: unknown })
      : {};
    if (typeof type !== 'string' || typeof text !== 'string') {
      throw malformed('an identifier is no object with text in type and value');
    }
    const read = readIdentifier(type, text);
    if ('identifier' in read) found.set(keyOf(read.identifier), read.identifier);
    else refused.push(read);
  }
  const [first] = refused;
  if (first === undefined) return [...found.values()];
  const same = refused.every(({ type }) => type === first.type);
  throw new AcmeProblem(same ? first.type : 'compound', {
    detail:
      refused.length === 1
        ? `${first.problem.identifier?.value ?? ''}: ${first.problem.detail}`
        : `${refused.length} of the identifiers are refused; the subproblems say why`,
    subproblems: refused.map(({ problem }) => problem),
  });
}

function readIdentifier(type: string, value: string): Read {
  const refuse = (error: AcmeErrorType, detail: string): Read => ({
    type: error,
    problem: problemDocument(error, detail, {
      identifier: { type: type.slice(0, maxEcho), value: value.slice(0, maxEcho) },
    }),
  });
  if (type !== 'dns' && type !== 'ip') {
    return refuse(
      'unsupportedIdentifier',
      'identifiers are of type dns or ip (RFC 8555, RFC 8738)',
    );
  }
  let name: GeneralName;
  if (type === 'dns') {
    // Unbounded input would reach the IDN code; no name that is refused for its length needs that.
    if (value.length > maxEcho) {
      return refuse('rejectedIdentifier', 'a DNS name has at most 253 characters');
    }
    // Clients that are older than RFC 8738 do that.
    if (readAddress(value) !== undefined) {
      return refuse(
        'rejectedIdentifier',
        'an IP address is not a DNS name; send it as an identifier of type "ip" (RFC 8738 §3)',
      );
    }
    name = { type: 'dNSName', value };
  } else {
    const bytes = readAddress(value);
    if (bytes === undefined) {
      return refuse(
        'malformed',
        'not an IP address; write it as 192.0.2.1 or 2001:db8::1, without port, prefix, zone or wildcard',
      );
    }
    name = { type: 'iPAddress', bytes };
  }
  const normalised = normaliseName(name);
  if (!normalised.ok) {
    const { message, mend } = normalised.violation;
    return refuse('rejectedIdentifier', mend === undefined ? message : `${message}; ${mend}`);
  }
  const identifier = identifierOf(normalised.name);
  return identifier === undefined
    ? refuse('rejectedIdentifier', 'names of this kind are not issued by ACME')
    : { identifier };
}

/** An address that policy takes as 4 or 16 octets; undefined when the text is none. */
export function readAddress(text: string): Uint8Array | undefined {
  try {
    return text.length > maxEcho ? undefined : parseIpAddress(text);
  } catch {
    return undefined;
  }
}

/** The identifier of a normalised name; undefined for one of a type that ACME has not. */
export function identifierOf(name: GeneralName): Identifier | undefined {
  if (name.type === 'dNSName') return { type: 'dns', value: name.value };
  if (name.type === 'iPAddress') return { type: 'ip', value: formatIpAddress(name.bytes) };
  return undefined;
}

/** One text for one identifier: what sets of them are made of. */
export function keyOf(identifier: Identifier): string {
  return `${identifier.type}:${identifier.value}`;
}

/** What is authorised for an identifier of an order: the name without `*.`, and whether it had one (RFC 8555 §7.1.4). */
export function baseOf(identifier: Identifier): {
  readonly identifier: Identifier;
  readonly wildcard: boolean;
} {
  return identifier.type === 'dns' && identifier.value.startsWith('*.')
    ? { identifier: { type: 'dns', value: identifier.value.slice(2) }, wildcard: true }
    : { identifier, wildcard: false };
}

/** The subjectAltName entry that an identifier becomes. */
export function toGeneralName(identifier: Identifier): GeneralName {
  return identifier.type === 'dns'
    ? { type: 'dNSName', value: identifier.value }
    : { type: 'iPAddress', bytes: parseIpAddress(identifier.value) };
}
