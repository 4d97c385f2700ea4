import { isChanceryError, type Violation } from '../domain/index.ts';
import {
  type GeneralName,
  type GeneralSubtree,
  type NameConstraints,
  parseDistinguishedName,
  parseIpAddress,
} from '../pkix/index.ts';
import { normaliseDnsName } from './dns-name.ts';
import { normaliseName, userPrincipalName } from './general-name.ts';
import type { Profile } from './profile.ts';
import { violation } from './violation.ts';

const clause = 'RFC 5280 §4.2.1.10';

/** Base of a subtree, or why its text is none. */
type Base = GeneralName | Violation;

/**
 * Name forms whose subtrees a CA certificate can have, and how each is written.
 *
 * - `Dns`: `example.org` (and below), `.example.org` (below only)
 * - `Ip`: `192.0.2.0/24`, `2001:db8::/32`, one address
 * - `Email`: `ann@example.org`, `example.org` (every mailbox of that host), `.example.org` (of hosts below)
 * - `Uri`: the host, `example.org`, or `.example.org` (hosts below only)
 * - `Directory`: the distinguished name above (RFC 4514)
 * - `Upn`: user principal names, written as mail addresses are; RFC 5280 has no rule for them, and
 *   validators that know none refuse every certificate with such a name
 */
const forms = {
  Dns: (text: string) => domain('dNSName', text),
  Ip: addresses,
  Email: (text: string) => (text.includes('@') ? mailbox(text) : domain('rfc822Name', text)),
  Uri: (text: string) => domain('uniformResourceIdentifier', text),
  Directory: directory,
  Upn: principal,
} as const satisfies Record<string, (text: string) => Base>;

type Form = keyof typeof forms;
const formNames = Object.keys(forms) as readonly Form[];

/** `permitDns`, `excludeDns`, `permitIp` …: subtrees as text, by form. */
export type SubtreeParameters = {
  readonly [K in `${'permit' | 'exclude'}${Form}`]?: readonly string[] | undefined;
};

/** Every member of `SubtreeParameters`. */
export const subtreeParameters: readonly (keyof SubtreeParameters)[] = formNames.flatMap(
  (form) => [`permit${form}`, `exclude${form}`] as const,
);

function bad(value: string, message: string, mend: string): Violation {
  return violation('nameConstraints.syntax', 'nameConstraints', message, clause, { value, mend });
}

function domain(type: 'dNSName' | 'rfc822Name' | 'uniformResourceIdentifier', text: string): Base {
  const below = text.startsWith('.');
  const dns = normaliseDnsName(below ? text.slice(1) : text, { wildcard: false });
  if (!dns.ok) return { ...dns.violation, field: 'nameConstraints', clause };
  return { type, value: below ? `.${dns.name}` : dns.name };
}

function mailbox(text: string): Base {
  const name = normaliseName({ type: 'rfc822Name', value: text });
  return name.ok ? name.name : { ...name.violation, field: 'nameConstraints', clause };
}

function addresses(text: string): Base {
  const [address = '', length, more] = text.split('/');
  try {
    const bytes = parseIpAddress(address);
    const bits = length === undefined ? bytes.length * 8 : Number(length);
    if (more !== undefined || !/^[0-9]+$/.test(length ?? '0') || bits > bytes.length * 8) {
      return bad(text, 'not an address and a prefix length', 'write 192.0.2.0/24 or 2001:db8::/32');
    }
    const mask = bytes.map(
      (_, index) => 0xff & ~(0xff >> Math.max(0, Math.min(8, bits - index * 8))),
    );
    if (bytes.some((octet, index) => (octet & ~(mask[index] ?? 0)) !== 0)) {
      return bad(
        text,
        'the address has bits beyond the prefix',
        'write the first address of the range',
      );
    }
    return { type: 'iPAddress', bytes: Uint8Array.from([...bytes, ...mask]) };
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return bad(text, 'not an IP address', 'write 192.0.2.0/24 or 2001:db8::/32');
  }
}

function directory(text: string): Base {
  try {
    const name = parseDistinguishedName(text);
    const normal = normaliseName({ type: 'directoryName', name });
    return normal.ok ? normal.name : { ...normal.violation, field: 'nameConstraints', clause };
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return bad(text, 'not a distinguished name', 'write it as RFC 4514 does: O=Example,C=US');
  }
}

function principal(text: string): Base {
  const base =
    text.includes('@') && !text.startsWith('@')
      ? mailbox(text)
      : domain('rfc822Name', text.replace(/^@/, ''));
  if (!('type' in base) || base.type !== 'rfc822Name') return base;
  if (base.value.length > 120)
    return bad(text, 'longer than 120 characters', 'write a shorter one');
  const { value } = base;
  return userPrincipalName(value.includes('@') || value.startsWith('.') ? value : `@${value}`);
}

/** The constraints asked for; undefined when none are. Adds to `violations` what can't be read or isn't taken. */
export function makeNameConstraints(
  profile: Profile,
  parameters: SubtreeParameters & {
    readonly inheritedNameConstraints?: NameConstraints | undefined;
  },
  violations: Violation[],
): NameConstraints | undefined {
  const { inheritedNameConstraints } = parameters;
  const isChosen = subtreeParameters.some((name) => (parameters[name] ?? []).length > 0);
  if (!isChosen && inheritedNameConstraints === undefined) return undefined;
  if (profile.nameConstraints === 'refused') {
    violations.push(
      violation(
        'nameConstraints.refused',
        'nameConstraints',
        `profile ${profile.name} takes no name constraints`,
        clause,
        { mend: 'leave them out' },
      ),
    );
    return undefined;
  }
  if (!isChosen) return inheritedNameConstraints;
  const subtrees = (side: 'permit' | 'exclude'): readonly GeneralSubtree[] =>
    formNames.flatMap((form) =>
      (parameters[`${side}${form}`] ?? []).flatMap((text) => {
        const base: Base = forms[form](text);
        if ('type' in base) return [{ base }];
        violations.push(base);
        return [];
      }),
    );
  return { permittedSubtrees: subtrees('permit'), excludedSubtrees: subtrees('exclude') };
}
