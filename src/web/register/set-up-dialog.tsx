import { useSignal } from '@preact/signals'
import { plainText } from '../../protocol/plain-text.ts'
import { Address } from '../design/address.tsx'
import { Button } from '../design/controls.tsx'
import { Dialog, say } from '../design/surfaces.tsx'
import { acceptOffer, type Offer, offered, refusedLink } from './set-up-link.ts'
import { settings } from './settings.ts'

/** Asks whether to do what a link wants. */
export function SetUpDialog() {
  const leave = () => {
    offered.value = null
    refusedLink.value = null
  }
  const offer = offered.value
  const refused = refusedLink.value
  return (
    <Dialog title="Set up by a link" open={offer !== null || refused !== null} onClose={leave}>
      {/* What was compared is this link; another one that comes meanwhile is compared anew. */}
      {offer !== null && <Question key={JSON.stringify(offer)} offer={offer} onLeave={leave} />}
      {refused !== null && (
        <>
          <p class="notice notice--bad">{refused}</p>
          <Button onClick={leave}>Close</Button>
        </>
      )}
    </Dialog>
  )
}

/** Whoever can send a link to a register may not decide where it is paid: a person compares the whole address. */
function Question({ offer, onLeave }: { offer: Offer; onLeave: () => void }) {
  const isCompared = useSignal(offer.wallet === undefined && offer.apiKey === undefined)
  const accept = () => {
    acceptOffer(offer)
    say('Saved in this browser.')
  }
  return (
    <>
      <p>A link wants to change this register. Go on only if it comes from the owner of the shop.</p>
      <dl class="stack">
        {offer.wallet !== undefined && (
          <Change what="Payments go to" from={settings.value.wallet} to={offer.wallet} isAddress />
        )}
        {offer.shopName !== undefined && (
          <Change what="Name of the shop" from={settings.value.shopName} to={offer.shopName} />
        )}
        {offer.apiKey !== undefined && <Change what="API key" from="" to="The link’s: sales belong to its owner" />}
      </dl>
      {(offer.wallet !== undefined || offer.apiKey !== undefined) && (
        <label class="agreed">
          <input
            type="checkbox"
            checked={isCompared.value}
            onChange={(event) => {
              isCompared.value = event.currentTarget.checked
            }}
          />
          {offer.wallet === undefined
            ? 'This key is the shop’s own.'
            : 'I have compared the new address: it is the shop’s own.'}
        </label>
      )}
      <div class="row">
        <Button onClick={onLeave}>Change nothing</Button>
        <Button kind="danger" disabled={!isCompared.value} onClick={accept}>
          Change it
        </Button>
      </div>
    </>
  )
}

type ChangeProps = { what: string; from: string; to: string; isAddress?: boolean }

function Change({ what, from, to, isAddress = false }: ChangeProps) {
  return (
    <div>
      <dt>
        <strong>{what}</strong>
      </dt>
      <dd>
        now: <Value text={from} isAddress={isAddress} />
      </dd>
      <dd>
        then:{' '}
        <strong>
          <Value text={to} isAddress={isAddress} />
        </strong>
      </dd>
    </div>
  )
}

function Value({ text, isAddress }: { text: string; isAddress: boolean }) {
  if (isAddress && text !== '') return <Address address={text} />
  return <bdi>{plainText(text) || 'nothing'}</bdi>
}
