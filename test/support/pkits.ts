import { readdirSync, readFileSync } from 'node:fs';
import { isChanceryError } from '../../src/domain/index.ts';
import {
  type Certificate,
  nameIsWithin,
  namesEqual,
  type PathInputs,
  type PathResult,
  parseCertificate,
  validatePath,
} from '../../src/pkix/index.ts';

/** NIST's Public Key Interoperability Test Suite, as the Debian package python3-cryptography-vectors has it. */
const folder = '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data/certs';

/** Its certificates are valid from 2010 to 2030. */
const now = new Date('2025-01-01T00:00:00Z');

const authorities: Certificate[] = [];
const files = new Map<string, string>();
for (const file of readdirSync(folder)) {
  files.set(file.toLowerCase(), `${folder}/${file}`);
  if (file.endsWith('EE.crt')) continue;
  const certificate = read(`${folder}/${file}`);
  if (certificate !== undefined) authorities.push(certificate);
}
const anchor = authorities.find(
  ({ subject, issuer }) =>
    namesEqual(subject, issuer) && JSON.stringify(subject.rdns).includes('Trust Anchor'),
);

function read(path: string): Certificate | undefined {
  try {
    return parseCertificate(readFileSync(path));
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return undefined;
  }
}

/** RFC 5280 §7.1: who may have issued it, also where the bytes of the names differ. */
function mayIssue(authority: Certificate, certificate: Certificate): boolean {
  return (
    authority.subject.rdns.length === certificate.issuer.rdns.length &&
    nameIsWithin(authority.subject, certificate.issuer)
  );
}

function* pathsFrom(path: readonly Certificate[]): Generator<readonly Certificate[]> {
  const last = path.at(-1);
  if (last === undefined || path.length > 9) return;
  if (last === anchor) {
    yield path;
    return;
  }
  for (const authority of authorities) {
    if (!path.includes(authority) && mayIssue(authority, last))
      yield* pathsFrom([...path, authority]);
  }
}

/** The result of the path with the fewest violations: self-issued certificates make more than one. */
export function validatePkits(name: string, inputs: PathInputs): PathResult {
  const path = files.get(`${name.replace(/[ -]/g, '')}EE.crt`.toLowerCase());
  if (path === undefined) throw new Error(`PKITS has no ${name}`);
  const refused = (rule: string): PathResult => ({
    violations: [{ rule, field: 'chain', message: name, clause: 'RFC 5280' }],
    policies: [],
    spent: { certificates: 0, octets: 0, comparisons: 0, policyNodes: 0 },
  });
  const certificate = read(path);
  if (certificate === undefined) return refused('unreadable');
  const results = [...pathsFrom([certificate])]
    .map((candidate) => validatePath(candidate, { now, ...inputs }))
    .toSorted((a, b) => a.violations.length - b.violations.length);
  return results[0] ?? refused('no path');
}
