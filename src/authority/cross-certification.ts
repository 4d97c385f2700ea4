import { ChanceryError, type Principal } from '../domain/index.ts';
import { type Certificate, parseCertificate, verifyChain } from '../pkix/index.ts';
import { type CaParameters, requestFromParameters } from '../policy/index.ts';
import { act, recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { checkInstalledChain } from './installed-chain.ts';
import { profileNamed } from './issuer-parameters.ts';
import { type LoadedIssuer, refuseCompromised, requireCertificate } from './loaded-issuers.ts';
import { sameBytes } from './octets.ts';
import type { CrossCertificate, Transaction } from './ports.ts';
import { crossPath, crossUrl } from './published-paths.ts';
import { inheritedParameters } from './rollover-parameters.ts';
import { refuseForeignCaKey } from './subject-keys.ts';

/** anyPolicy: what the issuer's own certificate allows decides (RFC 5280 §4.2.1.4). */
const anyPolicy = '2.5.29.32.0';

/** A cross-certificate with the address where it is published. */
export interface PublishedCross extends CrossCertificate {
  readonly url: string;
}

/** Certificates for keys of our issuers beside their own. */
export function crossCertificationUseCases(context: AuthorityContext) {
  const { dependencies, issuers } = context;
  const { unitOfWork, clock, tenant, publisher, settings } = dependencies;

  const withUrl = (cross: CrossCertificate): PublishedCross => ({
    ...cross,
    url: crossUrl(settings, cross),
  });

  const publish = async (cross: CrossCertificate): Promise<PublishedCross> => {
    await publisher.publish(crossPath(cross.subjectIssuerId, cross.number), cross.certificate);
    return withUrl(cross);
  };

  /** By one of our issuers, through the one path of issuance: intent, lint, signature, inventory, CRL. */
  const certifyKey = async (
    principal: Principal,
    subject: LoadedIssuer,
    signer: LoadedIssuer,
    parameters: CaParameters,
    described: { readonly act: string; readonly object: string },
  ): Promise<PublishedCross> => {
    const own = requireCertificate(subject);
    requireCertificate(signer);
    refuseCompromised(subject);
    if (subject === signer) {
      throw new ChanceryError('invalidArgument', {
        message: `issuer ${subject.record.name} does not certify its own key; name another with --by`,
        field: 'by',
      });
    }
    const profile = profileNamed(dependencies, 'cross-certificate');
    let cross: CrossCertificate | undefined;
    await context.issue({
      principal,
      issuer: signer,
      profile,
      request: requestFromParameters({
        subjectPublicKeyInfo: subject.subjectPublicKeyInfo,
        subject: own.subject,
        ...(parameters.days === undefined
          ? { notAfter: lastDay(own, signer, clock.now(), profile.validity.ceremonyMaximum) }
          : { days: parameters.days }),
      }),
      caParameters: {
        ...inheritedParameters(own, parameters),
        policies: parameters.policies ?? [anyPolicy],
        selfIssued: sameBytes(own.subject.der, requireCertificate(signer).subject.der),
      },
      owner: principal.name,
      tags: [],
      act: described,
      evidence: { proofOfPossession: 'key pair in a token of this installation' },
      beforeIntent: async (transaction, row) => refuseForeignCaKey(transaction, row),
      onIssued: async (transaction, _record, der) => {
        const chain = signer.chain;
        refuseBrokenPath([parseCertificate(der), ...chain], own, clock.now());
        cross = await insert(transaction, principal, {
          subject,
          signer,
          certificates: [parseCertificate(der), ...chain],
        });
      },
    });
    if (cross === undefined) {
      throw new TypeError('the cross-certificate was issued and not kept');
    }
    return publish(cross);
  };

  const insert = async (
    transaction: Transaction,
    principal: Principal,
    made: {
      readonly subject: LoadedIssuer;
      readonly signer?: LoadedIssuer | undefined;
      readonly certificates: readonly Certificate[];
    },
  ): Promise<CrossCertificate> => {
    const { subject, signer, certificates } = made;
    const [certificate, ...above] = certificates;
    if (certificate === undefined) {
      throw new TypeError('no certificate');
    }
    const cross = await transaction.crossCertificates.insert({
      tenant,
      subjectIssuerId: subject.record.issuerId,
      kind: kindOf(subject, signer),
      signerIssuerId: signer?.record.issuerId,
      certificate: certificate.der,
      chain: above.map(({ der }) => der),
      notAfter: certificate.validity.notAfter,
      createdAt: clock.now(),
      createdBy: principal.name,
    });
    await recordDone(dependencies, transaction, principal, {
      act: 'issuer.cross',
      object: subject.record.issuerId,
      details: { number: cross.number, kind: cross.kind, signer: cross.signerIssuerId },
    });
    return cross;
  };

  const crossesOf = async (issuerId: string): Promise<readonly CrossCertificate[]> =>
    unitOfWork.readOne(async ({ crossCertificates }) => crossCertificates.list(tenant, issuerId));

  return {
    /**
     * Link certificates between an issuer and the one that it follows, each signed with the other's
     * key: whoever trusts one of the two finds a path to what the other signed (RFC 4210 §4.4). The new
     * key signs only once it is active: asked for again then, the missing one is made.
     *
     * @returns all link certificates between the two, those that were there already too
     */
    async linkIssuer(principal: Principal, nameOrId: string): Promise<readonly PublishedCross[]> {
      const described = { act: 'issuer.link', object: nameOrId };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        issuers.forget();
        const successor = await issuers.byNameOrId(nameOrId);
        const { name, predecessorId, standing } = successor.record;
        if (predecessorId === undefined) {
          throw new ChanceryError('illegalTransition', {
            message: `issuer ${name} follows no other, so there is nothing to link it with; name the new one of a rollover`,
            field: 'issuer',
          });
        }
        const old = await issuers.byNameOrId(predecessorId);
        const links: PublishedCross[] = [];
        for (const [subject, signer] of [
          [successor, old],
          [old, successor],
        ] as const) {
          const kind = kindOf(subject, signer);
          const known = (await crossesOf(subject.record.issuerId)).find((one) => one.kind === kind);
          if (known !== undefined) {
            links.push(await publish(known));
          } else if (signer !== successor || standing !== 'prepared') {
            links.push(await certifyKey(principal, subject, signer, {}, described));
          }
        }
        return links;
      });
    },

    /**
     * A certificate for an issuer's key: signed by another of our issuers, or installed as a CA elsewhere
     * made it. Every path is validated before the certificate is kept.
     *
     * @throws ChanceryError policyViolation with everything that is wrong with the path
     */
    async crossCertify(
      principal: Principal,
      nameOrId: string,
      request: CaParameters & ({ readonly by: string } | { readonly chain: readonly Uint8Array[] }),
    ): Promise<PublishedCross> {
      const described = { act: 'issuer.cross', object: nameOrId };
      return act(dependencies, principal, 'issuers:create', described, async () => {
        issuers.forget();
        const subject = await issuers.byNameOrId(nameOrId);
        if ('by' in request) {
          const signer = await issuers.byNameOrId(request.by);
          return certifyKey(principal, subject, signer, request, described);
        }
        requireCertificate(subject);
        refuseCompromised(subject);
        const certificates = checkInstalledChain(clock.now(), subject, request.chain);
        return publish(
          await unitOfWork.run(async (transaction) =>
            insert(transaction, principal, { subject, certificates }),
          ),
        );
      });
    },

    async listCrossCertificates(
      principal: Principal,
      nameOrId: string,
    ): Promise<readonly PublishedCross[]> {
      const described = { act: 'issuer.cross.list', object: nameOrId };
      return act(dependencies, principal, 'issuers:read', described, async () =>
        (await crossesOf((await issuers.byNameOrId(nameOrId)).record.issuerId)).map(withUrl),
      );
    },

    /**
     * The other paths above an issuer's certificates, by cross and link certificates of it and of the
     * issuers above it. One that is on hold or revoked leads nowhere, nor does one that a compromised key
     * signed. Whether each holds for a certificate now, the caller checks.
     */
    async alternatePaths(issuerId: string): Promise<readonly (readonly Certificate[])[]> {
      const { chain } = await issuers.byNameOrId(issuerId);
      const compromised = new Set(
        (await issuers.all())
          .filter(({ compromise }) => compromise !== undefined)
          .map(({ record }) => record.issuerId),
      );
      const good = await unitOfWork.read(async (transaction) => {
        const all = await transaction.crossCertificates.list(tenant);
        const standing = await Promise.all(all.map(async (one) => isGood(transaction, one)));
        return all.filter(
          ({ signerIssuerId = '' }, index) => standing[index] && !compromised.has(signerIssuerId),
        );
      });
      return good.flatMap(({ certificate, chain: above }) => {
        const cross = parseCertificate(certificate);
        const place = chain.findIndex(({ subjectPublicKeyInfo }) =>
          sameBytes(subjectPublicKeyInfo.der, cross.subjectPublicKeyInfo.der),
        );
        return place < 0
          ? []
          : [[...chain.slice(0, place), cross, ...above.map((der) => parseCertificate(der))]];
      });
    },
  };
}

