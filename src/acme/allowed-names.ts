import { ChanceryError } from '../domain/index.ts';
import { formatIpAddress } from '../pkix/index.ts';
import { normaliseName } from '../policy/index.ts';
import { readAddress } from './identifiers.ts';
import type { Identifier } from './ports.ts';

/** An entry of a credential's `allow`, read. */
type Allowed =
  | {
      readonly type: 'dns';
      readonly base: string;
      /** `at`: the name and those below; `below`: those below; `wildcards`: those below, and wildcards at or below. */
      readonly reach: 'at' | 'below' | 'wildcards';
    }
  | { readonly type: 'ip'; readonly bytes: Uint8Array; readonly bits: number };

/**
 * Checks the names that a credential shall be good for, before it is made.
 *
 * - `example.org`: that name and all below, without wildcards
 * - `.example.org`: names below it only, without wildcards
 * - `*.example.org`: names below it, and the wildcards `*.example.org`, `*.a.example.org` …
 * - `192.0.2.1`, `10.0.0.0/8`, `fd00::/8`: addresses
 *
 * @returns The entries as they are to be stored: lower-case, addresses in their one spelling.
 * @throws ChanceryError `invalidArgument` naming the entry and what to write.
 */
export function parseAllowed(entries: readonly string[]): readonly string[] {
  const written = entries.map((entry) => {
    const read = readAllowed(entry);
    if (typeof read === 'string') {
      throw new ChanceryError('invalidArgument', {
        message: `allow: ${JSON.stringify(entry.slice(0, 260))} can't be read: ${read}`,
        field: 'allow',
      });
    }
    if (read.type === 'dns') {
      return `${{ at: '', below: '.', wildcards: '*.' }[read.reach]}${read.base}`;
    }
    const text = formatIpAddress(read.bytes);
    return read.bits === read.bytes.length * 8 ? text : `${text}/${read.bits}`;
  });
  return [...new Set(written)];
}

/** Whether any entry holds the identifier of an order (a wildcard with its `*.`). An entry that can't be read holds nothing. */
export function isAllowed(entries: readonly string[], identifier: Identifier): boolean {
  return entries.some((entry) => {
    const read = readAllowed(entry);
    if (typeof read === 'string' || read.type !== identifier.type) return false;
    return read.type === 'dns' ? holdsName(read, identifier.value) : holdsAddress(read, identifier);
  });
}

function holdsName({ base, reach }: Extract<Allowed, { type: 'dns' }>, value: string): boolean {
  const wildcard = value.startsWith('*.');
  const name = wildcard ? value.slice(2) : value;
  const below = name.endsWith(`.${base}`);
  if (wildcard) return reach === 'wildcards' && (below || name === base);
  return below || (reach === 'at' && name === base);
}

function holdsAddress(
  { bytes, bits }: Extract<Allowed, { type: 'ip' }>,
  identifier: Identifier,
): boolean {
  const address = readAddress(identifier.value);
  return address?.length === bytes.length && isWithin(address, bytes, bits);
}

function isWithin(address: Uint8Array, base: Uint8Array, bits: number): boolean {
  return address.every((octet, index) => {
    const significant = Math.min(8, Math.max(0, bits - index * 8));
    const mask = (0xff << (8 - significant)) & 0xff;
    return (octet & mask) === ((base[index] ?? 0) & mask);
  });
}

/** The entry, or what is wrong with it and what to write. */
function readAllowed(entry: string): Allowed | string {
  const [text = '', prefix, ...more] = entry.split('/');
  const bytes = readAddress(text);
  if (bytes !== undefined && more.length === 0) return readBlock(bytes, prefix);
  if (entry.includes('/') || entry.includes(':')) {
    return 'write an address or a block, such as 192.0.2.1, 10.0.0.0/8 or fd00::/8';
  }
  const lead = /^(\*\.|\.)?/.exec(entry)?.[0] ?? '';
  const base = entry.slice(lead.length);
  if (base.startsWith('*')) return 'write *.example.org for names and wildcards below example.org';
  const name = normaliseName({ type: 'dNSName', value: base.slice(0, 260) });
  if (!name.ok) {
    const { message, mend } = name.violation;
    return mend === undefined ? message : `${message}; ${mend}`;
  }
  if (name.name.type !== 'dNSName') return 'not a DNS name';
  const reach = lead === '' ? 'at' : lead === '.' ? 'below' : 'wildcards';
  return { type: 'dns', base: name.name.value, reach };
}

function readBlock(bytes: Uint8Array, prefix: string | undefined): Allowed | string {
  const whole = bytes.length * 8;
  if (prefix !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(prefix)) {
    return `behind the slash stands a number from 0 to ${whole}`;
  }
  const bits = prefix === undefined ? whole : Number(prefix);
  if (bits > whole) return `behind the slash stands a number from 0 to ${whole}`;
  const base = bytes.map((octet, index) => {
    const significant = Math.min(8, Math.max(0, bits - index * 8));
    return octet & ((0xff << (8 - significant)) & 0xff);
  });
  if (base.some((octet, index) => octet !== bytes[index])) {
    return `the address has bits behind the prefix; write ${formatIpAddress(base)}/${bits} if the whole block is meant`;
  }
  return { type: 'ip', bytes, bits };
}
