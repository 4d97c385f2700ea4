/** RFC 9919 (successor of RFC 5019): the profile for many clients and caches. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { explicit, sequence, utf8String } from '../../src/der/index.ts';
import {
  encodeGeneralName,
  type OcspResponse,
  oids,
  parseDistinguishedName,
  parseOcspResponse,
} from '../../src/pkix/index.ts';
import { until } from '../support/quickstart-run.ts';
import { testIssuer, testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  exchange,
  type HttpAnswer,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const { issuing, clock } = made;
const leaf = made.issue().certificate;
const known = certIDOf(issuing, leaf.serialNumber);

async function get(request: Uint8Array, headers = {}): Promise<HttpAnswer> {
  const target = `/${encodeURIComponent(Buffer.from(request).toString('base64'))}`;
  return exchange(made.port, { target, headers });
}

function single(response: OcspResponse) {
  const [first] = response.basic?.responseData.responses ?? [];
  if (first === undefined) throw new Error(response.status);
  return first;
}

describe('O8 §3.1.1, §3.2.1: digests of certIDs', () => {
  it.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('%s is answered', async (hash) => {
    const certID = certIDOf(issuing, leaf.serialNumber, hash);
    const answer = await ask(made, [certID]);
    expect(statusOf(answer)).toBe('good');
    expect(single(answer).certID.hashAlgorithm.oid).toBe(oids[hash]);
  });

  it('an unknown digest is unauthorized', async () => {
    // 1.2.840.113549.2.5 is MD5.
    const md5 = Buffer.from('300c06082a864886f70d02050500', 'hex');
    const hash = Buffer.from(`0410${'00'.repeat(16)}`, 'hex');
    const certID = sequence(md5, hash, hash, Buffer.from('020101', 'hex'));
    const request = sequence(sequence(sequence(sequence(certID))));
    expect(statusOf(parseOcspResponse((await post(made.port, request)).body))).toBe('unauthorized');
  });

  it.each(['0400', '1800', '3000', '020100'])(
    'digest parameters %s, which are not NULL, are unauthorized: they are not echoed and signed',
    async (parameters) => {
      const bytes = Buffer.from(known.der)
        .toString('hex')
        .slice(4 + 22);
      const algorithm = sequence(Buffer.from(`06052b0e03021a${parameters}`, 'hex'));
      const der = sequence(algorithm, Buffer.from(bytes, 'hex'));
      expect(statusOf(await ask(made, [{ ...known, der }]))).toBe('unauthorized');
    },
  );

  it('absent digest parameters are the same as NULL, and echoed as they came', async () => {
    const bytes = Buffer.from(known.der).toString('hex');
    const withNull = '300906052b0e03021a0500';
    const inner = bytes.replace(withNull, '300706052b0e03021a').slice(4);
    const certID = { ...known, der: sequence(Buffer.from(inner, 'hex')) };
    const answer = await ask(made, [certID]);
    expect(statusOf(answer)).toBe('good');
    expect(Buffer.from(single(answer).certID.der)).toEqual(Buffer.from(certID.der));
  });
});

describe('O15 §3.1.2: what a request says of its sender', () => {
  it('a requestorName is read over', async () => {
    const name = parseDistinguishedName('CN=somebody');
    const requestor = explicit(1, encodeGeneralName({ type: 'directoryName', name }));
    const request = sequence(sequence(requestor, sequence(sequence(known.der))));
    expect(statusOf(parseOcspResponse((await post(made.port, request)).body))).toBe('good');
  });

  it('a signature is not looked at', async () => {
    const signature = explicit(
      0,
      sequence(
        sequence(Buffer.from('06082a8648ce3d040302', 'hex')),
        Buffer.from('0302000a', 'hex'),
      ),
    );
    const request = sequence(sequence(sequence(sequence(known.der))), signature);
    expect(statusOf(parseOcspResponse((await post(made.port, request)).body))).toBe('good');
  });

  it('garbage where the requestorName stands is malformed', async () => {
    const request = sequence(sequence(explicit(1, utf8String('x')), sequence(sequence(known.der))));
    const answer = await post(made.port, request);
    expect(statusOf(parseOcspResponse(answer.body))).toBe('malformedRequest');
  });
});

describe('O4, O6 §3.2.2: responder and its certificate', () => {
  it('responderID is byKey, SHA-1 of the key bits; the certificate comes along', async () => {
    const answer = await ask(made, [known]);
    const { responderID } = answer.basic?.responseData ?? {};
    const [delegate] = answer.basic?.certs ?? [];
    const key = delegate?.subjectPublicKeyInfo.subjectPublicKey ?? new Uint8Array();
    expect(responderID?.type).toBe('byKey');
    const keyHash = responderID?.type === 'byKey' ? responderID.keyHash : undefined;
    expect(Buffer.from(keyHash ?? [])).toEqual(createHash('sha1').update(key).digest());
    expect(answer.basic?.certs).toHaveLength(1);
  });
});

describe('O14 §3.2.3: no authoritative record', () => {
  it('is unauthorized and unsigned', async () => {
    const { body } = await post(
      made.port,
      requestFor([certIDOf(testIssuer('Nobody'), testSerialNumber())]),
    );
    expect(body.toString('hex')).toBe('30030a0106');
  });
});

describe('O21, O22 §6, §7.2: what HTTP caches are told', () => {
  it('an authoritative answer has all validators and no no-cache', async () => {
    const { headers, body, status } = await get(requestFor([known]));
    const { thisUpdate, nextUpdate } = single(parseOcspResponse(body));
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/ocsp-response');
    expect(headers['content-length']).toBe(String(body.length));
    expect(headers['last-modified']).toBe(thisUpdate.toUTCString());
    expect(headers['expires']).toBe(nextUpdate?.toUTCString());
    expect(headers['etag']).toBe(`"${createHash('sha256').update(body).digest('hex')}"`);
    const [, maxAge] =
      /^max-age=(\d+), public, no-transform, must-revalidate$/.exec(
        String(headers['cache-control']),
      ) ?? [];
    expect(Number(maxAge)).toBeGreaterThan(0);
    expect(Date.now() + Number(maxAge) * 1000).toBeLessThan(nextUpdate?.getTime() ?? 0);
    expect(Math.abs(Date.parse(String(headers['date'])) - Date.now())).toBeLessThan(3000);
    expect(headers['pragma']).toBeUndefined();
  });

  it('an answer with a nonce or of unknown is not stored, whatever the condition', async () => {
    for (const request of [
      requestFor([known], Buffer.alloc(32, 7)),
      requestFor([certIDOf(issuing, testSerialNumber())]),
      requestFor([known, certIDOf(issuing, testSerialNumber())]),
    ]) {
      const { headers, status } = await get(request, {
        'If-None-Match': '*',
        'If-Modified-Since': new Date(Date.now() + 60_000).toUTCString(),
      });
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-cache, no-store');
      for (const validator of ['etag', 'last-modified', 'expires']) {
        expect(headers[validator]).toBeUndefined();
      }
    }
  });

  it('errors are not kept', async () => {
    const errors = [
      await get(Buffer.from('3000', 'hex')),
      await get(requestFor([certIDOf(testIssuer('Nobody'), '01')])),
    ];
    for (const { headers } of errors) {
      expect(headers['cache-control']).toBe('no-cache, no-store');
      expect(headers['etag']).toBeUndefined();
    }
  });

  it('If-None-Match gets 304 until the answer changes', async () => {
    const request = requestFor([known]);
    const { headers } = await get(request);
    const etag = String(headers['etag']);
    for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await get(request, { 'If-None-Match': condition });
      expect([answer.status, answer.body.length]).toEqual([304, 0]);
      expect(answer.headers['etag']).toBe(etag);
      expect(answer.headers['cache-control']).toMatch(/^max-age=/);
      expect(answer.headers['expires']).toBeDefined();
    }
    expect((await get(request, { 'If-None-Match': '"other"' })).status).toBe(200);
    made.status.change(issuing, leaf.serialNumber, {
      status: 'onHold',
      notGoodSince: new Date(),
    });
    await until(
      'another ETag',
      async () => (await get(request, { 'If-None-Match': etag })).status === 200,
      2000,
    );
    made.status.change(issuing, leaf.serialNumber, { status: 'good', notGoodSince: undefined });
    await until('good again', async () => statusOf(await ask(made, [known])) === 'good', 2000);
  });

  it('If-Modified-Since counts where no If-None-Match is, for a good answer (RFC 9110 §13.1.3)', async () => {
    const request = requestFor([known]);
    const { headers } = await get(request);
    const modified = String(headers['last-modified']);
    const later = new Date(Date.parse(modified) + 1000).toUTCString();
    for (const date of [modified, later]) {
      expect((await get(request, { 'If-Modified-Since': date })).status).toBe(304);
      const other = { 'If-Modified-Since': date, 'If-None-Match': '"other"' };
      expect((await get(request, other)).status).toBe(200);
    }
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    for (const date of [earlier, 'yesterday', '2099-01-01', '']) {
      expect((await get(request, { 'If-Modified-Since': date })).status).toBe(200);
    }
  });

  it('a date confirms no answer that is not good: it may be of the same second', async () => {
    const { serialNumber } = made.issue().certificate;
    made.status.change(issuing, serialNumber, {
      status: 'revoked',
      reasonCode: 'superseded',
      notGoodSince: new Date(),
    });
    const request = requestFor([certIDOf(issuing, serialNumber)]);
    const { headers } = await get(request);
    const date = { 'If-Modified-Since': String(headers['last-modified']) };
    expect((await get(request, date)).status).toBe(200);
    const tag = { 'If-None-Match': String(headers['etag']) };
    expect((await get(request, tag)).status).toBe(304);
  });

  it('HEAD has the headers of GET and no content (RFC 9110 §9.3.2)', async () => {
    const base64 = Buffer.from(requestFor([known])).toString('base64');
    const target = `/${encodeURIComponent(base64)}`;
    const got = await exchange(made.port, { target });
    const head = await exchange(made.port, { target, method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    for (const name of ['content-type', 'content-length', 'etag', 'last-modified', 'expires']) {
      expect(head.headers[name]).toBe(got.headers[name]);
    }
    const headers = { 'If-None-Match': String(got.headers['etag']) };
    expect((await exchange(made.port, { target, method: 'HEAD', headers })).status).toBe(304);
  });

  it('max-age shrinks with what is left of the answer', async () => {
    const certID = certIDOf(issuing, made.issue().certificate.serialNumber);
    await ask(made, [certID]);
    made.token.failing = true;
    try {
      clock.offset = 3_570_000;
      const { headers, body } = await get(requestFor([certID]));
      expect(statusOf(parseOcspResponse(body))).toBe('good');
      const maxAge = Number(/^max-age=(\d+)/.exec(String(headers['cache-control']))?.[1]);
      expect(maxAge).toBeLessThan(30);
    } finally {
      made.token.failing = false;
      clock.offset = 0;
    }
  });
});

describe('O23 §7.1: an answer is replaced long before its time ends', () => {
  it('after four fifths of its life at the latest', async () => {
    const certID = certIDOf(issuing, made.issue().certificate.serialNumber);
    const first = single(await ask(made, [certID])).thisUpdate;
    clock.offset = 2_950_000;
    try {
      await until(
        'a newer thisUpdate',
        async () => single(await ask(made, [certID])).thisUpdate > first,
        3000,
      );
    } finally {
      clock.offset = 0;
    }
  });
});

describe('O26 §3.2.4: nextUpdate and the delegate', () => {
  it('no answer outlives the certificate of its signer, and none begins before it', async () => {
    const other = testIssuer('Short');
    const short = await startTestResponder({
      hierarchy: { root: other, issuing: testIssuer('Below', { parent: other }) },
      validitySeconds: 864_000,
      wait: false,
    });
    const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 600_000);
    const notBefore = new Date(notAfter.getTime() - 700_000);
    short.authority.delegate = { notBefore, notAfter };
    const serial = short.issue().certificate.serialNumber;
    let answer: OcspResponse | undefined;
    await until('an answer', async () => {
      answer = await ask(short, [certIDOf(short.issuing, serial)]);
      return answer.status === 'successful';
    });
    const [delegate] = answer?.basic?.certs ?? [];
    const first = answer?.basic?.responseData.responses[0];
    expect(first?.nextUpdate).toEqual(delegate?.validity.notAfter);
    expect(first?.thisUpdate.getTime()).toBeGreaterThanOrEqual(
      delegate?.validity.notBefore.getTime() ?? Number.POSITIVE_INFINITY,
    );
  });
});
