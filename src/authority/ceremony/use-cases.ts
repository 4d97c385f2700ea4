import type { Principal } from '../../domain/index.ts';
import { signatureAlgorithms } from '../../pkix/index.ts';
import { act, recordDone } from '../acts.ts';
import type { AuthorityContext } from '../context.ts';
import type { EvidenceRecord } from '../ports.ts';
import { type CeremonyActs, carryOut, type Report } from './making.ts';
import type { CeremonyFile } from './parse.ts';
import type { CeremonyPlan, PlannedCeremony } from './plan.ts';
import { type CeremonyMaterial, planCeremony } from './planning.ts';
import { type TranscriptKey, transcriptKey } from './transcript-key.ts';

/** What is kept of a ceremony that was held. */
export interface HeldCeremony {
  readonly name: string;
  readonly kind: string;
  readonly outcome: 'completed' | 'aborted';
  readonly reason?: string | undefined;
  readonly transcriptSha256: string;
  readonly planSha256: string;
  readonly signedBy: string;
  readonly answersFrom: 'terminal' | 'file';
  readonly made: readonly string[];
  readonly participants: readonly string[];
}

/** Ceremonies: planned from a file, carried out through the use cases of every day, kept as evidence. */
export function ceremonyUseCases(context: AuthorityContext, acts: CeremonyActs) {
  const { dependencies } = context;
  const { unitOfWork, tenant, clock, signer, settings } = dependencies;
  return {
    /** Lints a ceremony and says what it would make; changes nothing. */
    planCeremony: async (
      file: CeremonyFile,
      material: CeremonyMaterial,
    ): Promise<PlannedCeremony> => planCeremony(context, file, material),

    /** Makes what was planned; what is made is reported as soon as it exists. */
    carryOutCeremony: async (
      principal: Principal,
      file: CeremonyFile,
      plan: CeremonyPlan,
      material: CeremonyMaterial,
      report: Report,
    ): Promise<void> => {
      const described = {
        act: 'ceremony.carryOut',
        object: plan.ceremony.name,
        details: { kind: plan.ceremony.kind, file: file.sha256 },
      };
      await act(dependencies, principal, 'issuers:create', described, async () =>
        carryOut(context, acts, principal, file, plan, material, report),
      );
    },

    /** The time as the database has it: the second witness of the clock. */
    databaseTime: async (): Promise<Date> =>
      unitOfWork.read(async (transaction) => transaction.installation.databaseTime()),

    /** CKA_IDs of the keys of a token that the inventory knows. */
    knownKeys: async (role: 'root' | 'issuing'): Promise<readonly string[]> =>
      unitOfWork.read(async (transaction) =>
        (await transaction.keys.list(tenant))
          .filter(({ tokenRole }) => tokenRole === role)
          .map(({ keyId }) => keyId),
      ),

    /** The key that signs transcripts, made when there is none. */
    transcriptKey: async (principal: Principal, role: 'root' | 'issuing'): Promise<TranscriptKey> =>
      transcriptKey(context, principal, role),

    /** Signs the octets of a transcript with its key. */
    signTranscript: async ({ key }: TranscriptKey, octets: Uint8Array): Promise<Uint8Array> =>
      signer.sign({
        keyId: key.keyId,
        purpose: 'transcript',
        algorithm: signatureAlgorithms[key.algorithm].name,
        bytes: octets,
        deadline: settings.signDeadline,
      }),

    /** Keeps that a ceremony was held, with the hash of its transcript. */
    recordCeremony: async (principal: Principal, held: HeldCeremony): Promise<void> => {
      await unitOfWork.run(async (transaction) => {
        await transaction.evidence.append(tenant, {
          kind: 'ceremony',
          subject: held.name,
          at: clock.now(),
          by: principal.name,
          document: { ...held },
        });
        await recordDone(dependencies, transaction, principal, {
          act: 'ceremony.hold',
          object: held.name,
          details: { ...held },
        });
      });
    },

    /** Ceremonies that were held, newest first. */
    listCeremonies: async (limit: number): Promise<readonly EvidenceRecord[]> =>
      unitOfWork.read(async (transaction) =>
        transaction.evidence.list(tenant, { kind: 'ceremony', limit }),
      ),
  };
}
