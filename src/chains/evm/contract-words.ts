/** What a contract or a node says, so that it cannot pass for the server's own words. */
export { quoted } from '../../protocol/plain-text.ts'
