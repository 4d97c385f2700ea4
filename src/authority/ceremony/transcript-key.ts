import { ChanceryError, type Principal } from '../../domain/index.ts';
import type { KeyRecord } from '../../keys/index.ts';
import { defaultSignatureAlgorithm } from '../../pkix/index.ts';
import type { AuthorityContext } from '../context.ts';
import { changeKeyState } from '../key-states.ts';

/** The key that signs transcripts, and whether it was made just now. */
export interface TranscriptKey {
  readonly key: KeyRecord;
  readonly made: boolean;
}

/**
 * The transcript key in a token: of a type of its own, signing nothing else (SP 800-57 Part 1 §5.2). Made
 * at first use, and again when the last one is not active any more.
 */
export async function transcriptKey(
  context: AuthorityContext,
  principal: Principal,
  role: 'root' | 'issuing',
): Promise<TranscriptKey> {
  const { dependencies } = context;
  const { tokens, unitOfWork, tenant, clock, log } = dependencies;
  const records = await unitOfWork.read(async (transaction) => transaction.keys.list(tenant));
  const own = records.filter(({ type, tokenRole }) => type === 'transcript' && tokenRole === role);
  const active = own.findLast(({ privateState }) => privateState === 'active');
  if (active !== undefined) {
    await context.keys.rebind(active.keyId);
    return { key: active, made: false };
  }
  const generated = await tokens[role].generateKeyPair({
    keyAlgorithm: 'p256',
    signatureAlgorithm: defaultSignatureAlgorithm('p256', 'pkcs1').name,
    purposes: ['transcript'],
    label: 'transcript',
  });
  const { life: _life, ...made } = generated;
  const reason = 'made to sign the transcripts of ceremonies';
  try {
    await unitOfWork.run(async (transaction) => {
      const now = clock.now();
      await transaction.keys.insert(
        {
          ...made,
          tenant,
          type: 'transcript',
          record: `transcript-${role}`,
          version: (await transaction.keys.latestVersion(tenant, `transcript-${role}`)) + 1,
          tokenRole: role,
          owner: principal.name,
          origin: 'generated',
          createdAt: now,
        },
        { at: now, by: principal.name, reason },
      );
      await changeKeyState(dependencies, transaction, principal, made.keyId, 'activate', {
        reason,
        details: { token: made.token, attributes: made.attributes },
      });
    });
  } catch (error) {
    await tokens[role].destroyKeyPair(made.keyId).catch((cause: unknown) => {
      log('alarm', 'a key pair without a record stays in the token', {
        keyId: made.keyId,
        cause: String(cause),
      });
    });
    throw error;
  }
  await context.keys.rebind(made.keyId);
  const key = await unitOfWork.read(async (transaction) =>
    transaction.keys.find(tenant, made.keyId),
  );
  if (key === undefined) {
    throw new ChanceryError('internal', { message: 'the transcript key has no record' });
  }
  return { key, made: true };
}
