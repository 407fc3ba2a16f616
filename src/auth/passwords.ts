import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { createQueue } from './queue.ts'

/** What an argon2id hash costs: memory in KiB, and passes over it. */
export type PasswordCost = { memoryCost: number; timeCost: number }

/** OWASP's first choice for argon2id, which is this library's default algorithm: 19 MiB, two passes; one thread. */
const USUAL_COST: PasswordCost = { memoryCost: 19_456, timeCost: 2 }
const SHAPE = { parallelism: 1, outputLen: 32 }

/** Each hash takes 19 MiB and a processor for some 20 ms: these many at once, and under a second of waiting. */
export const HASHES_AT_ONCE = 4
export const HASHES_WAITING = 64

export type Passwords = {
  /**
   * @returns an argon2id hash in PHC form
   * @throws Refusal `overloaded` when too many hashes wait already
   */
  hash: (password: string) => Promise<string>
  /**
   * Checks a password. Pass null for an account that does not exist: that takes as long and answers false, so that time does
   * not tell who has an account.
   * @param passwordHash an argon2id hash in PHC form
   * @throws Refusal `overloaded` when too many hashes wait already
   */
  verify: (passwordHash: string | null, password: string) => Promise<boolean>
}

/** @param cost less than the usual is for tests, which sign thousands of payers in */
export function createPasswords(cost: PasswordCost = USUAL_COST): Passwords {
  const queue = createQueue({ atOnce: HASHES_AT_ONCE, waiting: HASHES_WAITING })
  const dummyHash = dummyHashOf(cost)
  return {
    hash: (password) => queue.run(() => hash(normalised(password), { ...cost, ...SHAPE })),
    verify: async (passwordHash, password) => {
      const matches = await queue.run(() => verify(passwordHash ?? dummyHash, normalised(password)))
      return matches && passwordHash !== null
    },
  }
}

/**
 * Costs as much as a real hash and matches no password, because its digest is random.
 * Written out rather than computed, so that the first unknown account takes no longer than the next.
 */
function dummyHashOf({ memoryCost, timeCost }: PasswordCost): string {
  const parameters = `m=${memoryCost},t=${timeCost},p=${SHAPE.parallelism}`
  const [salt, digest] = [unpaddedBase64(randomBytes(16)), unpaddedBase64(randomBytes(SHAPE.outputLen))]
  return ['', 'argon2id', 'v=19', parameters, salt, digest].join('$')
}

/**
 * One keyboard sends é as one character, another as two, and some send wide forms of ASCII. NFKC makes them one password,
 * as NIST SP 800-63B asks; what it folds together is far too little to help a guesser.
 */
function normalised(password: string): string {
  return password.normalize('NFKC')
}

function unpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
