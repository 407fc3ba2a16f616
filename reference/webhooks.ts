import type { Recording } from './examples.ts'
import type { JsonObject } from './json.ts'

const header = (name: string, description: string) => ({
  ...{ name, in: 'header', required: true, description, schema: { type: 'string' } },
})

/** What the server sends to the addresses that an account names. */
export function webhooks({ webhooks: bodies }: Recording): JsonObject {
  return {
    event: {
      post: {
        operationId: 'receiveEvent',
        tags: ['Webhooks'],
        summary: 'Receive an event',
        description:
          'Posted to every enabled endpoint of the account that wants this type. Verify the raw body by either signature, and answer within 15 seconds.',
        security: [],
        parameters: [
          header('webhook-id', 'The id of the event: what comes twice has the same'),
          header('webhook-timestamp', 'When it was sent, in Unix seconds'),
          header('webhook-signature', 'Standard Webhooks: `v1,` and the base 64 HMAC of id, timestamp and body'),
          header('x-platform-signature', 'The hex HMAC-SHA256 of the body'),
        ],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: { $ref: '#/components/schemas/Event' },
              examples: Object.fromEntries(
                Object.entries(bodies).map(([type, value]) => [type, { summary: type, value }]),
              ),
            },
          },
        },
        responses: {
          '2XX': { description: 'It has arrived' },
          '4XX': { description: 'It has not: it is sent again later. 410 disables the endpoint' },
        },
      },
    },
  }
}
