/** RFC 6960 §4.2.1, §4.2.2.3: responderID by name, for those that ask for it (byKey: RFC 9919 §3.2.2). */
import { describe, expect, it } from 'vitest';
import { gnutlsOcsp, opensslOcsp, pkijsVerifies } from '../support/ocsp-judges.ts';
import {
  ask,
  certIDOf,
  issuerPem,
  post,
  requestFor,
  startTestResponder,
} from '../support/test-responder.ts';

const made = await startTestResponder({ responderId: 'name' });
const { issuing, root } = made;
const leaf = made.issue();
const known = certIDOf(issuing, leaf.certificate.serialNumber);

describe('responderID byName', () => {
  it("is the subject of the signer's certificate, octet for octet", async () => {
    for (const issuer of [issuing, root]) {
      const { basic } = await ask(made, [certIDOf(issuer, leaf.certificate.serialNumber)]);
      const { responderID } = basic?.responseData ?? {};
      expect(responderID?.type).toBe('byName');
      const name = responderID?.type === 'byName' ? responderID.name.der : new Uint8Array();
      expect(Buffer.from(name)).toEqual(Buffer.from(basic?.certs[0]?.subject.der ?? []));
    }
  });

  it('is what openssl, GnuTLS and pkijs find the signer by', async () => {
    const files = {
      issuer: made.file('issuing.pem', issuerPem(issuing)),
      root: made.file('root.pem', issuerPem(root)),
      chain: made.file('chain.pem', issuerPem(root) + issuerPem(issuing)),
      leaf: made.file('leaf.pem', leaf.pem),
    };
    const { output } = await opensslOcsp({
      ...{ issuer: files.issuer, certificates: [files.leaf], url: made.url, root: files.root },
    });
    expect(output).toContain('Response verify OK');
    expect(output).toMatch(/Responder Id: CN ?= ?OCSP responder/);
    const gnutls = await gnutlsOcsp({
      ...{ issuer: files.issuer, certificate: files.leaf, url: made.url, root: files.chain },
    });
    expect(gnutls.output).toMatch(/Verifying OCSP Response: Success/);
    const { body } = await post(made.port, requestFor([known]));
    expect(await pkijsVerifies(body, [issuing.certificate.der, root.certificate.der])).toBe(true);
  });
});
