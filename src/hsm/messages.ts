import type { ErrorCode, KeyId, SigningPurpose } from '../domain/index.ts';
import type {
  AdoptKeyRequest,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyDestruction,
  KeyUse,
  TokenIdentity,
  TokenObject,
  TokenRole,
} from '../keys/ports.ts';
import type { SignatureAlgorithmName } from '../pkix/index.ts';

/** What the signer process needs to open its token. No PIN: it reads the file itself. */
export interface TokenSettings {
  readonly role: TokenRole;
  readonly module: string;
  readonly label: string;
  readonly serialNumber?: string | undefined;
  readonly pinFile: string;
  /** For the module itself, handed over in C_Initialize (NSS). */
  readonly libraryParameters?: string | undefined;
  /** Folder of the counts of signatures; default: beside the PIN file, `.counts` behind its name. */
  readonly countsFolder?: string | undefined;
  readonly sessions: number;
}

export interface InitialiseSettings {
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
  readonly soPinFile: string;
}

export interface BlockedKey {
  readonly keyId: KeyId;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}

export interface SignItem {
  readonly id: number;
  readonly keyId: KeyId;
  readonly purpose: SigningPurpose;
  readonly algorithm: SignatureAlgorithmName;
  readonly bytes: Uint8Array;
}

/** A message on its way: numbers are the parent's, never used twice. */
interface StreamNumber {
  readonly stream: number;
}

/** An act on the token beside signing one message; `Answer` gives what each one answers. */
export type TokenCall =
  | { readonly name: 'identity' }
  | { readonly name: 'bind'; readonly keys: readonly KeyBinding[] }
  | { readonly name: 'keyIds' }
  | { readonly name: 'random'; readonly length: number }
  | { readonly name: 'selfTest' }
  /** A call to the device on each session that is free, so that none dies of idleness. */
  | { readonly name: 'keepAlive' }
  | { readonly name: 'generateKeyPair'; readonly request: GenerateKeyRequest }
  | { readonly name: 'adoptKeyPair'; readonly request: AdoptKeyRequest }
  | { readonly name: 'usage' }
  | { readonly name: 'objects' }
  | { readonly name: 'createSelfTestKey' }
  | { readonly name: 'destroyKeyPair'; readonly keyId: KeyId }
  | { readonly name: 'clearBlockedKey'; readonly keyId: KeyId }
  | ({
      readonly name: 'openStream';
      /** Octets that will come. */
      readonly length: number;
    } & StreamNumber &
      Omit<SignItem, 'id' | 'bytes'>)
  | ({ readonly name: 'writeStream'; readonly bytes: Uint8Array } & StreamNumber)
  | ({ readonly name: 'signStream' } & StreamNumber)
  | ({ readonly name: 'dropStream' } & StreamNumber);

export interface Answers {
  readonly identity: TokenIdentity;
  readonly bind: undefined;
  readonly keyIds: readonly KeyId[];
  readonly random: Uint8Array;
  readonly selfTest: undefined;
  readonly keepAlive: undefined;
  readonly generateKeyPair: GeneratedKey;
  readonly adoptKeyPair: GeneratedKey;
  readonly usage: readonly KeyUse[];
  readonly objects: readonly TokenObject[];
  readonly createSelfTestKey: KeyId;
  readonly destroyKeyPair: KeyDestruction;
  readonly clearBlockedKey: undefined;
  readonly openStream: undefined;
  readonly writeStream: undefined;
  readonly signStream: Uint8Array;
  readonly dropStream: undefined;
}

/** A ChanceryError as plain data. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfter?: number | undefined;
  /** True when the act may be sent to the next signer process: nothing was signed or changed. */
  readonly repeatable?: boolean | undefined;
}

export type Outcome<T> =
  | { readonly id: number; readonly ok: true; readonly value: T }
  | { readonly id: number; readonly ok: false; readonly error: WireError };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type ToSigner =
  | {
      readonly type: 'open';
      readonly settings: TokenSettings;
      readonly bindings: readonly KeyBinding[];
      readonly blocked: readonly BlockedKey[];
    }
  | { readonly type: 'initialise'; readonly settings: InitialiseSettings }
  | { readonly type: 'sign'; readonly items: readonly SignItem[] }
  | { readonly type: 'call'; readonly id: number; readonly call: TokenCall }
  | { readonly type: 'close' };

export type FromSigner =
  | {
      readonly type: 'ready';
      readonly identity: TokenIdentity;
      readonly blocked: readonly BlockedKey[];
    }
  | {
      readonly type: 'failed';
      readonly error: WireError;
      /** True when only an operator can mend it (PIN, settings): tried again slowly. */
      readonly permanent: boolean;
    }
  | { readonly type: 'initialised'; readonly identity: TokenIdentity }
  | { readonly type: 'signed'; readonly results: readonly Outcome<Uint8Array>[] }
  | { readonly type: 'answer'; readonly outcome: Outcome<unknown> }
  | { readonly type: 'blocked'; readonly key: BlockedKey }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
