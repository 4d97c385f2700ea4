import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';
import { timeOf } from '../encoding/time.ts';

/** cRLNumber is greater than that of every earlier CRL of the scope, and thisUpdate is not earlier (RFC 5280 §5.2.3). */
export const crlNumberIncreases: CrlLint = {
  name: 'crl-number-increases',
  citation: 'RFC 5280 §5.2.3',
  description:
    'cRLNumber is greater than that of every earlier CRL of the scope, and thisUpdate is not earlier',
  applies: (crl) => crl.context.previous !== undefined && crl.value(oid.crlNumber)?.tag === 0x02,
  check: (crl) => {
    const { previous } = crl.context;
    const content = crl.value(oid.crlNumber)?.content;
    // A negative or overlong number is the finding of crl-number.
    if (previous === undefined || content === undefined || (content[0] ?? 0) >= 0x80)
      return undefined;
    const number = BigInt(`0x${Buffer.from(content).toString('hex')}`);
    if (number <= previous.crlNumber)
      return `cRLNumber ${number} is not above the last, ${previous.crlNumber}`;
    // Encoded times have whole seconds.
    return timeOf(crl.fields.thisUpdate) < Math.floor(previous.thisUpdate.getTime() / 1000) * 1000
      ? 'thisUpdate is before that of the last CRL'
      : undefined;
  },
};
