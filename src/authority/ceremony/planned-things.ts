import { type ChanceryError, isChanceryError, type Violation } from '../../domain/index.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { sha256 } from '../octets.ts';
import type { CeremonyDeclaration } from './declaration.ts';
import type { PlannedThing } from './plan.ts';
import type { Planning } from './planning.ts';
import { type Preview, type PreviewOrder, previewCertificate } from './preview.ts';
import { foreignOrder, newIssuerOrders } from './subjects.ts';

/** What a ceremony would make, and what speaks against it. */
export async function thingsOf(
  planning: Planning,
  declaration: CeremonyDeclaration,
  by: LoadedIssuer | undefined,
): Promise<readonly PlannedThing[]> {
  switch (declaration.ceremony) {
    case 'root':
      return [
        ...(await newIssuerThings(planning, declaration, undefined)),
        crlThing(planning, declaration.issuer.name, declaration.crl.days, declaration.issuer.days),
      ];
    case 'rollover':
      return by === undefined ? [] : rolloverThings(planning, declaration, by);
    case 'intermediate':
      if (by === undefined) return [];
      if (declaration.issuer !== undefined) {
        return newIssuerThings(planning, { issuer: declaration.issuer }, by);
      }
      return declaration.request === undefined
        ? []
        : certificateThing(planning, by, declaration.request.subject, async () =>
            foreignOrder(planning, by, declaration),
          );
    case 'cross-certificate':
      return by === undefined
        ? []
        : certificateThing(planning, by, declaration.certificate.subject, async () =>
            foreignOrder(planning, by, declaration),
          );
    case 'delegate':
      return by === undefined
        ? []
        : certificateThing(planning, by, declaration.responder, async () =>
            foreignOrder(planning, by, declaration),
          );
    case 'root-crl':
      return by === undefined
        ? []
        : [crlThing(planning, by.record.name, declaration.crl.days, daysLeft(planning, by))];
    case 'destruction':
      return destructionThings(planning, declaration);
    default:
      return declaration satisfies never;
  }
}

async function rolloverThings(
  planning: Planning,
  { issuer, activate, crl }: Extract<CeremonyDeclaration, { ceremony: 'rollover' }>,
  by: LoadedIssuer,
): Promise<readonly PlannedThing[]> {
  if (by.record.kind !== 'root') {
    planning.refuse(
      'rollover',
      'by.issuer',
      `issuer ${by.record.name} is no root: roll it over with \`chancery issuer rollover\``,
    );
  }
  if (issuer !== undefined) return newIssuerThings(planning, { issuer }, undefined);
  const next = (await planning.context.issuers.all()).find(
    ({ record }) => record.name === activate?.issuer,
  );
  if (next?.record.standing !== 'prepared' || next.record.predecessorId !== by.record.issuerId) {
    planning.refuse(
      'rollover',
      'activate.issuer',
      `issuer ${activate?.issuer ?? ''} is not prepared to follow ${by.record.name}`,
    );
    return [];
  }
  const { name } = next.record;
  return [
    { make: 'activation', issuer: name, links: activate?.links ?? false },
    crlThing(planning, name, crl?.days ?? 0, daysLeft(planning, next)),
  ];
}

function daysLeft({ context }: Planning, { signing }: LoadedIssuer): number {
  const end = signing.certificate?.validity.notAfter.getTime() ?? 0;
  return (end - context.dependencies.clock.now().getTime()) / 86_400_000;
}

function crlThing(
  planning: Planning,
  issuer: string,
  days: number,
  issuerDays: number,
): PlannedThing {
  const most = planning.context.dependencies.settings.ceremonyCrlMaximumSeconds / 86_400;
  if (days > most) {
    planning.refuse(
      'crl',
      'crl.days',
      `a CRL of a ceremony is valid for at most ${most} days (ceremonies.crlMaximum), not ${days}`,
    );
  }
  if (days > issuerDays) {
    planning.refuse(
      'crl',
      'crl.days',
      `the CRL would outlive the certificate of ${issuer}`,
      'RFC 5280 §5.1.2.5',
    );
  }
  return { make: 'crl', issuer, days };
}

