/** PKCS#11 tokens behind signer processes: the only way to a signature of a token key. */

export { absentToken } from './absent-token.ts';
export { openConfiguredToken } from './configured-token.ts';
export { initialiseToken } from './initialise-token.ts';
export { createPinFile } from './pin-file.ts';
export { findSofthsmModule, softhsmConfiguration } from './softhsm.ts';
export type { Token } from './token.ts';
export { openToken, routeSigner } from './token.ts';
export type { TokenOptions } from './token-options.ts';
