import { z } from 'zod';
import {
  certificatesToPem,
  type PublishedCross,
  type RolloverStatus,
  summariseCertificate,
} from '../authority/index.ts';
import { issuerJson, issuerShape, rfc3339 } from './representation.ts';

const timeText = z.string().meta({ format: 'date-time' });

export const crossShape = z
  .object({
    subjectIssuerId: z.string(),
    number: z.number(),
    kind: z.enum(['newWithOld', 'oldWithNew', 'cross']).meta({
      description: 'The first two link an issuer with the one that it follows (RFC 4210 §4.4)',
    }),
    signerIssuerId: z.string().optional().meta({ description: 'Absent: a CA elsewhere' }),
    url: z.string(),
    serialNumber: z.string(),
    notBefore: timeText,
    notAfter: timeText,
    sha256: z.string(),
    createdAt: timeText,
    createdBy: z.string(),
    pem: z.string(),
    chain: z.string().meta({ description: 'It and those above it' }),
  })
  .meta({ id: 'CrossCertificate' });

export function crossJson(cross: PublishedCross): z.infer<typeof crossShape> {
  const { serialNumber, notBefore, notAfter, sha256 } = summariseCertificate(cross.certificate);
  return {
    subjectIssuerId: cross.subjectIssuerId,
    number: cross.number,
    kind: cross.kind,
    signerIssuerId: cross.signerIssuerId,
    url: cross.url,
    serialNumber,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    sha256,
    createdAt: rfc3339(cross.createdAt),
    createdBy: cross.createdBy,
    pem: certificatesToPem([cross.certificate]),
    chain: certificatesToPem([cross.certificate, ...cross.chain]),
  };
}

export const rolloverShape = z
  .object({
    issuer: issuerShape,
    predecessor: issuerShape.optional(),
    successor: issuerShape.optional(),
    key: z.object({
      keyId: z.string(),
      version: z.number(),
      privateState: z.string(),
      publicState: z.string(),
      scope: z.enum(['full', 'status']).meta({
        description: 'status: CRLs and the certificates of OCSP delegates only',
      }),
    }),
    distributions: z.array(
      z.object({
        channel: z.string(),
        location: z.string(),
        sha256: z.string().optional(),
        at: timeText,
        by: z.string(),
      }),
    ),
    mayActivateFrom: timeText.optional().meta({
      description: 'Of a prepared issuer; absent while its public key is not distributed',
    }),
    crossCertificates: z.array(crossShape),
    next: z.string().meta({ description: 'What is to be done or waited for' }),
  })
  .meta({ id: 'Rollover' });

export function rolloverJson(status: RolloverStatus): z.infer<typeof rolloverShape> {
  const { issuer, predecessor, successor, key } = status;
  return {
    issuer: issuerJson(issuer),
    predecessor: predecessor && issuerJson(predecessor),
    successor: successor && issuerJson(successor),
    key: {
      keyId: key.keyId,
      version: key.version,
      privateState: key.privateState,
      publicState: key.publicState,
      scope: key.scope,
    },
    distributions: status.distributions.map(({ channel, location, sha256, at, by }) => ({
      channel,
      location,
      sha256,
      at: rfc3339(at),
      by,
    })),
    mayActivateFrom: rfc3339(status.mayActivateFrom),
    crossCertificates: status.crossCertificates.map(crossJson),
    next: nextStep(status),
  };
}

/** For people: what a rollover waits for. */
function nextStep({ issuer, successor, key, mayActivateFrom }: RolloverStatus): string {
  const { name, standing, activateAt, lastNotAfter, closedAt } = issuer;
  switch (standing) {
    case 'prepared':
      if (issuer.state === 'pending') {
        return `chancery issuer install ${name} --chain FILE`;
      }
      if (activateAt !== undefined) {
        return `the schedule activates it at ${rfc3339(activateAt)}`;
      }
      return mayActivateFrom === undefined
        ? 'the schedule publishes its certificate'
        : `chancery issuer rollover activate ${name} --reason TEXT (from ${rfc3339(mayActivateFrom)} on)`;
    case 'issuing':
      if (successor === undefined) {
        return `chancery issuer rollover prepare ${name} --as NEWNAME --reason TEXT`;
      }
      return successor.standing === 'prepared'
        ? `its successor ${successor.name} is activated first`
        : `chancery issuer rollover retire ${name} --reason TEXT`;
    case 'retiring':
      if (closedAt !== undefined) {
        return 'the schedule publishes its last CRLs';
      }
      return lastNotAfter === undefined
        ? 'the schedule narrows its key and settles until when its certificates are valid'
        : `its last certificate expires at ${rfc3339(lastNotAfter)}; its last CRLs follow`;
    case 'retired':
      return key.privateState === 'destroyed'
        ? 'nothing: its key is destroyed'
        : `chancery key destroy ${key.keyId} --reason TEXT`;
  }
}
