import type { CrossCertificate, CrossCertificateStore } from '../authority/ports.ts';
import type { IssuerId, TenantId } from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import type { Row, Session } from './pool.ts';
import { missing } from './records.ts';
import { date, integer, octets, octetsList, optionalText, text, word } from './rows.ts';
import type { crossCertificateStatements } from './sql/cross-certificates.ts';

export class PostgresCrossCertificates implements CrossCertificateStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof crossCertificateStatements>;

  constructor(session: Session, sql: ReturnType<typeof crossCertificateStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async insert(record: Omit<CrossCertificate, 'number'>): Promise<CrossCertificate> {
    const { tenant, subjectIssuerId } = record;
    const locked = await this.#session.query(this.#sql.lockSubject, [tenant, subjectIssuerId]);
    if (locked.length === 0) throw missing(`issuer ${subjectIssuerId}`);
    const [row] = await this.#session.query(this.#sql.insert, [
      tenant,
      subjectIssuerId,
      record.kind,
      record.signerIssuerId,
      record.certificate,
      record.chain.map((above) => Buffer.from(above)),
      record.notAfter,
      record.createdAt,
      record.createdBy,
    ]);
    if (row === undefined) throw new TypeError('the cross-certificate was not inserted');
    return { ...record, number: integer(row, 'number') };
  }

  async list(tenant: TenantId, subjectIssuerId?: IssuerId): Promise<readonly CrossCertificate[]> {
    return (await this.#session.query(this.#sql.list, [tenant, subjectIssuerId])).map(crossOf);
  }
}

function crossOf(row: Row): CrossCertificate {
  return {
    tenant: text(row, 'tenant'),
    subjectIssuerId: text(row, 'subject_issuer_id'),
    number: integer(row, 'number'),
    kind: word<CrossCertificate['kind']>(row, 'kind'),
    ...given('signerIssuerId', optionalText(row, 'signer_issuer_id')),
    certificate: octets(row, 'certificate'),
    chain: octetsList(row, 'chain'),
    notAfter: date(row, 'not_after'),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
  };
}
