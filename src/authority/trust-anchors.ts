import { isSelfSigned } from '../pkix/index.ts';
import { buildTrustBundle, type TrustBundle } from '../trust/index.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';

/**
 * The bundle of every root in use: one that is prepared is in it from then on, so that relying parties
 * have it before anything is signed with its key; one that is retired is not, since nothing valid is
 * below it any more. Its etag is the version: it changes exactly when the anchors do.
 */
export function defaultBundle(all: readonly LoadedIssuer[]): TrustBundle {
  return buildTrustBundle({ name: 'default', anchors: anchorsOf(all) });
}

/** The self-signed certificates at the top of every issuer's chain, each once. */
function anchorsOf(all: readonly LoadedIssuer[]): readonly Uint8Array[] {
  const keyOf = (der: Uint8Array): string => Buffer.from(der).toString('hex');
  const retired = new Set(
    all.flatMap(({ record, chain: [own] }) =>
      record.standing === 'retired' && own !== undefined ? [keyOf(own.der)] : [],
    ),
  );
  const anchors = new Map<string, Uint8Array>();
  for (const { chain } of all) {
    const top = chain.at(-1);
    if (top !== undefined && isSelfSigned(top) && !retired.has(keyOf(top.der))) {
      anchors.set(keyOf(top.der), top.der);
    }
  }
  return [...anchors.values()];
}
