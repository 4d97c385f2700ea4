import { ChanceryError } from '../domain/index.ts';

/** Deeper bodies are refused before they are parsed; no body of ours has more than three levels. */
const deepest = 16;

/**
 * Refuses a JSON text nested deeper than 16, without recursion and in one pass.
 * What is no JSON at all is left for the parser to refuse.
 *
 * @throws ChanceryError `malformed`
 */
export function refuseDeepJson(octets: Uint8Array): void {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < octets.length; index += 1) {
    const octet = octets[index];
    if (inText) {
      if (octet === 0x5c) index += 1;
      else if (octet === 0x22) inText = false;
    } else if (octet === 0x22) {
      inText = true;
    } else if (octet === 0x7b || octet === 0x5b) {
      depth += 1;
      if (depth > deepest) {
        throw new ChanceryError('malformed', {
          message: `the JSON body is nested deeper than ${deepest} levels`,
          field: 'body',
        });
      }
    } else if (octet === 0x7d || octet === 0x5d) {
      depth -= 1;
    }
  }
}
