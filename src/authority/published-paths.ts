import type { IssuerId } from '../domain/index.ts';
import type { AuthoritySettings } from './dependencies.ts';
import type { CrlRecord, CrossCertificate } from './ports.ts';

/** `crl/{issuerId}/{shard}.crl`, or `{shard}-delta.crl`, below the published folder and the distribution URL. */
export function crlPath(
  issuerId: IssuerId,
  shard: number,
  kind: CrlRecord['kind'] = 'complete',
): string {
  return `crl/${issuerId}/${shard}${kind === 'delta' ? '-delta' : ''}.crl`;
}

const crlFile = /^crl\/([0-9a-f]{40})\/(0|[1-9]\d{0,5})(-delta)?\.crl$/;

/** What a published path holds; undefined when it is not a CRL's. */
export function parseCrlPath(
  path: string,
):
  | { readonly issuerId: IssuerId; readonly shard: number; readonly kind: CrlRecord['kind'] }
  | undefined {
  const [, issuerId, shard, delta] = crlFile.exec(path) ?? [];
  return issuerId === undefined || shard === undefined
    ? undefined
    : { issuerId, shard: Number(shard), kind: delta === undefined ? 'complete' : 'delta' };
}

/** `ca/{issuerId}.cer` below the published folder and the distribution URL. */
export function caPath(issuerId: string): string {
  return `ca/${issuerId}.cer`;
}

/** `ca/{issuerId}-cross-{number}.cer`: another certificate of its key. */
export function crossPath(issuerId: string, number: number): string {
  return `ca/${issuerId}-cross-${number}.cer`;
}

/** Where it is to be had. */
export function crossUrl(
  { distributionUrl }: Pick<AuthoritySettings, 'distributionUrl'>,
  { subjectIssuerId, number }: Pick<CrossCertificate, 'subjectIssuerId' | 'number'>,
): string {
  return `${distributionUrl}/${crossPath(subjectIssuerId, number)}`;
}

const caFile = /^ca\/[0-9a-f]{40}(-cross-[1-9]\d{0,3})?\.cer$/;

/** Whether a published path is a CA certificate's. */
export function isCaPath(path: string): boolean {
  return caFile.test(path);
}
