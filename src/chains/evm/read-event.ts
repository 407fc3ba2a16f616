import { type Abi, type DecodeEventLogReturnType, decodeEventLog } from 'viem'
import type { Log } from '../chain.ts'

/** Reads a log as one of the events of an ABI; null where it is none of them. */
export function readEvent<const abi extends Abi>(
  abi: abi,
  { topics, data }: Log,
): DecodeEventLogReturnType<abi> | null {
  const [selector, ...rest] = topics
  if (selector === undefined) return null
  try {
    return decodeEventLog({ abi, topics: [selector, ...rest], data })
  } catch {
    return null
  }
}