/** As far as the inventory has it: what a CA elsewhere signed is that one's. */
async function isGood(
  { inventory }: Transaction,
  { tenant, signerIssuerId, certificate }: CrossCertificate,
): Promise<boolean> {
  if (signerIssuerId === undefined) {
    return true;
  }
  const { serialNumber } = parseCertificate(certificate);
  const record = await inventory.find(tenant, signerIssuerId, serialNumber);
  return record === undefined || record.status.status === 'good';
}

function kindOf(subject: LoadedIssuer, signer: LoadedIssuer | undefined): CrossCertificate['kind'] {
  if (signer !== undefined && subject.record.predecessorId === signer.record.issuerId) {
    return 'newWithOld';
  }
  return signer !== undefined && signer.record.predecessorId === subject.record.issuerId
    ? 'oldWithNew'
    : 'cross';
}

/** It outlives neither the certificate that it stands beside nor any above it, nor its profile's longest. */
function lastDay(
  own: Certificate,
  signer: LoadedIssuer,
  now: Date,
  longest: number | undefined,
): Date {
  const ends = [own, ...signer.chain].map(({ validity }) => validity.notAfter.getTime());
  const day = 86_400_000;
  return new Date(Math.min(...ends, now.getTime() + (longest ?? 0) * 1000 - day));
}

function refuseBrokenPath(path: readonly Certificate[], own: Certificate, now: Date): void {
  const violations = verifyChain(path, now);
  const [first] = path;
  const isNamed = first !== undefined && sameBytes(first.subject.der, own.subject.der);
  if (violations.length > 0 || !isNamed) {
    throw new ChanceryError('policyViolation', {
      message: `the cross-certificate would make no path: ${isNamed ? violations.map(({ message }) => message).join('; ') : 'its subject is not written as the issuer writes it'}`,
      field: 'by',
      clause: violations[0]?.clause ?? 'RFC 5280 §6.1.3',
      violations,
    });
  }
}
