import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRequestPath, maxRequestPathLength } from '../../../ocsp/request-path.ts';

/** Every request is a SEQUENCE, so its base64 begins with M and no leading slash is its own. */
const request = fc
  .uint8Array({ minLength: 1, maxLength: 120 })
  .map((bytes) => Buffer.concat([Buffer.from([0x30, bytes.length]), bytes]));

const spellings: Readonly<Record<string, (base64: string) => string>> = {
  'as RFC 6960 A.1 writes it': (text) => `/${encodeURIComponent(text)}`,
  'not escaped at all': (text) => `/${text}`,
  'only + escaped': (text) => `/${text.replaceAll('+', '%2B')}`,
  'lower-case escapes': (text) => `/${text.replaceAll('/', '%2f').replaceAll('+', '%2b')}`,
  'a blank where + was': (text) => `/${text.replaceAll('+', '%20')}`,
  'no padding': (text) => `/${text.replaceAll('=', '')}`,
  'no padding, escaped': (text) => `/${encodeURIComponent(text.replaceAll('=', ''))}`,
  'a URL that ended in a slash': (text) => `//${text}`,
  'the absolute form': (text) => `http://ocsp.example:8081/${text}`,
  'line feeds of a MIME encoder': (text) => `/${text.replace(/.{64}/g, '$&%0A')}`,
};

describe('the request in the path of a GET (RFC 6960 A.1)', () => {
  for (const [name, spell] of Object.entries(spellings)) {
    it(`is read when it is ${name}`, () => {
      fc.assert(
        fc.property(request, (der) => {
          const target = spell(der.toString('base64'));
          expect(Buffer.from(decodeRequestPath(target))).toEqual(der);
        }),
      );
    });
  }

  it.each([
    ['empty', '/'],
    ['a word of another alphabet', '/MEIw_QDA-'],
    ['a broken escape', '/MEIw%2'],
    ['a query', '/MEIwQDA+?a=b'],
    ['a length that base64 has not', '/MEIwQ'],
    ['padding in the middle', '/ME==IwQD'],
    ['too long', `/${'M'.repeat(maxRequestPathLength)}`],
  ])('is refused as malformed when it is %s', (_name, target) => {
    expect(() => decodeRequestPath(target)).toThrow(
      expect.objectContaining({ code: 'malformed' }) as Error,
    );
  });

  it('never throws anything but malformed, whatever the path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        try {
          decodeRequestPath(`/${text}`);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed' });
        }
      }),
    );
  });
});
