import type { ReportFacts } from '../../src/keys/index.ts';
import { ago, type Mutable, reportKeys } from '../support/report-facts.ts';

type Facts = Mutable<ReportFacts>;

interface Flip {
  readonly reference: string;
  /** The defect. */
  readonly what: string;
  readonly change: (facts: Facts) => void;
  /** What the reason must say. */
  readonly says: RegExp;
}

function keyOf(facts: Facts, keyId = reportKeys.issuingId): Facts['keys'][number] {
  const found = facts.keys.find(({ record }) => record.keyId === keyId);
  if (found === undefined) throw new Error(`no key ${keyId}`);
  return found;
}

function issuerOf(facts: Facts): Facts['issuers'][number] & {
  certificate: NonNullable<Facts['issuers'][number]['certificate']>;
} {
  const found = facts.issuers.find(({ name }) => name === 'issuing');
  if (found?.certificate === undefined) throw new Error('no issuer');
  return { ...found, certificate: found.certificate };
}

function tokenOf(facts: Facts): Facts['tokens'][number] {
  const found = facts.tokens.find(({ role }) => role === 'issuing');
  if (found === undefined) throw new Error('no token');
  return found;
}

const flip = (
  reference: string,
  what: string,
  says: RegExp,
  change: (facts: Facts) => void,
): Flip => ({ reference, what, says, change });

/** Takes every record of a kind away. */
const without =
  (kind: string) =>
  (facts: Facts): void => {
    facts.evidence = facts.evidence.filter((record) => record.kind !== kind);
  };

/** Makes every record of a kind so many days old. */
const old =
  (kind: string, days: number) =>
  (facts: Facts): void => {
    for (const record of facts.evidence) if (record.kind === kind) record.at = ago(days);
  };

/** Changes what the record of a ceremony says. */
const ceremony =
  (member: string, value: unknown) =>
  (facts: Facts): void => {
    for (const { kind, document } of facts.evidence) {
      if (kind === 'ceremony') document[member] = value;
    }
  };

const unpublished = (facts: Facts): void => {
  issuerOf(facts).published.agrees = false;
};
const disagreeing = (facts: Facts): void => {
  facts.audit.disagreeing = ['77'];
};
const overdue = (facts: Facts): void => {
  keyOf(facts).record.cryptoperiod.originatorUsageEnd = ago(1);
};
const noBackup = (facts: Facts): void => {
  delete keyOf(facts).record.backup;
};
const noCustodian = (facts: Facts): void => {
  facts.custodians = facts.custodians.filter(({ tokenRole }) => tokenRole !== 'issuing');
};
const otherKey = (facts: Facts): void => {
  issuerOf(facts).certificate.publicKeyAgrees = false;
};
const stillGood = (facts: Facts): void => {
  for (const one of keyOf(facts, reportKeys.lostId).certificates) one.status = 'good';
};
const extractable = (facts: Facts): void => {
  keyOf(facts).record.attributes.extractable = true;
};
const disagreement = (facts: Facts): void => {
  const record = facts.evidence.find(({ kind }) => kind === 'key.reconciliation');
  if (record !== undefined) record.document['findings'] = [{ problem: 'unknown object' }];
};

