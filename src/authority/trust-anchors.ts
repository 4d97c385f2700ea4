import { type Certificate, isSelfSigned } from '../pkix/index.ts';
import { buildTrustBundle, type TrustBundle } from '../trust/index.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

/**
 * The bundle of every root in use: one that is prepared is in it from then on, so that relying parties
 * have it before anything is signed with its key; one that is retired is not, since nothing valid is
 * below it any more, nor is one whose key is compromised: nobody can revoke a root, so that it must go
 * (SP 800-57 Part 1 §9.5.4). Its etag is the version: it changes exactly when the anchors do.
 */
export function defaultBundle(all: readonly LoadedIssuer[]): TrustBundle {
  return buildTrustBundle({ name: 'default', anchors: anchorsOf(all).map(({ der }) => der) });
}

/** The self-signed certificates at the top of every issuer's chain, each once. */
export function anchorsOf(all: readonly LoadedIssuer[]): readonly Certificate[] {
  const retired = new Set<string>();
  // By key: a root may have several certificates, and all of them fall with it.
  const compromised = new Set<string>();
  for (const { record, chain, subjectPublicKeyInfo, compromise } of all) {
    const [own] = chain;
    if (record.standing === 'retired' && own !== undefined) retired.add(hex(own.der));
    if (compromise !== undefined) compromised.add(hex(subjectPublicKeyInfo.der));
  }
  const anchors = new Map<string, Certificate>();
  for (const { chain } of all) {
    const top = chain.at(-1);
    if (top === undefined || !isSelfSigned(top) || retired.has(hex(top.der))) continue;
    if (!compromised.has(hex(top.subjectPublicKeyInfo.der))) anchors.set(hex(top.der), top);
  }
  return [...anchors.values()];
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
