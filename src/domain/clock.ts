/** The only source of time for use cases and processes; the core never reads a clock of its own. */
export interface Clock {
  /** The present moment (UTC). */
  now(): Date;
}

/** A source of random octets: the token's generator where it has one (PKCS#11 C_GenerateRandom). */
export interface Random {
  /** Exactly `length` octets. */
  bytes(length: number): Promise<Uint8Array>;
}
