import type { IssuedCertificate } from '../../../src/authority/index.ts';
import type { CertificateRecord } from '../../../src/authority/ports.ts';
import { testCertificate, testIssuer } from '../../support/test-hierarchy.ts';

const root = testIssuer('root');
const issuing = testIssuer('issuing', { parent: root });
const leaf = testCertificate(issuing, { subject: 'CN=a.example' });

/** A row of the inventory as the authority answers it. */
export const certificateRecord: CertificateRecord = {
  tenant: 'default',
  issuerId: issuing.issuerId,
  serialNumber: leaf.certificate.serialNumber,
  origin: 'issued',
  issuanceState: 'issued',
  status: { status: 'good' },
  type: 'endEntity',
  tbsCertificate: leaf.certificate.tbsDer,
  certificate: leaf.certificate.der,
  profileName: 'tls-server',
  profileHash: '00'.repeat(32),
  subject: 'CN=a.example',
  names: ['DNS:a.example'],
  spkiHash: '11'.repeat(32),
  keyAlgorithm: 'p256',
  signatureAlgorithm: 'ecdsa-with-SHA256',
  policies: [],
  notBefore: leaf.certificate.validity.notBefore,
  notAfter: leaf.certificate.validity.notAfter,
  requestedAt: new Date('2030-01-01T00:00:00.123Z'),
  requestedBy: 'the-operator',
  issuedAt: new Date('2030-01-01T00:00:01.456Z'),
  owner: 'the-operator',
  tags: ['t'],
  retentionClass: 'standard',
  shard: 0,
  requested: { source: 'csr' },
  granted: { profile: 'tls-server' },
};

export const issuedCertificate: IssuedCertificate = {
  record: certificateRecord,
  certificate: leaf.certificate.der,
  chain: [issuing.certificate.der],
  requested: { source: 'csr' },
  granted: { profile: 'tls-server' },
};
