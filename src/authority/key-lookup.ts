import { ChanceryError, type TenantId } from '../domain/index.ts';
import type { KeyRecord } from '../keys/index.ts';
import type { IssuerRecord, Transaction } from './ports.ts';

/** A shorter one would be met by chance. */
const shortestPrefix = 4;

/**
 * The key that a person means: its identifier, the name or id of its issuer, the name of its record
 * (the newest version that is not destroyed), its label, or an unambiguous beginning of its identifier.
 *
 * @throws ChanceryError notFound, ambiguous
 */
export async function findKey(
  transaction: Transaction,
  tenant: TenantId,
  key: string,
): Promise<KeyRecord> {
  const keys = await transaction.keys.list(tenant);
  const issuers = await transaction.issuers.list(tenant);
  return pick(keys, issuers, key);
}

function pick(
  keys: readonly KeyRecord[],
  issuers: readonly IssuerRecord[],
  wanted: string,
): KeyRecord {
  const id = wanted.toLowerCase().replaceAll(':', '');
  const exact = keys.find(({ keyId }) => keyId === id);
  if (exact !== undefined) return exact;
  const issuer =
    issuers.find(({ name }) => name === wanted) ?? issuers.find(({ issuerId }) => issuerId === id);
  const own = keys.find(({ keyId }) => keyId === issuer?.keyId);
  if (own !== undefined) return own;
  const named = newest(keys.filter(({ record }) => record === wanted));
  if (named !== undefined) return named;
  const labelled = keys.filter(({ label }) => label === wanted);
  const prefixed =
    id.length >= shortestPrefix && /^[0-9a-f]+$/.test(id)
      ? keys.filter(({ keyId }) => keyId.startsWith(id))
      : [];
  const found = labelled.length > 0 ? labelled : prefixed;
  const live = found.filter(({ privateState }) => privateState !== 'destroyed');
  const [only, second] = live.length > 0 ? live : found;
  if (only === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no key ${JSON.stringify(wanted.slice(0, 80))} in the inventory; \`chancery key list\` shows them`,
      field: 'key',
    });
  }
  if (second !== undefined) {
    throw new ChanceryError('ambiguous', {
      message: `${JSON.stringify(wanted.slice(0, 80))} means ${found.length} keys: ${found.map(({ keyId }) => keyId).join(', ')}; name one by its identifier`,
      field: 'key',
    });
  }
  return only;
}

function newest(versions: readonly KeyRecord[]): KeyRecord | undefined {
  const live = versions.filter(({ privateState }) => privateState !== 'destroyed');
  return (live.length > 0 ? live : versions).toSorted((a, b) => b.version - a.version)[0];
}
