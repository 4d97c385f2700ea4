import type { Principal } from '../../domain/index.ts';
import { requestFromParameters } from '../../policy/index.ts';
import { act } from '../acts.ts';
import { readCsr } from '../certificates.ts';
import type { AuthorityContext } from '../context.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { issueDelegate } from '../responders.ts';
import { refuseForeignCaKey } from '../subject-keys.ts';
import type { CeremonyDeclaration } from './declaration.ts';
import type { CeremonyMaterial } from './planning.ts';
import { foreignProfile, readForeign } from './subjects.ts';

type Foreign = Extract<
  CeremonyDeclaration,
  { ceremony: 'intermediate' | 'cross-certificate' | 'delegate' }
>;

/**
 * Certifies the key that a file brought: a CA of another machine, another CA's key, or a responder's.
 *
 * @returns DER of the certificate
 * @throws ChanceryError of the issuance
 */
export async function certifyForeign(
  context: AuthorityContext,
  principal: Principal,
  declaration: Foreign,
  by: LoadedIssuer,
  material: CeremonyMaterial,
): Promise<Uint8Array> {
  const foreign = readForeign(material, by, declaration);
  const described = {
    act: 'ceremony.certify',
    object: by.record.name,
    details: { ceremony: declaration.name, kind: declaration.ceremony },
  };
  return act(context.dependencies, principal, 'issuers:create', described, async () => {
    if (declaration.ceremony === 'delegate') {
      const csr = readCsr(foreign.csr ?? new Uint8Array());
      const { responder, days } = declaration;
      const delegate = await issueDelegate(context, {
        principal,
        issuer: by,
        responder,
        csr,
        days,
        act: described,
      });
      return delegate.certificate;
    }
    const terms =
      declaration.ceremony === 'cross-certificate' ? declaration.certificate : declaration.request;
    const { subject, subjectPublicKeyInfo } = foreign;
    const { certificate } = await context.issue({
      principal,
      issuer: by,
      profile: foreignProfile({ context }, declaration),
      request: requestFromParameters({ subjectPublicKeyInfo, subject, days: terms?.days }),
      caParameters: {
        pathLength: terms?.pathLength,
        permitDns: terms?.permitDns,
        excludeDns: terms?.excludeDns,
      },
      owner: principal.name,
      tags: [],
      act: described,
      evidence: { proofOfPossession: foreign.proof },
      beforeIntent: async (transaction, row) => refuseForeignCaKey(transaction, row),
    });
    return certificate;
  });
}
