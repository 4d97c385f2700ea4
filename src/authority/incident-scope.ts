import {
  ChanceryError,
  type IncidentKind,
  type Principal,
  parseSerialNumber,
} from '../domain/index.ts';
import type { KeyRecord } from '../keys/index.ts';
import { decodePem, parseCertificate, parseSubjectPublicKeyInfo } from '../pkix/index.ts';
import type { BulkSearch } from './bulk-jobs.ts';
import type { AuthorityContext } from './context.ts';
import { anyIssuerId } from './import-issuers.ts';
import { spkiHash } from './issuance-core.ts';
import type { LoadedIssuer } from './loaded-issuers.ts';
import type { BulkQuery, Transaction } from './ports.ts';

/** What an incident is about, as it is asked for. */
export type IncidentSubject =
  | {
      readonly kind: 'keyCompromise';
      /**
       * SHA-256 of the SubjectPublicKeyInfo in hex, a serial number, a key identifier of the inventory,
       * or PEM of a certificate or public key.
       */
      readonly key: string;
      /** Needed when two issuers share the serial number. */
      readonly issuer?: string | undefined;
    }
  | { readonly kind: 'issuerCompromise'; readonly issuer: string }
  | { readonly kind: 'query'; readonly query: BulkSearch };

/** The subject, found. */
export interface IncidentScope {
  readonly kind: IncidentKind;
  /** Finds every affected certificate. */
  readonly query: BulkQuery;
  readonly selection: Readonly<Record<string, unknown>>;
  /** Of a compromised key. */
  readonly spkiHash?: string | undefined;
  /** Its record, when it is a key of ours. */
  readonly key?: KeyRecord | undefined;
  /** The issuer whose key it is. */
  readonly issuer?: LoadedIssuer | undefined;
}

/** @throws ChanceryError notFound, ambiguous, invalidArgument, malformed */
export async function scopeOf(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  subject: IncidentSubject,
): Promise<IncidentScope> {
  const { tenant } = principal;
  const now = context.dependencies.clock.now();
  switch (subject.kind) {
    case 'issuerCompromise': {
      const issuer = await context.issuers.byNameOrId(subject.issuer);
      const key = await transaction.keys.find(tenant, issuer.record.keyId);
      const { issuerId, name } = issuer.record;
      return {
        kind: 'issuerCompromise',
        query: { tenant, issuerId, now },
        selection: { issuer: name, issuerId },
        spkiHash: spkiHash(issuer.subjectPublicKeyInfo.der),
        key,
        issuer,
      };
    }
    case 'query': {
      const { issuer, ...filters } = subject.query;
      const issuerId = issuer && (await anyIssuerId(context, transaction, principal, issuer));
      if (Object.values({ ...filters, issuerId }).every((filter) => filter === undefined)) {
        throw new ChanceryError('invalidArgument', {
          message: 'the query has no filter: it would meet every certificate; give at least one',
          field: 'query',
        });
      }
      return {
        kind: 'query',
        query: { ...filters, issuerId, tenant, now },
        selection: { ...subject.query },
      };
    }
    case 'keyCompromise': {
      const hash = await keyOf(context, transaction, principal, subject);
      const key = (await transaction.keys.list(tenant)).find(
        (record) => spkiHash(record.subjectPublicKeyInfo) === hash,
      );
      if (key?.type === 'ca') {
        const all = await context.issuers.all();
        const name = all.find(({ record }) => record.keyId === key.keyId)?.record.name;
        throw new ChanceryError('invalidArgument', {
          message: `this is the key of issuer ${name ?? key.issuerId ?? ''}: all that it signed is affected; use \`chancery compromise issuer ${name ?? 'NAME'}\``,
          field: 'key',
        });
      }
      return {
        kind: 'keyCompromise',
        query: { tenant, spkiHash: hash, now },
        selection: { spkiHash: hash },
        spkiHash: hash,
        key,
      };
    }
    default:
      return subject satisfies never;
  }
}

/** Lower-case hex SHA-256 of the key that was named. */
async function keyOf(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  { key, issuer }: Extract<IncidentSubject, { readonly kind: 'keyCompromise' }>,
): Promise<string> {
  const { tenant } = principal;
  if (key.includes('-----BEGIN')) return keyInPem(key);
  const named = key.toLowerCase().replace(/[\s:]/g, '');
  const own = await transaction.keys.find(tenant, named);
  if (own !== undefined) return spkiHash(own.subjectPublicKeyInfo);
  if (/^[0-9a-f]{64}$/.test(named)) {
    if ((await transaction.inventory.findKeyUses(tenant, named, 1)).length > 0) return named;
    throw new ChanceryError('notFound', {
      message:
        'no certificate has a key with this SHA-256; to block a key that has none yet, give its public key as PEM',
      field: 'key',
    });
  }
  const serialNumber = parseSerialNumber(key);
  const issuerId = issuer && (await anyIssuerId(context, transaction, principal, issuer));
  const found = (await transaction.inventory.findBySerialNumber(tenant, serialNumber)).filter(
    (record) => issuerId === undefined || record.issuerId === issuerId,
  );
  const hashes = new Set(found.map((record) => record.spkiHash).filter((hash) => hash !== ''));
  const [hash] = hashes;
  if (hash === undefined) {
    throw new ChanceryError('notFound', {
      message: `${key.slice(0, 80)} is neither a key identifier of the inventory, nor the SHA-256 of a key, nor the serial number of a certificate whose key is known`,
      field: 'key',
    });
  }
  if (hashes.size > 1) {
    throw new ChanceryError('ambiguous', {
      message: `${found.length} issuers have a certificate ${serialNumber}; name one with --issuer`,
      field: 'issuer',
    });
  }
  return hash;
}

function keyInPem(pem: string): string {
  const [block, ...more] = decodePem(pem);
  if (block === undefined || more.length > 0) {
    throw new ChanceryError('malformed', {
      message: 'the PEM must hold exactly one certificate or public key',
      field: 'key',
    });
  }
  switch (block.label) {
    case 'CERTIFICATE':
      return spkiHash(parseCertificate(block.der).subjectPublicKeyInfo.der);
    case 'PUBLIC KEY':
      return spkiHash(parseSubjectPublicKeyInfo(block.der).der);
    default:
      throw new ChanceryError('malformed', {
        message: `a ${block.label} can't name a key here; give the certificate or the public key, and never send a private key`,
        field: 'key',
      });
  }
}
