import { describe, expect, it } from 'vitest';
import { ResponseCache } from '../../../ocsp/response-cache.ts';
import type { SignedAnswer } from '../../../ocsp/source.ts';

function answer(issuerId: string, ...serialNumbers: string[]): SignedAnswer {
  return {
    body: Buffer.from(serialNumbers.join()),
    issuerId,
    serialNumbers,
    thisUpdate: 0,
    nextUpdate: 1000,
    etag: '""',
    reusable: true,
    good: true,
  };
}

describe('answers in memory', () => {
  it('an answer about several certificates goes when one of them changes', () => {
    const cache = new ResponseCache(10);
    cache.set('a', answer('i', '01', '02'), 500);
    cache.set('b', answer('i', '02'), 500);
    cache.evict('i', '01');
    expect(cache.get('a')).toBeUndefined();
    expect(cache.get('b')).toBeDefined();
    cache.evict('j', '02');
    expect(cache.get('b')).toBeDefined();
    cache.evict('i', '02');
    expect(cache.size).toBe(0);
  });

  it('an evicted answer is not found by its raw request either', () => {
    const cache = new ResponseCache(10);
    cache.addAlias('/GET', cache.set('a', answer('i', '01'), 500));
    expect(cache.getByAlias('/GET')?.key).toBe('a');
    cache.evict('i', '01');
    expect(cache.getByAlias('/GET')).toBeUndefined();
    cache.addAlias('/GET', cache.set('a', answer('i', '01'), 500));
    cache.evictIssuer('i');
    expect(cache.getByAlias('/GET')).toBeUndefined();
    cache.addAlias('/GET', cache.set('a', answer('i', '01'), 500));
    cache.clear();
    expect(cache.getByAlias('/GET')).toBeUndefined();
  });

  it('a newer answer to the same question replaces the older', () => {
    const cache = new ResponseCache(10);
    cache.addAlias('/GET', cache.set('a', answer('i', '01'), 500));
    const newer = cache.set('a', answer('i', '01'), 600);
    expect(cache.getByAlias('/GET')).toBeUndefined();
    expect(cache.get('a')).toBe(newer);
    cache.evict('i', '01');
    expect(cache.size).toBe(0);
  });

  it('keeps to its bound, and keeps what is used', () => {
    const cache = new ResponseCache(100);
    for (let n = 0; n < 1000; n += 1) {
      cache.addAlias(`/${n}`, cache.set(String(n), answer('i', String(n)), 500));
      cache.get('0');
    }
    expect(cache.size).toBe(100);
    expect(cache.get('0')).toBeDefined();
    expect(cache.get('999')).toBeDefined();
    expect(cache.getByAlias('/500')).toBeUndefined();
  });
});
