import { describe, expect, test } from 'vitest';
import { verifyFile } from '../../../scripts/command/ceremony/verify.ts';
import { ceremonyHall, people } from '../../support/ceremony.ts';

const hall = await ceremonyHall('ceremonies');

const rootYaml = `ceremony: root
name: first-root
purpose: a test
${people}
tokens: { root: { label: chancery-root }, issuing: { label: chancery-issuing } }
issuer: { name: root, subject: "CN=Ceremony Root,O=Example", key: p384, days: 3650, pathLength: 1 }
crl: { days: 100 }
out: { certificate: root.pem }
`;

describe('a root', () => {
  test('is planned, made and signed for', async () => {
    const planned = await hall.plan(rootYaml);
    expect(planned.findings).toEqual([]);
    const { failure, transcript } = await hall.run(rootYaml);
    expect(failure).toBeUndefined();
    const verdict = verifyFile(transcript, [`${transcript}.pub`, hall.path('root.pem')]);
    expect(verdict.problems).toEqual([]);
  });
});
