import { isChanceryError } from '../domain/index.ts';
import {
  type CertificationRequest,
  findExtension,
  formatGeneralName,
  type GeneralName,
  oids,
  parseSubjectAltName,
} from '../pkix/index.ts';
import { normaliseName } from '../policy/index.ts';
import { identifierOf, keyOf, readAddress } from './identifiers.ts';
import type { Identifier } from './ports.ts';
import { AcmeProblem } from './problem.ts';

/** Extensions that would put names beside the order's into a certificate, or take them for something else. */
const namingExtensions: Readonly<Record<string, string>> = {
  [oids.issuerAltName]: 'issuerAltName',
  [oids.nameConstraints]: 'nameConstraints',
  [oids.acmeIdentifier]: 'acmeIdentifier, which is for tls-alpn-01 responses only',
  '2.5.29.7': 'the obsolete subjectAltName of 2.5.29.7',
  '2.16.840.1.113730.1.12': 'netscape-ssl-server-name',
};

function badCsr(detail: string): AcmeProblem {
  return new AcmeProblem('badCSR', { detail });
}

/**
 * Requires that the CSR asks for the order's identifiers, all of them and nothing else
 * (RFC 8555 §7.4, I6). Names are compared normalised, so case and duplicates don't matter. A
 * commonName counts as a DNS name asked for; one that is an address must stand in subjectAltName
 * too, for an address is certified from there only (RFC 8738 §3). Nothing is dropped silently: a
 * commonName that is no identifier, another type of name, a U-label, a NUL are all refused.
 *
 * @throws AcmeProblem `badCSR`, which names what is missing and what is too much.
 */
export function requireSameIdentifiers(
  csr: CertificationRequest,
  identifiers: readonly Identifier[],
): void {
  for (const { oid } of csr.requestedExtensions) {
    const name = Object.hasOwn(namingExtensions, oid) ? namingExtensions[oid] : undefined;
    if (name !== undefined) throw badCsr(`the CSR asks for ${name}; leave that extension out`);
  }
  const asked = new Map<string, Identifier>();
  for (const name of alternativeNames(csr)) {
    const identifier = requireIdentifier(name);
    asked.set(keyOf(identifier), identifier);
  }
  for (const text of commonNames(csr)) {
    const address = readAddress(text);
    if (address === undefined) {
      const identifier = requireIdentifier({ type: 'dNSName', value: text }, 'commonName ');
      asked.set(keyOf(identifier), identifier);
      continue;
    }
    const identifier = requireIdentifier({ type: 'iPAddress', bytes: address }, 'commonName ');
    if (!asked.has(keyOf(identifier))) {
      throw badCsr(
        `the CSR has the address ${identifier.value} in its commonName only; put it into subjectAltName as iPAddress`,
      );
    }
  }
  const wanted = new Map(identifiers.map((identifier) => [keyOf(identifier), identifier]));
  const missing = [...wanted.keys()].filter((key) => !asked.has(key));
  const surplus = [...asked.keys()].filter((key) => !wanted.has(key));
  if (missing.length === 0 && surplus.length === 0) return;
  const parts = [
    ...(missing.length === 0 ? [] : [`lacks ${listOf(missing)}`]),
    ...(surplus.length === 0 ? [] : [`has ${listOf(surplus)}, which the order has not`]),
  ];
  throw badCsr(`the CSR ${parts.join(' and ')}; ask for exactly the identifiers of the order`);
}

function alternativeNames(csr: CertificationRequest): readonly GeneralName[] {
  const extension = findExtension(csr.requestedExtensions, oids.subjectAltName);
  if (extension === undefined) return [];
  try {
    return parseSubjectAltName(extension.value);
  } catch (cause) {
    if (!isChanceryError(cause)) throw cause;
    throw new AcmeProblem('badCSR', {
      detail: `subjectAltName of the CSR: ${cause.message}`,
      cause,
    });
  }
}

/** Every commonName, in whichever RDN it stands. */
function commonNames(csr: CertificationRequest): readonly string[] {
  return csr.subject.rdns
    .flat()
    .filter(({ oid }) => oid === oids.commonName)
    .map(({ value }) => value);
}

function requireIdentifier(name: GeneralName, where = ''): Identifier {
  const told = JSON.stringify(
    `${where}${where === '' ? formatGeneralName(name) : textOf(name)}`.slice(0, 120),
  );
  if (name.type !== 'dNSName' && name.type !== 'iPAddress') {
    throw badCsr(`the CSR asks for ${told}; an ACME order has DNS names and IP addresses only`);
  }
  const normalised = normaliseName(name);
  if (!normalised.ok) {
    const { message, mend } = normalised.violation;
    throw badCsr(`the CSR asks for ${told}: ${message}${mend === undefined ? '' : `; ${mend}`}`);
  }
  const identifier = identifierOf(normalised.name);
  if (identifier === undefined) throw badCsr(`the CSR asks for ${told}, which is no identifier`);
  return identifier;
}

function textOf(name: GeneralName): string {
  return name.type === 'dNSName' ? name.value : formatGeneralName(name);
}

function listOf(keys: readonly string[]): string {
  const few = keys.slice(0, 10).join(', ');
  return keys.length > 10 ? `${few} and ${keys.length - 10} more` : few;
}
