import { systemPrincipal } from '../domain/index.ts';
import { selfTestLabel } from '../keys/index.ts';
import {
  defaultSignatureAlgorithm,
  keyAlgorithmOf,
  parseSubjectPublicKeyInfo,
} from '../pkix/index.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { recordSelfTestKey } from './responder-keys.ts';

/**
 * Takes the issuing token's self-test key into the inventory, once: `init` makes it in the token before
 * there is an inventory, so the token is what tells of it.
 */
export async function recordIssuingSelfTestKey(dependencies: AuthorityDependencies): Promise<void> {
  const { issuing } = dependencies.tokens;
  const objects = await issuing.objects();
  for (const { keyId, label, attributes } of objects) {
    if (label !== selfTestLabel || keyId === undefined || attributes === undefined) continue;
    const der = objects.find(
      (one) => one.keyId === keyId && one.subjectPublicKeyInfo !== undefined,
    )?.subjectPublicKeyInfo;
    const subjectPublicKeyInfo = der && parseSubjectPublicKeyInfo(der);
    const keyAlgorithm = subjectPublicKeyInfo && keyAlgorithmOf(subjectPublicKeyInfo);
    if (subjectPublicKeyInfo === undefined || keyAlgorithm === undefined) continue;
    const token = await issuing.identity();
    await dependencies.unitOfWork.run(async (transaction) =>
      recordSelfTestKey(dependencies, transaction, systemPrincipal, {
        ...{ subjectPublicKeyInfo, label, attributes, token, tokenRole: 'issuing' },
        algorithm: defaultSignatureAlgorithm(keyAlgorithm, 'pkcs1').name,
      }),
    );
  }
}
