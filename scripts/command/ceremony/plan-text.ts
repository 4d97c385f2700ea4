import type { PlannedCeremony, PlannedThing } from '../../../src/authority/index.ts';

/** A plan as people read it: what will be made, by whom, with what, and what is wrong. */
export function planText({ plan, planSha256, findings }: PlannedCeremony): readonly string[] {
  const { ceremony, software, by } = plan;
  return [
    `ceremony ${ceremony.name} (${ceremony.kind}): ${ceremony.purpose}`,
    `  file           SHA-256 ${ceremony.sha256}`,
    `  software       chancery ${software.version}${software.commit === null ? '' : `, commit ${software.commit}`}, files ${software.sourceSha256}`,
    `  installation   ${plan.installation}`,
    ...plan.participants.map(
      ({ name, part, holds }) =>
        `  ${part.padEnd(14)} ${name}${holds.length === 0 ? '' : `, holds the PIN of ${holds.join(' and ')}`}`,
    ),
    ...plan.tokens.map(
      ({ role, expected }) =>
        `  token          ${role}: ${expected === null ? 'whichever is configured' : describeToken(expected)}`,
    ),
    ...(by === null
      ? []
      : [
          `  signed by      ${by.issuer} (${by.subject}), certificate SHA-256 ${by.certificateSha256}, until ${by.notAfter}`,
        ]),
    '',
    ...plan.makes.flatMap(thingText),
    '',
    `plan SHA-256 ${grouped(planSha256)}`,
    ...findings.map(({ field, message, clause }) => `REFUSED ${field}: ${message} (${clause})`),
    findings.length === 0
      ? 'nothing is wrong with it; nothing was changed'
      : `${findings.length} things are wrong; nothing was changed`,
  ];
}

/** For people who compare: in groups of eight digits. */
export function grouped(hash: string): string {
  return hash.match(/.{1,8}/g)?.join(' ') ?? hash;
}

function describeToken(expected: Readonly<Record<string, unknown>>): string {
  return Object.entries(expected)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function thingText(thing: PlannedThing): readonly string[] {
  switch (thing.make) {
    case 'keyPair':
      return [`makes a key pair ${thing.name}: ${thing.keyAlgorithm} in the ${thing.token} token`];
    case 'activation':
      return [
        `activates the key of issuer ${thing.issuer}${thing.links ? ', and makes the link certificates between it and the root it follows' : ''}`,
      ];
    case 'crl':
      return [`makes a CRL of ${thing.issuer}, valid for ${thing.days} days`];
    case 'destruction':
      return [
        `DESTROYS key ${thing.keyId} (${thing.type} ${thing.label}, ${thing.state}) in the ${thing.token} token`,
        `  public key     SHA-256 ${thing.spkiSha256}`,
      ];
    case 'certificate': {
      const { fields, profile } = thing;
      return [
        `makes a certificate ${thing.name} under profile ${profile.name} (${profile.hash.slice(0, 16)})`,
        '  version        3',
        '  serialNumber   drawn when it is made: the installation’s prefix and random octets',
        `  signature      ${fields.signature}`,
        `  issuer         ${fields.issuer}`,
        `  validity       ${fields.validitySeconds / 86_400} days from the moment of the ceremony`,
        `  subject        ${fields.subject}`,
        `  public key     ${fields.keyAlgorithm}, ${fields.spkiSha256 === null ? 'made in the ceremony' : `SHA-256 ${fields.spkiSha256}`}`,
        ...fields.extensions.map(
          ({ oid, critical, value }) =>
            `  extension      ${oid}${critical ? ' critical' : ''}: ${value}`,
        ),
      ];
    }
    default:
      return thing satisfies never;
  }
}
