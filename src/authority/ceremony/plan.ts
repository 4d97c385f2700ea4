import { canonicalize } from '../../audit/index.ts';
import type { Violation } from '../../domain/index.ts';
import type { TokenRole } from '../../keys/index.ts';
import { sha256 } from '../octets.ts';
import type { CeremonyKind, TokenDeclaration } from './declaration.ts';

/** What runs the ceremony. */
export interface CeremonySoftware {
  readonly version: string;
  /** Of the repository, where there is one. */
  readonly commit: string | null;
  /** Lower-case hex SHA-256 over the product's own files. */
  readonly sourceSha256: string;
}

export interface CeremonyParticipant {
  readonly name: string;
  readonly part: 'custodian' | 'witness';
  /** Whose PIN a custodian brings. */
  readonly holds: readonly ('root' | 'issuing')[];
}

/** An extension as it will stand in a certificate; its value is open while a new key decides it. */
export interface PlannedExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** DER of the extension's own type in hex, or what decides it. */
  readonly value: string;
}

/** The fields of a certificate before it exists (RFC 5280 §4.1.2). */
export interface PlannedCertificate {
  readonly signature: string;
  /** RFC 4514. */
  readonly issuer: string;
  readonly subject: string;
  /** Seconds from notBefore to notAfter, both included. */
  readonly validitySeconds: number;
  /** The SHA-256 of the SubjectPublicKeyInfo; null for a key that is made in the ceremony. */
  readonly spkiSha256: string | null;
  readonly keyAlgorithm: string;
  readonly extensions: readonly PlannedExtension[];
}

/** One thing that a ceremony makes or destroys. */
export type PlannedThing =
  | {
      readonly make: 'keyPair';
      readonly name: string;
      readonly token: TokenRole;
      readonly keyAlgorithm: string;
    }
  | {
      readonly make: 'certificate';
      readonly name: string;
      readonly profile: { readonly name: string; readonly hash: string };
      readonly fields: PlannedCertificate;
    }
  | { readonly make: 'activation'; readonly issuer: string; readonly links: boolean }
  | { readonly make: 'crl'; readonly issuer: string; readonly days: number }
  | {
      readonly make: 'destruction';
      readonly keyId: string;
      readonly spkiSha256: string;
      readonly type: string;
      readonly label: string;
      readonly token: TokenRole;
      readonly state: string;
    };

/** Everything that the participants approve; canonical, so that its hash stands for it. */
export interface CeremonyPlan {
  readonly format: 'chancery-ceremony-plan/1';
  readonly ceremony: {
    readonly name: string;
    readonly kind: CeremonyKind;
    readonly purpose: string;
    /** Of the ceremony's file. */
    readonly sha256: string;
  };
  readonly installation: string;
  readonly software: CeremonySoftware;
  readonly participants: readonly CeremonyParticipant[];
  /** Tokens that must be at hand, and what they must be. */
  readonly tokens: readonly {
    readonly role: 'root' | 'issuing';
    readonly expected: TokenDeclaration | null;
  }[];
  /** The issuer that signs; null where nothing is signed by one that exists. */
  readonly by: {
    readonly issuer: string;
    readonly issuerId: string;
    readonly subject: string;
    readonly certificateSha256: string;
    readonly notAfter: string;
  } | null;
  readonly makes: readonly PlannedThing[];
}

/** A plan with what is wrong with it; only one without findings is carried out. */
export interface PlannedCeremony {
  readonly plan: CeremonyPlan;
  /** SHA-256 of the plan's canonical JSON (RFC 8785): what participants type the beginning of. */
  readonly planSha256: string;
  readonly findings: readonly Violation[];
}

export function plannedCeremony(
  plan: CeremonyPlan,
  findings: readonly Violation[],
): PlannedCeremony {
  return { plan, planSha256: sha256(canonicalize(plan)), findings };
}
