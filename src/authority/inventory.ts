import { actsOnlyOnOwn } from '../access/index.ts';
import type { StoredAuditRecord } from '../audit/ports.ts';
import { ChanceryError, type Principal, parseSerialNumber } from '../domain/index.ts';
import { act } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { anyIssuerId } from './import-issuers.ts';
import { chainWithoutRoot } from './loaded-issuers.ts';
import type {
  CertificateQuery,
  CertificateRecord,
  Page,
  StoredStatusChange,
  Transaction,
} from './ports.ts';

/** Names one certificate: the issuer is needed only when two share the serial number. */
export interface CertificateRef {
  readonly serialNumber: string;
  readonly issuer?: string | undefined;
}

/** Filters of a search, without what the use case adds. */
export type CertificateSearch = Omit<CertificateQuery, 'tenant' | 'now' | 'issuerId'> & {
  /** Name or id. */
  readonly issuer?: string | undefined;
};

/** @throws ChanceryError notFound, ambiguous; a stranger's certificate is `notFound` to a subscriber */
export async function findOwn(
  context: AuthorityContext,
  transaction: Transaction,
  principal: Principal,
  ref: CertificateRef,
): Promise<CertificateRecord> {
  const { tenant } = principal;
  const serialNumber = parseSerialNumber(ref.serialNumber);
  let rows: readonly CertificateRecord[];
  if (ref.issuer === undefined) {
    rows = await transaction.inventory.findBySerialNumber(tenant, serialNumber);
  } else {
    const issuerId = await anyIssuerId(context, transaction, principal, ref.issuer);
    const row = await transaction.inventory.find(tenant, issuerId, serialNumber);
    rows = row === undefined ? [] : [row];
  }
  const visible = rows.filter((row) => !actsOnlyOnOwn(principal) || isOwn(principal, row));
  const [record, second] = visible;
  if (record === undefined) {
    throw new ChanceryError('notFound', {
      message: `no certificate has the serial number ${serialNumber}; \`chancery list\` shows what there is`,
      field: 'serialNumber',
    });
  }
  if (second !== undefined) {
    throw new ChanceryError('ambiguous', {
      message: `serial number ${serialNumber} belongs to several issuers (${visible.map(({ issuerId }) => issuerId).join(', ')}); name one with --issuer`,
      field: 'issuer',
    });
  }
  return record;
}

function isOwn(principal: Principal, record: CertificateRecord): boolean {
  return record.owner === principal.name || record.requestedBy === principal.name;
}

function refuseWithoutBytes(record: CertificateRecord): void {
  const { certificate, serialNumber, issuanceState, purgedAt } = record;
  if (purgedAt !== undefined) {
    throw new ChanceryError('notFound', {
      message: `certificate ${serialNumber} was purged ${purgedAt.toISOString()}: its bytes are gone; \`chancery show\` says what is kept`,
    });
  }
  if (certificate === undefined && issuanceState === 'issued') {
    throw new ChanceryError('notFound', {
      message: `of certificate ${serialNumber} only the serial number was imported; its bytes are not here`,
    });
  }
  if (certificate === undefined) {
    throw new ChanceryError('notFound', {
      message: `certificate ${serialNumber} was never issued (${issuanceState})`,
    });
  }
}

/** The read side of the inventory: every use case shows a subscriber only its own certificates. */
export function inventoryUseCases(context: AuthorityContext) {
  const { unitOfWork, clock } = context.dependencies;
  const find = async (
    principal: Principal,
    ref: CertificateRef,
    check: (record: CertificateRecord) => void = () => undefined,
  ): Promise<CertificateRecord> =>
    act(
      context.dependencies,
      principal,
      'certificates:read',
      { act: 'certificate.read', object: ref.serialNumber },
      async () => {
        const record = await unitOfWork.read(async (transaction) =>
          findOwn(context, transaction, principal, ref),
        );
        check(record);
        return record;
      },
    );

  return {
    findCertificate: async (
      principal: Principal,
      ref: CertificateRef,
    ): Promise<CertificateRecord> => find(principal, ref),

    /** DER of the certificate and the issuers above it, without the root. */
    async certificateChain(
      principal: Principal,
      ref: CertificateRef,
    ): Promise<readonly Uint8Array[]> {
      const record = await find(principal, ref, refuseWithoutBytes);
      const above = (await context.issuers.all()).find(
        (issuer) => issuer.record.issuerId === record.issuerId,
      );
      // Of a CA elsewhere the inventory knows one certificate, which may be a root.
      return [record.certificate ?? new Uint8Array(), ...(above ? chainWithoutRoot(above) : [])];
    },

    async certificateHistory(
      principal: Principal,
      ref: CertificateRef,
    ): Promise<readonly StoredStatusChange[]> {
      const record = await find(principal, ref);
      return unitOfWork.read(async (transaction) =>
        transaction.inventory.history(record.tenant, record.issuerId, record.serialNumber),
      );
    },

    async searchCertificates(
      principal: Principal,
      search: CertificateSearch,
    ): Promise<Page<CertificateRecord>> {
      const described = { act: 'certificate.search', object: 'certificates' };
      return act(context.dependencies, principal, 'certificates:read', described, async () => {
        const { issuer, ...filters } = search;
        const onlyOwn = actsOnlyOnOwn(principal);
        // Not its own certificates under another's name, which would look like that other's.
        if (onlyOwn && search.owner !== undefined && search.owner !== principal.name) {
          return { items: [], next: null };
        }
        return unitOfWork.read(async (transaction) =>
          transaction.inventory.search({
            ...filters,
            ...(onlyOwn ? { owner: principal.name } : {}),
            issuerId: issuer && (await anyIssuerId(context, transaction, principal, issuer)),
            tenant: principal.tenant,
            now: clock.now(),
          }),
        );
      });
    },

    async listAudit(
      principal: Principal,
      query: {
        readonly act?: string | undefined;
        readonly object?: string | undefined;
        readonly after?: bigint | undefined;
        readonly limit: number;
      },
    ): Promise<readonly StoredAuditRecord[]> {
      return act(
        context.dependencies,
        principal,
        'audit:read',
        { act: 'audit.read', object: 'audit' },
        async () =>
          unitOfWork.read(async (transaction) =>
            transaction.audit.list({ tenant: principal.tenant, ...query }),
          ),
      );
    },
  };
}
