import { ChanceryError, type Principal, type SigningPurpose } from '../domain/index.ts';
import type { KeyRecord, KeyType } from '../keys/index.ts';
import { defaultSignatureAlgorithm, type KeyAlgorithmName } from '../pkix/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { type KeyActRequest, type KeyActResult, requireReason } from './key-acts.ts';
import { findKey } from './key-lookup.ts';
import { requireStrength, requireValidated } from './key-states.ts';
import { insertVersion } from './responder-keys.ts';

export interface GenerateRequest {
  readonly type: KeyType;
  readonly keyAlgorithm: KeyAlgorithmName;
  /** RSA only; default pkcs1. */
  readonly signature?: 'pkcs1' | 'pss' | undefined;
  /** Name of the record that its versions share; default: the type. */
  readonly record?: string | undefined;
  readonly reason: string;
  readonly approvals?: readonly string[] | undefined;
  /** Signatures over all nodes; default: the policy's. */
  readonly signatureLimit?: number | undefined;
}

/** Types that a person makes by themselves, with what they sign; the others come with what they belong to. */
const purposesOf: Readonly<Partial<Record<KeyType, SigningPurpose>>> = {
  transcript: 'transcript',
  audit: 'checkpoint',
  trustBundle: 'trustMetadata',
  notice: 'notice',
};

const elsewhere: Readonly<Partial<Record<KeyType, string>>> = {
  ca: 'a CA key is made with its issuer: `chancery issuer create`, or `chancery issuer rollover prepare` for the next one',
  ocspResponder: 'a responder makes its keys in its own token, and rotates them by itself',
  httpsServer: 'the CA process makes the key of its HTTPS server, and rotates it by itself',
  selfTest:
    'a self-test key is made with its token, by `chancery init` or `chancery token replace`; it signs nothing but probes, and lives as long as the token',
  wrapping: 'wrapping keys come with key escrow, which is not there yet',
};

/** New keys, and new versions of them. */
export function keyGenerationUseCases(context: AuthorityContext) {
  const { dependencies } = context;
  const { unitOfWork, tokens, tenant, failpoint, clock } = dependencies;

  const generate = async (principal: Principal, request: GenerateRequest): Promise<KeyRecord> => {
    const { type, keyAlgorithm, reason } = request;
    requireReason(reason);
    const purpose = purposesOf[type];
    if (purpose === undefined) {
      throw new ChanceryError('invalidArgument', {
        message: elsewhere[type] ?? `keys of type ${type} are not made here`,
        field: 'type',
      });
    }
    const algorithm = defaultSignatureAlgorithm(keyAlgorithm, request.signature ?? 'pkcs1').name;
    requireStrength(dependencies, keyAlgorithm, algorithm);
    const record = request.record ?? type;
    requireValidated(dependencies, {
      token: await tokens.issuing.identity(),
      tokenRole: 'issuing',
    });
    const key = await tokens.issuing.generateKeyPair({
      keyAlgorithm,
      signatureAlgorithm: algorithm,
      purposes: [purpose],
      label: record,
    });
    try {
      await unitOfWork.run(async (transaction) => {
        const made: Parameters<typeof insertVersion>[4] = {
          ...{ ...key, tenant, type, record, tokenRole: 'issuing' },
          ...{ owner: principal.name, origin: 'generated' },
          signatureLimit: request.signatureLimit,
        };
        const { approvals } = request;
        await insertVersion(dependencies, transaction, principal, reason, made, approvals);
        failpoint('key.1-before-commit');
      });
    } catch (error) {
      // It has signed nothing and has no record: a crash here leaves a pair that reconciliation finds.
      await tokens.issuing.destroyKeyPair(key.keyId).catch((cause: unknown) => {
        dependencies.log('alarm', 'a key pair without a record stays in the token', {
          keyId: key.keyId,
          cause: String(cause),
        });
      });
      throw error;
    }
    failpoint('key.2-after-commit');
    await context.keys.rebind(key.keyId);
    const made = await unitOfWork.read(async ({ keys }) => keys.find(tenant, key.keyId));
    if (made === undefined) {
      throw new ChanceryError('internal', { message: 'the key just recorded is gone' });
    }
    return made;
  };

  return {
    /** Transition 1: a pair in the issuing token, in pre-activation. Its reason and approvals stand in its history. */
    async generateKey(principal: Principal, request: GenerateRequest): Promise<KeyActResult> {
      const { type, keyAlgorithm, record, reason, approvals } = request;
      const described = {
        act: 'key.generate',
        object: record ?? type,
        details: { type, keyAlgorithm, reason, approvals: approvals ?? [] },
      };
      return act(dependencies, principal, 'keys:manage', described, async () => {
        const key = await generate(principal, request);
        return { key, notes: [activationNote(key)] };
      });
    },

    /** The next version of a key, prepared; it is activated by a person after its distribution (§8.2.3). */
    async rotateKey(principal: Principal, request: KeyActRequest): Promise<KeyActResult> {
      const described = {
        act: 'key.rotate',
        object: request.key,
        details: { reason: request.reason, approvals: request.approvals ?? [] },
      };
      return act(dependencies, principal, 'keys:manage', described, async () => {
        const { found, issuer } = await unitOfWork.read(async (transaction) => {
          const key = await findKey(transaction, tenant, request.key);
          const issuers = await transaction.issuers.list(tenant);
          return { found: key, issuer: issuers.find(({ keyId }) => keyId === key.keyId) };
        });
        if (purposesOf[found.type] === undefined) {
          throw new ChanceryError('illegalTransition', {
            message:
              issuer === undefined
                ? (elsewhere[found.type] ?? `keys of type ${found.type} are not rotated here`)
                : `a CA key rotates with its issuer: \`chancery issuer rollover prepare ${issuer.name} --as NEWNAME\` makes and distributes the next, \`issuer rollover activate NEWNAME\` begins it`,
            field: 'key',
            clause: 'SP 800-57 Part 1 §8.2.3',
          });
        }
        const key = await generate(principal, {
          type: found.type,
          keyAlgorithm: found.keyAlgorithm,
          signature: found.algorithm.startsWith('rsassa-pss') ? 'pss' : 'pkcs1',
          record: found.record,
          reason: request.reason,
          approvals: request.approvals,
          signatureLimit: found.signatureLimit,
        });
        return {
          key,
          notes: [
            activationNote(key),
            `then destroy the version before it: \`chancery key destroy ${found.keyId} --reason TEXT\``,
          ],
        };
      });
    },
  };

  function activationNote(key: KeyRecord): string {
    return `bring its public key to those who verify with it, say so with \`chancery key distributed ${key.keyId} --location TEXT --reason TEXT\`, then \`chancery key activate ${key.keyId} --reason TEXT\` (prepared ${clock.now().toISOString()})`;
  }
}
