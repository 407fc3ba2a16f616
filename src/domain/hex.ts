/** 0x-prefixed hex, lower case where it is an address or a hash. */
export type Hex = `0x${string}`
