import { ChanceryError, isChanceryError, type Violation } from '../../domain/index.ts';
import {
  formatDistinguishedName,
  type KeyAlgorithmName,
  type SubjectPublicKeyInfo,
} from '../../pkix/index.ts';
import type { AuthorityContext } from '../context.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { sha256 } from '../octets.ts';
import type { CeremonyDeclaration, SignerDeclaration } from './declaration.ts';
import type { CeremonyFile } from './parse.ts';
import { participantsOf } from './people.ts';
import {
  type CeremonySoftware,
  type PlannedCeremony,
  type PlannedThing,
  plannedCeremony,
} from './plan.ts';
import { thingsOf } from './planned-things.ts';

/** What a ceremony needs from outside of the database. */
export interface CeremonyMaterial {
  readonly software: CeremonySoftware;
  /** The octets of a file that the ceremony names, DER or PEM. */
  file(path: string): Uint8Array;
  /** Two keys of a kind that stand where a new one will. */
  placeholders(algorithm: KeyAlgorithmName): readonly SubjectPublicKeyInfo[];
}

/** Collects what is wrong; what can be planned is planned all the same. */
export interface Planning {
  readonly context: AuthorityContext;
  readonly material: CeremonyMaterial;
  readonly findings: Violation[];
  refuse(rule: string, field: string, message: string, clause?: string): void;
}

const separation = 'SP 800-57 Part 1 §9.1';

/**
 * Lints a ceremony against the installation as it is, and says what it would make. Reads the database,
 * opens no token, changes nothing.
 */
export async function planCeremony(
  context: AuthorityContext,
  file: CeremonyFile,
  material: CeremonyMaterial,
): Promise<PlannedCeremony> {
  const { dependencies } = context;
  const { declaration } = file;
  const findings: Violation[] = [];
  const planning: Planning = {
    context,
    material,
    findings,
    refuse(rule, field, message, clause = 'docs/ceremonies.md') {
      findings.push({ rule: `ceremony.${rule}`, field, message, clause });
    },
  };
  checkWindow(planning, declaration);
  context.issuers.forget();
  const by = await signerOf(planning, declaration);
  const makes = await thingsOf(planning, declaration, by);
  const roles = rolesOf(declaration, by, makes);
  for (const role of roles) {
    if (!declaration.participants.custodians.some(({ holds }) => holds.includes(role))) {
      planning.refuse(
        'custodian',
        'participants',
        `no custodian holds the ${role} token`,
        separation,
      );
    }
  }
  const installation = await dependencies.unitOfWork.read(async (transaction) =>
    transaction.installation.find(),
  );
  if (installation === undefined) {
    planning.refuse(
      'installation',
      'installation',
      'there is no installation yet: run `chancery init --before-ceremony`',
    );
  }
  return plannedCeremony(
    {
      format: 'chancery-ceremony-plan/1',
      ceremony: {
        name: declaration.name,
        kind: declaration.ceremony,
        purpose: declaration.purpose,
        sha256: file.sha256,
      },
      installation: installation?.id ?? '',
      software: material.software,
      participants: participantsOf(declaration),
      tokens: roles.map((role) => ({ role, expected: declaration.tokens[role] ?? null })),
      by: by === undefined ? null : describeSigner(by),
      makes,
    },
    findings,
  );
}

function checkWindow({ context, refuse }: Planning, { between }: CeremonyDeclaration): void {
  const now = context.dependencies.clock.now();
  if (between === undefined) return;
  if (now < new Date(between.from) || now > new Date(between.until)) {
    refuse(
      'clock',
      'between',
      `the clock reads ${now.toISOString()}, which is not between ${between.from} and ${between.until}: the clock is off, or it is not the day`,
    );
  }
}

/** The issuer that signs, compared with its pins. */
async function signerOf(
  planning: Planning,
  declaration: CeremonyDeclaration,
): Promise<LoadedIssuer | undefined> {
  if (!('by' in declaration)) return undefined;
  const { issuers, dependencies } = planning.context;
  let issuer: LoadedIssuer;
  try {
    issuer = await issuers.byNameOrId(declaration.by.issuer);
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    planning.refuse('signer', 'by.issuer', error.message);
    return undefined;
  }
  const { certificate } = issuer.signing;
  if (certificate === undefined) {
    planning.refuse('signer', 'by.issuer', `issuer ${issuer.record.name} has no certificate yet`);
    return undefined;
  }
  comparePins(planning, declaration.by, issuer);
  const key = await dependencies.unitOfWork.read(async (transaction) =>
    transaction.keys.find(dependencies.tenant, issuer.record.keyId),
  );
  if (key?.privateState !== 'active') {
    planning.refuse(
      'signer',
      'by.issuer',
      `the key of issuer ${issuer.record.name} is ${key?.privateState ?? 'not in the inventory'}: it signs nothing`,
      'SP 800-57 Part 1 §7',
    );
  }
  if (dependencies.clock.now() > certificate.validity.notAfter) {
    planning.refuse(
      'signer',
      'by.issuer',
      `the certificate of ${issuer.record.name} has expired`,
      'RFC 5280 §4.1.2.5',
    );
  }
  return issuer;
}

function comparePins(planning: Planning, by: SignerDeclaration, { signing }: LoadedIssuer): void {
  const { certificate } = signing;
  if (certificate === undefined) return;
  const subject = formatDistinguishedName(certificate.subject);
  if (by.subject !== undefined && by.subject !== subject) {
    planning.refuse(
      'signerName',
      'by.subject',
      `issuer ${by.issuer} is ${subject}, the ceremony's file says ${by.subject}`,
      'RFC 5280 §4.1.2.4',
    );
  }
  const hash = sha256(certificate.der);
  if (by.certificateSha256 !== undefined && by.certificateSha256 !== hash) {
    planning.refuse(
      'signerCertificate',
      'by.certificateSha256',
      `the certificate of issuer ${by.issuer} has SHA-256 ${hash}, the ceremony's file says ${by.certificateSha256}`,
    );
  }
}

/** Tokens that are used: where keys are made, where the signer's is, where the transcript's is. */
function rolesOf(
  { transcript }: CeremonyDeclaration,
  by: LoadedIssuer | undefined,
  makes: readonly PlannedThing[],
): readonly ('root' | 'issuing')[] {
  const used = new Set<string>([transcript.token]);
  if (by !== undefined) used.add(by.record.tokenRole);
  for (const thing of makes) {
    if (thing.make === 'keyPair' || thing.make === 'destruction') used.add(thing.token);
  }
  return (['root', 'issuing'] as const).filter((role) => used.has(role));
}

function describeSigner({ record, signing }: LoadedIssuer) {
  const { certificate } = signing;
  if (certificate === undefined) {
    throw new ChanceryError('illegalTransition', { message: `${record.name} has no certificate` });
  }
  return {
    issuer: record.name,
    issuerId: record.issuerId,
    subject: formatDistinguishedName(certificate.subject),
    certificateSha256: sha256(certificate.der),
    notAfter: certificate.validity.notAfter.toISOString(),
  };
}
