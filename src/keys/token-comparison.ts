import type { KeyId } from '../domain/index.ts';
import {
  isUntold,
  type KeyRecord,
  type PrivateKeyAttributes,
  selfTestLabel,
  type TokenIdentity,
  type TokenObject,
} from './ports.ts';

/** One disagreement between a token and the inventory. */
export interface ReconciliationFinding {
  readonly kind: 'missing' | 'unknown' | 'changed';
  /** Empty for an object without CKA_ID. */
  readonly keyId: KeyId;
  readonly label: string;
  readonly problem: string;
}

/**
 * Compares the objects in a token with the records of its keys (SP 800-57 Part 1 §8.2.1, §9.2.1). Pure.
 * Objects that are no keys are not ours to judge. Each token has a self-test key of its own, the
 * second one of a pair too; one may have no record yet.
 */
export function compareToken(
  all: readonly KeyRecord[],
  objects: readonly TokenObject[],
  { serialNumber }: Pick<TokenIdentity, 'serialNumber'>,
): readonly ReconciliationFinding[] {
  const findings: ReconciliationFinding[] = [];
  const isHere = ({ type, token }: KeyRecord): boolean =>
    type !== 'selfTest' || token.serialNumber === serialNumber;
  const records = all.filter(isHere);
  const hasSelfTest = records.some(
    ({ type, privateState }) => type === 'selfTest' && privateState !== 'destroyed',
  );
  const byId = new Map(records.map((record) => [record.keyId, record]));
  for (const record of records) {
    const own = objects.filter(({ keyId }) => keyId === record.keyId);
    const found = (kind: ReconciliationFinding['kind'], problem: string): void => {
      findings.push({ kind, keyId: record.keyId, label: record.label, problem });
    };
    const hidden = own.find((object) => object.class === 'privateKey');
    if (record.privateState === 'destroyed') {
      if (own.length > 0) {
        found('unknown', `${record.label} is destroyed, but objects of it are in the token`);
      }
    } else if (hidden === undefined) {
      found('missing', `the private key of ${record.label} (${record.privateState}) is not there`);
    } else {
      const changes = changesOf(record, own);
      if (changes.length > 0) found('changed', `${record.label}: ${changes.join('; ')}`);
    }
  }
  for (const object of objects) {
    const isKey = ['privateKey', 'publicKey', 'secretKey'].includes(object.class);
    if (!isKey || (object.keyId !== undefined && byId.has(object.keyId))) continue;
    if (object.label === selfTestLabel && !hasSelfTest) continue;
    const keyId = object.keyId ?? '';
    if (findings.some((one) => one.keyId === keyId && one.kind === 'unknown')) continue;
    findings.push({
      kind: 'unknown',
      ...{ keyId, label: readable(object.label) },
      problem: `a ${object.class} labelled ${JSON.stringify(readable(object.label))} is in no record`,
    });
  }
  return findings;
}

/** Whoever put an object into the token chose its label; what no text column takes is replaced. */
function readable(label: string): string {
  return label.toWellFormed().replaceAll(/\p{Cc}/gu, '\uFFFD');
}

function changesOf(record: KeyRecord, own: readonly TokenObject[]): readonly string[] {
  const changes: string[] = [];
  for (const { subjectPublicKeyInfo } of own) {
    if (
      subjectPublicKeyInfo !== undefined &&
      Buffer.compare(subjectPublicKeyInfo, record.subjectPublicKeyInfo) !== 0
    ) {
      changes.push('another public key');
      break;
    }
  }
  const seen = own.find((object) => object.class === 'privateKey')?.attributes;
  const attributes: Partial<PrivateKeyAttributes> = isUntold(record) ? {} : (seen ?? {});
  for (const [name, value] of Object.entries(attributes)) {
    const recorded = record.attributes[name as keyof KeyRecord['attributes']];
    if (recorded !== value) changes.push(`${name} is ${value}, was ${recorded}`);
  }
  return changes;
}