/** One defect each, with the reference whose answer it must turn to `fail`. */
export const flips: readonly Flip[] = [
  flip('6.1.1', 'an active key without an end of its period', /without an end/, (facts) => {
    delete keyOf(facts).record.cryptoperiod.originatorUsageEnd;
  }),
  flip('6.1.1', 'a key recorded without its public half', /public half/, (facts) => {
    keyOf(facts).record.subjectPublicKeyInfo = new Uint8Array();
  }),
  flip('6.1.2', 'an audit record that was changed', /audit record 77/, disagreeing),
  flip('6.2.1.1', 'a CA certificate that nobody can fetch', /is missing/, unpublished),
  flip('6.2.1.2', 'another file where the certificate should be', /not the recorded/, unpublished),
  flip('6.2.1.2', 'a distribution without a hash', /no SHA-256/, (facts) => {
    delete keyOf(facts).distributions[0]?.sha256;
  }),
  flip('6.2.1.3', 'an extractable key', /can leave its token/, extractable),
  flip('6.2.1.3', 'an administrative door without TLS', /not an https URL/, (facts) => {
    facts.settings['urls.https'] = 'http://pki.example.test';
  }),
  flip('6.2.1.4', 'a CA certificate for signatures of all kinds', /keyUsage/, (facts) => {
    issuerOf(facts).certificate.keyUsage = ['digitalSignature'];
  }),
  flip('6.2.1.5', 'a certificate for another subject', /not for the recorded/, (facts) => {
    issuerOf(facts).certificate.subjectAgrees = false;
  }),
  flip('6.2.1.6', 'a key identifier of another parent', /authorityKeyIdentifier/, (facts) => {
    issuerOf(facts).certificate.authorityKeyIdentifier = '00';
  }),
  flip('6.2.2.1', 'a CA key without a copy', /no backup on record/, noBackup),
  flip('6.2.2.1', 'no backup', /no record of a backup/, without('backup')),
  flip('6.2.2.1', 'an old backup', /older than 31 d/, old('backup', 32)),
  flip('6.2.2.2', 'a reconciliation that found something', /1 disagreement/, disagreement),
  flip('6.2.2.2', 'a changed audit record', /audit record 77/, disagreeing),
  flip('6.2.2.3', 'a module that nobody validated', /no validation certificate/, (facts) => {
    delete tokenOf(facts).validation;
  }),
  flip('6.2.2.3', 'a key that is not sensitive', /in clear/, (facts) => {
    keyOf(facts).record.attributes.sensitive = false;
  }),
  flip('6.2.2.4', 'a key for two purposes', /several purposes/, (facts) => {
    keyOf(facts).record.purposes = ['certificate', 'ocspResponse'];
  }),
  flip('6.2.2.4', 'a token that lets the key decrypt', /other than sign/, (facts) => {
    keyOf(facts).record.attributes.decrypt = true;
  }),
  flip('6.2.2.5', 'a key without an owner', /no owner/, (facts) => {
    keyOf(facts).record.owner = '';
  }),
  flip('6.2.2.5', 'a CA key of no issuer', /no issuer/, (facts) => {
    keyOf(facts).record.issuerId = '00';
  }),
  flip('6.2.2.6', 'a certificate for another key', /not the one/, otherKey),
  flip('6.2.2.6', 'two keys of one version', /version of another/, (facts) => {
    keyOf(facts).record.record = reportKeys.rootId;
  }),
  flip('6.2.3', 'a key without a custodian', /lacks: custodian/, noCustodian),
  flip('6.2.3', 'a key without a word on its backup', /lacks: backup/, noBackup),
  flip('7', 'a transition out of order', /none of §7/, (facts) => {
    const step = keyOf(facts).transitions[1];
    if (step !== undefined) step.number = 10;
  }),
  flip('7', 'a state without the step that leads there', /history says active/, (facts) => {
    keyOf(facts).record.privateState = 'suspended';
  }),
  flip('7', 'a step that is dated before the last', /dated before/, (facts) => {
    const step = keyOf(facts).transitions[1];
    if (step !== undefined) step.at = ago(31);
  }),
  flip('7', 'a step without a reason', /no actor or no reason/, (facts) => {
    const step = keyOf(facts).transitions[1];
    if (step !== undefined) step.reason = '';
  }),
  flip('7.1', 'a signature for another before activation', /before it was activated/, (facts) => {
    const issuer = facts.issuers.find(({ name }) => name === 'issuing');
    if (issuer !== undefined) issuer.signedBeforeActivation = 'bb/1234';
  }),
  flip('7.2', 'a key past its cryptoperiod', /ended on/, overdue),
  flip('7.2', 'a key that used up its signatures', /used up its 200/, (facts) => {
    keyOf(facts).record.signatureLimit = 200;
  }),
  flip('7.2', 'a key that is blocked', /blocked: wrong signature/, (facts) => {
    keyOf(facts).record.blockedReason = 'wrong signature';
  }),
  flip('7.3', 'a CRL after the suspension', /after its key became suspended/, (facts) => {
    const issuer = facts.issuers.find(({ keyId }) => keyId === reportKeys.heldId);
    const shard = issuer?.shards[0];
    if (shard !== undefined) shard.thisUpdate = ago(1);
  }),
  flip('7.3', 'a suspended CA whose certificate is good', /is good and not on hold/, (facts) => {
    for (const one of keyOf(facts, reportKeys.heldId).certificates) one.status = 'good';
  }),
  flip('7.3', 'one half suspended', /only one half/, (facts) => {
    keyOf(facts, reportKeys.heldId).record.publicState = 'active';
  }),
  flip('7.4', 'a private signature key that is deactivated', /is deactivated while/, (facts) => {
    keyOf(facts, reportKeys.goneId).record.privateState = 'deactivated';
  }),
  flip('7.5', 'a compromised key whose certificate is not revoked', /is not revoked/, stillGood),
  flip('7.6', 'a destruction without evidence', /seen to be gone/, without('key.destruction')),
  flip('8.1.1', 'nobody registered', /nobody is registered/, (facts) => {
    facts.principals = [];
  }),
  flip('8.1.2', 'no ceremony', /no ceremony/, without('ceremony')),
  flip('8.1.2', 'a ceremony that made another root', /no ceremony/, ceremony('made', ['00'])),
  flip('8.1.2', 'a ceremony that was broken off', /no ceremony/, ceremony('outcome', 'aborted')),
  flip(
    '8.1.2',
    'a ceremony without a witness',
    /nobody witnessed/,
    ceremony('participants', ['custodian Ada']),
  ),
  flip('8.1.3', 'a self-test that fails', /self-test fails/, (facts) => {
    tokenOf(facts).selfTest = false;
  }),
  flip('8.1.4', 'another key in the installed certificate', /for another key/, otherKey),
  flip(
    '8.1.4',
    'an active key without a certificate installed',
    /without an installed/,
    (facts) => {
      facts.issuers = facts.issuers.filter(({ name }) => name !== 'issuing');
    },
  ),
  flip('8.1.5.1', 'a key of 1024 bits', /below 112 bits/, (facts) => {
    Object.assign(keyOf(facts).record, { keyAlgorithm: 'rsa1024' });
  }),
  flip('8.1.5.1', 'a key that was not made in its token', /not made in it/, (facts) => {
    keyOf(facts).record.attributes.local = false;
  }),
  flip('8.1.5.1.1.1', 'a root that is not in the bundle', /missing from the trust/, (facts) => {
    facts.trustAnchors = ['00'];
  }),
  flip('8.1.5.1.1.2', 'a certificate without proof of possession', /bb\/55/, (facts) => {
    facts.certificates.withoutProof = ['bb/55'];
  }),
  flip('8.1.5.1.1.3', 'a public key that is not given out', /does not give out/, unpublished),
  flip('8.1.5.3.1', 'parameters of one’s own', /not approved/, (facts) => {
    Object.assign(keyOf(facts).record, { keyAlgorithm: 'secp256k1' });
  }),
  flip('8.1.5.3.7', 'a short serial number', /shorter than 8/, (facts) => {
    facts.certificates.shortSerialNumbers = ['bb/1'];
  }),
  flip('8.1.5.3.7', 'a token that is away', /is away/, (facts) => {
    delete tokenOf(facts).identity;
  }),
  flip('8.1.5.3.8', 'a bearer token for ten years', /longer than a year/, (facts) => {
    const credential = facts.principals[0]?.credentials[0];
    if (credential !== undefined) credential.notAfter = ago(-3650);
  }),
  flip('8.1.6', 'an active key of which there is no certificate', /no certificate/, (facts) => {
    keyOf(facts).certificates = [];
  }),
  flip('8.2.1.1', 'a key that is a session object', /session object/, (facts) => {
    keyOf(facts).record.attributes.token = false;
  }),
  flip(
    '8.2.1.1',
    'a reconciliation that is older than its schedule',
    /older than 1 d/,
    old('key.reconciliation', 2),
  ),
  flip('8.2.1.2', 'a CA key kept as a file', /no named exception/, (facts) => {
    keyOf(facts).record.tokenRole = 'software';
  }),
  flip('8.2.1.2', 'a long certificate of a key kept as a file', /longer than a week/, (facts) => {
    for (const one of keyOf(facts, reportKeys.serverId).certificates) one.notAfter = ago(-90);
  }),
  flip('8.2.2.1', 'no backup', /no record of a backup/, without('backup')),
  flip('8.2.2.2', 'no drill of a restore', /no record of a drill/, without('drill.restore')),
  flip('8.2.2.2', 'a drill that failed', /found that it fails/, (facts) => {
    const drill = facts.evidence.find(({ kind }) => kind === 'drill.restore');
    if (drill !== undefined) drill.document['outcome'] = 'failed';
  }),
  flip('8.2.3.1', 'a rotation that is overdue', /should have been replaced/, overdue),
  flip('8.3.1', 'a key that signs and decrypts', /signs and decrypts/, (facts) => {
    keyOf(facts).record.attributes.decrypt = true;
  }),
  flip('8.3.2', 'somebody left and can still log in', /was not revoked/, (facts) => {
    const [first] = facts.principals;
    if (first !== undefined) first.disabledAt = ago(1);
  }),
  flip('8.3.3', 'a key out of use whose certificate counts', /still counts/, stillGood),
  flip('8.3.4', 'a destruction without evidence', /seen to be gone/, without('key.destruction')),
  flip('8.3.5', 'a CRL that has ended', /has ended/, (facts) => {
    for (const shard of issuerOf(facts).shards) shard.nextUpdate = ago(1);
  }),
  flip('8.4', 'a destroyed key without history', /not in its history/, (facts) => {
    keyOf(facts, reportKeys.goneId).transitions = [];
  }),
  flip('9.1', 'somebody who holds a PIN and audits', /holds a PIN and audits/, (facts) => {
    const [holder] = facts.custodians;
    if (holder !== undefined) holder.person = 'The-Auditor';
  }),
  flip('9.1', 'no auditor', /no auditor/, (facts) => {
    facts.principals = facts.principals.filter(({ role }) => role !== 'auditor');
  }),
  flip('9.1', 'operators that may destroy keys', /role operator/, (facts) => {
    facts.roles['operator'] = ['keys:destroy'];
  }),
  flip('9.2.1', 'no reconciliation', /no record of a rec/, without('key.reconciliation')),
  flip(
    '9.2.1',
    'a responder that does not tell what is in its token',
    /responder ocsp/,
    (facts) => {
      facts.evidence = facts.evidence.filter(({ subject }) => subject !== 'responder/ocsp');
    },
  ),
  flip('9.2.2', 'a CA certificate outside the inventory', /not in the inventory/, (facts) => {
    keyOf(facts).certificates = [];
  }),
  flip('9.3', 'a key that nobody holds', /nobody is on record/, noCustodian),
  flip('9.3', 'a custodian whose time is over', /nobody is on record/, (facts) => {
    for (const holder of facts.custodians) holder.until = ago(1);
  }),
  flip('9.3', 'a step without an audit record', /audit log does not have/, (facts) => {
    keyOf(facts).audited = [];
  }),
  flip('9.4', 'an empty audit log', /holds no record/, (facts) => {
    facts.audit.looked = 0;
  }),
  flip('9.4', 'a log that nobody reviewed', /review of the audit log/, without('audit.review')),
  flip(
    '9.4',
    'a practice statement past its review',
    /older than 365 d/,
    old('practice.review', 366),
  ),
  flip('9.5.1', 'a CA key without a copy', /no backup on record/, noBackup),
  flip('9.5.2', 'a restore that was tried long ago', /older than 365/, old('drill.restore', 400)),
  flip('9.5.3.1', 'one node', /only one node/, (facts) => {
    facts.usage.pop();
  }),
  flip('9.5.3.1', 'no drill of the second token', /second token/, without('drill.failover')),
  flip('9.5.3.2', 'no drill of a restore', /no record of a drill/, without('drill.restore')),
  flip('9.5.4', 'no drill of a compromise', /compromise/, without('drill.compromise')),
];