async function newIssuerThings(
  planning: Planning,
  { issuer }: Pick<Extract<CeremonyDeclaration, { ceremony: 'root' }>, 'issuer'>,
  by: LoadedIssuer | undefined,
): Promise<readonly PlannedThing[]> {
  const existing = (await planning.context.issuers.all()).find(
    ({ record }) => record.name === issuer.name,
  );
  if (existing !== undefined && existing.record.state !== 'pending') {
    planning.refuse(
      'exists',
      'issuer.name',
      `there is an issuer ${issuer.name} already, made ${existing.record.createdAt.toISOString()}, with a key in the ${existing.record.tokenRole} token`,
    );
  }
  checkStrength(planning, issuer.key, issuer.days);
  const certificates = await certificateThing(planning, by, issuer.name, async () =>
    newIssuerOrders(planning, issuer, by),
  );
  return [
    {
      make: 'keyPair',
      name: issuer.name,
      token: by === undefined ? 'root' : 'issuing',
      keyAlgorithm: issuer.key,
    },
    ...certificates,
  ];
}

/** SP 800-57 Part 1 §5.6.3: 112 bits of strength protect nothing past 2030. */
const endOf112Bits = new Date('2030-12-31T23:59:59Z');

function checkStrength({ context, refuse }: Planning, key: string, days: number): void {
  const end = new Date(context.dependencies.clock.now().getTime() + days * 86_400_000);
  if (key === 'rsa2048' && end > endOf112Bits) {
    refuse(
      'strength',
      'issuer.key',
      `a key of 112 bits of strength (${key}) may not sign until ${end.toISOString()}; take p384 or rsa4096`,
      'SP 800-57 Part 1 §5.6.3',
    );
  }
}

async function certificateThing(
  planning: Planning,
  by: LoadedIssuer | undefined,
  name: string,
  orders: () => Promise<readonly PreviewOrder[]>,
): Promise<readonly PlannedThing[]> {
  let made: readonly PreviewOrder[];
  try {
    made = await orders();
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    planning.findings.push(...violationsOf(error));
    return [];
  }
  const [order] = made;
  if (order === undefined) return [];
  const preview: Preview = previewCertificate(planning.context.dependencies, made);
  if (!preview.ok) {
    planning.findings.push(...preview.violations);
    return [];
  }
  if (by !== undefined) {
    await planning.context.standing
      .require({ issuer: by, profile: order.profile })
      .catch((error: unknown) => {
        if (!isChanceryError(error)) throw error;
        planning.findings.push(...violationsOf(error));
      });
  }
  const { profile } = order;
  return [
    {
      make: 'certificate',
      name,
      profile: { name: profile.name, hash: profile.hash },
      fields: preview.fields,
    },
  ];
}

function violationsOf(error: ChanceryError): readonly Violation[] {
  const { code, field, message, clause } = error;
  return error.violations.length > 0
    ? error.violations
    : [{ rule: code, field: field ?? 'ceremony', message, clause: clause ?? 'docs/ceremonies.md' }];
}

async function destructionThings(
  planning: Planning,
  { keys }: Extract<CeremonyDeclaration, { ceremony: 'destruction' }>,
): Promise<readonly PlannedThing[]> {
  const { dependencies } = planning.context;
  const records = await dependencies.unitOfWork.read(async (transaction) =>
    Promise.all(keys.map(async ({ keyId }) => transaction.keys.find(dependencies.tenant, keyId))),
  );
  return keys.flatMap(({ keyId, spkiSha256 }, index): PlannedThing[] => {
    const record = records[index];
    const field = `keys.${index}`;
    if (
      record === undefined ||
      record.tokenRole === 'responder' ||
      record.tokenRole === 'software'
    ) {
      planning.refuse(
        'key',
        field,
        `the inventory has no key ${keyId} in the root or issuing token`,
      );
      return [];
    }
    const hash = sha256(record.subjectPublicKeyInfo);
    if (hash !== spkiSha256) {
      planning.refuse(
        'key',
        field,
        `key ${keyId} has the public key ${hash}, the ceremony's file says ${spkiSha256}`,
      );
    }
    if (record.privateState === 'destroyed') {
      planning.refuse('key', field, `key ${keyId} is destroyed already`, 'SP 800-57 Part 1 §7.6');
    }
    return [
      {
        make: 'destruction',
        keyId,
        spkiSha256: hash,
        type: record.type,
        label: record.label,
        token: record.tokenRole,
        state: record.privateState,
      },
    ];
  });
}
