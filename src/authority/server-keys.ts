import { ChanceryError, type KeyId, systemPrincipal, type TenantId } from '../domain/index.ts';
import type { KeyRecord, PrivateKeyAttributes, TokenIdentity } from '../keys/index.ts';
import {
  type CertificationRequest,
  keyAlgorithmOf,
  keyIdentifierHex,
  resolveSignatureAlgorithm,
} from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { changeKeyState } from './key-states.ts';
import type { Transaction } from './ports.ts';
import { insertVersion } from './responder-keys.ts';

/** What is said of a key that no token holds (invariant 6: the HTTPS server's is one of the exceptions). */
const file: TokenIdentity = {
  label: 'https/server.pem',
  serialNumber: 'none',
  manufacturer: 'software',
  model: 'a file of mode 0600 in the data folder',
  firmwareVersion: 'none',
  hardware: false,
};
const inTheClear: PrivateKeyAttributes = {
  token: false,
  private: true,
  sensitive: false,
  alwaysSensitive: false,
  extractable: true,
  neverExtractable: false,
  local: true,
  sign: true,
  decrypt: false,
  unwrap: false,
  derive: false,
  modifiable: true,
  copyable: true,
};

/** The record of a node's HTTPS keys: a version for each renewal. */
function recordOf(node: string): string {
  return `https/${node}`;
}

/** The HTTPS server's new key, made by its process a moment ago, and certified now. */
export async function recordServerKey(
  dependencies: AuthorityDependencies,
  transaction: Transaction,
  { subjectPublicKeyInfo, signatureAlgorithm }: CertificationRequest,
): Promise<void> {
  const { tenant, settings } = dependencies;
  const keyId = keyIdentifierHex(subjectPublicKeyInfo);
  const keyAlgorithm = keyAlgorithmOf(subjectPublicKeyInfo);
  const algorithm = resolveSignatureAlgorithm(signatureAlgorithm);
  if (keyAlgorithm === undefined || algorithm === undefined) {
    throw new ChanceryError('badPublicKey', {
      message: "the HTTPS server's key is of no kind that the inventory knows",
      field: 'csr',
    });
  }
  await insertVersion(dependencies, transaction, systemPrincipal, 'made for a new certificate', {
    ...{ tenant, keyId, keyAlgorithm, algorithm: algorithm.name },
    subjectPublicKeyInfo: subjectPublicKeyInfo.der,
    purposes: [],
    label: 'https-server',
    type: 'httpsServer',
    record: recordOf(settings.node),
    tokenRole: 'software',
    token: file,
    attributes: inTheClear,
    owner: systemPrincipal.name,
    origin: 'generated',
    node: settings.node,
    backup: { kind: 'none', reason: 'a lost one is replaced by a new one' },
  });
  await changeKeyState(dependencies, transaction, systemPrincipal, keyId, 'activate', {
    reason: 'its certificate was issued',
  });
}

/** The file of the former key was replaced by that of `kept`: the versions before are no more. */
export async function retireServerKeys(
  dependencies: AuthorityDependencies,
  kept: KeyId,
): Promise<void> {
  const { unitOfWork, settings, tenant } = dependencies;
  await unitOfWork.run(async (transaction) => {
    for (const former of await formerKeys(transaction, tenant, settings.node, kept)) {
      const { keyId, token, type, record, version } = former;
      await changeKeyState(dependencies, transaction, systemPrincipal, keyId, 'destroy', {
        reason: 'its file was replaced by that of the next key',
        details: { replacedBy: kept },
      });
      await transaction.evidence.append(tenant, {
        kind: 'key.destruction',
        subject: keyId,
        at: dependencies.clock.now(),
        by: systemPrincipal.name,
        document: { token, type, record, version, replacedBy: kept, absent: true },
      });
    }
  });
}

async function formerKeys(
  transaction: Transaction,
  tenant: TenantId,
  node: string,
  kept: KeyId,
): Promise<readonly KeyRecord[]> {
  const keys = await transaction.keys.list(tenant);
  return keys.filter(
    ({ record, keyId, privateState }) =>
      record === recordOf(node) && keyId !== kept && privateState === 'active',
  );
}
